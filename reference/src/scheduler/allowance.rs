//! The tasks that the app holds, and how long it may hold each.

use std::time::Duration;

use crate::contract::{Allowances, RefreshTaskId, SystemTask, Time};

/// One task that the app has, or is about to get.
#[derive(Debug)]
struct Open {
    task: SystemTask,
    cold: bool,
    /// Known once the app's `handle` has begun.
    deadline: Option<Time>,
    expired: bool,
}

/// What the end of an allowance asks for.
#[derive(Debug)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// This task's time is nearly over.
    Expire(SystemTask),
    /// A task is still open at the end of its time.
    Overrun,
}

/// The open tasks, in the order in which they were handed over. As many as deliveries in one allowance, so few.
#[derive(Debug, Default)]
pub(super) struct OpenTasks {
    open: Vec<Open>,
}

impl OpenTasks {
    pub(super) const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The app is being handed this task.
    pub(super) fn hand_over(&mut self, task: SystemTask, cold: bool) {
        self.open.push(Open { task, cold, deadline: None, expired: false });
    }

    /// The app's `handle` has begun: its time counts from here.
    pub(super) fn begin(&mut self, ids: &[RefreshTaskId], allowances: &Allowances, now: Time) {
        // SCH-03: only the tasks of this delivery; those delivered earlier keep their deadlines.
        for open in &mut self.open {
            if open.deadline.is_none() && ids.contains(&open.task.id()) {
                open.deadline = Some(now + allowances.of(open.task.kind(), open.cold));
            }
        }
    }

    /// The app has completed this task, or it is lost. Whether it was there.
    pub(super) fn close(&mut self, id: RefreshTaskId) -> bool {
        let before = self.open.len();
        self.open.retain(|open| open.task.id() != id);
        self.open.len() != before
    }

    /// The process is gone.
    pub(super) fn forget_all(&mut self) {
        self.open.clear();
    }

    /// The user has left the app: a task whose time passed meanwhile gets its expiration call and the lead after it.
    pub(super) fn leave_front(&mut self, lead: Duration, now: Time) {
        for open in &mut self.open {
            if let Some(deadline) = open.deadline
                && deadline.saturating_sub(lead) <= now
                && (!open.expired || deadline <= now)
            {
                open.deadline = Some(deadline.max(now + lead));
            }
        }
    }

    /// The app executes again: the time that it was suspended for is given back to what it still has open.
    pub(super) fn resume(&mut self, asleep: Duration) {
        // SCH-17: an allowance is of the app's own time.
        for open in &mut self.open {
            open.deadline = open.deadline.map(|deadline| deadline + asleep);
        }
    }

    /// The next thing that is due while the app executes in the background.
    pub(super) fn due(&mut self, lead: Duration, now: Time) -> Due {
        // SCH-18: at most once, for the task's own deadline, and only while it is open.
        let expiring = self.open.iter_mut().find(|open| {
            !open.expired && open.deadline.is_some_and(|deadline| deadline.saturating_sub(lead) <= now)
        });
        if let Some(open) = expiring {
            open.expired = true;
            return Due::Expire(open.task.clone());
        }
        let before = self.open.len();
        self.drop_overrun(now);
        if self.open.len() == before { Due::Nothing } else { Due::Overrun }
    }

    /// Forgets the tasks whose time is over: nothing is ever expected of them again.
    pub(super) fn drop_overrun(&mut self, now: Time) {
        self.open.retain(|open| open.deadline.is_none_or(|deadline| deadline > now));
    }

    /// When [`OpenTasks::due`] has something to say next.
    pub(super) fn next(&self, lead: Duration) -> Time {
        let moment = |open: &Open| {
            let deadline = open.deadline?;
            Some(if open.expired { deadline } else { deadline.saturating_sub(lead) })
        };
        self.open.iter().filter_map(moment).min().unwrap_or(Time::DISTANT_FUTURE)
    }
}

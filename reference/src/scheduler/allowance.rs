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
    /// What the process had used of the processor then.
    cpu_before: Duration,
    expired: bool,
}

impl Open {
    /// What is left of its CPU time, when the process has used so much.
    const fn cpu_left(&self, used: Duration, allowance: Duration) -> Duration {
        allowance.saturating_sub(used.saturating_sub(self.cpu_before))
    }
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
    /// The app has used up the CPU time of a task that is still open.
    CpuUsedUp,
}

/// An app can not use CPU time faster than the clock goes, so nobody need look before what is left has passed; but not
/// again and again for a hair's breadth either.
const LEAST_CPU_LEFT: Duration = Duration::from_millis(100);

/// The open tasks, in the order in which they were handed over. As many as deliveries in one allowance, so few.
#[derive(Debug)]
pub(super) struct OpenTasks {
    open: Vec<Open>,
    /// How much CPU time the app may use for one of them.
    cpu_allowance: Duration,
    /// What the process has used, as far as it was measured.
    cpu: Duration,
    /// When it was looked last at what is due.
    looked: Time,
}

impl OpenTasks {
    pub(super) const fn new(cpu_allowance: Duration) -> Self {
        Self { open: Vec::new(), cpu_allowance, cpu: Duration::ZERO, looked: Time::ZERO }
    }

    /// The process has used so much of the processor by now.
    pub(super) const fn measure(&mut self, used: Duration) {
        self.cpu = used;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The app is being handed this task.
    pub(super) fn hand_over(&mut self, task: SystemTask, cold: bool) {
        self.open.push(Open { task, cold, deadline: None, cpu_before: Duration::ZERO, expired: false });
    }

    /// The app's `handle` has begun: its time counts from here.
    pub(super) fn begin(&mut self, ids: &[RefreshTaskId], allowances: &Allowances, now: Time) {
        // SCH-03: only the tasks of this delivery; those delivered earlier keep their deadlines.
        for open in &mut self.open {
            if ids.contains(&open.task.id()) {
                open.deadline = Some(now + allowances.of(open.task.kind(), open.cold));
                open.cpu_before = self.cpu;
            }
        }
    }

    /// The app has completed this task, or it is lost.
    pub(super) fn close(&mut self, id: RefreshTaskId) {
        self.open.retain(|open| open.task.id() != id);
    }

    /// The process is gone.
    pub(super) fn forget_all(&mut self) {
        self.open.clear();
    }

    /// The user has left the app: a task whose time passed meanwhile gets its expiration call and the lead after it.
    pub(super) fn leave_front(&mut self, lead: Duration, now: Time) {
        for open in &mut self.open {
            open.cpu_before = self.cpu;
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
        self.looked = now;
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
        if self.open.len() < before {
            return Due::Overrun;
        }
        // SCH-25: each task has its CPU time from its own handle on.
        let (cpu, allowance) = (self.cpu, self.cpu_allowance);
        self.open.retain(|open| open.deadline.is_none() || !open.cpu_left(cpu, allowance).is_zero());
        if self.open.len() < before { Due::CpuUsedUp } else { Due::Nothing }
    }

    /// Forgets the tasks whose time is over: nothing is ever expected of them again.
    pub(super) fn drop_overrun(&mut self, now: Time) {
        self.open.retain(|open| open.deadline.is_none_or(|deadline| deadline > now));
    }

    /// When [`OpenTasks::due`] has something to say next.
    pub(super) fn next(&self, lead: Duration) -> Time {
        let moment = |open: &Open| {
            let deadline = open.deadline?;
            let cpu = self.looked + open.cpu_left(self.cpu, self.cpu_allowance).max(LEAST_CPU_LEFT);
            Some(if open.expired { deadline } else { deadline.saturating_sub(lead) }.min(cpu))
        };
        self.open.iter().filter_map(moment).min().unwrap_or(Time::DISTANT_FUTURE)
    }
}

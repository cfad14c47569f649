//! The runner: one future for each task, which polls the closures that run for it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_reference::contract::{
    Action, ActionInput, ActionRun, ActionRunner, Cancellation, Launch, RefreshKind, RefreshTask, TaskPattern,
};

use super::{Manner, Slip};
use crate::parts::{Either, first, lock};

/// Well inside every allowance.
const OWN_TIME: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Runner(Arc<Inner>);

struct Inner {
    launch: Launch,
    actions: Vec<Action>,
    slip: Slip,
    manner: Manner,
    /// Everything that has been started.
    all: Mutex<Vec<Cancellation>>,
    /// What nobody thinks of any more.
    lying: Mutex<Vec<RefreshTask>>,
}

/// A task that closures run for.
struct Open {
    task: RefreshTask,
    cancellations: Vec<Cancellation>,
    /// Its time is nearly over.
    expired: Cancellation,
}

impl Open {
    fn complete(&self) {
        if self.task.is_open() {
            self.task.set_task_completed();
        }
    }
}

/// The closures of a task.
struct Runs {
    runs: Vec<Option<ActionRun>>,
    one_by_one: bool,
}

impl Runs {
    /// How many have returned by now.
    fn poll(&mut self, cx: &mut Context<'_>) -> usize {
        for run in &mut self.runs {
            let Some(going) = run else { continue };
            if going.as_mut().poll(cx).is_ready() {
                *run = None;
            } else if self.one_by_one {
                break;
            }
        }
        self.runs.iter().filter(|run| run.is_none()).count()
    }

    /// Waits until so many have returned.
    async fn until(&mut self, count: usize) {
        poll_fn(|cx| if self.poll(cx) >= count { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

impl Runner {
    pub(super) fn new(launch: Launch, actions: Vec<Action>, slip: Slip, manner: Manner) -> Self {
        let (all, lying) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { launch, actions, slip, manner, all, lying }))
    }

    fn slips(&self, slip: Slip) -> bool {
        self.0.slip == slip
    }

    fn is(&self, manner: Manner) -> bool {
        self.0.manner == manner
    }

    /// Is a closure with this pattern for this task?
    fn matches(&self, pattern: &TaskPattern, task: &RefreshTask) -> bool {
        let same = |named: &str, name: &str| {
            if self.slips(Slip::ByPrefix) {
                name.starts_with(named)
            } else if self.slips(Slip::IgnoresCase) {
                name.eq_ignore_ascii_case(named)
            } else {
                name == named
            }
        };
        match pattern {
            TaskPattern::AnyUrlSession => task.session_identifier().is_some(),
            TaskPattern::UrlSession(named) => {
                task.session_identifier().is_some_and(|session| same(named.as_str(), session.as_str()))
            }
            TaskPattern::UrlSessionMatching(holds) => {
                task.session_identifier().is_some_and(|session| holds(session))
            }
            TaskPattern::ApplicationRefresh(named) => {
                let info = task.user_info().is_some_and(|info| same(named.as_str(), info.as_str()));
                *task.kind() == RefreshKind::ApplicationRefresh && (info || self.slips(Slip::AnyInfo))
            }
            TaskPattern::AnyApplicationRefresh => *task.kind() == RefreshKind::ApplicationRefresh,
            TaskPattern::Snapshot => matches!(task.kind(), RefreshKind::Snapshot(_)),
            TaskPattern::WatchConnectivity => *task.kind() == RefreshKind::WatchConnectivity,
            TaskPattern::BluetoothAlert => *task.kind() == RefreshKind::BluetoothAlert,
            TaskPattern::IntentDidRun => *task.kind() == RefreshKind::IntentDidRun,
            TaskPattern::RelevantShortcut => *task.kind() == RefreshKind::RelevantShortcut,
            _ => false,
        }
    }

    /// Starts what is to run for a task.
    fn begin(&self, task: RefreshTask) -> Option<(Arc<Open>, Runs)> {
        let mut actions: Vec<&Action> =
            self.0.actions.iter().filter(|action| self.matches(action.pattern(), &task)).collect();
        if actions.is_empty() {
            if self.slips(Slip::LeavesUnmatched) {
                lock(&self.0.lying).push(task);
            } else {
                task.set_task_completed();
            }
            return None;
        }
        if self.slips(Slip::FirstMatchOnly) {
            actions.truncate(1);
        }
        let cancellations: Vec<Cancellation> = actions.iter().map(|_| Cancellation::new()).collect();
        lock(&self.0.all).extend(cancellations.iter().cloned());
        let started = actions.iter().zip(&cancellations);
        let runs =
            started.map(|(action, told)| Some(action.call(ActionInput::new(&task, told.clone())))).collect();
        let open = Arc::new(Open { task, cancellations, expired: Cancellation::new() });
        if !self.slips(Slip::NoHandler) && !self.is(Manner::KeepsTime) {
            let (runner, of) = (self.clone(), Arc::clone(&open));
            open.task.set_expiration_handler(move || runner.expire(&of));
        }
        Some((open, Runs { runs, one_by_one: self.is(Manner::OneAfterTheOther) }))
    }

    fn expire(&self, open: &Open) {
        if self.slips(Slip::CancelsAll) {
            lock(&self.0.all).clone().iter().for_each(Cancellation::cancel);
        } else if self.slips(Slip::CancelsTheLast) {
            open.cancellations.iter().rev().take(1).for_each(Cancellation::cancel);
        } else if !self.slips(Slip::NeverCancels) {
            open.cancellations.iter().for_each(Cancellation::cancel);
        }
        open.expired.cancel();
        if !self.is(Manner::Waits) && !self.is(Manner::Drops) {
            open.complete();
        }
    }

    /// Runs the closures of a task to their ends.
    async fn run(self, open: Arc<Open>, mut runs: Runs) {
        if self.slips(Slip::CompletesInHandle) {
            // As soon as each of them has been polled once.
            runs.until(0).await;
            open.complete();
        }
        let all = runs.runs.len();
        let count = if self.slips(Slip::CountsAll) { self.0.actions.len() } else { all };
        if self.is(Manner::Drops) || self.is(Manner::KeepsTime) {
            let own_time = async {
                if self.is(Manner::KeepsTime) {
                    self.0.launch.sleep(OWN_TIME).await;
                } else {
                    open.expired.cancelled().await;
                }
            };
            let late = first(runs.until(all), own_time).await;
            if matches!(late, Either::Right(())) && self.is(Manner::KeepsTime) {
                open.cancellations.iter().for_each(Cancellation::cancel);
            }
            drop(runs);
            return open.complete();
        }
        if self.slips(Slip::FirstReturn) {
            runs.until(1).await;
            open.complete();
        }
        if self.slips(Slip::EachReturn) {
            for returned in 1..=all {
                runs.until(returned).await;
                open.task.set_task_completed();
            }
        }
        runs.until(count).await;
        open.complete();
    }
}

#[async_trait]
impl ActionRunner for Runner {
    async fn handle(&self, tasks: Vec<RefreshTask>) {
        // All that is to run, before anything of it does.
        let begun: Vec<_> = tasks.into_iter().filter_map(|task| self.begin(task)).collect();
        for (open, runs) in begun {
            let run = self.clone().run(open, runs);
            if self.is(Manner::InHandle) {
                run.await;
            } else {
                self.0.launch.spawn(run);
            }
        }
    }
}

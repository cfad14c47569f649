//! Closures for refresh tasks, run as SwiftUI's `backgroundTask(_:action:)` runs them.
//!
//! A pure machine for each task ([`wake`]), and one thin driver, [`Closures`], which finds the closures that match, runs them and
//! owns the task.

pub mod wake;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::contract::{
    Action, ActionInput, ActionRunner, Cancellation, Launch, RefreshKind, RefreshTask, TaskPattern,
};
use wake::{Output, Wake};

/// What a cancelled closure has to end in. The documents give no number; it must be less than the time between a task's
/// expiration handler and the end of its allowance.
const MOMENT: Duration = Duration::from_millis(250);

/// Runs the closures of an app.
///
/// ```
/// use bgsession_reference::actions::Closures;
/// use bgsession_reference::contract::{Action, ActionInput, ActionRunner, Launch, TaskPattern};
///
/// fn launch(found: Launch) -> impl ActionRunner {
///     let refresh = Action::new(TaskPattern::AnyApplicationRefresh, |input: ActionInput| async move {
///         input.cancellation.cancelled().await; // returns when its time is nearly over
///     });
///     Closures::new(found, vec![refresh])
/// }
/// ```
#[derive(Debug)]
pub struct Closures {
    launch: Launch,
    actions: Vec<Action>,
}

impl Closures {
    /// The closures of a launched process.
    #[must_use]
    pub const fn new(launch: Launch, actions: Vec<Action>) -> Self {
        Self { launch, actions }
    }

    fn run(&self, task: RefreshTask) {
        // SCH-24a: every one that matches, and no other.
        let matching: Vec<&Action> =
            self.actions.iter().filter(|action| matches(action.pattern(), &task)).collect();
        let (wake, output) = Wake::begin(matching.len());
        let inputs: Vec<_> = matching.iter().map(|_| ActionInput::new(&task, Cancellation::new())).collect();
        let cancellations = inputs.iter().map(|input| input.cancellation.clone()).collect();
        let open =
            Arc::new(Open { launch: self.launch.clone(), task, wake: Mutex::new(wake), cancellations });
        open.expect_expiration();
        open.carry_out(output);
        for (action, input) in matching.into_iter().zip(inputs) {
            let (run, open) = (action.call(input), Arc::clone(&open));
            self.launch.spawn(async move {
                run.await;
                open.step(Wake::returned);
            });
        }
    }
}

#[async_trait]
impl ActionRunner for Closures {
    async fn handle(&self, tasks: Vec<RefreshTask>) {
        tasks.into_iter().for_each(|task| self.run(task));
    }
}

/// Is a closure with this pattern for this task? Names are compared byte for byte.
fn matches(pattern: &TaskPattern, task: &RefreshTask) -> bool {
    match (pattern, task.kind()) {
        (TaskPattern::AnyUrlSession, RefreshKind::UrlSession(_))
        | (TaskPattern::AnyApplicationRefresh, RefreshKind::ApplicationRefresh)
        | (TaskPattern::Snapshot, RefreshKind::Snapshot(_))
        | (TaskPattern::WatchConnectivity, RefreshKind::WatchConnectivity)
        | (TaskPattern::BluetoothAlert, RefreshKind::BluetoothAlert)
        | (TaskPattern::IntentDidRun, RefreshKind::IntentDidRun)
        | (TaskPattern::RelevantShortcut, RefreshKind::RelevantShortcut) => true,
        (TaskPattern::UrlSession(named), RefreshKind::UrlSession(session)) => named == session,
        (TaskPattern::UrlSessionMatching(holds), RefreshKind::UrlSession(session)) => holds(session),
        (TaskPattern::ApplicationRefresh(info), RefreshKind::ApplicationRefresh) => {
            task.user_info() == Some(info)
        }
        _ => false,
    }
}

/// A task that closures run for.
struct Open {
    launch: Launch,
    task: RefreshTask,
    wake: Mutex<Wake>,
    cancellations: Vec<Cancellation>,
}

impl Open {
    fn step(self: &Arc<Self>, step: impl FnOnce(&mut Wake) -> Output) {
        let output = step(&mut self.wake.lock().unwrap_or_else(PoisonError::into_inner));
        self.carry_out(output);
    }

    fn expect_expiration(self: &Arc<Self>) {
        // The task holds its handler, and the closures' runs hold the task.
        let weak = Arc::downgrade(self);
        self.task.set_expiration_handler(move || {
            if let Some(open) = weak.upgrade() {
                open.step(Wake::expired);
            }
        });
    }

    fn carry_out(self: &Arc<Self>, output: Output) {
        match output {
            Output::Nothing => {}
            Output::Cancel => {
                // Before the closures are: what they do then may be the last that this task needs.
                let open = Arc::clone(self);
                self.launch.spawn(async move {
                    open.launch.sleep(MOMENT).await;
                    open.step(Wake::moment_over);
                });
                self.cancellations.iter().for_each(Cancellation::cancel);
            }
            Output::Complete => self.task.set_task_completed(),
        }
    }
}

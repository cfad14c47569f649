//! The reference's scheduler with every task passing through somebody's hands.
//!
//! The scheduler gets a mint of its own, which nobody watches. For each of its tasks the relay makes one with the
//! device's mint and gives the app that one, so completions and expirations can be passed on, dropped or multiplied on
//! the way. Both mints count the same tasks in the same order, so the numbers agree.

use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppProcess, AppState, Completion, CompletionReport, Device, DeviceChange, Interrupted, RefreshTask,
    Scheduler, SystemTask, TaskMint, Termination, UserInfo,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::{Almost, AlmostProcess, AlmostScheduler, lock};

/// One task: the scheduler's, and the one that the app has in its place.
pub(crate) struct Held {
    inner: RefreshTask,
    pub(crate) task: SystemTask,
}

impl Held {
    /// Tells the scheduler what the app has done.
    pub(crate) fn pass_on(&self, report: &CompletionReport) {
        match &report.completion {
            Completion::SnapshotTaken { restored_default_state, expiration, user_info } => {
                self.inner.set_snapshot_taken(*restored_default_state, *expiration, user_info.clone());
            }
            Completion::Completed { snapshot } => self.inner.set_task_completed_with_snapshot(*snapshot),
            _ => self.inner.set_task_completed(),
        }
    }
}

/// What is done with the tasks on their way; by default they are passed on.
pub(crate) trait Hands: Send + Sync + 'static {
    /// These go to the app now; what is returned goes along in the same set.
    fn delivering(&self, relay: &Relay, new: &[Arc<Held>]) -> Vec<RefreshTask> {
        let _ = (relay, new);
        Vec::new()
    }

    /// The app's `handle` has begun with these.
    fn delivered(&self, relay: &Relay, new: &[Arc<Held>]) {
        let _ = (relay, new);
    }

    /// The app has completed this one, perhaps not for the first time.
    fn completed(&self, relay: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        let _ = relay;
        held.pass_on(report);
    }

    /// What the app's task carries in place of the scheduler's user info.
    fn user_info(&self, relay: &Relay, task: &RefreshTask) -> Option<UserInfo> {
        let _ = relay;
        task.user_info().cloned()
    }

    /// The scheduler wants this one expired.
    fn expire(&self, relay: &Relay, held: &Arc<Held>) {
        let _ = relay;
        held.task.expire();
    }

    /// The scheduler wants the app suspended.
    fn suspend(&self, relay: &Arc<Relay>) {
        relay.device.app.suspend();
    }

    /// The scheduler wants the app ended.
    fn terminate(&self, relay: &Arc<Relay>, how: Termination) {
        relay.device.app.terminate(how);
    }

    /// The process has ended.
    fn forget(&self) {}
}

/// See the module.
pub(crate) struct Relay {
    pub(crate) device: Device,
    hands: Arc<dyn Hands>,
    /// What the process that is alive has been given.
    given: Mutex<Vec<Arc<Held>>>,
    me: Weak<Self>,
}

impl Relay {
    /// The tasks in the app's hands that it has not completed, in the order of their delivery.
    pub(crate) fn open(&self) -> Vec<Arc<Held>> {
        lock(&self.given).iter().filter(|held| held.task.is_open()).cloned().collect()
    }

    fn take(&self, inner: RefreshTask) -> Arc<Held> {
        Arc::new_cyclic(|held: &Weak<Held>| {
            let (relay, of) = (self.me.clone(), held.clone());
            let task = self.device.mint.mint(
                inner.kind().clone(),
                self.hands.user_info(self, &inner),
                move |report| {
                    if let Some((relay, held)) = relay.upgrade().zip(of.upgrade()) {
                        relay.hands.completed(&relay, &held, &report);
                    }
                },
            );
            let (relay, of) = (self.me.clone(), held.clone());
            inner.set_expiration_handler(move || {
                if let Some((relay, held)) = relay.upgrade().zip(of.upgrade()) {
                    relay.hands.expire(&relay, &held);
                }
            });
            Held { inner, task }
        })
    }
}

/// The app's process, as the reference's scheduler sees it.
struct Process(Arc<Relay>);

#[async_trait]
impl AlmostProcess for Process {
    fn inner(&self) -> &dyn AppProcess {
        &*self.0.device.app
    }

    fn suspend(&self) {
        self.0.hands.suspend(&self.0);
    }

    fn terminate(&self, how: Termination) {
        self.0.hands.terminate(&self.0, how);
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let relay = &self.0;
        let new: Vec<Arc<Held>> = tasks.into_iter().map(|inner| relay.take(inner)).collect();
        let mut set: Vec<RefreshTask> = new.iter().map(|held| held.task.hand_over()).collect();
        set.extend(relay.hands.delivering(relay, &new));
        lock(&relay.given).extend(new.iter().cloned());
        relay.device.app.deliver(set).await?;
        relay.hands.delivered(relay, &new);
        Ok(())
    }
}

struct Relayed {
    scheduler: Arc<ReferenceScheduler>,
    relay: Arc<Relay>,
}

#[async_trait]
impl AlmostScheduler for Relayed {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    fn device_changed(&self, change: &DeviceChange) {
        if matches!(change, DeviceChange::App(change) if change.state() == AppState::NotRunning) {
            lock(&self.relay.given).clear();
            self.relay.hands.forget();
        }
        self.scheduler.device_changed(change);
    }
}

/// The reference's scheduler, with its tasks in these hands.
pub(crate) fn relayed<H: Hands>(name: &str, hands: impl Fn() -> H + Send + Sync + 'static) -> Subject {
    relayed_on(name, hands, |_, device| ReferenceScheduler::new(device))
}

/// The same with a scheduler that knows the hands.
pub(crate) fn relayed_on<H: Hands>(
    name: &str,
    hands: impl Fn() -> H + Send + Sync + 'static,
    scheduler: fn(&H, Device) -> Arc<ReferenceScheduler>,
) -> Subject {
    Subject::scheduler(name, move |device| {
        let hands = Arc::new(hands());
        let relay = Arc::new_cyclic(|me| Relay {
            device: device.clone(),
            hands: Arc::clone(&hands) as Arc<dyn Hands>,
            given: Mutex::default(),
            me: me.clone(),
        });
        let app = Arc::new(Almost(Process(Arc::clone(&relay))));
        let scheduler = scheduler(&hands, Device { app, mint: TaskMint::new(Arc::new(())), ..device });
        Arc::new(Almost(Relayed { scheduler, relay }))
    })
}

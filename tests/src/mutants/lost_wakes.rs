//! Wakes that are lost on their way to the app, and what goes with them: SCH-22.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppProcess, Device, Interrupted, RefreshKind, RefreshTask, RefreshTaskId, Scheduler, SessionId,
    WakeOutcome, WakeReason,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::Mutant;
use crate::parts::{Almost, AlmostProcess, AlmostScheduler, lock};

pub(super) const MUTANTS: &[Mutant] =
    &[Mutant::new("a-lost-wake-takes-another-with-it", &["SCH-22"], |name| {
        Subject::scheduler(name, |device| {
            let wakes = Arc::new(Wakes::default());
            let losing = Losing { device: device.clone(), wakes: Arc::clone(&wakes) };
            let made = ReferenceScheduler::new(Device { app: Arc::new(Almost(losing)), ..device });
            let _ = wakes.scheduler.set(Arc::downgrade(&made));
            Arc::new(Almost(Merging { scheduler: made, wakes }))
        })
    })];

/// The wakes that are asked for, and those that were taken for answered when another was lost.
#[derive(Default)]
struct Wakes {
    scheduler: OnceLock<Weak<ReferenceScheduler>>,
    pending: Mutex<BTreeSet<SessionId>>,
    answered: Mutex<BTreeMap<SessionId, RefreshTaskId>>,
}

/// Puts what was lost back, where the line holds another: compares for `!=`.
struct Losing {
    device: Device,
    wakes: Arc<Wakes>,
}

#[async_trait]
impl AlmostProcess for Losing {
    fn inner(&self) -> &dyn AppProcess {
        &*self.device.app
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let lost: Vec<(RefreshTaskId, RefreshKind)> =
            tasks.iter().map(|task| (task.id(), task.kind().clone())).collect();
        let outcome = self.device.app.deliver(tasks).await;
        if outcome.is_err()
            && let Some((id, _)) = lost.first()
            && let Some(scheduler) = self.wakes.scheduler.get().and_then(Weak::upgrade)
        {
            let mine = |session: &SessionId| {
                lost.iter().any(|(_, kind)| *kind == RefreshKind::UrlSession(session.clone()))
            };
            let others: Vec<SessionId> =
                lock(&self.wakes.pending).iter().filter(|session| !mine(session)).cloned().collect();
            for session in others {
                lock(&self.wakes.answered).insert(session.clone(), *id);
                scheduler.withdraw_wake(&session);
            }
        }
        outcome
    }
}

struct Merging {
    scheduler: Arc<ReferenceScheduler>,
    wakes: Arc<Wakes>,
}

#[async_trait]
impl AlmostScheduler for Merging {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        lock(&self.wakes.pending).insert(session.clone());
        let outcome = self.scheduler.request_wake(session, reason).await;
        lock(&self.wakes.pending).remove(session);
        match lock(&self.wakes.answered).remove(session) {
            Some(lost) if outcome == WakeOutcome::Withdrawn => WakeOutcome::Handled(lost),
            _ => outcome,
        }
    }
}

//! Wrong names on tasks: SCH-20.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppProcess, Device, Interrupted, RefreshKind, RefreshTask, RefreshTaskId, Responder, Scheduler,
    SessionId, TaskMint, WakeOutcome, WakeReason, responder,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostProcess, AlmostScheduler, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("one-task-for-two-sessions", &["SCH-20"], |name| {
        scheduler(name, |scheduler| Arc::new(Almost(Coalescing { scheduler, riders: Mutex::default() })))
    }),
    Mutant::new("finds-sessions-by-prefix", &["SCH-20"], |name| {
        scheduler(name, |scheduler| Arc::new(Almost(ByPrefix { scheduler, known: Mutex::default() })))
    }),
    Mutant::new("folds-case", &["SCH-20"], |name| {
        scheduler(name, |scheduler| Arc::new(Almost(Renaming { scheduler, rename: |id| id.to_lowercase() })))
    }),
    Mutant::new("cuts-identifiers-short", &["SCH-20"], |name| {
        scheduler(name, |scheduler| {
            Arc::new(Almost(Renaming { scheduler, rename: |id| id.chars().take(16).collect() }))
        })
    }),
    // The same mistake on the other side of the line: the service asks in another session's name.
    Mutant::new("asks-with-case-folded", &["SCH-20"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let folding = Almost(Renaming { scheduler, rename: |id| id.to_lowercase() });
            ReferenceService::new(device, Arc::new(folding))
        })
    }),
    Mutant::new("two-tasks-for-one-session", &["SCH-20"], |name| {
        Subject::scheduler(name, |device| {
            let doubling = Doubling { app: Arc::clone(&device.app), mint: device.mint.clone() };
            ReferenceScheduler::new(Device { app: Arc::new(Almost(doubling)), ..device })
        })
    }),
    Mutant::new("answers-with-a-number-it-made-up", &["SCH-20"], |name| {
        scheduler(name, |scheduler| Arc::new(Almost(MadeUp(scheduler))))
    }),
];

fn scheduler(name: &str, around: fn(Arc<dyn Scheduler>) -> Arc<dyn Scheduler>) -> Subject {
    Subject::scheduler(name, move |device| around(ReferenceScheduler::new(device)))
}

/// While one session waits, all others ride along with it.
struct Coalescing {
    scheduler: Arc<dyn Scheduler>,
    /// Who rides along; `None` while nobody waits.
    riders: Mutex<Option<Vec<Responder<WakeOutcome>>>>,
}

#[async_trait]
impl AlmostScheduler for Coalescing {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let rides = {
            let mut riders = lock(&self.riders);
            match &mut *riders {
                None => {
                    *riders = Some(Vec::new());
                    None
                }
                Some(riders) => {
                    let (responder, answer) = responder();
                    riders.push(responder);
                    Some(answer)
                }
            }
        };
        if let Some(answer) = rides {
            return answer.await.unwrap_or(WakeOutcome::Suppressed);
        }
        let outcome = self.scheduler.request_wake(session, reason).await;
        let riders = lock(&self.riders).take().unwrap_or_default();
        riders.into_iter().for_each(|rider| rider.respond(outcome));
        outcome
    }
}

/// Takes the first session it knows whose name the wanted one begins with.
struct ByPrefix {
    scheduler: Arc<dyn Scheduler>,
    known: Mutex<Vec<SessionId>>,
}

#[async_trait]
impl AlmostScheduler for ByPrefix {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let found = {
            let mut known = lock(&self.known);
            let same = known.iter().find(|other| session.as_str().starts_with(other.as_str()));
            let found = same.unwrap_or(session).clone();
            known.push(session.clone());
            found
        };
        self.scheduler.request_wake(&found, reason).await
    }
}

/// "Normalises" identifiers.
struct Renaming {
    scheduler: Arc<dyn Scheduler>,
    rename: fn(&str) -> String,
}

#[async_trait]
impl AlmostScheduler for Renaming {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let renamed = SessionId::new((self.rename)(session.as_str())).unwrap_or_else(|_| session.clone());
        self.scheduler.request_wake(&renamed, reason).await
    }
}

/// Puts a second task for each session into the set.
struct Doubling {
    app: Arc<dyn AppProcess>,
    mint: TaskMint,
}

#[async_trait]
impl AlmostProcess for Doubling {
    fn inner(&self) -> &dyn AppProcess {
        &*self.app
    }

    async fn deliver(&self, mut tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let sessions = tasks.iter().filter_map(RefreshTask::session_identifier).cloned();
        for session in sessions.collect::<Vec<_>>() {
            tasks.push(self.mint.mint(RefreshKind::UrlSession(session), None, |_| {}).hand_over());
        }
        self.app.deliver(tasks).await
    }
}

/// Says that the app has a task that it does not have.
struct MadeUp(Arc<dyn Scheduler>);

#[async_trait]
impl AlmostScheduler for MadeUp {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let outcome = self.0.request_wake(session, reason).await;
        let WakeOutcome::Handled(id) = outcome else { return outcome };
        WakeOutcome::Handled(RefreshTaskId::new(id.get() + 1_000))
    }
}

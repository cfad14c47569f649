//! Wrong calls of `handle`: SCH-01, SCH-02, SCH-06.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, AppProcess, Device, DeviceChange, Interrupted, RefreshKind, RefreshTask, RefreshTaskId,
    Responder, Scheduler, SessionId, TaskMint, TransferService, WakeOutcome, WakeReason, responder,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{
    Almost, AlmostProcess, AlmostScheduler, AlmostService, Either, Hands, Held, Relay, first, lock, relayed,
};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("empty-set-first", &["SCH-01"], |name| {
        Subject::scheduler(name, |device| {
            let app = Arc::new(Almost(EmptySetFirst(Arc::clone(&device.app))));
            ReferenceScheduler::new(Device { app, ..device })
        })
    }),
    // Tasks from a mint of its own: the device has never heard of them.
    Mutant::new("foreign-mint", &["SCH-01"], |name| {
        Subject::scheduler(name, |device| {
            ReferenceScheduler::new(Device { mint: TaskMint::new(Arc::new(())), ..device })
        })
    }),
    // In a history an identity that is used again is a task that is delivered again, so SCH-06 answers for both.
    Mutant::new("recycles-identities", &["SCH-06"], |name| {
        Subject::scheduler(name, |device| {
            let app = Arc::new(Almost(Recycling { app: Arc::clone(&device.app), used: Mutex::new(false) }));
            ReferenceScheduler::new(Device { app, ..device })
        })
    }),
    Mutant::new("hands-uncompleted-tasks-over-again", &["SCH-06"], |name| relayed(name, || PutsBack)),
    Mutant::new("answers-when-the-app-resumes", &["SCH-02"], |name| {
        Subject::scheduler(name, |device| {
            let waiting = Waiting::default();
            let app = Arc::new(Almost(Announcing { app: Arc::clone(&device.app), waiting: waiting.clone() }));
            let scheduler = ReferenceScheduler::new(Device { app, ..device });
            Arc::new(Almost(Hasty { scheduler, waiting }))
        })
    }),
    Mutant::new("releases-messages-when-the-app-resumes", &["SCH-02"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let waiting = Waiting::default();
            let hasty = Arc::new(Almost(Hasty { scheduler, waiting: waiting.clone() }));
            Arc::new(Almost(OnResume { service: ReferenceService::new(device, hasty), waiting }))
        })
    }),
];

/// Resumes the app with a call of `handle` that has nothing in it, and brings the tasks in a second one.
struct EmptySetFirst(Arc<dyn AppProcess>);

#[async_trait]
impl AlmostProcess for EmptySetFirst {
    fn inner(&self) -> &dyn AppProcess {
        &*self.0
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        self.0.deliver(Vec::new()).await?;
        self.0.deliver(tasks).await
    }
}

/// Counts its tasks from 1 again once the first one has gone out.
struct Recycling {
    app: Arc<dyn AppProcess>,
    used: Mutex<bool>,
}

#[async_trait]
impl AlmostProcess for Recycling {
    fn inner(&self) -> &dyn AppProcess {
        &*self.app
    }

    async fn deliver(&self, mut tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let again = std::mem::replace(&mut *lock(&self.used), true);
        if again && let Some(task) = tasks.pop() {
            let (kind, info) = (task.kind().clone(), task.user_info().cloned());
            let forged = TaskMint::new(Arc::new(())).mint(kind, info, move |_| task.set_task_completed());
            tasks.push(forged.hand_over());
        }
        self.app.deliver(tasks).await
    }
}

/// Puts what the app has not completed into the next set once more.
struct PutsBack;

impl Hands for PutsBack {
    fn delivering(&self, relay: &Relay, _: &[Arc<Held>]) -> Vec<RefreshTask> {
        relay.open().iter().map(|held| held.task.hand_over()).collect()
    }
}

/// Those who have asked for a wake and can be answered before their time.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<BTreeMap<SessionId, Vec<Responder<WakeOutcome>>>>>);

impl Waiting {
    fn answer(&self, session: &SessionId, outcome: WakeOutcome) {
        let waiting = lock(&self.0).remove(session).unwrap_or_default();
        waiting.into_iter().for_each(|responder| responder.respond(outcome));
    }
}

/// Answers `request_wake` as soon as somebody says so.
struct Hasty {
    scheduler: Arc<dyn Scheduler>,
    waiting: Waiting,
}

#[async_trait]
impl AlmostScheduler for Hasty {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let (responder, early) = responder();
        lock(&self.waiting.0).entry(session.clone()).or_default().push(responder);
        match first(self.scheduler.request_wake(session, reason), early).await {
            Either::Left(outcome) | Either::Right(Some(outcome)) => outcome,
            Either::Right(None) => WakeOutcome::Suppressed,
        }
    }
}

/// Says that a task has been handled when it has only been sent.
struct Announcing {
    app: Arc<dyn AppProcess>,
    waiting: Waiting,
}

#[async_trait]
impl AlmostProcess for Announcing {
    fn inner(&self) -> &dyn AppProcess {
        &*self.app
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        for task in &tasks {
            if let RefreshKind::UrlSession(session) = task.kind() {
                self.waiting.answer(session, WakeOutcome::Handled(task.id()));
            }
        }
        self.app.deliver(tasks).await
    }
}

/// Takes the app's resumption for the answer.
struct OnResume {
    service: Arc<ReferenceService>,
    waiting: Waiting,
}

#[async_trait]
impl AlmostService for OnResume {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        if matches!(change, DeviceChange::App(AppChange::Resumed | AppChange::Launched)) {
            let sessions: Vec<SessionId> = lock(&self.waiting.0).keys().cloned().collect();
            for session in sessions {
                self.waiting.answer(&session, WakeOutcome::Handled(RefreshTaskId::new(0)));
            }
        }
        self.service.device_changed(change);
    }
}

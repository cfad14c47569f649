//! A force quit taken for another end of the process, and the other way round: SCH-27, SES-23.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, CancelReason, Configuration, Connection, Delegate, Device, DeviceChange, Scheduler, Session,
    SessionError, SessionId, TransferEnd, TransferError, TransferId, TransferService, WakeReason,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostScheduler, AlmostService, lock, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("a-crash-cancels-everything", &["SES-23"], |name| {
        retold(name, |change| if change == AppChange::Crashed { AppChange::ForceQuit } else { change })
    }),
    Mutant::new("a-force-quit-is-a-crash", &["SES-23"], |name| {
        retold(name, |change| if change == AppChange::ForceQuit { AppChange::Crashed } else { change })
    }),
    Mutant::new("a-force-quit-gives-no-reason", &["SES-23"], |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(Reasonless(app)))))
    }),
    Mutant::new("a-force-quit-bars-nothing", &["SCH-27"], |name| {
        Subject::scheduler(name, |device| Arc::new(Almost(Forgiving(ReferenceScheduler::new(device)))))
    }),
    // Says at once that the transfers have been cancelled.
    Mutant::new("wakes-the-app-after-a-force-quit", &["SES-23"], |name| {
        Subject::system(name, |device| {
            let scheduler: Arc<dyn Scheduler> =
                Arc::new(Almost(Forgiving(ReferenceScheduler::new(device.clone()))));
            let service = ReferenceService::new(device.clone(), Arc::clone(&scheduler));
            let waking =
                Waking { service, scheduler: Arc::clone(&scheduler), device, known: Mutex::default() };
            (scheduler, Arc::new(Almost(waking)) as Arc<dyn TransferService>)
        })
    }),
];

/// The service hears of another change than the one that happened.
fn retold(name: &str, retell: fn(AppChange) -> AppChange) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        Arc::new(Almost(Retold { service: ReferenceService::new(device, scheduler), retell }))
    })
}

struct Retold {
    service: Arc<ReferenceService>,
    retell: fn(AppChange) -> AppChange,
}

impl AlmostService for Retold {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::App(change) = change {
            self.service.device_changed(&DeviceChange::App((self.retell)(*change)));
        } else {
            self.service.device_changed(change);
        }
    }
}

struct Reasonless(Arc<dyn Delegate>);

#[async_trait]
impl AlmostDelegate for Reasonless {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut end = end.clone();
        if let Some(TransferError::Cancelled { reason, .. }) = &mut end.error {
            *reason = CancelReason::App;
        }
        self.0.did_complete(session, transfer, &end).await;
    }
}

/// Takes a force quit for a crash.
struct Forgiving(Arc<ReferenceScheduler>);

impl AlmostScheduler for Forgiving {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    fn device_changed(&self, change: &DeviceChange) {
        if *change == DeviceChange::App(AppChange::ForceQuit) {
            self.0.device_changed(&DeviceChange::App(AppChange::Crashed));
        } else {
            self.0.device_changed(change);
        }
    }
}

struct Waking {
    service: Arc<ReferenceService>,
    scheduler: Arc<dyn Scheduler>,
    device: Device,
    known: Mutex<BTreeSet<SessionId>>,
}

#[async_trait]
impl AlmostService for Waking {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.service.device_changed(change);
        if *change == DeviceChange::App(AppChange::ForceQuit) {
            for session in std::mem::take(&mut *lock(&self.known)) {
                let scheduler = Arc::clone(&self.scheduler);
                self.device.spawn(async move {
                    scheduler.request_wake(&session, WakeReason::TransfersEnded).await;
                });
            }
        }
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        lock(&self.known).insert(configuration.identifier.clone());
        self.service.session(configuration, connection).await
    }
}

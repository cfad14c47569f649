//! Invalidated sessions that go on, never end, or end too soon: SES-21.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, Configuration, Connection, Delegate, Device, DeviceChange, Session, SessionError, SessionId,
    TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, AlmostSession, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("takes-transfers-for-a-minute-more", &["SES-21"], |name| service(name, Slip::TakesMore)),
    Mutant::new("finishing-cancels", &["SES-21"], |name| service(name, Slip::FinishCancels)),
    Mutant::new("cancelling-finishes", &["SES-21"], |name| service(name, Slip::CancelFinishes)),
    // As reported of an old system: not if the app has been to the background and back.
    Mutant::new("no-last-message-after-a-suspension", &["SES-21"], |name| service(name, Slip::NotAfterSleep)),
    Mutant::new("says-twice-that-it-is-invalid", &["SES-21"], |name| service(name, Slip::Twice)),
    Mutant::new("says-at-once-that-it-is-invalid", &["SES-21"], |name| service(name, Slip::AtOnce)),
    Mutant::new("keeps-the-delegate-for-ever", &["SES-21"], |name| service(name, Slip::Keeps)),
    Mutant::new("the-name-stays-dead", &["SES-21"], |name| service(name, Slip::NameGone)),
];

#[derive(Clone, Copy, PartialEq)]
enum Slip {
    TakesMore,
    FinishCancels,
    CancelFinishes,
    NotAfterSleep,
    Twice,
    AtOnce,
    Keeps,
    NameGone,
}

fn service(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let shared = Arc::new(Shared {
            slip,
            device: device.clone(),
            slept: Mutex::default(),
            gone: Mutex::default(),
            kept: Mutex::default(),
        });
        Arc::new(Almost(Service { service: ReferenceService::new(device, scheduler), shared }))
    })
}

struct Shared {
    slip: Slip,
    device: Device,
    /// The app has been suspended.
    slept: Mutex<bool>,
    gone: Mutex<BTreeSet<SessionId>>,
    kept: Mutex<Vec<Arc<dyn Delegate>>>,
}

struct Service {
    service: Arc<ReferenceService>,
    shared: Arc<Shared>,
}

#[async_trait]
impl AlmostService for Service {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        *lock(&self.shared.slept) |= *change == DeviceChange::App(AppChange::Suspended);
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let shared = Arc::clone(&self.shared);
        if shared.slip == Slip::NameGone && lock(&shared.gone).contains(&configuration.identifier) {
            return Err(SessionError::Invalidated);
        }
        if shared.slip == Slip::Keeps {
            lock(&shared.kept).push(Arc::clone(connection.delegate()));
        }
        let app = Arc::clone(connection.delegate());
        let between = Between { app: Arc::clone(&app), shared: Arc::clone(&shared) };
        let line = Connection::new(Arc::new(Almost(between)), connection.life().clone());
        let session = self.service.session(configuration, line).await?;
        let app = Arc::downgrade(&app);
        Ok(Arc::new(Almost(Dying { session, shared, app })))
    }
}

struct Dying {
    session: Arc<dyn Session>,
    shared: Arc<Shared>,
    app: std::sync::Weak<dyn Delegate>,
}

impl Dying {
    async fn invalidate(&self, cancel: bool) {
        if self.shared.slip == Slip::AtOnce
            && let Some(app) = self.app.upgrade()
        {
            let id = self.session.identifier().clone();
            self.shared.device.spawn(async move { app.did_become_invalid(&id).await });
        }
        match (self.shared.slip, cancel) {
            (Slip::TakesMore, _) => {
                for info in self.session.transfers().await.unwrap_or_default().iter().filter(|_| cancel) {
                    // It may have ended.
                    let _ = self.session.cancel(info.id).await;
                }
                let (session, clock) = (Arc::clone(&self.session), Arc::clone(&self.shared.device.clock));
                self.shared.device.spawn(async move {
                    clock.sleep_until(clock.now() + Duration::from_secs(60)).await;
                    session.finish_tasks_and_invalidate().await;
                });
            }
            (Slip::FinishCancels, _) => self.session.invalidate_and_cancel().await,
            (Slip::CancelFinishes, _) | (_, false) => self.session.finish_tasks_and_invalidate().await,
            (_, true) => self.session.invalidate_and_cancel().await,
        }
    }
}

#[async_trait]
impl AlmostSession for Dying {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn finish_tasks_and_invalidate(&self) {
        self.invalidate(false).await;
    }

    async fn invalidate_and_cancel(&self) {
        self.invalidate(true).await;
    }
}

struct Between {
    app: Arc<dyn Delegate>,
    shared: Arc<Shared>,
}

#[async_trait]
impl AlmostDelegate for Between {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_become_invalid(&self, session: &SessionId) {
        let slip = self.shared.slip;
        if slip == Slip::AtOnce || (slip == Slip::NotAfterSleep && *lock(&self.shared.slept)) {
            return;
        }
        if slip == Slip::Twice {
            self.app.did_become_invalid(session).await;
        }
        self.app.did_become_invalid(session).await;
        lock(&self.shared.gone).insert(session.clone());
    }
}

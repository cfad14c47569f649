//! Sessions that a second opening changes, steals or doubles: SES-15, SES-16.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppLife, Configuration, Connection, Delegate, Device, Scheduler, Session, SessionError, SessionId,
    TransferEnd, TransferError, TransferId, TransferService, WakeOutcome, WakeReason,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostScheduler, AlmostService, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("the-latest-configuration-decides-about-wakes", &["SES-15"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let flags = Flags::default();
            let asking = Asking { scheduler, flags: Arc::clone(&flags) };
            let service = ReferenceService::new(device, Arc::new(Almost(asking)));
            Arc::new(Almost(Noting { service, flags }))
        })
    }),
    Mutant::new("the-latest-configuration-sets-the-time", &["SES-15"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let service = ReferenceService::new(device.clone(), scheduler);
            Arc::new(Almost(Hurrying { service, device, hurried: Arc::default(), made: Mutex::default() }))
        })
    }),
    Mutant::new("every-delegate-is-told", &["SES-16"], |name| hubs(name, Whom::All)),
    Mutant::new("the-newest-delegate-is-told", &["SES-16"], |name| hubs(name, Whom::Newest)),
    Mutant::new("two-processes-have-the-session", &["SES-16"], |name| hubs(name, Whom::First)),
];

type Flags = Arc<Mutex<BTreeMap<SessionId, bool>>>;

/// Keeps the flag of the latest configuration.
struct Noting {
    service: Arc<ReferenceService>,
    flags: Flags,
}

#[async_trait]
impl AlmostService for Noting {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        lock(&self.flags).insert(configuration.identifier.clone(), configuration.sends_launch_events);
        self.service.session(configuration, connection).await
    }
}

struct Asking {
    scheduler: Arc<dyn Scheduler>,
    flags: Flags,
}

#[async_trait]
impl AlmostScheduler for Asking {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        if lock(&self.flags).get(session) == Some(&false) {
            return WakeOutcome::Suppressed;
        }
        self.scheduler.request_wake(session, reason).await
    }
}

/// Ends what is outstanding when the time of the latest configuration is up.
struct Hurrying {
    service: Arc<ReferenceService>,
    device: Device,
    hurried: Arc<Mutex<Vec<(SessionId, TransferId)>>>,
    made: Mutex<Vec<SessionId>>,
}

#[async_trait]
impl AlmostService for Hurrying {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let (id, timeout) = (configuration.identifier.clone(), configuration.resource_timeout);
        let hasty = Hasty { app: Arc::clone(connection.delegate()), hurried: Arc::clone(&self.hurried) };
        let line = Connection::new(Arc::new(Almost(hasty)), connection.life().clone());
        let session = self.service.session(configuration, line).await?;
        let known = lock(&self.made).contains(&id);
        lock(&self.made).push(id.clone());
        for transfer in session.transfers().await?.iter().filter(|_| known).map(|info| info.id) {
            let (clock, session) = (Arc::clone(&self.device.clock), Arc::clone(&session));
            let (hurried, id) = (Arc::clone(&self.hurried), id.clone());
            self.device.spawn(async move {
                clock.sleep_until(clock.now() + timeout).await;
                lock(&hurried).push((id, transfer));
                // It may have ended.
                let _ = session.cancel(transfer).await;
            });
        }
        Ok(session)
    }
}

struct Hasty {
    app: Arc<dyn Delegate>,
    hurried: Arc<Mutex<Vec<(SessionId, TransferId)>>>,
}

#[async_trait]
impl AlmostDelegate for Hasty {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let hurried = lock(&self.hurried).contains(&(session.clone(), transfer));
        let mut end = end.clone();
        if hurried && matches!(end.error, Some(TransferError::Cancelled { .. })) {
            end.error = Some(TransferError::TimedOut);
        }
        self.app.did_complete(session, transfer, &end).await;
    }
}

/// Who is told when a transfer has ended.
#[derive(Clone, Copy, PartialEq)]
enum Whom {
    All,
    Newest,
    First,
}

fn hubs(name: &str, whom: Whom) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let service = ReferenceService::new(device, scheduler);
        Arc::new(Almost(Hubs { service, whom, hubs: Mutex::default() }))
    })
}

type Others = Arc<Mutex<Vec<Arc<dyn Delegate>>>>;

struct Hubs {
    service: Arc<ReferenceService>,
    whom: Whom,
    /// Who has the session, and the delegates that came after the first.
    hubs: Mutex<BTreeMap<SessionId, (AppLife, Others)>>,
}

#[async_trait]
impl AlmostService for Hubs {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let known = lock(&self.hubs).get(&configuration.identifier).cloned();
        let known = known.filter(|(life, _)| !life.has_ended());
        let life = match known {
            Some((life, others)) if life.is(connection.life()) => {
                lock(&others).push(Arc::clone(connection.delegate()));
                life
            }
            // It does not look who asks.
            Some((life, _)) if self.whom == Whom::First => life,
            Some(_) => connection.life().clone(),
            None => {
                let (life, others) = (connection.life().clone(), Others::default());
                let hub = Hub {
                    first: Arc::clone(connection.delegate()),
                    whom: self.whom,
                    others: Arc::clone(&others),
                };
                lock(&self.hubs).insert(configuration.identifier.clone(), (life.clone(), others));
                return self
                    .service
                    .session(configuration, Connection::new(Arc::new(Almost(hub)), life))
                    .await;
            }
        };
        self.service.session(configuration, Connection::new(Arc::clone(connection.delegate()), life)).await
    }
}

struct Hub {
    first: Arc<dyn Delegate>,
    whom: Whom,
    others: Others,
}

#[async_trait]
impl AlmostDelegate for Hub {
    fn inner(&self) -> &dyn Delegate {
        &*self.first
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut told = lock(&self.others).clone();
        told.insert(0, Arc::clone(&self.first));
        match self.whom {
            Whom::All => {}
            Whom::Newest => drop(told.drain(..told.len() - 1)),
            Whom::First => told.truncate(1),
        }
        for delegate in told {
            delegate.did_complete(session, transfer, end).await;
        }
    }
}

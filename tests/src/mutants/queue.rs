//! Connections: transfers that are lost where there are too few (SES-22), and more than are allowed (SES-32).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Clock, Configuration, Connection, Session, SessionError, Time, TransferId, TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostService, AlmostSession, around_sessions, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("what-finds-no-connection-is-forgotten", &["SES-22"], forgetful),
    Mutant::new("all-sessions-have-six-connections", &["SES-32"], |name| {
        Subject::sessions(name, |device, scheduler| {
            Arc::new(Almost(Six(ReferenceService::new(device, scheduler))))
        })
    }),
];

/// The line is the service's, and was made before anybody set anything.
struct Six(Arc<dyn TransferService>);

#[async_trait]
impl AlmostService for Six {
    fn inner(&self) -> &dyn TransferService {
        &*self.0
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let configuration = Configuration { maximum_connections_per_host: 6, ..configuration };
        self.0.session(configuration, connection).await
    }
}

fn forgetful(name: &str) -> Subject {
    Subject::sessions(name, |device, scheduler| {
        let most = device.policy.connections_per_host;
        let line = Arc::new(Line { clock: Arc::clone(&device.clock), most, begun: Mutex::default() });
        let service = ReferenceService::new(device, scheduler);
        around_sessions(service, move |session| Queued { session, line: Arc::clone(&line) })
    })
}

/// How many have been begun in this moment.
struct Line {
    clock: Arc<dyn Clock>,
    most: u32,
    begun: Mutex<(Time, u32)>,
}

struct Queued {
    session: Arc<dyn Session>,
    line: Arc<Line>,
}

#[async_trait]
impl AlmostSession for Queued {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn resume(&self, transfer: TransferId) -> Result<(), SessionError> {
        {
            let now = self.line.clock.now();
            let mut begun = lock(&self.line.begun);
            if begun.0 != now {
                *begun = (now, 0);
            }
            begun.1 += 1;
            if begun.1 > self.line.most {
                return Ok(());
            }
        }
        self.session.resume(transfer).await
    }
}

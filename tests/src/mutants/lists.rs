//! Sessions that do not find their transfers again, or find those of others: SES-17.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppState, Configuration, Connection, DeviceChange, Request, Session, SessionError, SessionId, TransferId,
    TransferInfo, TransferOptions, TransferService, TransferState,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostService, AlmostSession, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("lists-sessions-by-prefix", &["SES-17"], |name| service(name, Slip::ByPrefix)),
    // Descriptions live in the app's memory.
    Mutant::new("descriptions-end-with-the-process", &["SES-17"], |name| service(name, Slip::NoDescriptions)),
    Mutant::new("lists-what-this-process-made", &["SES-17"], |name| service(name, Slip::OwnOnly)),
    Mutant::new("numbers-the-list-anew-after-a-relaunch", &["SES-17"], |name| service(name, Slip::Numbers)),
    Mutant::new("lists-what-has-ended", &["SES-17"], |name| service(name, Slip::Ended)),
    Mutant::new("lists-everything-as-running", &["SES-17"], |name| service(name, Slip::Running)),
    Mutant::new("progress-begins-anew-after-a-relaunch", &["SES-17"], |name| service(name, Slip::NoProgress)),
];

#[derive(Clone, Copy, Default, PartialEq)]
enum Slip {
    #[default]
    ByPrefix,
    NoDescriptions,
    OwnOnly,
    Numbers,
    Ended,
    NoProgress,
    Running,
}

fn service(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let memory = Arc::new(Memory { slip, ..Memory::default() });
        Arc::new(Almost(Lister { service: ReferenceService::new(device, scheduler), memory }))
    })
}

#[derive(Default)]
struct Memory {
    slip: Slip,
    /// What this process has made.
    own: Mutex<BTreeSet<(SessionId, TransferId)>>,
    sessions: Mutex<BTreeMap<SessionId, Arc<dyn Session>>>,
    /// As listed at any time.
    listed: Mutex<BTreeMap<SessionId, Vec<TransferInfo>>>,
}

struct Lister {
    service: Arc<ReferenceService>,
    memory: Arc<Memory>,
}

#[async_trait]
impl AlmostService for Lister {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        if matches!(change, DeviceChange::App(change) if change.state() == AppState::NotRunning) {
            lock(&self.memory.own).clear();
        }
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let session = self.service.session(configuration, connection).await?;
        lock(&self.memory.sessions).insert(session.identifier().clone(), Arc::clone(&session));
        Ok(Arc::new(Almost(Listing { session, memory: Arc::clone(&self.memory) })))
    }
}

struct Listing {
    session: Arc<dyn Session>,
    memory: Arc<Memory>,
}

impl Listing {
    async fn by_prefix(&self) -> Vec<TransferInfo> {
        let name = self.session.identifier().as_str();
        let sessions = lock(&self.memory.sessions).clone();
        let mut found = Vec::new();
        for (_, session) in sessions.iter().filter(|(id, _)| id.as_str().starts_with(name)) {
            found.extend(session.transfers().await.unwrap_or_default());
        }
        found
    }
}

#[async_trait]
impl AlmostSession for Listing {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let transfer = self.session.download(request, options).await?;
        lock(&self.memory.own).insert((self.session.identifier().clone(), transfer));
        Ok(transfer)
    }

    async fn transfers(&self) -> Result<Vec<TransferInfo>, SessionError> {
        let mut list = self.session.transfers().await?;
        let id = self.session.identifier().clone();
        let own: BTreeSet<TransferId> = lock(&self.memory.own)
            .iter()
            .filter(|(of, _)| *of == id)
            .map(|(_, transfer)| *transfer)
            .collect();
        let inherited = |info: &TransferInfo| !own.contains(&info.id);
        match self.memory.slip {
            Slip::ByPrefix => list = self.by_prefix().await,
            Slip::NoDescriptions => {
                list.iter_mut().filter(|info| inherited(info)).for_each(|info| info.description = None);
            }
            Slip::OwnOnly => list.retain(|info| !inherited(info)),
            Slip::Numbers => {
                for (info, number) in list.iter_mut().filter(|info| inherited(info)).zip(101..) {
                    info.id = TransferId::new(number);
                }
            }
            Slip::Ended => {
                let mut listed = lock(&self.memory.listed);
                let known = listed.entry(id).or_default();
                let ended: Vec<TransferInfo> =
                    known.iter().filter(|old| list.iter().all(|info| info.id != old.id)).cloned().collect();
                list.extend(ended);
                known.clone_from(&list);
            }
            Slip::NoProgress => {
                list.iter_mut().filter(|info| inherited(info)).for_each(|info| info.received = 0);
            }
            Slip::Running => list.iter_mut().for_each(|info| info.state = TransferState::Running),
        }
        Ok(list)
    }
}

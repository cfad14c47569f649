//! Data transfers that last too long or not long enough, and downloads that are not all of what they were: SES-12.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, Delegate, Device, DeviceChange, FilePath, HttpBody, HttpRequest, HttpResponse,
    Request, Responder, Response, ResponseDisposition, Scheduler, Session, SessionError, SessionId,
    TransferEnd, TransferError, TransferId, TransferOptions, TransferService, Transport, TransportError,
    WakeOutcome, WakeReason, responder,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostScheduler, AlmostService, AlmostSession, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    // The transfer is ended, and the message that says so belongs to a connection that is gone.
    Mutant::new("a-data-transfer-hangs-open", &["SES-12"], |name| data(name, Slip::Hangs)).also(&["SES-03"]),
    Mutant::new("a-data-transfer-times-out-with-the-app", &["SES-12"], |name| data(name, Slip::TimesOut)),
    // Every transfer of a background session is a download inside.
    Mutant::new("data-transfers-outlive-the-app", &["SES-12"], |name| data(name, Slip::Outlives)),
    // The download begins with the first byte after the conversion.
    Mutant::new("a-conversion-loses-what-had-arrived", &["SES-12"], |name| data(name, Slip::LosesBeginning)),
    // The list of what ends with the app is made when transfers are created.
    Mutant::new("a-conversion-comes-too-late-to-outlive-the-app", &["SES-12"], |name| {
        data(name, Slip::EndsAll)
    }),
    Mutant::new("the-first-piece-of-data-goes-missing", &["SES-12"], |name| data(name, Slip::LosesPiece)),
    // The end outlives the process, the bytes before it do not.
    Mutant::new("data-that-is-lost-was-a-success", &["SES-12"], |name| data(name, Slip::Succeeds)),
    Mutant::new("nobody-is-asked-about-a-response", &["SES-12"], |name| data(name, Slip::Silent)),
    Mutant::new("data-comes-before-the-word-on-its-response", &["SES-12"], |name| data(name, Slip::Hasty)),
    // The news waits for the last transfer's end, and that of a data transfer is none.
    Mutant::new("news-beside-a-data-transfer-wakes-nobody", &["SCH-22"], |name| data(name, Slip::Mute)),
];

#[derive(Clone, Copy, PartialEq)]
enum Slip {
    Hangs,
    TimesOut,
    Outlives,
    LosesBeginning,
    EndsAll,
    LosesPiece,
    Succeeds,
    Silent,
    Hasty,
    Mute,
}

type Key = (SessionId, TransferId);

#[derive(Default)]
struct State {
    sessions: BTreeMap<SessionId, Arc<dyn Session>>,
    urls: BTreeMap<Key, String>,
    /// Bytes that have arrived from each address.
    arrived: BTreeMap<String, u64>,
    /// The addresses whose answers have ended.
    whole: BTreeSet<String>,
    /// Turned into downloads, and how many bytes had arrived by then.
    converted: BTreeMap<Key, u64>,
    /// Those that the app knows nothing of.
    secret: BTreeSet<Key>,
    /// Cancelled in the app's name.
    ended: BTreeSet<Key>,
    /// Those whose wakes are forgotten.
    muted: BTreeSet<SessionId>,
    /// Has been given a piece.
    given: BTreeSet<Key>,
}

#[derive(Clone)]
struct Shared {
    device: Device,
    slip: Slip,
    state: Arc<Mutex<State>>,
}

fn data(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let shared = Shared { device: device.clone(), slip, state: Arc::default() };
        let network = Arc::new(Counting { shared: shared.clone() });
        let state = Arc::clone(&shared.state);
        let scheduler = Arc::new(Almost(Forgetful { scheduler, state }));
        let service = ReferenceService::new(Device { network, ..device }, scheduler);
        Arc::new(Almost(Service { service, shared }))
    })
}

/// Forgets the wakes of muted sessions.
struct Forgetful {
    scheduler: Arc<dyn Scheduler>,
    state: Arc<Mutex<State>>,
}

#[async_trait]
impl AlmostScheduler for Forgetful {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let muted = lock(&self.state).muted.contains(session);
        if muted { std::future::pending().await } else { self.scheduler.request_wake(session, reason).await }
    }
}

struct Service {
    service: Arc<ReferenceService>,
    shared: Shared,
}

#[async_trait]
impl AlmostService for Service {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        let stops = matches!(change, DeviceChange::App(change) if !change.state().is_running());
        if stops && self.shared.slip == Slip::EndsAll {
            let mut state = lock(&self.shared.state);
            let open: Vec<Key> = std::mem::take(&mut state.converted).into_keys().collect();
            for key in open {
                let Some(session) = state.sessions.get(&key.0).cloned() else { continue };
                state.ended.insert(key.clone());
                self.shared.device.spawn(async move { drop(session.cancel(key.1).await) });
            }
        }
        if stops && self.shared.slip == Slip::Mute {
            let mut state = lock(&self.shared.state);
            let open = state.urls.keys().map(|(session, _)| session.clone()).collect();
            state.muted = open;
        }
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let shared = self.shared.clone();
        let between = Between { app: Arc::clone(connection.delegate()), shared: shared.clone() };
        let line = Connection::new(Arc::new(Almost(between)), connection.life().clone());
        lock(&shared.state).muted.remove(&configuration.identifier);
        let session = self.service.session(configuration, line).await?;
        lock(&shared.state).sessions.insert(session.identifier().clone(), Arc::clone(&session));
        Ok(Arc::new(Almost(Noting { session, shared })))
    }
}

struct Noting {
    session: Arc<dyn Session>,
    shared: Shared,
}

#[async_trait]
impl AlmostSession for Noting {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn data(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let url = request.url.clone();
        let transfer = self.session.data(request, options).await?;
        lock(&self.shared.state).urls.insert((self.session.identifier().clone(), transfer), url);
        Ok(transfer)
    }
}

struct Between {
    app: Arc<dyn Delegate>,
    shared: Shared,
}

impl Shared {
    /// The app has said what becomes of a data transfer; what the service is told.
    fn said(&self, key: &Key, answer: ResponseDisposition) -> ResponseDisposition {
        let mut state = lock(&self.state);
        if answer == ResponseDisposition::Allow && self.slip == Slip::Outlives {
            state.secret.insert(key.clone());
            return ResponseDisposition::BecomeDownload;
        }
        if answer == ResponseDisposition::BecomeDownload {
            let arrived = state.urls.get(key).and_then(|url| state.arrived.get(url)).copied();
            state.converted.insert(key.clone(), arrived.unwrap_or(0));
        }
        answer
    }

    fn is_secret(&self, session: &SessionId, transfer: TransferId) -> bool {
        lock(&self.state).secret.contains(&(session.clone(), transfer))
    }

    fn is_whole(&self, key: &Key) -> bool {
        let state = lock(&self.state);
        state.urls.get(key).is_some_and(|url| state.whole.contains(url))
    }

    fn read(&self, file: &FilePath) -> Vec<u8> {
        self.device.storage.read(file, 0, usize::MAX).unwrap_or_default()
    }
}

#[async_trait]
impl AlmostDelegate for Between {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_receive_response(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        service: Responder<ResponseDisposition>,
    ) {
        let (own, answer) = responder();
        if self.shared.slip == Slip::Silent {
            // The responder is let go, unheard.
            return;
        }
        if self.shared.slip == Slip::Hasty {
            service.respond(ResponseDisposition::Allow);
            return self.app.did_receive_response(session, transfer, response, own).await;
        }
        self.app.did_receive_response(session, transfer, response, own).await;
        let (shared, key) = (self.shared.clone(), (session.clone(), transfer));
        self.shared.device.spawn(async move {
            match answer.await {
                Some(answer) => service.respond(shared.said(&key, answer)),
                None => drop(service),
            }
        });
    }

    async fn did_become_download(&self, session: &SessionId, transfer: TransferId) {
        if !self.shared.is_secret(session, transfer) {
            self.app.did_become_download(session, transfer).await;
        }
    }

    async fn did_receive_data(&self, session: &SessionId, transfer: TransferId, data: &[u8]) {
        let first = lock(&self.shared.state).given.insert((session.clone(), transfer));
        if self.shared.slip != Slip::LosesPiece || !first {
            self.app.did_receive_data(session, transfer, data).await;
        }
    }

    async fn did_write_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        written: u64,
        total: u64,
        expected: Option<u64>,
    ) {
        if !self.shared.is_secret(session, transfer) {
            self.app.did_write_data(session, transfer, written, total, expected).await;
        }
    }

    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        at: &FilePath,
    ) {
        if self.shared.is_secret(session, transfer) {
            return self.app.did_receive_data(session, transfer, &self.shared.read(at)).await;
        }
        let lost = lock(&self.shared.state).converted.get(&(session.clone(), transfer)).copied().unwrap_or(0);
        if self.shared.slip == Slip::LosesBeginning && lost > 0 {
            let bytes = self.shared.read(at);
            let rest = bytes.get(usize::try_from(lost).unwrap_or(usize::MAX)..).unwrap_or_default();
            let storage = &self.shared.device.storage;
            drop(storage.create(at));
            drop(storage.append(at, rest));
        }
        self.app.did_finish_downloading(session, transfer, response, at).await;
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut told = end.clone();
        let cut_off = told.error == Some(TransferError::Disconnected);
        if cut_off && self.shared.slip == Slip::Hangs {
            return;
        }
        if cut_off && self.shared.slip == Slip::TimesOut {
            told.error = Some(TransferError::TimedOut);
        }
        let key = (session.clone(), transfer);
        if cut_off && self.shared.slip == Slip::Succeeds && self.shared.is_whole(&key) {
            told.error = None;
        }
        let ended = lock(&self.shared.state).ended.contains(&key);
        if ended && matches!(told.error, Some(TransferError::Cancelled { .. })) {
            told.error = Some(TransferError::Disconnected);
        }
        self.app.did_complete(session, transfer, &told).await;
        let mut state = lock(&self.shared.state);
        state.converted.remove(&key);
        state.urls.remove(&key);
    }
}

/// Counts what arrives.
struct Counting {
    shared: Shared,
}

#[async_trait]
impl Transport for Counting {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let url = request.url.clone();
        let mut answer = self.shared.device.network.send(request).await?;
        answer.body = Box::new(Counted { body: answer.body, url, state: Arc::clone(&self.shared.state) });
        Ok(answer)
    }
}

struct Counted {
    body: Box<dyn HttpBody>,
    url: String,
    state: Arc<Mutex<State>>,
}

#[async_trait]
impl HttpBody for Counted {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let chunk = self.body.chunk().await?;
        let mut state = lock(&self.state);
        match &chunk {
            Some(bytes) => *state.arrived.entry(self.url.clone()).or_default() += bytes.len() as u64,
            None => drop(state.whole.insert(self.url.clone())),
        }
        Ok(chunk)
    }
}

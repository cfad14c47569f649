//! Data transfers that last too long or not long enough, and downloads that are not all of what they were: SES-12.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, Delegate, Device, DeviceChange, FilePath, HttpBody, HttpRequest, HttpResponse,
    Request, Responder, Response, ResponseDisposition, Session, SessionError, SessionId, TransferEnd,
    TransferError, TransferId, TransferOptions, TransferService, Transport, TransportError, responder,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, AlmostSession, lock};

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
];

#[derive(Clone, Copy, PartialEq)]
enum Slip {
    Hangs,
    TimesOut,
    Outlives,
    LosesBeginning,
    EndsAll,
    LosesPiece,
}

type Key = (SessionId, TransferId);

#[derive(Default)]
struct State {
    sessions: BTreeMap<SessionId, Arc<dyn Session>>,
    urls: BTreeMap<Key, String>,
    /// Bytes that have arrived from each address.
    arrived: BTreeMap<String, u64>,
    /// Turned into downloads, and how many bytes had arrived by then.
    converted: BTreeMap<Key, u64>,
    /// Those that the app knows nothing of.
    secret: BTreeSet<Key>,
    /// Cancelled in the app's name.
    ended: BTreeSet<Key>,
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
        let service = ReferenceService::new(Device { network, ..device }, scheduler);
        Arc::new(Almost(Service { service, shared }))
    })
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
        let ended = lock(&self.shared.state).ended.contains(&key);
        if ended && matches!(told.error, Some(TransferError::Cancelled { .. })) {
            told.error = Some(TransferError::Disconnected);
        }
        self.app.did_complete(session, transfer, &told).await;
        lock(&self.shared.state).converted.remove(&key);
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
        if let Some(bytes) = &chunk {
            *lock(&self.state).arrived.entry(self.url.clone()).or_default() += bytes.len() as u64;
        }
        Ok(chunk)
    }
}

//! Who asked for what, and where it ended: what a service knows of its own transfers, seen from outside.
//!
//! A wrapper can not look into the reference's service. It can see the addresses that the app asks for, and the
//! exchanges that are made for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_reference::contract::{
    AppState, Device, DeviceChange, FilePath, HttpBody, HttpRequest, HttpResponse, Request, Session,
    SessionError, SessionId, TransferId, TransferOptions, Transport, TransportError,
};

use super::{Almost, AlmostSession, lock};

/// One transfer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) session: SessionId,
    pub(crate) transfer: TransferId,
    /// The run of the app's process that made it.
    pub(crate) born: u32,
    /// Its whole answer has arrived: was the app running then?
    pub(crate) ended: Option<bool>,
    /// Its last exchange failed on the wire.
    pub(crate) failed: bool,
}

/// Who is told of what the network does.
pub(crate) trait Notice: Send + Sync {
    /// Bytes have arrived for this one.
    fn piece(&self, of: &Entry) {
        let _ = of;
    }

    /// A whole answer has arrived for this one, and it was no login and no redirect.
    fn end(&self, of: &Entry) {
        let _ = of;
    }
}

impl Notice for () {}

/// The transfers of one service by address.
#[derive(Default)]
pub(crate) struct Book {
    entries: Mutex<BTreeMap<String, Entry>>,
    run: Mutex<u32>,
}

impl Book {
    /// A device whose network is watched, and the book that is kept.
    pub(crate) fn open(device: &Device, notice: Arc<dyn Notice>) -> (Arc<Self>, Device) {
        let book = Arc::new(Self::default());
        let network = Watched { device: device.clone(), book: Arc::clone(&book), notice };
        (book, Device { network: Arc::new(network), ..device.clone() })
    }

    /// The run of the process that is going on, by number.
    pub(crate) fn run(&self) -> u32 {
        *lock(&self.run)
    }

    /// To be told of every change of the device's.
    pub(crate) fn device_changed(&self, change: &DeviceChange) {
        if matches!(change, DeviceChange::App(change) if change.state() == AppState::NotRunning) {
            *lock(&self.run) += 1;
        }
    }

    /// A session whose transfers are written down.
    pub(crate) fn session(self: &Arc<Self>, session: Arc<dyn Session>) -> Arc<dyn Session> {
        Arc::new(Almost(Noted { session, book: Arc::clone(self) }))
    }

    /// What is known of a transfer.
    pub(crate) fn entry(&self, session: &SessionId, transfer: TransferId) -> Option<Entry> {
        lock(&self.entries).values().find(|e| e.session == *session && e.transfer == transfer).cloned()
    }

    /// What is known of a session's transfers.
    pub(crate) fn entries(&self, session: &SessionId) -> Vec<Entry> {
        lock(&self.entries).values().filter(|entry| entry.session == *session).cloned().collect()
    }

    fn note(&self, url: String, session: &SessionId, transfer: TransferId) {
        let entry =
            Entry { session: session.clone(), transfer, born: self.run(), ended: None, failed: false };
        lock(&self.entries).insert(url, entry);
    }

    /// Changes the entry that an address belongs to, its redirects included.
    fn change(&self, url: &str, change: impl FnOnce(&mut Entry)) -> Option<Entry> {
        let mut entries = lock(&self.entries);
        let belongs = |known: &str| {
            url.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let (_, entry) = entries.iter_mut().find(|(known, _)| belongs(known))?;
        change(entry);
        Some(entry.clone())
    }
}

struct Noted {
    session: Arc<dyn Session>,
    book: Arc<Book>,
}

#[async_trait]
impl AlmostSession for Noted {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let url = request.url.clone();
        let transfer = self.session.download(request, options).await?;
        self.book.note(url, self.session.identifier(), transfer);
        Ok(transfer)
    }

    async fn upload(
        &self,
        request: Request,
        file: &FilePath,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let url = request.url.clone();
        let transfer = self.session.upload(request, file, options).await?;
        self.book.note(url, self.session.identifier(), transfer);
        Ok(transfer)
    }
}

struct Watched {
    device: Device,
    book: Arc<Book>,
    notice: Arc<dyn Notice>,
}

#[async_trait]
impl Transport for Watched {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let url = request.url.clone();
        let answer = self.device.network.send(request).await;
        if answer.is_err() {
            self.book.change(&url, |entry| entry.failed = true);
        }
        let mut answer = answer?;
        let status = answer.response.status;
        let (book, notice, app) =
            (Arc::clone(&self.book), Arc::clone(&self.notice), Arc::clone(&self.device.app));
        let own = status != 401 && !(300..400).contains(&status);
        answer.body = Box::new(Tail {
            body: answer.body,
            chunk: Box::new(move |chunk| match chunk {
                Ok(Some(_)) => {
                    if let Some(entry) = book.change(&url, |_| {}) {
                        notice.piece(&entry);
                    }
                }
                Ok(None) => {
                    let running = app.state().is_running();
                    let entry = book.change(&url, |entry| {
                        entry.failed = false;
                        entry.ended = own.then_some(running);
                    });
                    if let Some(entry) = entry.filter(|_| own) {
                        notice.end(&entry);
                    }
                }
                Err(_) => drop(book.change(&url, |entry| entry.failed = true)),
            }),
        });
        Ok(answer)
    }
}

type Chunk = Result<Option<Vec<u8>>, TransportError>;

/// A body that somebody listens to.
struct Tail {
    body: Box<dyn HttpBody>,
    chunk: Box<dyn FnMut(&Chunk) + Send>,
}

#[async_trait]
impl HttpBody for Tail {
    async fn chunk(&mut self) -> Chunk {
        let chunk = self.body.chunk().await;
        (self.chunk)(&chunk);
        chunk
    }
}

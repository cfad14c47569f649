//! One exchange on the wire: sends the request, and puts the bytes of the answer where the machine wants them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Poll, Waker};

use super::driver::Shared;
use super::env::{ExchangeId, Outgoing};
use super::hops::Wanted;
use crate::contract::{FilePath, HttpRequest, RequestBody, Storage, TransportError};

/// Ends an exchange from outside.
#[derive(Default)]
pub(super) struct Stop(Mutex<(bool, Option<Waker>)>);

impl Stop {
    /// The exchange is dropped at its next step, which comes at once.
    pub(super) fn set(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Runs `work` until it is done or stopped.
    async fn until(&self, work: impl Future<Output = ()>) {
        let mut work = pin!(work);
        poll_fn(|cx| {
            {
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if state.0 {
                    return Poll::Ready(());
                }
                if !state.1.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                    state.1 = Some(cx.waker().clone());
                }
            }
            work.as_mut().poll(cx)
        })
        .await;
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stop")
    }
}

/// The task of one exchange. Holds nothing of the service but a weak line to it.
pub(super) async fn run(shared: Weak<Shared>, id: ExchangeId, request: Outgoing, stop: Arc<Stop>) {
    stop.until(exchange(&shared, id, request)).await;
    if let Some(shared) = shared.upgrade() {
        shared.exchange_over(id);
    }
}

async fn exchange(shared: &Weak<Shared>, id: ExchangeId, request: Outgoing) {
    let Some(strong) = shared.upgrade() else { return };
    let network = Arc::clone(&strong.device.network);
    let body = request.upload.clone().map(|(file, len)| RequestBody {
        storage: Arc::new(Watched {
            inner: Arc::clone(&strong.device.storage),
            shared: Weak::clone(shared),
            id,
        }),
        file,
        len,
    });
    drop(strong);
    let Outgoing { method, url, headers, tls, .. } = request;
    let request = HttpRequest { method, url, headers, body, tls };
    let mut answer = match network.send(request).await {
        Ok(answer) => answer,
        Err(error) => return report_failure(shared, id, &error),
    };
    let Some(strong) = shared.upgrade() else { return };
    if !strong.take_head(id, answer.response) {
        return;
    }
    drop(strong);
    // Bounded by the answer, and by the request timeout that aborts this task.
    loop {
        let chunk = answer.body.chunk().await;
        let Some(strong) = shared.upgrade() else { return };
        match chunk {
            Ok(Some(bytes)) => {
                if !strong.take_bytes(id, &bytes) {
                    return;
                }
            }
            Ok(None) => return strong.input(|machine| machine.finished(id)),
            Err(error) => return strong.input(|machine| machine.failed(id, &error)),
        }
    }
}

fn report_failure(shared: &Weak<Shared>, id: ExchangeId, error: &TransportError) {
    if let Some(shared) = shared.upgrade() {
        shared.input(|machine| machine.failed(id, error));
    }
}

impl Shared {
    /// Reports a head and prepares for its body. Returns whether more of it is wanted.
    fn take_head(self: &Arc<Self>, id: ExchangeId, response: crate::contract::Response) -> bool {
        self.input(|machine| match machine.head(id, response) {
            Wanted::Nothing => false,
            Wanted::Discard | Wanted::Append(_) => true,
            Wanted::Create(file) => {
                let made = self.device.storage.create(&file).is_ok();
                if !made {
                    machine.storage_failed(id);
                }
                made
            }
        })
    }

    /// Puts bytes where they are wanted. Returns whether more are.
    ///
    /// The file is written while the machine is locked: what it counts and what is in the file can not differ, even
    /// if the exchange is aborted at this very moment from elsewhere.
    fn take_bytes(self: &Arc<Self>, id: ExchangeId, bytes: &[u8]) -> bool {
        self.input(|machine| {
            let kept = match machine.wanted(id) {
                Wanted::Nothing => return false,
                Wanted::Discard => true,
                Wanted::Create(file) | Wanted::Append(file) => {
                    self.device.storage.append(&file, bytes).is_ok()
                }
            };
            if kept {
                machine.received(id, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            } else {
                machine.storage_failed(id);
            }
            kept
        })
    }
}

/// The storage as an upload's transport sees it: what it reads has been sent, as far as anybody can tell.
struct Watched {
    inner: Arc<dyn Storage>,
    shared: Weak<Shared>,
    id: ExchangeId,
}

impl Storage for Watched {
    fn create(&self, file: &FilePath) -> io::Result<()> {
        self.inner.create(file)
    }

    fn append(&self, file: &FilePath, bytes: &[u8]) -> io::Result<()> {
        self.inner.append(file, bytes)
    }

    fn len(&self, file: &FilePath) -> io::Result<u64> {
        self.inner.len(file)
    }

    fn read(&self, file: &FilePath, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let bytes = self.inner.read(file, offset, len)?;
        if let Some(shared) = self.shared.upgrade() {
            let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            shared.input(|machine| machine.sent(self.id, offset.saturating_add(read)));
        }
        Ok(bytes)
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, file: &FilePath) -> io::Result<()> {
        self.inner.remove(file)
    }
}

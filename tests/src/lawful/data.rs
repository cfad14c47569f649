//! Services that treat data transfers otherwise than the reference, and as the documents allow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_reference::contract::{Delegate, SessionId, TransferEnd, TransferId};

use super::Variant;
use crate::parts::{Almost, AlmostDelegate, lock, with_delegate};

pub(super) const VARIANTS: &[Variant] = &[
    Variant::new("gives-data-in-one-piece", |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(Saving { app, saved: Mutex::default() }))))
    }),
    Variant::new("says-nothing-of-becoming-a-download", |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(Quiet(app)))))
    }),
];

/// Keeps the pieces until the end, and drops them if that is a bad one.
struct Saving {
    app: Arc<dyn Delegate>,
    saved: Mutex<BTreeMap<TransferId, Vec<u8>>>,
}

#[async_trait]
impl AlmostDelegate for Saving {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_receive_data(&self, _: &SessionId, transfer: TransferId, data: &[u8]) {
        lock(&self.saved).entry(transfer).or_default().extend_from_slice(data);
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let saved = lock(&self.saved).remove(&transfer).filter(|_| end.error.is_none());
        if let Some(bytes) = saved {
            self.app.did_receive_data(session, transfer, &bytes).await;
        }
        self.app.did_complete(session, transfer, end).await;
    }
}

/// The app has said so itself; a message that repeats it is no promise.
struct Quiet(Arc<dyn Delegate>);

#[async_trait]
impl AlmostDelegate for Quiet {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    async fn did_become_download(&self, _: &SessionId, _: TransferId) {}
}

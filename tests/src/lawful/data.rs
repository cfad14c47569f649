//! Services that treat data transfers otherwise than the reference, and as the documents allow.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_reference::contract::{Delegate, SessionId, TransferId};

use super::Variant;
use crate::parts::{Almost, AlmostDelegate, with_delegate};

pub(super) const VARIANTS: &[Variant] = &[Variant::new("says-nothing-of-becoming-a-download", |name| {
    with_delegate(name, |_| Box::new(|app| Arc::new(Almost(Quiet(app)))))
})];

/// The app has said so itself; a message that repeats it is no promise.
struct Quiet(Arc<dyn Delegate>);

#[async_trait]
impl AlmostDelegate for Quiet {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    async fn did_become_download(&self, _: &SessionId, _: TransferId) {}
}

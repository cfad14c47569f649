//! Services that put something around each session of the reference's.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_reference::contract::{Configuration, Connection, Session, SessionError, TransferService};
use bgsession_reference::service::ReferenceService;

use super::{Almost, AlmostService, AlmostSession};

struct Around<W> {
    service: Arc<ReferenceService>,
    wrap: W,
}

#[async_trait]
impl<W, S> AlmostService for Around<W>
where
    W: Fn(Arc<dyn Session>) -> S + Send + Sync + 'static,
    S: AlmostSession + 'static,
{
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let session = self.service.session(configuration, connection).await?;
        Ok(Arc::new(Almost((self.wrap)(session))))
    }
}

/// The service, with this around each of its sessions.
pub(crate) fn around_sessions<S: AlmostSession + 'static>(
    service: Arc<ReferenceService>,
    wrap: impl Fn(Arc<dyn Session>) -> S + Send + Sync + 'static,
) -> Arc<dyn TransferService> {
    Arc::new(Almost(Around { service, wrap }))
}

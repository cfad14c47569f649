//! Services that put something between the reference's service and the app.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, Delegate, Device, DeviceChange, Session, SessionError, TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::{Almost, AlmostService};

/// Puts a delegate around another; made anew for each boot, so that it may remember things over many processes.
pub(crate) type Wrap = Box<dyn Fn(Arc<dyn Delegate>) -> Arc<dyn Delegate> + Send + Sync>;

/// What is told of a change before the service is.
type Told = Box<dyn Fn(&DeviceChange) + Send + Sync>;

struct Wrapping {
    service: Arc<ReferenceService>,
    wrap: Wrap,
    told: Told,
}

#[async_trait]
impl AlmostService for Wrapping {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        (self.told)(change);
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let wrapped =
            Connection::new((self.wrap)(Arc::clone(connection.delegate())), connection.life().clone());
        self.service.session(configuration, wrapped).await
    }
}

/// The reference's sessions, with a delegate of `make`'s around the app's.
pub(crate) fn with_delegate(name: &str, make: impl Fn(&Device) -> Wrap + Send + Sync + 'static) -> Subject {
    with_delegate_and_service(name, move |device| (make(device), Box::new(|_| {})))
}

/// The same, and told of every change of the device's before the service is.
pub(crate) fn with_delegate_and_service(
    name: &str,
    make: impl Fn(&Device) -> (Wrap, Told) + Send + Sync + 'static,
) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let (wrap, told) = make(&device);
        Arc::new(Almost(Wrapping { service: ReferenceService::new(device, scheduler), wrap, told }))
    })
}

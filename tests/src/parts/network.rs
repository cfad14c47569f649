//! The reference's sessions over another network.

use std::sync::Arc;

use bgsession_conformance::Subject;
use bgsession_reference::contract::{Device, Transport};
use bgsession_reference::service::ReferenceService;

/// What is wrong, or only different, lies between the service and the wire.
pub(crate) fn over_network<T: Transport + 'static>(
    name: &str,
    wrap: impl Fn(Arc<dyn Transport>) -> T + Send + Sync + 'static,
) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let network = Arc::new(wrap(Arc::clone(&device.network)));
        ReferenceService::new(Device { network, ..device }, scheduler)
    })
}

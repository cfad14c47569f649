//! What the command judges: the reference, in all roles at once.

use std::sync::Arc;

use bgsession_conformance::Subject;
use bgsession_conformance::contract::{Device, Scheduler, TransferService};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

/// The reference implementation, booted as any other subject is.
pub(crate) fn reference() -> Subject {
    Subject::system("reference", |device: Device| {
        let scheduler: Arc<dyn Scheduler> = ReferenceScheduler::new(device.clone());
        let service: Arc<dyn TransferService> = ReferenceService::new(device, Arc::clone(&scheduler));
        (scheduler, service)
    })
}

//! What the command judges: the reference, in all roles at once, and its apps.

use std::sync::Arc;
use std::time::Duration;

use bgsession_conformance::contract::{Device, Policy, Scheduler, TransferService};
use bgsession_conformance::{Capability, Subject};
use bgsession_reference::app::{EventsSignal, Processing, Refreshing};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

/// The same with its limiter on. The delay is longer than a transfer may be late for no reason, so that its end can be
/// told.
pub(crate) fn limited(policy: Policy) -> Subject {
    let floor = policy.limiter_floor.or(Some(Duration::from_secs(1_200)));
    reference(Policy { limiter_floor: floor, ..policy })
}

/// The reference implementation, booted as any other subject is.
pub(crate) fn reference(policy: Policy) -> Subject {
    Subject::system("reference", |device: Device| {
        let scheduler: Arc<dyn Scheduler> = ReferenceScheduler::new(device.clone());
        let service: Arc<dyn TransferService> = ReferenceService::new(device, Arc::clone(&scheduler));
        (scheduler, service)
    })
    .with_policy(policy)
}

/// The reference's apps, one for each style, booted as any other app is.
pub(crate) fn apps() -> Vec<Subject> {
    const IDLE: &str = "it does nothing after its callbacks";
    const CONTENT: &str = "it asks for nothing in its wakes";
    vec![
        Subject::delegate("events signal", |launch| Arc::new(EventsSignal::new(launch)))
            .without(Capability::Work, IDLE)
            .without(Capability::FollowUps, CONTENT),
        Subject::delegate("processing", |launch| Arc::new(Processing::new(launch)))
            .without(Capability::FollowUps, CONTENT),
        Subject::delegate("refreshing", |launch| Arc::new(Refreshing::new(launch)))
            .without(Capability::Work, IDLE),
    ]
}

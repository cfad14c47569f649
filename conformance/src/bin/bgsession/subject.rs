//! What the command judges: the reference, in all roles at once, what runs its closures, and its apps.

use std::sync::Arc;
use std::time::Duration;

use bgsession_conformance::contract::{Device, Policy, Scheduler, TransferService, WakeEnd};
use bgsession_conformance::{Capability, Subject};
use bgsession_reference::actions::Closures;
use bgsession_reference::app::{EventsSignal, InClosures, OutstandingCount, Processing, Refreshing};
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

/// What runs closures in the reference, launched as any other runner is.
pub(crate) fn closures() -> Subject {
    Subject::actions("closures", |launch, actions| Arc::new(Closures::new(launch, actions)))
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
        Subject::delegate("in closures", |launch| Arc::new(InClosures::new(launch)))
            .without(Capability::Work, IDLE),
        Subject::delegate("counting", |launch| Arc::new(OutstandingCount::new(launch)))
            .with_policy(Policy { wake_end: WakeEnd::LastMessage, ..Policy::default() })
            .without(Capability::Work, IDLE)
            .without(Capability::FollowUps, CONTENT),
    ]
}

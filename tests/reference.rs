//! The reference, judged by its own kit, one test for each rule.

use bgsession_conformance::Subject;
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

fn reference() -> Subject {
    Subject::system("reference", |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        (scheduler.clone(), ReferenceService::new(device, scheduler))
    })
}

bgsession_conformance::suite!(system: reference());

/// What runs its closures.
mod closures {
    use std::sync::Arc;

    use bgsession_conformance::Subject;
    use bgsession_reference::actions::Closures;

    bgsession_conformance::suite!(
        actions: Subject::actions("closures", |launch, actions| Arc::new(Closures::new(launch, actions)))
    );
}

/// What the default policy switches off, with it switched on.
#[test]
fn the_limiter() {
    for rule in ["SES-24", "SES-25"] {
        bgsession_conformance::check(&bgsession_tests::lawful::limited(), rule, env!("CARGO_MANIFEST_DIR"));
    }
}

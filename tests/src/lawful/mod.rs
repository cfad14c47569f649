//! Implementations that are unlike the reference and break no promise: everything must pass them.

mod actions;
mod alerts;
mod apps;
mod challenges;
mod data;
mod pace;
mod policies;
mod throttles;
mod transfers;

use std::fmt;

use bgsession_conformance::Subject;
use bgsession_reference::contract::Policy;
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

/// One variant.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Variant {
    /// What it is called.
    pub name: &'static str,
    make: fn(&'static str) -> Subject,
}

impl Variant {
    const fn new(name: &'static str, make: fn(&'static str) -> Subject) -> Self {
        Self { name, make }
    }

    /// The subject to be judged.
    #[must_use]
    pub fn subject(&self) -> Subject {
        (self.make)(self.name)
    }
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every group of variants, by what they do in another way.
pub static GROUPS: &[(&str, &[Variant])] = &[
    ("throttles", throttles::VARIANTS),
    ("pace", pace::VARIANTS),
    ("alerts", alerts::VARIANTS),
    ("switches", policies::SWITCHES),
    ("numbers", policies::NUMBERS),
    ("transfers", transfers::VARIANTS),
    ("challenges", challenges::VARIANTS),
    ("data", data::VARIANTS),
    ("actions", actions::VARIANTS),
    ("apps", apps::VARIANTS),
];

/// The reference as it is.
#[must_use]
pub fn reference() -> Subject {
    with_policy("reference", Policy::default())
}

/// The reference with its limiter on. The delay is longer than a transfer may be late for no reason, so that its end can
/// be told.
#[must_use]
pub fn limited() -> Subject {
    let floor = Some(std::time::Duration::from_secs(1_200));
    with_policy("reference, limiter on", Policy { limiter_floor: floor, ..Policy::default() })
}

/// The reference with other numbers and switches.
fn with_policy(name: &str, policy: Policy) -> Subject {
    let system = Subject::system(name, |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        (scheduler.clone(), ReferenceService::new(device, scheduler))
    });
    system.with_policy(policy)
}

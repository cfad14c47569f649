//! Apps that read the documents in another way.

use std::sync::Arc;

use bgsession_conformance::{Capability, Subject};
use bgsession_reference::app::OutstandingCount;
use bgsession_reference::contract::{Policy, WakeEnd};

use super::Variant;

pub(super) const VARIANTS: &[Variant] = &[
    // The last message about the last transfer is the end of a wake.
    Variant::new("counts-what-is-outstanding", |name| {
        Subject::delegate(name, |launch| Arc::new(OutstandingCount::new(launch)))
            .with_policy(Policy { wake_end: WakeEnd::LastMessage, ..Policy::default() })
            .without(Capability::Work, "it does nothing after its callbacks")
            .without(Capability::FollowUps, "it asks for nothing in its wakes")
    }),
];

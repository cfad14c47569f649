//! Runners of closures that go about it in another way.

use super::Variant;
use crate::closures::{Manner, careful};

pub(super) const VARIANTS: &[Variant] = &[
    Variant::new("tells-closures-and-completes", |name| careful(name, Manner::Tells)),
    Variant::new("drops-closures", |name| careful(name, Manner::Drops)),
    Variant::new("one-closure-after-the-other", |name| careful(name, Manner::OneAfterTheOther)),
    Variant::new("keeps-the-time-itself", |name| careful(name, Manner::KeepsTime)),
    Variant::new("runs-closures-inside-handle", |name| careful(name, Manner::InHandle)),
    // The documents do not say that anybody completes the task of a closure that goes on for ever.
    Variant::new("waits-for-cancelled-closures", |name| {
        careful(name, Manner::Waits).known_failure("SCH-24e", "it rests on silence")
    }),
];

//! Apps that lose track of their tasks: DEL-01, DEL-04, DEL-08a.

use super::Mutant;
use crate::apps::{Slip, careless};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("app-completes-twice", &["DEL-01a"], |name| careless(name, Slip::CompletesTwice))
        .also(&["DEL-02c"]),
    Mutant::new("app-completes-after-expiration", &["DEL-01a"], |name| {
        careless(name, Slip::CompletesAfterExpiration)
    }),
    Mutant::new("app-completes-a-stale-task", &["DEL-01a"], |name| careless(name, Slip::CompletesStaleTask)),
    Mutant::new("app-has-one-task-for-all-sessions", &["DEL-01b"], |name| {
        careless(name, Slip::OneTaskForAll)
    })
    .also(&["DEL-08a"]),
    Mutant::new("app-ignores-other-kinds", &["DEL-01b"], |name| careless(name, Slip::IgnoresOtherKinds)),
    Mutant::new("app-ignores-strange-sessions", &["DEL-01b"], |name| careless(name, Slip::IgnoresStrangers)),
    Mutant::new("app-completes-at-the-next-wake", &["DEL-01b", "DEL-01c"], |name| {
        careless(name, Slip::CompletesAtTheNextWake)
    })
    .also(&["DEL-04", "DEL-08a"]),
    Mutant::new("app-misses-an-early-signal", &["DEL-04"], |name| careless(name, Slip::MissesEarlySignal))
        .also(&["DEL-08a"]),
    Mutant::new("app-has-no-expiration-handler", &["DEL-08a"], |name| careless(name, Slip::NoHandler)),
    Mutant::new("app-checks-in-its-expiration-handler", &["DEL-08a"], |name| {
        careless(name, Slip::ChecksInHandler)
    }),
];

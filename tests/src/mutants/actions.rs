//! Runners of closures that lose count, mistake names or forget to cancel: SCH-24.

use super::Mutant;
use crate::closures::{Manner, Slip, careful, careless};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("closures-match-by-prefix", &["SCH-24a"], |name| careless(name, Slip::ByPrefix)),
    Mutant::new("closures-match-in-any-case", &["SCH-24a"], |name| careless(name, Slip::IgnoresCase)),
    Mutant::new("only-the-first-match-runs", &["SCH-24a"], |name| careless(name, Slip::FirstMatchOnly)),
    Mutant::new("any-refresh-will-do", &["SCH-24a"], |name| careless(name, Slip::AnyInfo)),
    Mutant::new("completes-at-the-first-return", &["SCH-24b"], |name| careless(name, Slip::FirstReturn)),
    Mutant::new("completes-at-every-return", &["SCH-24b"], |name| careless(name, Slip::EachReturn)),
    Mutant::new("completes-when-closures-begin", &["SCH-24b"], |name| {
        careless(name, Slip::CompletesInHandle)
    }),
    Mutant::new("waits-for-closures-of-others", &["SCH-24b"], |name| careless(name, Slip::CountsAll)),
    Mutant::new("never-cancels-closures", &["SCH-24c"], |name| careless(name, Slip::NeverCancels)),
    Mutant::new("cancels-every-closure", &["SCH-24c"], |name| careless(name, Slip::CancelsAll)),
    Mutant::new("cancels-the-last-closure-only", &["SCH-24c"], |name| careless(name, Slip::CancelsTheLast)),
    Mutant::new("sets-no-expiration-handler", &["SCH-24c"], |name| careless(name, Slip::NoHandler))
        .also(&["SCH-24e"]),
    Mutant::new("lets-unmatched-tasks-lie", &["SCH-24d"], |name| careless(name, Slip::LeavesUnmatched)),
    Mutant::new("waits-for-cancelled-closures", &["SCH-24e"], |name| careful(name, Manner::Waits)),
];

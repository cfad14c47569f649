//! Apps that complete a task too early: DEL-02.

use super::Mutant;
use crate::apps::{Slip, careless};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("app-completes-in-handle", &["DEL-02a"], |name| careless(name, Slip::CompletesInHandle))
        .also(&["DEL-02b"]),
    Mutant::new("app-completes-at-the-first-end", &["DEL-02a"], |name| {
        careless(name, Slip::CompletesAtTheFirstEnd)
    })
    .also(&["DEL-02b", "DEL-02c"]),
    Mutant::new("app-completes-at-the-first-file", &["DEL-02a"], |name| {
        careless(name, Slip::CompletesAtTheFirstFile)
    })
    .also(&["DEL-02b", "DEL-02c"]),
    Mutant::new("app-counts-ends", &["DEL-02b"], |name| careless(name, Slip::CountsEnds)).also(&["DEL-02a"]),
    Mutant::new("app-forgets-its-work", &["DEL-02c"], |name| careless(name, Slip::ForgetsItsWork)),
    Mutant::new("app-has-one-flag-for-all-work", &["DEL-02c"], |name| {
        careless(name, Slip::OneFlagForAllWork)
    }),
];

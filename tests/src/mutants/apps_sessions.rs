//! Apps that lose track of their sessions: DEL-03.

use super::Mutant;
use crate::apps::{Slip, careless};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("app-trusts-its-memory", &["DEL-03a", "DEL-03b"], |name| {
        careless(name, Slip::TrustsItsMemory)
    })
    .also(&["DEL-02a"]),
    Mutant::new("app-opens-on-demand", &["DEL-03b"], |name| careless(name, Slip::OpensOnDemand)),
    Mutant::new("app-opens-every-time", &["DEL-03c"], |name| careless(name, Slip::OpensEveryTime)),
    Mutant::new("app-remakes-at-once", &["DEL-03c"], |name| careless(name, Slip::RemakesAtOnce)),
    Mutant::new("app-cleans-up-at-the-signal", &["DEL-03d"], |name| careless(name, Slip::CleansUp)),
];

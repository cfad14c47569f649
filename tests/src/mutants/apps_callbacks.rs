//! Apps that do the wrong thing in a callback or a wake: DEL-05 to DEL-09.

use super::Mutant;
use crate::apps::{Slip, careless};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("app-moves-files-later", &["DEL-05a"], |name| careless(name, Slip::MovesLater)),
    Mutant::new("app-reads-files-later", &["DEL-05a"], |name| careless(name, Slip::ReadsLater)),
    Mutant::new("app-works-in-the-callback", &["DEL-05b"], |name| careless(name, Slip::WorksInTheCallback)),
    Mutant::new("app-schedules-last", &["DEL-06"], |name| careless(name, Slip::SchedulesLast)),
    Mutant::new("app-fetches-last", &["DEL-06"], |name| careless(name, Slip::FetchesLast)),
    Mutant::new("app-never-answers", &["DEL-07a"], |name| careless(name, Slip::NeverAnswers)),
    Mutant::new("app-answers-basic-only", &["DEL-07a"], |name| careless(name, Slip::AnswersBasicOnly)),
    Mutant::new("app-tries-for-ever", &["DEL-07c"], |name| careless(name, Slip::TriesForEver)),
    Mutant::new("app-awaits-its-transfer", &["DEL-08b"], |name| careless(name, Slip::AwaitsItsTransfer)),
    Mutant::new("app-fetches-one-at-a-time", &["DEL-08c"], |name| careless(name, Slip::OneAtATime))
        .also(&["DEL-06"]),
    Mutant::new("app-panics-on-a-status", &["DEL-09"], |name| careless(name, Slip::PanicsOnStatus)),
    Mutant::new("app-panics-on-a-kind", &["DEL-09"], |name| careless(name, Slip::PanicsOnKind)),
];

//! Scenarios: what the app, the user and the device do, as symbolic steps.
//!
//! A step names things by position ("the third session", "the second open transfer") and is resolved while the scenario
//! runs; one that makes no sense at its moment does nothing. So every subsequence of a scenario is a scenario, and
//! shrinking needs no preconditions.

mod episodes;
mod file;
mod focus;
mod focus_app;
mod focus_challenges;
mod focus_logins;
mod focus_pace;
mod focus_requests;
mod focus_transfers;
mod setup;
mod simpler;
mod small;
mod step;
mod strategy;
mod tree;

pub use file::ScenarioError;
pub use focus::Focus;
pub use setup::{Begin, Challenges, Closure, Disposition, Finish, For, Keep, Reopen, Reply, Return, Setup};
pub use small::small_worlds;
pub use step::{Attempt, Download, Route, Step, Trigger};
pub use strategy::{Scenarios, scenarios};
pub use tree::ScenarioTree;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A span of virtual time in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "a number with a unit")]
pub struct Span(pub u64);

impl Span {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// A scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "scenario files build these")]
pub struct Scenario {
    /// What holds throughout.
    #[serde(default)]
    pub setup: Setup,
    /// What happens.
    pub steps: Vec<Step>,
}

/// What an app with closures asks for its refreshes with, one after the other, round and round: traps of the same kind.
pub const USER_INFOS: [&str; 3] = ["news", "newsletter", "News"];

/// The identifiers that sessions have: each is a trap for code that cuts, folds or compares by prefix.
pub const IDENTIFIERS: [&str; 5] = [
    "s",
    "s2",
    "S",
    "Ünï ☕ #1",
    "com.example.a-very-long-identifier-that-nobody-would-choose-but-that-the-documents-allow-0123456789",
];

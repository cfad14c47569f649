//! What a run comes to.

use std::path::PathBuf;
use std::time::Duration;

use crate::history::{History, SubjectFault};
use crate::rules::{Rule, Violation};
use crate::scenario::Scenario;
use crate::subject::Role;
use crate::world::World;

/// How a failure tells people to play it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three front ends of the kit")]
pub enum ReplayWith {
    /// `cargo test`, which plays stored scenarios first.
    CargoTest,
    /// The `bgsession` command with the stored file.
    Command,
    /// The scenario itself, printed below the failure.
    Scenario,
}

/// A rule's verdict in one world. Only [`Verdict::Pass`] counts as pass.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a closed set: a new one would have to be handled by every reader"
)]
pub enum Verdict {
    /// Never broken, and put to the test.
    Pass {
        /// How often.
        witnesses: u64,
    },
    /// Broken.
    Fail(Box<Failure>),
    /// Never put to the test: a failure of the run.
    Vacuous {
        /// In so many scenarios.
        scenarios: u64,
    },
    /// It does not concern this subject in this world.
    NotApplicable {
        /// Why.
        reason: String,
    },
    /// Broken, as the subject declares.
    KnownFail {
        /// The declared reason.
        reason: String,
        /// How.
        failure: Box<Failure>,
    },
    /// Declared as a known failure, and not broken: an error, until the declaration is deleted.
    UnexpectedPass {
        /// The declared reason.
        reason: String,
    },
    /// The subject misbehaved, so that not breaking the rule means nothing.
    Inconclusive(Box<Fault>),
}

impl Verdict {
    /// Does a run with this verdict count as passed?
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Pass { .. } | Self::NotApplicable { .. } | Self::KnownFail { .. })
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "pass",
            Self::Fail(_) => "FAIL",
            Self::Vacuous { .. } => "VACUOUS",
            Self::NotApplicable { .. } => "n/a",
            Self::KnownFail { .. } => "known-fail",
            Self::UnexpectedPass { .. } => "UNEXPECTED PASS",
            Self::Inconclusive(_) => "INCONCLUSIVE",
        }
    }
}

/// A broken rule, with the shortest scenario found that breaks it. Its `Display` is the failure block.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The rule.
    pub rule: &'static Rule,
    /// Where it was broken.
    pub world: World,
    /// How to break it.
    pub scenario: Scenario,
    /// What was observed then.
    pub history: History,
    /// What breaks the rule; `None` if the failure did not show itself again.
    pub violation: Option<Violation>,
    /// How many steps the scenario had that was found first.
    pub shrunk_from: usize,
    /// How many simpler scenarios were tried.
    pub tries: u32,
    /// The run's seed.
    pub seed: u64,
    /// The number of the scenario in the run.
    pub number: u64,
    /// Where the scenario was stored.
    pub stored: Option<PathBuf>,
    /// How to play it again.
    pub replay_with: ReplayWith,
}

/// Misbehaviour outside of the rules.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fault {
    /// What the subject did.
    pub fault: SubjectFault,
    /// When.
    pub scenario: Scenario,
    /// The number of the scenario in the run.
    pub number: u64,
}

/// One rule with its verdicts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// The rule.
    pub rule: &'static Rule,
    /// One for each world of the run.
    pub verdicts: Vec<(World, Verdict)>,
}

/// What was done in one world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorldReport {
    /// Which.
    pub world: World,
    /// Scenarios played.
    pub scenarios: u64,
    /// Observations judged.
    pub entries: u64,
    /// How many of the scenarios were all small worlds of the depth that was asked for, and the real time they took.
    pub small_worlds: Option<(u64, Duration)>,
    /// Real time taken.
    pub elapsed: Duration,
}

/// What a run came to. Its `Display` is the whole report: a failure block for each broken rule, then the table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Who was judged.
    pub subject: String,
    /// The part it plays.
    pub role: Role,
    /// The seed.
    pub seed: u64,
    /// The rules.
    pub rows: Vec<Row>,
    /// The worlds.
    pub worlds: Vec<WorldReport>,
    /// Real time taken.
    pub elapsed: Duration,
}

impl Report {
    /// Did every rule pass, or fail as declared?
    #[must_use]
    pub fn passed(&self) -> bool {
        let mut verdicts = self.rows.iter().flat_map(|row| &row.verdicts).peekable();
        verdicts.peek().is_some() && verdicts.all(|(_, verdict)| verdict.is_ok())
    }

    /// The verdict on one rule in one world.
    #[must_use]
    pub fn verdict(&self, rule: &str, world: World) -> Option<&Verdict> {
        let row = self.rows.iter().find(|row| row.rule.id.eq_ignore_ascii_case(rule))?;
        row.verdicts.iter().find(|(of, _)| *of == world).map(|(_, verdict)| verdict)
    }

    /// The broken rules, those declared as known failures left out.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.rows.iter().flat_map(|row| &row.verdicts).filter_map(|(_, verdict)| match verdict {
            Verdict::Fail(failure) => Some(&**failure),
            _ => None,
        })
    }
}

//! The rules: pure functions over histories.
//!
//! A rule looks at what was observed and says that it was met so many times, or names the first entry that breaks it.
//! It never compares with the reference: it allows every behaviour that its sentence allows. Safety is judged at every
//! entry; what must come in the end is judged once, where the scenario has healed all faults and waited.

mod actions;
mod alerts;
mod allowance;
mod answers;
mod apart;
mod attaching;
mod begin;
mod budget;
mod challenges;
mod connections;
mod course;
mod cpu;
mod data;
mod delayed;
mod discretion;
mod draining;
mod facts;
mod files;
mod finishing;
mod following;
mod handling;
mod held;
mod in_hand;
mod invalid;
mod keepalive;
mod leaps;
mod limiter;
mod links;
mod lists;
mod logins;
mod messages;
mod own;
mod pauses;
mod progress;
mod quits;
mod read;
mod read_transfers;
mod requests;
mod responses;
mod retries;
mod runs;
mod scheduling;
mod seconds;
mod servers;
mod serving;
mod slots;
mod snapshots;
mod tls;
mod told;
mod transfers;
mod unsaid;
mod uploads;
mod wakes;

use facts::{Facts, Place};

use std::fmt;

use crate::contract::Policy;
use crate::history::History;
use crate::scenario::Focus;
use crate::subject::{Capability, Role};

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the two levels that decide a verdict")]
pub enum Level {
    /// Breaking it is a failure.
    Must,
    /// Breaking it needs a reason.
    Should,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        })
    }
}

/// What a promise rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the labels of the project's dossier")]
pub enum Basis {
    /// The platform's public documents say so.
    Documents,
    /// Its makers said so, in a talk or a forum.
    Staff,
    /// Developers report it; the documents do not say.
    Reports,
    /// Nobody says otherwise.
    Silence,
}

impl Basis {
    /// Does a rule on this basis belong to the default profile? What rests on reports or silence alone is optional.
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self, Self::Documents | Self::Staff)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Documents => "documents",
            Self::Staff => "staff",
            Self::Reports => "reports",
            Self::Silence => "silence",
        })
    }
}

/// One promise.
#[non_exhaustive]
pub struct Rule {
    /// Its stable id, never used for another rule.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// The promise in one sentence.
    pub sentence: &'static str,
    /// The public pages that make it, and the numbers of the facts in the project's dossier.
    pub source: &'static str,
    /// The strongest of what it rests on.
    pub basis: Basis,
    /// What a subject must be able to do for it to apply.
    pub needs: &'static [Capability],
    /// Whose promise it is.
    pub binds: &'static [Role],
    /// What counts as having put it to the test.
    pub witness: &'static str,
    /// Where to look if it fails.
    pub hint: &'static str,
    /// What scenarios for it are likely to hold.
    pub focus: Focus,
    judge: fn(&Facts<'_>) -> Finding,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.id)
    }
}

/// What a rule found in one history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How often it was put to the test.
    pub witnesses: u32,
    /// The first entry that breaks it.
    pub violation: Option<Violation>,
    /// Why it can not be put to the test under the policy that is in force, if it can not.
    pub inapplicable: Option<&'static str>,
    /// Others that the rule came across, in no order. A rule may be content with one.
    pub(crate) others: Vec<Violation>,
}

/// How a history breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The entry that breaks it, or after which what is owed never came.
    pub seq: usize,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub seen: String,
}

impl Finding {
    fn inapplicable(why: &'static str) -> Self {
        Self { inapplicable: Some(why), ..Self::default() }
    }

    fn witness(&mut self) {
        self.witnesses += 1;
    }

    /// Keeps the earliest violation.
    fn broken(&mut self, place: Place, expected: impl Into<String>, seen: impl Into<String>) {
        let mut other = Violation { seq: place.seq, expected: expected.into(), seen: seen.into() };
        if let Some(known) = &mut self.violation {
            if other.seq < known.seq {
                std::mem::swap(known, &mut other);
            }
            self.others.push(other);
        } else {
            self.violation = Some(other);
        }
    }
}

impl Rule {
    /// Judges one history.
    ///
    /// ```
    /// use bgsession_conformance::contract::Policy;
    /// use bgsession_conformance::history::History;
    ///
    /// let rule = bgsession_conformance::rules::find("SCH-13").unwrap();
    /// let finding = rule.judge(&History::new(), &Policy::default());
    /// assert_eq!((finding.witnesses, finding.violation), (0, None)); // never put to the test
    /// ```
    #[must_use]
    pub fn judge(&self, history: &History, policy: &Policy) -> Finding {
        leaps::judged(self, &Facts::of(history, policy))
    }

    /// Why it can not be put to the test under this policy, if it can not: it is about something that the policy
    /// switches off. Such a rule is not applicable; it does not pass, and it is not vacuous either.
    ///
    /// ```
    /// use bgsession_conformance::contract::{DiscretionaryStart, Policy};
    ///
    /// let rule = bgsession_conformance::rules::find("SES-29").unwrap();
    /// let at_once = Policy { discretionary_start: DiscretionaryStart::AtAnyMoment, ..Policy::default() };
    /// assert!(rule.lacks(&Policy::default()).is_none());
    /// assert!(rule.lacks(&at_once).is_some());
    /// ```
    #[must_use]
    pub fn lacks(&self, policy: &Policy) -> Option<&'static str> {
        self.judge(&History::new(), policy).inapplicable
    }

    /// How it stands in a table: its level, or `OPT` if it belongs to the optional profile.
    #[must_use]
    pub const fn standing(&self) -> &'static str {
        match self.level {
            _ if !self.basis.is_default() => "OPT",
            Level::Must => "MUST",
            Level::Should => "SHOULD",
        }
    }
}

/// Judges one history by many rules: it is read only once. The findings come in the order of the rules.
///
/// ```
/// use bgsession_conformance::contract::Policy;
/// use bgsession_conformance::history::History;
/// use bgsession_conformance::rules::{RULES, judge_all};
///
/// let findings = judge_all(RULES, &History::new(), &Policy::default());
/// assert!(findings.iter().all(|finding| finding.violation.is_none()));
/// ```
#[must_use]
pub fn judge_all<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    history: &History,
    policy: &Policy,
) -> Vec<Finding> {
    let facts = Facts::of(history, policy);
    rules.into_iter().map(|rule| leaps::judged(rule, &facts)).collect()
}

/// Every rule, in the order of the catalogue.
pub static RULES: &[Rule] = &[
    handling::SCH_01,
    handling::SCH_02,
    keepalive::SCH_03,
    keepalive::SCH_04,
    keepalive::SCH_05,
    handling::SCH_06,
    slots::SCH_07,
    snapshots::SCH_08,
    slots::SCH_09,
    slots::SCH_10,
    scheduling::SCH_11,
    scheduling::SCH_12,
    budget::SCH_13,
    budget::SCH_14,
    budget::SCH_15,
    held::SCH_16,
    allowance::SCH_17,
    keepalive::SCH_18,
    wakes::SCH_19,
    handling::SCH_20,
    wakes::SCH_21,
    wakes::SCH_22,
    snapshots::SCH_23,
    actions::SCH_24A,
    actions::SCH_24B,
    actions::SCH_24C,
    actions::SCH_24D,
    actions::SCH_24E,
    cpu::SCH_25,
    alerts::SCH_26,
    quits::SCH_27,
    pauses::SES_01,
    pauses::SES_02,
    transfers::SES_03,
    transfers::SES_04,
    files::SES_05,
    transfers::SES_06,
    retries::SES_07,
    files::SES_08,
    links::SES_09,
    links::SES_10,
    links::SES_11,
    data::SES_12,
    transfers::SES_13,
    delayed::SES_14,
    seconds::SES_15,
    seconds::SES_16,
    lists::SES_17,
    messages::SES_18,
    messages::SES_19,
    messages::SES_20,
    invalid::SES_21,
    discretion::SES_22,
    quits::SES_23,
    limiter::SES_24,
    limiter::SES_25,
    challenges::SES_26,
    answers::SES_27,
    logins::SES_28,
    discretion::SES_29,
    own::SES_30,
    servers::SES_31,
    connections::SES_32,
    progress::SES_33,
    uploads::SES_34,
    finishing::DEL_01A,
    finishing::DEL_01B,
    finishing::DEL_01C,
    draining::DEL_02A,
    draining::DEL_02B,
    draining::DEL_02C,
    attaching::DEL_03A,
    attaching::DEL_03B,
    attaching::DEL_03C,
    attaching::DEL_03D,
    finishing::DEL_04,
    serving::DEL_05A,
    serving::DEL_05B,
    following::DEL_06,
    serving::DEL_07A,
    serving::DEL_07B,
    serving::DEL_07C,
    finishing::DEL_08A,
    following::DEL_08B,
    following::DEL_08C,
    following::DEL_09,
];

/// Promises that have their id and no rule yet, and how far they are.
pub static NOT_JUDGED_YET: &[(&str, &str)] = &[];

/// The rule of this id, in capitals or not.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// A span as people say it.
pub(crate) fn spoken(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

const SCHEDULERS: &[Role] = &[Role::Scheduler, Role::System];
const SESSIONS: &[Role] = &[Role::Sessions, Role::System];
const DELEGATES: &[Role] = &[Role::Delegate];
const RUNNERS: &[Role] = &[Role::Actions];
const BOTH: &[Role] = &[Role::Scheduler, Role::Sessions, Role::System];
const THROTTLES: &[Role] = &[Role::Throttle, Role::Scheduler, Role::System];

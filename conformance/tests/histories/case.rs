//! What a rule should make of a history, as the tables say it.
//!
//! ```text
//! SCH-04 met 1: suspended at the completion
//!     00:00 launched; given #1=s
//!     00:03 completes #1; suspended
//!
//! SCH-04 broken: suspended when handle returned
//!     00:00 launched; given #1=s; !suspended
//!     expected the app running: task #1 is open and has time until 00:15.000
//!     seen     the app suspended
//! ```
//!
//! The number after `met` says how often the rule was put to the test; `untested` is 0. Lines with `with` change the
//! policy. Lines that start with `#` are for the reader.
//!
//! With a line `log` the history is judged as somebody else's log, which ends anywhere and in which a pause may mean
//! anything; `log without task_completed expiration_called` leaves out what such a log may not tell. The log must still
//! tell what the rule goes by, else the rule is not judged, and that is not `untested`.

use bgsession_conformance::contract::{
    AtAllowance, ForegroundRefresh, OverBudgetWakes, Policy, ResourceTimer, WakeEnd,
};
use bgsession_conformance::history::History;
use bgsession_conformance::rules::{self, Finding};

use crate::{log, timeline};

/// One history and the finding that one rule should come to.
pub(crate) struct Case {
    pub(crate) rule: String,
    /// What is special about it.
    pub(crate) name: String,
    pub(crate) wanted: Wanted,
    timeline: String,
    policy: Policy,
    /// It is somebody else's log, without these kinds of lines.
    log: Option<Vec<String>>,
}

/// The finding.
pub(crate) enum Wanted {
    /// It was put to the test so many times and held. Never, if the number is 0.
    Met(u32),
    /// It was broken at the marked entry.
    Broken { expected: String, seen: String },
}

/// Reads a table.
pub(crate) fn read(table: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if line.starts_with(' ') {
            cases.last_mut().unwrap_or_else(|| panic!("{line:?} belongs to no history")).read(line.trim());
        } else {
            cases.push(head(line));
        }
    }
    cases
}

fn head(line: &str) -> Case {
    let parts = line.split_once(": ").and_then(|(head, name)| Some((head.split_once(' ')?, name)));
    let ((rule, wanted), name) =
        parts.unwrap_or_else(|| panic!("{line:?} names no rule, finding and history"));
    let wanted = match wanted.split_once(' ').unwrap_or((wanted, "")) {
        ("untested", "") => Wanted::Met(0),
        ("broken", "") => Wanted::Broken { expected: String::new(), seen: String::new() },
        ("met", times) => Wanted::Met(times.parse().unwrap_or_else(|_| panic!("{line:?}: met how often?"))),
        _ => panic!("{line:?}: met, broken or untested?"),
    };
    Case {
        rule: rule.to_owned(),
        name: name.to_owned(),
        wanted,
        timeline: String::new(),
        policy: Policy::default(),
        log: None,
    }
}

impl Case {
    fn read(&mut self, line: &str) {
        match (line.split_once(' ').map(|(word, rest)| (word, rest.trim())), &mut self.wanted) {
            (Some(("expected", text)), Wanted::Broken { expected, .. }) => text.clone_into(expected),
            (Some(("seen", text)), Wanted::Broken { seen, .. }) => text.clone_into(seen),
            (Some(("with", "2 refreshes an hour")), _) => self.policy.refreshes.complication_on_face = 2,
            (Some(("with", "limiter of 20 minutes")), _) => {
                self.policy.limiter_floor = Some(std::time::Duration::from_secs(1_200));
            }
            (Some(("with", "wakes queued")), _) => {
                self.policy.over_budget_wakes = OverBudgetWakes::Queue;
            }
            (Some(("with", "refreshes in front")), _) => {
                self.policy.foreground_refresh = ForegroundRefresh::Deliver;
            }
            (Some(("with", "wakes that end with the last message")), _) => {
                self.policy.wake_end = WakeEnd::LastMessage;
            }
            (Some(("with", "suspension at the allowance")), _) => {
                self.policy.at_allowance = AtAllowance::Suspend;
            }
            (Some(("with", "time from the earliest begin date")), _) => {
                self.policy.resource_timer = ResourceTimer::FromEarliestBegin;
            }
            (Some(("log", without)), _) if without.starts_with("without ") => {
                self.log = Some(without.split_whitespace().skip(1).map(str::to_owned).collect());
            }
            (None, _) if line == "log" => self.log = Some(Vec::new()),
            (Some((at, _)), _) if at.starts_with(|first: char| first.is_ascii_digit()) => {
                self.timeline.push_str(line);
                self.timeline.push('\n');
            }
            _ => panic!("{} {}: {line:?} means nothing", self.rule, self.name),
        }
    }

    /// Says what is wrong, if the rule does not come to the finding.
    pub(crate) fn complaint(&self) -> Option<String> {
        let timeline = timeline::read(&self.timeline);
        // Judged from its written form, as a log from elsewhere would be: it must be in order, too.
        let history = History::from_jsonl(&timeline.history.to_jsonl());
        let history = history.unwrap_or_else(|error| panic!("{} {}: {error}", self.rule, self.name));
        let rule = rules::find(&self.rule).unwrap_or_else(|| panic!("no rule {}", self.rule));
        let log = self.log.as_ref().map(|without| log::of(&history, without));
        let found = log
            .as_ref()
            .map_or_else(|| say(&rule.judge(&history, &self.policy)), |log| log.judged(rule, &self.policy));
        let wanted = match &self.wanted {
            Wanted::Met(witnesses) => format!("met {witnesses} times"),
            Wanted::Broken { expected, seen } => {
                let marked =
                    timeline.marked.unwrap_or_else(|| panic!("{} {}: no mark", self.rule, self.name));
                violation(log.as_ref().map_or(marked, |log| log.line(marked)), expected, seen)
            }
        };
        (found != wanted).then(|| {
            let (rule, name) = (&self.rule, &self.name);
            let text = log.map_or_else(|| history.to_jsonl(), |log| log.text().to_owned());
            format!("{rule} {name}\n{text}\n  wanted: {wanted}\n  found:  {found}\n")
        })
    }
}

fn say(found: &Finding) -> String {
    found.violation.as_ref().map_or_else(
        || format!("met {} times", found.witnesses),
        |broken| violation(broken.seq, &broken.expected, &broken.seen),
    )
}

fn violation(seq: usize, expected: &str, seen: &str) -> String {
    format!("broken at {seq}\n    expected {expected}\n    seen     {seen}")
}

//! Logs: what the kit writes is judged as in the run that wrote it, and what says less raises no alarm.

mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;

use bgsession_conformance::contract::{AppChange, AppState, Policy};
use bgsession_conformance::history::{Event, History};
use bgsession_conformance::logs::{LogReport, LogVerdict, Options, judge, judge_in_parts};
use bgsession_conformance::rules::{RULES, Rule, judge_all};
use bgsession_conformance::scenario::{Focus, Scenario, scenarios};
use bgsession_conformance::{Capability, Role, Subject, World, play};
use bgsession_reference::app::{EventsSignal, InClosures, Processing, Refreshing};
use bgsession_tests::apps::careful;
use bgsession_tests::lawful::reference;
use bgsession_tests::mutants::all;

fn everything() -> Options {
    Options { rules: RULES.iter().collect(), ..Options::default() }
}

fn read(log: &str, limits: Option<(usize, usize)>) -> LogReport {
    let options = everything();
    match limits {
        Some(limits) => judge_in_parts(log.as_bytes(), "log", &options, limits),
        None => judge(log.as_bytes(), "log", &options),
    }
    .unwrap_or_else(|error| panic!("{error}\n{log}"))
}

fn played(subject: &Subject, focus: Focus, seed: u64) -> History {
    let scenario: Scenario = scenarios(focus).generate(seed);
    play(subject, World::Sim, &scenario).expect("the world can be set up")
}

/// In how many places each rule is broken, and how often it is put to the test, in all these histories.
fn assert_as_in_the_run(histories: &[History], what: &str) {
    let log: String = histories.iter().map(History::to_jsonl).collect();
    let report = read(&log, Some((3, 10)));
    let role = histories[0].role.expect("the kit says it");
    let rules: Vec<&'static Rule> = RULES
        .iter()
        .filter(|rule| rule.binds.contains(&role) && rule.lacks(&Policy::default()).is_none())
        .collect();
    let mut broken = vec![false; rules.len()];
    let mut witnesses = vec![0_u64; rules.len()];
    let mut fault = false;
    for history in histories {
        fault |= history.entries.iter().any(|entry| matches!(entry.event, Event::Fault { .. }));
        for (index, finding) in
            judge_all(rules.iter().copied(), history, &Policy::default()).into_iter().enumerate()
        {
            broken[index] |= finding.violation.is_some();
            witnesses[index] += u64::from(finding.witnesses);
        }
    }
    assert_eq!(report.rows.len(), rules.len(), "{what}");
    for (index, rule) in rules.iter().enumerate() {
        let said = report.verdict(rule.id).expect("it binds this role");
        let same = match said {
            LogVerdict::Fail { .. } => broken[index],
            LogVerdict::Pass { witnesses: count } => !broken[index] && !fault && *count == witnesses[index],
            LogVerdict::Untested => !broken[index] && !fault && witnesses[index] == 0,
            LogVerdict::Inconclusive { .. } => !broken[index] && fault,
            LogVerdict::NotLogged { .. } => false,
        };
        assert!(same, "{what}: {} is {said:?}, {} {}", rule.id, broken[index], witnesses[index]);
    }
}

#[test]
fn what_the_kit_has_written_is_judged_as_in_the_run() {
    for focus in RULES.iter().map(|rule| rule.focus).chain([Focus::GENERAL]) {
        let histories: Vec<History> = (0..12).map(|seed| played(&reference(), focus, seed)).collect();
        assert_as_in_the_run(&histories, "the reference");
    }
}

#[test]
fn every_mutant_is_judged_from_its_log_as_in_the_run() {
    for mutant in all() {
        let subject = mutant.subject();
        for owner in mutant.owners {
            let focus = bgsession_conformance::rules::find(owner).expect("it is in the table").focus;
            let histories: Vec<History> = (0..25)
                .map(|seed| played(&subject, focus, seed))
                .filter(|history| history.role.is_some())
                .collect();
            assert_as_in_the_run(&histories, mutant.name);
        }
    }
}

/// The lines of a history as somebody else's log: without the kit's header and phases, and with a line for each launch, as
/// apps write it.
fn foreign(history: &History) -> Vec<String> {
    let text = history.to_jsonl();
    let mut lines = Vec::new();
    let mut running = false;
    for (line, entry) in text.lines().skip(1).zip(&history.entries) {
        if matches!(entry.event, Event::Phase { .. }) {
            continue;
        }
        if let Event::App { change } = &entry.event {
            let runs = change.state() != AppState::NotRunning;
            if runs && !running && *change != AppChange::Launched {
                lines.push(format!("{{\"at\":{},\"event\":\"launched\"}}", entry.at.as_millis()));
            }
            running = runs;
        }
        lines.push(line.to_owned());
    }
    lines
}

/// Apps that break nothing.
fn apps() -> Vec<Subject> {
    let busy = "it does nothing after its callbacks";
    let asks = "it asks for nothing in its wakes";
    vec![
        Subject::delegate("events signal", |launch| Arc::new(EventsSignal::new(launch)))
            .without(Capability::Work, busy)
            .without(Capability::FollowUps, asks),
        Subject::delegate("processing", |launch| Arc::new(Processing::new(launch)))
            .without(Capability::FollowUps, asks),
        Subject::delegate("refreshing", |launch| Arc::new(Refreshing::new(launch)))
            .without(Capability::Work, busy),
        Subject::delegate("in closures", |launch| Arc::new(InClosures::new(launch)))
            .without(Capability::Work, busy),
        careful(),
    ]
}

/// Subjects of all kinds that break nothing, each with the rules' own scenarios.
fn lawful() -> Vec<(Subject, Focus)> {
    let mut all: Vec<(Subject, Focus)> = Vec::new();
    let apps = apps();
    for (index, rule) in RULES.iter().enumerate() {
        let of_app = rule.binds.contains(&Role::Delegate);
        let subject = if of_app { apps[index % apps.len()].clone() } else { reference() };
        let same = |known: &Subject, of: &Focus| {
            known.name() == subject.name() && format!("{of:?}") == format!("{:?}", rule.focus)
        };
        if !all.iter().any(|(known, of)| same(known, of)) {
            all.push((subject, rule.focus));
        }
    }
    all
}

/// Of the kit's app, which does as it is told, rules about apps say what they like.
fn binding(report: &LogReport, subject: &Subject) -> Vec<&'static str> {
    report
        .broken()
        .map(|row| row.rule)
        .filter(|rule| rule.binds.contains(&subject.role()))
        .map(|rule| rule.id)
        .collect()
}

fn assert_lawful(subject: &Subject, log: &str, limits: Option<(usize, usize)>, what: &str) {
    let report = read(log, limits);
    let broken = binding(&report, subject);
    assert!(broken.is_empty(), "{what}, {}: {broken:?}\n{report}\n{log}", subject.name());
}

#[test]
fn what_a_log_breaks_is_broken_in_the_run_too() {
    let mut seen: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for mutant in all() {
        let subject = mutant.subject();
        for owner in mutant.owners {
            let rule = bgsession_conformance::rules::find(owner).expect("it is in the table");
            for seed in 0..if rule.binds.contains(&Role::Delegate) { 60 } else { 10 } {
                let history = played(&subject, rule.focus, seed);
                let lines = foreign(&history);
                if lines.is_empty() {
                    continue;
                }
                let report = read(&lines.join("\n"), None);
                for broken in binding(&report, &subject) {
                    // Of a message that may have come up only then, a log says no more than that the signal was to come.
                    let same: &[&str] = if broken == "DEL-02b" { &["DEL-02a", "DEL-02b"] } else { &[broken] };
                    let is_broken = |id: &&str| {
                        let rule = bgsession_conformance::rules::find(id).expect("it was judged");
                        rule.judge(&history, &Policy::default()).violation.is_some()
                    };
                    assert!(same.iter().any(is_broken), "{}: {report}\n{}", mutant.name, lines.join("\n"));
                }
                if rule.judge(&history, &Policy::default()).violation.is_some() {
                    let (run, log) = seen.entry(owner).or_default();
                    *run += 1;
                    *log += u32::from(matches!(report.verdict(owner), Some(LogVerdict::Fail { .. })));
                }
            }
        }
    }
    // A log without the kit's word for what must have come by its end shows less, but it shows each of these.
    let about_apps = seen.iter().filter(|(rule, _)| rule.starts_with("DEL-"));
    // Mutants of DEL-07a never answer: a log without any answer may be one that does not tell them.
    let about_apps = about_apps.filter(|(rule, _)| **rule != "DEL-07a");
    let missed: Vec<_> = about_apps.filter(|(_, (run, log))| *run >= 5 && *log == 0).collect();
    assert!(missed.is_empty(), "{missed:?} of {seen:?}");
}

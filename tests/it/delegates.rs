//! Apps: those of the reference, and one that is written on its own, pass every rule about apps; each wrong one fails its own
//! rules and no other.

use std::sync::Arc;

use bgsession_conformance::contract::{Policy, WakeEnd};
use bgsession_conformance::rules::{RULES, Rule};
use bgsession_conformance::{Capability, Options, Report, Role, Subject, Verdict, World, run};
use bgsession_reference::app::{EventsSignal, InClosures, OutstandingCount, Processing, Refreshing};
use bgsession_tests::apps::careful;

/// Every rule about apps, those of the optional profile included.
fn rules() -> Vec<&'static Rule> {
    RULES.iter().filter(|rule| rule.binds.contains(&Role::Delegate)).collect()
}

fn judged(subject: &Subject, cases_sim: u32) -> Report {
    let options = Options {
        rules: rules(),
        worlds: vec![World::Sim],
        cases_sim,
        shrink_tries: 0,
        ..Options::default()
    };
    run(subject, &options).expect("these rules are about apps")
}

/// `BGSESSION_LONG=1` plays more than 100,000 scenarios for each app instead of the default number.
fn passes(subject: &Subject) {
    let long = std::env::var_os("BGSESSION_LONG").is_some();
    let each = u32::try_from(100_000_usize.div_ceil(rules().len())).unwrap_or(u32::MAX);
    let report = judged(subject, if long { each } else { Options::default().cases_sim });
    assert!(report.passed(), "{report}");
    if long {
        let scenarios: u64 = report.worlds.iter().map(|world| world.scenarios).sum();
        assert!(scenarios >= 100_000, "{scenarios} is not what was meant to be played");
    }
}

#[test]
fn the_events_signal_style_passes() {
    let subject = Subject::delegate("events signal", |launch| Arc::new(EventsSignal::new(launch)));
    let idle = subject.without(Capability::Work, "it does nothing after its callbacks");
    passes(&idle.without(Capability::FollowUps, "it asks for nothing in its wakes"));
}

#[test]
fn the_processing_style_passes() {
    let subject = Subject::delegate("processing", |launch| Arc::new(Processing::new(launch)));
    passes(&subject.without(Capability::FollowUps, "it asks for nothing in its wakes"));
}

#[test]
fn the_refreshing_style_passes() {
    let subject = Subject::delegate("refreshing", |launch| Arc::new(Refreshing::new(launch)));
    passes(&subject.without(Capability::Work, "it does nothing after its callbacks"));
}

#[test]
fn the_closure_style_passes() {
    let subject = Subject::delegate("in closures", |launch| Arc::new(InClosures::new(launch)));
    passes(&subject.without(Capability::Work, "it does nothing after its callbacks"));
}

fn counting() -> Subject {
    let subject = Subject::delegate("counting", |launch| Arc::new(OutstandingCount::new(launch)));
    let idle = subject.without(Capability::Work, "it does nothing after its callbacks");
    idle.without(Capability::FollowUps, "it asks for nothing in its wakes")
}

#[test]
fn the_counting_style_passes_where_wakes_end_with_the_last_message() {
    passes(&counting().with_policy(Policy { wake_end: WakeEnd::LastMessage, ..Policy::default() }));
}

#[test]
fn the_counting_style_breaks_nothing_but_the_other_reading() {
    let report = judged(&counting(), Options::default().cases_sim);
    let failed: Vec<&str> = report.failures().map(|failure| failure.rule.id).collect();
    assert_eq!(failed, ["DEL-02b"], "{report}");
}

#[test]
fn an_app_written_on_its_own_passes() {
    passes(&careful());
}

#[test]
fn a_wrong_app_fails_its_own_rules_and_no_other() {
    // That its own rules fail it, with every seed, is tested with the other mutants.
    let cases = if std::env::var_os("BGSESSION_LONG").is_some() { 2_000 } else { 60 };
    let mut wrong = Vec::new();
    let groups = bgsession_tests::mutants::GROUPS.iter().filter(|(name, _)| name.starts_with("apps_"));
    for mutant in groups.flat_map(|(_, mutants)| *mutants) {
        let report = judged(&mutant.subject(), cases);
        let failed: Vec<&str> = report
            .rows
            .iter()
            .filter(|row| row.verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Fail(_))))
            .map(|row| row.rule.id)
            .collect();
        let known = |id: &str| mutant.owners.contains(&id) || mutant.also.contains(&id);
        let other = report.failures().find(|failure| !known(failure.rule.id));
        if failed.is_empty() || other.is_some() {
            let other = other.map_or_else(String::new, ToString::to_string);
            wrong.push(format!("{}: {failed:?} instead of {:?}\n{other}", mutant.name, mutant.owners));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

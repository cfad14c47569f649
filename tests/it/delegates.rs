//! Apps: those of the reference, and one that is written on its own, pass every rule about apps; each wrong one fails its own
//! rules and no other.

use std::sync::Arc;

use bgsession_conformance::rules::{RULES, Rule};
use bgsession_conformance::{Capability, Options, Report, Role, Subject, Verdict, World, run};
use bgsession_reference::app::{EventsSignal, Processing, Refreshing};
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

fn passes(subject: &Subject) {
    let report = judged(subject, Options::default().cases_sim);
    assert!(report.passed(), "{report}");
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

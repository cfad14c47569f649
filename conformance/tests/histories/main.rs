//! Hand-written histories, and what each rule must make of them.
//!
//! A rule is trusted because of what it says here: each has histories that meet it, that break it in every way it can be
//! broken, that never test it, and that come close to breaking it and do not. They stand in tables of timelines, one
//! file for each family of rules; [`case`] and [`timeline`] say how these are read.

mod case;
mod timeline;
mod words;

use std::collections::BTreeSet;

use bgsession_conformance::rules::{self, Level, RULES};

use case::{Case, Wanted};

const TABLES: &[&str] = &include!("tables.rs");

fn cases() -> Vec<Case> {
    TABLES.iter().flat_map(|table| case::read(table)).collect()
}

#[test]
fn every_rule_says_of_every_history_what_it_should() {
    let complaints: Vec<String> = cases().iter().filter_map(Case::complaint).collect();
    assert!(complaints.is_empty(), "{}\n{} histories are misjudged", complaints.join("\n"), complaints.len());
}

#[test]
fn every_rule_has_histories_that_meet_it_that_break_it_and_that_never_test_it() {
    let cases = cases();
    for rule in RULES {
        let has = |wanted: fn(&Wanted) -> bool| {
            cases.iter().any(|case| case.rule == rule.id && wanted(&case.wanted))
        };
        assert!(has(|wanted| matches!(wanted, Wanted::Met(1..))), "nothing meets {}", rule.id);
        assert!(has(|wanted| matches!(wanted, Wanted::Met(0))), "everything tests {}", rule.id);
        assert!(has(|wanted| matches!(wanted, Wanted::Broken { .. })), "nothing breaks {}", rule.id);
    }
}

#[test]
fn no_two_histories_of_a_rule_have_the_same_name() {
    let mut names = BTreeSet::new();
    for case in cases() {
        assert!(
            names.insert((case.rule.clone(), case.name.clone())),
            "{} {} is there twice",
            case.rule,
            case.name
        );
    }
}

#[test]
fn a_rule_is_found_by_its_id_and_says_what_it_is() {
    let rule = rules::find("sch-04").expect("an id may be written in small letters");
    assert_eq!(format!("{rule:?} {:>8}", rule.level), "Rule(SCH-04)     MUST");
    assert_eq!(Level::Should.to_string(), "SHOULD");
    assert!(rules::find("SCH-4").is_none());
}

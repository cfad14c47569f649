//! Hand-written histories, and what each rule must make of them.
//!
//! A rule is trusted because of what it says here: each has histories that meet it, that break it in every way it can be
//! broken, that never test it, and that come close to breaking it and do not. They stand in tables of timelines, one
//! file for each family of rules; [`case`] and [`timeline`] say how these are read, and [`log`] makes somebody else's logs of
//! them.

mod case;
mod log;
mod timeline;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use bgsession_conformance::contract::Policy;
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

#[test]
fn a_rule_stands_by_its_level_and_what_it_rests_on() {
    let standing = |id| rules::find(id).map(|rule| (rule.standing(), rule.basis.to_string()));
    assert_eq!(standing("SCH-04"), Some(("MUST", "documents".to_owned())));
    assert_eq!(standing("SES-29"), Some(("SHOULD", "staff".to_owned())));
    assert_eq!(standing("SCH-06"), Some(("OPT", "silence".to_owned())));
    for rule in RULES {
        assert_eq!(rule.standing() == "OPT", !rule.basis.is_default(), "{}", rule.id);
    }
}

#[test]
fn a_policy_may_leave_nothing_to_judge_and_many_rules_find_what_each_of_them_does() {
    let limited = Policy { limiter_floor: Some(Duration::from_secs(1_200)), ..Policy::default() };
    let rule = rules::find("SES-24").expect("it is in the catalogue");
    assert_eq!(rule.lacks(&Policy::default()), Some("its policy switches the limiter off (limiter_floor)"));
    assert_eq!(rule.lacks(&limited), None);
    let history = timeline::read("00:00 launched; given #1=s; suspended").history;
    let found = rules::judge_all(RULES, &history, &limited);
    assert_eq!(found.len(), RULES.len());
    for (rule, finding) in RULES.iter().zip(found) {
        assert_eq!(finding, rule.judge(&history, &limited), "{}", rule.id);
    }
}

//! What is lawful passes: a false alarm is worse than a miss.
//!
//! `BGSESSION_LONG=1 cargo test -p bgsession-tests lawful` plays about 100,000 scenarios for each variant instead of some
//! 10,000, with another seed; a variant takes some seconds then.

use bgsession_conformance::contract::Policy;
use bgsession_conformance::readings::{Handling, READINGS};
use bgsession_conformance::{DEFAULT_SEED, Options, Report, Subject, World, rules, run};
use bgsession_tests::lawful::{GROUPS, reference};

/// A third of a default run, or the long one.
fn options(subject: &Subject) -> Options {
    let binding = rules::RULES.iter().filter(|rule| rule.binds.contains(&subject.role())).count();
    let long = std::env::var_os("BGSESSION_LONG").is_some();
    let cases = u32::try_from(100_000_usize.div_ceil(binding)).unwrap_or(u32::MAX);
    let rules = rules::RULES.iter().collect();
    let options =
        Options { rules, worlds: vec![World::Sim], threads: 1, cases_sim: 150, ..Options::default() };
    if long { Options { cases_sim: cases, seed: DEFAULT_SEED + 1, ..options } } else { options }
}

fn judge(subject: &Subject) -> Option<Report> {
    let report = run(subject, &options(subject)).expect("something binds the subject");
    (!report.passed()).then_some(report)
}

macro_rules! groups {
    ($($group:ident)*) => {
        $(#[test]
        fn $group() {
            passes(stringify!($group));
        })*

        #[test]
        fn every_group_is_tested() {
            assert_eq!(GROUPS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [$(stringify!($group)),*]);
        }
    };
}

groups! { throttles pace alerts switches numbers transfers challenges data actions apps }

fn passes(group: &str) {
    let variants = GROUPS.iter().find(|(known, _)| *known == group).expect("listed above").1;
    let only = std::env::var("BGSESSION_VARIANT").unwrap_or_default();
    let wanted = variants.iter().filter(|variant| variant.name.contains(&only));
    let alarms: Vec<String> =
        wanted.filter_map(|v| judge(&v.subject())).map(|report| report.to_string()).collect();
    assert!(alarms.is_empty(), "\n{}", alarms.join("\n"));
}

#[test]
fn what_the_documents_leave_open_passes_in_each_reading() {
    let fields = |policy: &Policy| serde_json::to_value(policy).expect("it is plain data");
    let default = fields(&Policy::default());
    let policies: Vec<_> = GROUPS
        .iter()
        .flat_map(|(_, variants)| variants.iter())
        .map(|variant| fields(variant.subject().policy()))
        .collect();
    for reading in READINGS {
        if let Handling::Switch(named) | Handling::Numbers(named) = reading.handling {
            for field in named {
                let other = policies.iter().any(|policy| policy[field] != default[field]);
                assert!(other, "{}: no variant has another {field}", reading.id);
            }
        }
    }
}

#[test]
fn the_reference_itself() {
    if let Some(report) = judge(&reference()) {
        panic!("\n{report}");
    }
}

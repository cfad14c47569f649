//! Every mutant is caught by the rules that are there for it, and the failure that a user would read is reviewed.
//!
//! Each group of the table is two tests: one with the default seed, which keeps the failure blocks as snapshots, and
//! one with nine other seeds, since a rule that needs luck is worth little. Both judge as `suite!` does: one rule at a
//! time, in that rule's own scenarios.

use bgsession_conformance::{DEFAULT_SEED, Failure, Options, Verdict, World, run};
use bgsession_tests::mutants::{GROUPS, Mutant};

macro_rules! groups {
    ($($group:ident)*) => {
        $(mod $group {
            #[test]
            fn is_caught() {
                super::is_caught(stringify!($group));
            }

            #[test]
            fn is_caught_whatever_the_seed() {
                super::is_caught_whatever_the_seed(stringify!($group));
            }
        })*

        #[test]
        fn every_group_is_tested() {
            assert_eq!(GROUPS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [$(stringify!($group)),*]);
        }
    };
}

groups! { handling identity keepalive expiration budget wakes lost_wakes delivery transfers uploads visits kept drains logins slots leaps links pauses progress retries files cuts system held allowance cpu alerts snapshots lists quits invalid seconds answers discretion queue challenges limiter delayed data own servers apps_tasks apps_drains apps_sessions apps_callbacks actions }

fn group(name: &str) -> &'static [Mutant] {
    GROUPS.iter().find(|(known, _)| *known == name).expect("listed above").1
}

fn verdict(mutant: &Mutant, owner: &str, seed: u64) -> Verdict {
    let rule = bgsession_conformance::rules::find(owner).expect("the table names rules that exist");
    let options = Options {
        rules: vec![rule],
        worlds: vec![World::Sim],
        seed,
        threads: 1,
        stop_when_failed: true,
        // Only the failures of the default seed are read.
        shrink_tries: if seed == DEFAULT_SEED { Options::default().shrink_tries } else { 0 },
        ..Options::default()
    };
    let report = run(&mutant.subject(), &options).expect("the owner binds the mutant's role");
    report.verdict(owner, World::Sim).expect("it was judged").clone()
}

fn is_caught(name: &str) {
    let mut wrong = Vec::new();
    for mutant in group(name) {
        for owner in mutant.owners {
            match (verdict(mutant, owner, DEFAULT_SEED), mutant.unseen) {
                (Verdict::Fail(failure), None) => review(mutant, &failure),
                (Verdict::Fail(_), Some(why)) => {
                    wrong.push(format!("{} is caught by {owner} now: delete its mark ({why})", mutant.name));
                }
                (_, Some(_)) => {}
                (verdict, None) => wrong.push(format!("{}: {owner} says {}", mutant.name, verdict.name())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_caught_whatever_the_seed(name: &str) {
    let mut wrong = Vec::new();
    for mutant in group(name).iter().filter(|mutant| mutant.unseen.is_none()) {
        for (owner, seed) in mutant.owners.iter().flat_map(|owner| (2..=10).map(move |seed| (owner, seed))) {
            let verdict = verdict(mutant, owner, seed);
            if !matches!(verdict, Verdict::Fail(_)) {
                wrong.push(format!("{}: {owner} says {} with seed {seed}", mutant.name, verdict.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Compares the failure block with the one that was reviewed.
fn review(mutant: &Mutant, failure: &Failure) {
    let block: String = failure.to_string().lines().map(|line| format!("{}\n", steady(line))).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("{}@{}", mutant.name, failure.rule.id), block));
}

/// Which scenario failed first, and how many were tried, changes with every change of the generator and says nothing.
fn steady(line: &str) -> &str {
    match line.find(", shrunk from ") {
        Some(at) if line.starts_with("  scenario") => &line[..at],
        _ => line,
    }
}

/// What binds nobody can be broken by logs only.
fn judged() -> impl Iterator<Item = &'static bgsession_conformance::rules::Rule> {
    bgsession_conformance::rules::RULES.iter().filter(|rule| !rule.binds.is_empty())
}

#[test]
fn every_rule_has_a_mutant() {
    let owned =
        |id: &str| GROUPS.iter().flat_map(|(_, mutants)| *mutants).any(|mutant| mutant.owners.contains(&id));
    let orphans: Vec<&str> = judged().map(|rule| rule.id).filter(|id| !owned(id)).collect();
    assert!(orphans.is_empty(), "no mutant breaks these, so nothing shows that they can fail: {orphans:?}");
}

/// The page with the figures is made by a program of its own; here its rows are compared with the table.
#[test]
fn the_matrix_names_every_mutant_with_its_rules_and_no_other() {
    let page = include_str!("../MATRIX.md");
    let listed: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let (mutant, rule, caught) = (cells.next()?, cells.next()?, cells.next()?);
            caught.contains('/').then_some((mutant, rule))
        })
        .collect();
    let known: Vec<(&str, &str)> = GROUPS
        .iter()
        .flat_map(|(_, mutants)| *mutants)
        .flat_map(|mutant| mutant.owners.iter().map(|owner| (mutant.name, *owner)))
        .collect();
    assert!(
        listed == known,
        "tests/MATRIX.md is out of date: cargo run --release -p bgsession-tests --example detection > tests/MATRIX.md"
    );
}

//! How well mutants are caught: `cargo run --release -p bgsession-tests --example detection > tests/MATRIX.md`.
//!
//! For every mutant and each rule that must catch it: in how many of ten seeds it was caught at the default number of
//! cases, and after how many scenarios. Then which rules fail it at all, in a run of every rule. With names of groups or
//! mutants behind it, only those, for a look at them.

#![expect(clippy::print_stdout, reason = "its output is the page")]

use std::collections::BTreeMap;

use bgsession_conformance::rules::{self, RULES, Rule};
use bgsession_conformance::{Options, Verdict, World, run};
use bgsession_tests::mutants::{GROUPS, Mutant};

const SEEDS: u64 = 10;

const HEAD: &str = "\
# Rules and mutants

Made by `cargo run --release -p bgsession-tests --example detection`; a test compares its names. Each mutant is the
reference with one promise broken. *Caught* says in how many of ten seeds its rule, judging its own scenarios in `sim`,
caught it at the default number of cases; *after*, the median and the worst number of scenarios that this took. *All that
fail* are the rules that fail it in a run of all of them: a broken promise may break others.
";

fn main() {
    println!("{HEAD}");
    println!("| rule | mutants |\n| --- | --- |");
    for rule in RULES {
        let count = mutants().filter(|mutant| mutant.owners.contains(&rule.id)).count();
        println!("| {} | {count} |", rule.id);
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let (mut caught, mut pairs, mut needed) = (0, 0, Vec::new());
    for (group, mutants) in GROUPS {
        println!(
            "\n## {group}\n\n| mutant | rule | caught | after | all that fail |\n| --- | --- | --- | --- | --- |"
        );
        let named = |mutant: &&Mutant| wanted.iter().any(|name| name == group || name == mutant.name);
        for mutant in mutants.iter().filter(|mutant| wanted.is_empty() || named(mutant)) {
            let all = failing(mutant).join(", ");
            for owner in mutant.owners {
                let found = catches(mutant, owner);
                caught += found.len() as u64;
                pairs += SEEDS;
                println!(
                    "| {} | {owner} | {}/{SEEDS} | {} | {all} |",
                    mutant.name,
                    found.len(),
                    after(&found)
                );
                needed.extend(found);
            }
        }
    }
    println!(
        "\n{caught} of {pairs} pairs of mutant and seed are caught; after {} scenarios.",
        after(&needed)
    );
}

fn mutants() -> impl Iterator<Item = &'static Mutant> {
    GROUPS.iter().flat_map(|(_, mutants)| *mutants)
}

/// How many scenarios it took, seed by seed, in those seeds in which the rule failed.
fn catches(mutant: &Mutant, owner: &str) -> Vec<u64> {
    let rule = rules::find(owner).expect("the table names rules that exist");
    let numbers = (1..=SEEDS).filter_map(|seed| first_failures(mutant, vec![rule], seed).remove(owner));
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

fn failing(mutant: &Mutant) -> Vec<&'static str> {
    first_failures(mutant, RULES.iter().collect(), 1).into_keys().collect()
}

fn first_failures(mutant: &Mutant, rules: Vec<&'static Rule>, seed: u64) -> BTreeMap<&'static str, u64> {
    // A run of all rules has as many scenarios for each as a run of one; the tenth is enough to see what fails.
    let cases_sim = if rules.len() > 1 { 40 } else { Options::default().cases_sim };
    let options = Options {
        rules,
        worlds: vec![World::Sim],
        seed,
        cases_sim,
        shrink_tries: 0,
        stop_when_failed: true,
        ..Options::default()
    };
    let report = run(&mutant.subject(), &options).expect("some rule binds the mutant's role");
    let failed = report.rows.iter().filter_map(|row| match &row.verdicts[..] {
        [(_, Verdict::Fail(failure))] => Some((row.rule.id, failure.number + 1)),
        _ => None,
    });
    failed.collect()
}

/// Median and worst.
fn after(numbers: &[u64]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    match sorted.last() {
        None => "–".to_owned(),
        Some(worst) => format!("{} / {worst}", sorted[sorted.len() / 2]),
    }
}

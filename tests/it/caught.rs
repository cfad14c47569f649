//! Every mutant is caught by the rules that are there for it.

use bgsession_conformance::{Options, Verdict, World, run};
use bgsession_tests::mutants::{GROUPS, Mutant};

/// As `suite!` judges it: one rule, its own scenarios.
fn options(rule: &str, seed: u64) -> Options {
    let rule = bgsession_conformance::rules::find(rule).expect("the table names rules that exist");
    Options { rules: vec![rule], worlds: vec![World::Sim], seed, threads: 1, ..Options::default() }
}

fn missed(mutant: &Mutant, seed: u64) -> Vec<String> {
    let subject = mutant.subject();
    let judged = mutant.owners.iter().filter_map(|owner| {
        let report = run(&subject, &options(owner, seed)).unwrap();
        let verdict = report.verdict(owner, World::Sim).expect("the owner binds the mutant's role");
        (!matches!(verdict, Verdict::Fail(_))).then(|| format!("{}: {owner} says {}", mutant.name, verdict.name()))
    });
    judged.collect()
}

#[test]
fn quick() {
    let mut out = Vec::new();
    for (_, m) in GROUPS { for m in *m { 
        if std::env::var("ONLY").is_ok_and(|o| !m.name.contains(&o)) { continue }
        let t = std::time::Instant::now(); let x = missed(m, 1); println!("{} {:?} {:?} {:?}", m.name, m.owners, x, t.elapsed()); out.extend(x); } }
    assert!(out.is_empty(), "{out:#?}");
}

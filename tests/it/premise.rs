//! A correct subject must not fail because nothing was put to the test.

use bgsession_conformance::contract::Policy;
use bgsession_conformance::scenario::scenarios;
use bgsession_conformance::{World, play, rules};
use bgsession_tests::lawful::reference;

/// With 60 scenarios on real HTTP, a premise that comes up in every tenth is missed in one run of 500.
#[test]
fn every_focus_puts_its_rule_to_the_test() {
    const SCENARIOS: u32 = 600;
    let subject = reference();
    let mut rare = Vec::new();
    for rule in rules::RULES {
        let tested = |seed: &u32| {
            let scenario = scenarios(rule.focus).generate(u64::from(*seed));
            let history = play(&subject, World::Sim, &scenario).expect("the world can be set up");
            rule.judge(&history, &Policy::default()).witnesses > 0
        };
        let count = (0..SCENARIOS).filter(tested).count();
        if count < SCENARIOS as usize / 10 {
            rare.push(format!("{}: {count} of {SCENARIOS} scenarios have {}", rule.id, rule.witness));
        }
    }
    assert!(rare.is_empty(), "give these rules a focus of their own:\n{}", rare.join("\n"));
}

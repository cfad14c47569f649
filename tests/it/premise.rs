//! A correct subject must not fail because nothing was put to the test.

use std::time::Duration;

use bgsession_conformance::contract::Policy;
use bgsession_conformance::scenario::scenarios;
use bgsession_conformance::{Role, World, play, rules};
use bgsession_tests::apps::careful;
use bgsession_tests::closures::runner;
use bgsession_tests::lawful::{limited, reference};

/// With 60 scenarios on real HTTP, a premise that comes up in every tenth is missed in one run of 500.
#[test]
fn every_focus_puts_its_rule_to_the_test() {
    const SCENARIOS: u32 = 300;
    let (usual, limited, app, runner) = (reference(), limited(), careful(), runner());
    let limited_policy = Policy { limiter_floor: Some(Duration::from_secs(1_200)), ..Policy::default() };
    let mut rare = Vec::new();
    for rule in rules::RULES {
        let of_apps = rule.id.starts_with("DEL");
        let of_runners = rule.binds.contains(&Role::Actions);
        let (subject, policy) = match rule.lacks(&Policy::default()) {
            _ if of_apps => (&app, Policy::default()),
            _ if of_runners => (&runner, Policy::default()),
            None => (&usual, Policy::default()),
            Some(_) => (&limited, limited_policy.clone()),
        };
        let tested = |seed: &u32| {
            let scenario = scenarios(rule.focus).generate(u64::from(*seed));
            let history = play(subject, World::Sim, &scenario).expect("the world can be set up");
            rule.judge(&history, &policy).witnesses > 0
        };
        let count = (0..SCENARIOS).filter(tested).count();
        if count < SCENARIOS as usize / 10 {
            rare.push(format!("{}: {count} of {SCENARIOS} scenarios have {}", rule.id, rule.witness));
        }
    }
    assert!(rare.is_empty(), "give these rules a focus of their own:\n{}", rare.join("\n"));
}

//! Failures are as short as a person would make them: ten mutants with the shortest scenario that we could think of.

use bgsession_conformance::scenario::Scenario;
use bgsession_conformance::{DEFAULT_SEED, Options, Verdict, World, play, rules, run};
use bgsession_tests::mutants;

/// Mutant, rule, and a set-up and steps that show it, written by hand.
const BY_HAND: &[(&str, &str, &str, &str)] = &[
    ("suspends-when-handle-returns", "SCH-04", "{}", r#"[{"refresh":{"after":1}}]"#),
    (
        "counts-completions",
        "SCH-05",
        r#"{"finishes":["twice",{"after":14999}]}"#,
        r#"[{"refresh":{"after":1}},{"snapshot":{"after":2}}]"#,
    ),
    ("drops-what-is-over-budget", "SCH-14", r#"{"reschedule":60000}"#, r#"[{"refresh":{"after":1}}]"#),
    ("one-too-many", "SCH-15", r#"{"chain":4}"#, r#"[{"download":{"session":0,"route":"plain","size":1}}]"#),
    (
        "wakes-for-each-transfer",
        "SCH-19",
        "{}",
        r#"[{"download":{"session":0,"route":"plain","size":1}},{"download":{"session":0,"route":"slow","size":1}}]"#,
    ),
    (
        "one-task-for-two-sessions",
        "SCH-20",
        "{}",
        r#"[{"download":{"session":0,"route":"plain","size":1}},{"download":{"session":1,"route":"plain","size":1}},"crash"]"#,
    ),
    ("did-complete-twice", "SES-03", "{}", r#"[{"download":{"session":0,"route":"plain","size":1}}]"#),
    ("no-file-for-an-empty-body", "SES-04", "{}", r#"[{"download":{"session":0,"route":"plain","size":0}}]"#),
    (
        "repeats-the-last-acknowledged-message",
        "SES-18",
        "{}",
        r#"[{"download":{"session":0,"route":"plain","size":1}},{"wait":{"span":50}},"crash"]"#,
    ),
    ("no-did-finish-events", "SES-19", "{}", r#"[{"download":{"session":0,"route":"plain","size":1}}]"#),
];

#[test]
fn no_failure_is_longer_than_one_made_by_hand() {
    let mut complaints = Vec::new();
    for (name, id, setup, steps) in BY_HAND {
        let mutant = mutants::all().find(|mutant| mutant.name == *name).expect("the mutant exists");
        let rule = rules::find(id).expect("the rule exists");
        let text = format!(r#"{{"format":"bgsession-scenario/1","setup":{setup},"steps":{steps}}}"#);
        let by_hand = Scenario::from_json(&text).expect("it is well-formed");
        let subject = mutant.subject();
        let history = play(&subject, World::Sim, &by_hand).expect("sim needs nothing");
        let Some(shown) = rule.judge(&history, &bgsession_conformance::contract::Policy::default()).violation
        else {
            complaints.push(format!("{name}: the scenario made by hand does not break {id}"));
            continue;
        };
        let options = Options {
            rules: vec![rule],
            worlds: vec![World::Sim],
            seed: DEFAULT_SEED,
            threads: 1,
            ..Options::default()
        };
        let report = run(&subject, &options).expect("the rule binds the mutant's role");
        let Some(Verdict::Fail(failure)) = report.verdict(id, World::Sim) else {
            complaints.push(format!("{name}: {id} does not fail"));
            continue;
        };
        let found = failure.violation.as_ref().map_or(usize::MAX, |violation| violation.seq);
        // What people read are the observations: a step more does no harm if it saves some, and the same number of steps
        // may tell another story, if it is not twice as long.
        let longer = failure.scenario.steps.len() > by_hand.steps.len() && found > shown.seq;
        if longer || found > 2 * shown.seq {
            complaints.push(format!(
                "{name}: {} steps and {found} observations, by hand {} and {}",
                failure.scenario.steps.len(),
                by_hand.steps.len(),
                shown.seq
            ));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

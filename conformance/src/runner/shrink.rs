//! Makes failures short: tries simpler scenarios as long as they still break the same rule.

use proptest::strategy::ValueTree;

use super::pool::{self, Beat};
use super::{Options, failure, judge};
use crate::history::{Event, FaultKind, SubjectFault};
use crate::rules::Rule;
use crate::scenario::{Scenario, ScenarioTree};
use crate::subject::Subject;
use crate::verdict::Failure;
use crate::world::{Worker, World};

/// Scenarios tried for one fault at the most.
const TRIES: u32 = 3_000;

/// Shrinks the first failure of each rule.
pub(super) fn all(
    subject: &Subject,
    world: World,
    rules: &[&'static Rule],
    failed: &[(usize, u64)],
    scenario: impl Fn(u64) -> Scenario,
    options: &Options,
) -> Vec<Option<Failure>> {
    let mut found: Vec<Option<Failure>> = rules.iter().map(|_| None).collect();
    let jobs: Vec<(usize, &'static Rule, u64, Scenario)> =
        failed.iter().map(|(index, number)| (*index, rules[*index], *number, scenario(*number))).collect();
    let chunks = (0..jobs.len() as u64).map(|n| n..n + 1).collect();
    let (subject, for_work, tries) = (subject.clone(), jobs.clone(), options.shrink_tries);
    let outcome = pool::run(world, super::threads(options), chunks, move |worker, beat, range| {
        let (index, rule, number, scenario) = for_work[usize::try_from(range.start).unwrap_or(0)].clone();
        Ok((index, one(worker, beat, &subject, world, rule, (number, scenario), tries)?))
    });
    // A world that can not be set up again leaves the failures as they are: without their histories.
    for (index, failure) in outcome.into_iter().flat_map(|outcome| outcome.done) {
        found[index] = Some(failure);
    }
    for (index, rule, number, scenario) in jobs {
        let unshrunk = || failure(rule, world, scenario, crate::history::History::new(), number);
        found[index].get_or_insert_with(unshrunk);
    }
    found
}

fn one(
    worker: &mut Worker,
    beat: &Beat,
    subject: &Subject,
    world: World,
    rule: &'static Rule,
    (number, scenario): (u64, Scenario),
    most: u32,
) -> std::io::Result<Failure> {
    let shrunk_from = scenario.steps.len();
    let mut tree = ScenarioTree::new(scenario);
    let history = worker.run(subject, &tree.current())?;
    let violation = judge(rule, &history, &subject.policy);
    let mut best =
        Failure { violation, shrunk_from, ..failure(rule, world, tree.current(), history, number) };
    let mut tries = 0;
    let mut more = best.violation.is_some() && tree.simplify();
    while more && tries < most {
        tries += 1;
        // A number of its own, so that the watchdog sees that something moves.
        beat.at(number.wrapping_add(u64::from(tries) << 32));
        let scenario = tree.current();
        let history = worker.run(subject, &scenario)?;
        let violation = judge(rule, &history, &subject.policy);
        more = if violation.is_some() {
            best = Failure { violation, shrunk_from, ..failure(rule, world, scenario, history, number) };
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    best.tries = tries;
    Ok(best)
}

/// Shrinks the scenario of a fault. One that keeps the thread is left as it is: each try would cost another thread.
pub(super) fn fault(subject: &Subject, world: World, scenario: Scenario, fault: &SubjectFault) -> Scenario {
    if fault.detail == pool::STUCK {
        return scenario;
    }
    let (subject, kind, from) = (subject.clone(), fault.kind, scenario.clone());
    let outcome = pool::run(world, 1, std::iter::once(0..1).collect(), move |worker, beat, _| {
        let mut tree = ScenarioTree::new(from.clone());
        let mut best = tree.current();
        let mut more = tree.simplify();
        let mut tries: u64 = 0;
        // A runaway takes a million timers each time.
        let limit = if kind == FaultKind::Runaway { 30 } else { u64::from(TRIES) };
        while more && tries < limit {
            tries += 1;
            beat.at(tries);
            let scenario = tree.current();
            let history = worker.run(&subject, &scenario)?;
            let same = history
                .entries
                .iter()
                .any(|e| matches!(&e.event, Event::Fault { fault } if fault.kind == kind));
            more = if same {
                best = scenario;
                tree.simplify()
            } else {
                tree.complicate()
            };
        }
        Ok(best)
    });
    outcome.ok().and_then(|mut outcome| outcome.done.pop()).unwrap_or(scenario)
}

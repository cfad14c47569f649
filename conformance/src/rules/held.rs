//! Conditions that hold tasks back: SCH-16.

use super::budget::{charge, lost};
use super::requests::{Slot, missed};
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS};
use crate::contract::{Charge, Conditions, Time, WakeOutcome};
use crate::history::Event;
use crate::scenario::Focus;

pub(super) const SCH_16: Rule = Rule {
    id: "SCH-16",
    level: Level::Must,
    sentence: "While the battery is low, a workout or navigation runs, or the app's class gets nothing, no budgeted task is \
               delivered; what was held back becomes deliverable when that ends.",
    source: "Using background tasks (facts C6, C10)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a task that fell due under such a condition and was delivered after it",
    hint: "look at the conditions when a task would be delivered, not when it is asked for, and again whenever they change",
    focus: Focus::HELD,
    judge: |facts| {
        let mut finding = Finding::default();
        for handle in &facts.handles {
            for task in handle.tasks.iter().map(|index| &facts.tasks[*index]) {
                let why = charge(task.kind).and_then(|budget| {
                    held(facts, budget, handle.earliest).and_then(|_| held(facts, budget, handle.called))
                });
                if let Some(why) = why {
                    let seen = format!("{} {} delivered at {}", task.id, task.kind, handle.called.at);
                    finding.broken(handle.place, format!("no budgeted task: {why}"), seen);
                }
            }
        }
        for of in [Charge::ApplicationRefresh, Charge::Snapshot] {
            let slot = Slot::of(facts, of);
            for (index, request) in slot.requests.iter().enumerate() {
                if !facts.holds(conditions_at(facts, request.due()), of) {
                    continue;
                }
                if let Some((place, expected, seen)) = missed(facts, of, &slot, index) {
                    finding.broken(place, expected, seen);
                } else if slot.arrival_of(index).is_some() {
                    finding.witness();
                }
            }
        }
        let then = |request: Place| facts.holds(facts.conditions_before(request.seq), Charge::UrlSession);
        lost(facts, then, &mut finding);
        finding.witnesses += woken_after(facts, then);
        finding
    },
};

/// The conditions at a moment, after all that changed in it.
fn conditions_at(facts: &Facts<'_>, at: Time) -> Conditions {
    let before = facts.conditions.partition_point(|(place, _)| place.at <= at);
    before.checked_sub(1).map(|index| facts.conditions[index].1).unwrap_or_default()
}

/// What holds back a task with this charge here. A condition of this very moment may have crossed with the delivery.
fn held(facts: &Facts<'_>, budget: Charge, called: Place) -> Option<&'static str> {
    let earlier = facts.conditions.partition_point(|(place, _)| place.at < called.at);
    let earlier = facts.conditions[..earlier].last().map(|(_, conditions)| *conditions)?;
    let now = facts.conditions_before(called.seq);
    if !facts.holds(earlier, budget) || !facts.holds(now, budget) {
        return None;
    }
    Some(if now.low_power {
        "the battery is low"
    } else if now.busy {
        "a workout runs"
    } else {
        "an app of this class gets none"
    })
}

/// How many sessions asked for a wake under such a condition and got it.
fn woken_after(facts: &Facts<'_>, held: impl Fn(Place) -> bool) -> u32 {
    let mut woken = 0;
    for session in &facts.sessions {
        for request in session.requests.iter().filter(|request| held(**request)) {
            let later = facts.history.entries.get(request.seq..).unwrap_or_default().iter();
            let answer = later.filter_map(|entry| match &entry.event {
                Event::WakeResolved { session: of, outcome } if of == session.id => Some(outcome),
                _ => None,
            });
            woken += u32::from(matches!(answer.take(1).next(), Some(WakeOutcome::Handled(_))));
        }
    }
    woken
}

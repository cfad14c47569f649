//! What becomes of an app whose task is open at the end of its time: SCH-17.

use super::cpu::may_be_blamed;
use super::facts::Task;
use super::keepalive::was_open_at;
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS};
use crate::contract::{AppChange, AppState, AtAllowance, Termination};
use crate::scenario::Focus;

pub(super) const SCH_17: Rule = Rule {
    id: "SCH-17",
    level: Level::Must,
    sentence: "A task that is still open when its allowance has passed leads to the app's termination, or suspension where \
               the policy says so, within the slack; the reason is told apart, and nobody else is punished.",
    source: "Using background tasks; Understanding the exception types in a crash report: SIGKILL (facts B5, B6, B7, X2, \
             X13)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "an app that was stopped for a task left open",
    hint: "one deadline for each task, from its handle on, that only its completion clears; it stands still while the app \
           is suspended",
    focus: Focus::OVERRUN,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in &facts.tasks {
            enforced(facts, task, &mut finding);
        }
        for (place, how) in &facts.changes {
            match how {
                AppChange::Terminated(reason) => justified(facts, *place, Some(*reason), &mut finding),
                AppChange::Suspended => justified(facts, *place, None, &mut finding),
                _ => {}
            }
        }
        finding
    },
};

/// A task that was open in the background all the time that it had has an end to it.
fn enforced(facts: &Facts<'_>, task: &Task<'_>, finding: &mut Finding) {
    let Some((delivered, deadline)) = task.delivered.first().copied().zip(task.deadline()) else {
        return;
    };
    let latest = deadline + facts.policy.termination_slack;
    let behind = facts.state_at(delivered.seq) == AppState::Background
        && !facts.in_front_between(delivered.at, latest);
    let open = task.completed.is_none_or(|place| place.at > latest);
    if !behind || !open {
        return;
    }
    let stop =
        facts.changes.iter().find(|(place, how)| place.is_after(delivered.seq) && !how.state().is_running());
    let wanted = match facts.policy.at_allowance {
        AtAllowance::Terminate => "terminated",
        AtAllowance::Suspend => "suspended",
    };
    let expected = || {
        format!("the app {wanted} between {deadline} and {latest}: {} is open and its time is over", task.id)
    };
    match stop.copied() {
        // What stops it earlier is another matter.
        Some((place, _)) if place.at < deadline => {}
        Some((place, how)) if place.at <= latest => match (how, facts.policy.at_allowance) {
            (AppChange::Terminated(reason), AtAllowance::Suspend) if may_be_blamed(facts, place, reason) => {}
            (AppChange::Terminated(_), AtAllowance::Suspend) => {
                finding.broken(place, expected(), "the app terminated");
            }
            (AppChange::Suspended, AtAllowance::Terminate) => {
                finding.broken(place, expected(), "the app suspended");
            }
            (AppChange::Terminated(_) | AppChange::Suspended, _) => finding.witness(),
            _ => {}
        },
        None if facts.last().at < latest => {}
        later => {
            let before = facts.history.entries.iter().rev().find(|entry| entry.at <= latest);
            let place = before.map_or(delivered, Place::of);
            let seen = later.map_or_else(
                || "the app still ran".to_owned(),
                |(stop, _)| format!("the app still ran until {}", stop.at),
            );
            finding.broken(later.map_or(place, |(stop, _)| stop), expected(), seen);
        }
    }
}

/// Whoever is stopped has a task whose time is over, and is told the right reason.
fn justified(facts: &Facts<'_>, place: Place, reason: Option<Termination>, finding: &mut Finding) {
    let overdue = |task: &&Task<'_>| {
        let deadline = task.deadline();
        let over = deadline.is_some_and(|deadline| place.at >= deadline);
        // Completed after its time and before that was noticed.
        let late = task.completed.zip(deadline).is_some_and(|(done, deadline)| {
            done.at >= deadline && done.is_before(place.seq) && place.at <= facts.enforced_by(deadline)
        });
        over && (was_open_at(task, place) || late)
    };
    let culprits: Vec<&Task<'_>> = facts.tasks.iter().filter(overdue).collect();
    let guilty: Vec<&&Task<'_>> = culprits.iter().filter(|task| is_guilty(facts, task, place)).collect();
    match reason {
        // SCH-25 says whether it used too much.
        Some(reason) if may_be_blamed(facts, place, reason) => {}
        Some(_) if guilty.is_empty() => finding.broken(
            place,
            "the app not terminated: no task is open whose time is over",
            match culprits.first() {
                Some(task) => {
                    format!("the app terminated; {} has not had its time, for the app was suspended", task.id)
                }
                None => "the app terminated".to_owned(),
            },
        ),
        Some(reason) => reason_fits(facts, place, reason, &guilty, finding),
        None if guilty.is_empty() && !culprits.is_empty() => {
            let inside =
                |task: &&Task<'_>| task.deadline().is_some_and(|d| place.at < d) && was_open_at(task, place);
            if let Some(task) = facts.tasks.iter().find(inside) {
                finding.broken(
                    place,
                    format!("the app running: {} is open and has time left", task.id),
                    format!("the app suspended, once more, for {}", culprits[0].id),
                );
            }
        }
        None => {}
    }
}

/// Has this task had its whole allowance with the app executing, and has it not been answered for already?
fn is_guilty(facts: &Facts<'_>, task: &Task<'_>, place: Place) -> bool {
    let Some(delivered) = task.delivered.first().copied() else { return false };
    let over = |at: Place| at.at.since(delivered.at) >= task.allowance + facts.asleep(delivered, at);
    let answered = |(change, how): &(Place, AppChange)| {
        let inside = change.is_after(delivered.seq) && change.is_before(place.seq);
        *how == AppChange::Suspended && inside && over(*change)
    };
    over(place) && !facts.changes.iter().any(answered)
}

fn reason_fits(
    facts: &Facts<'_>,
    place: Place,
    reason: Termination,
    guilty: &[&&Task<'_>],
    finding: &mut Finding,
) {
    let fits = |task: &Task<'_>| match task
        .delivered
        .first()
        .and_then(|delivered| starved(facts, *delivered, place))
    {
        Some(true) => reason == Termination::Starved,
        Some(false) => reason == Termination::Wall,
        None => matches!(reason, Termination::Starved | Termination::Wall),
    };
    if guilty.iter().any(|task| fits(task)) {
        return;
    }
    let id = guilty.first().map_or_else(String::new, |task| task.id.to_string());
    let first = guilty.iter().filter_map(|task| task.delivered.first()).min();
    let (right, why) = if first.is_some_and(|first| starved(facts, *first, place) == Some(true)) {
        ("starved (03)", "the system was too busy for the app all the time")
    } else {
        ("wall time (02)", "the app had the system's time and did not use it")
    };
    let said = format!("the reason {}", code(reason));
    finding.broken(place, format!("the reason {right} for {id}: {why}"), said);
}

/// A reason and the last digits of its code.
pub(super) const fn code(reason: Termination) -> &'static str {
    match reason {
        Termination::Cpu => "CPU time (01)",
        Termination::Starved => "starved (03)",
        _ => "wall time (02)",
    }
}

/// Was the system too busy for the app from one place to another: always, never, or (`None`) now and then?
fn starved(facts: &Facts<'_>, from: Place, to: Place) -> Option<bool> {
    let before = facts.conditions_before(from.seq).starved;
    let inside = |place: &Place| place.is_after(from.seq) && place.is_before(to.seq);
    let mut changes = facts.conditions.iter().filter(|(place, _)| inside(place));
    changes.all(|(_, now)| now.starved == before).then_some(before)
}

//! The CPU time that an app may use for a task: SCH-25.

use std::time::Duration;

use super::allowance::code;
use super::facts::Task;
use super::keepalive::was_open_at;
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS};
use crate::contract::{AppChange, AppState, AtAllowance, RefreshKind, Termination, Time};
use crate::history::Event;
use crate::scenario::Focus;
use crate::subject::Capability;

pub(super) const SCH_25: Rule = Rule {
    id: "SCH-25",
    level: Level::Must,
    sentence: "An app that uses up its CPU time for an application refresh that it keeps open is ended within the \
               slack, with that reason, which is told apart from the others; nobody is ended for CPU time that it did \
               not use.",
    source: "Understanding the exception types in a crash report: SIGKILL; a talk of 2020 (facts B5, B6, B7)",
    basis: Basis::Documents,
    needs: &[Capability::CpuTime],
    binds: SCHEDULERS,
    witness: "an app that was ended for using up the CPU time of its task",
    hint: "take AppProcess::cpu_time where handle begins, and compare while the task is open; it stands still while the \
           app waits, sleeps, is suspended or starved",
    focus: Focus::COMPUTING,
    judge: |facts| {
        if facts.policy.at_allowance == AtAllowance::Suspend {
            return Finding::inapplicable(
                "the end of an allowance is a suspension; no document says so of CPU time",
            );
        }
        let mut finding = Finding::default();
        let busy = Busy::of(facts);
        for task in facts.tasks.iter().filter(|task| *task.kind == RefreshKind::ApplicationRefresh) {
            enforced(facts, &busy, task, &mut finding);
        }
        for (place, how) in &facts.changes {
            if *how == AppChange::Terminated(Termination::Cpu) {
                justified(facts, &busy, *place, &mut finding);
            }
        }
        finding
    },
};

/// When the app used the processor: spans of time, in order, that do not overlap.
struct Busy(Vec<(Time, Time)>);

impl Busy {
    fn of(facts: &Facts<'_>) -> Self {
        let (mut spans, mut since) = (Vec::new(), None);
        let (mut computes, mut runs, mut starved) = (false, false, false);
        for entry in &facts.history.entries {
            match &entry.event {
                Event::Computing { on } => computes = *on,
                Event::App { change } => {
                    runs = change.state().is_running();
                    computes &= change.state() != AppState::NotRunning;
                }
                Event::Conditions { conditions } => starved = conditions.starved,
                _ => continue,
            }
            match (since, computes && runs && !starved) {
                (None, true) => since = Some(entry.at),
                (Some(began), false) => {
                    spans.push((began, entry.at));
                    since = None;
                }
                _ => {}
            }
        }
        spans.extend(since.map(|began| (began, facts.last().at)));
        Self(spans)
    }

    /// What was used from one moment to another.
    fn used(&self, from: Time, to: Time) -> Duration {
        self.0.iter().map(|(began, ended)| (*ended).min(to).since((*began).max(from))).sum()
    }

    /// When this much has been used since a moment.
    fn used_up(&self, from: Time, mut left: Duration) -> Option<Time> {
        for (began, ended) in &self.0 {
            let began = (*began).max(from);
            if ended.since(began) >= left {
                return Some(began + left);
            }
            left -= ended.since(began);
        }
        None
    }
}

/// An app that was behind all the time is ended for what it used.
fn enforced(facts: &Facts<'_>, busy: &Busy, task: &Task<'_>, finding: &mut Finding) {
    let Some(delivered) = task.delivered.first().copied() else { return };
    let Some(over) = busy.used_up(delivered.at, facts.policy.cpu_allowance) else { return };
    let latest = over + facts.policy.termination_slack;
    let behind = facts.state_at(delivered.seq) == AppState::Background
        && !facts.in_front_between(delivered.at, latest);
    let open = task.completed.is_none_or(|done| done.at > latest);
    if !behind || !open {
        return;
    }
    let stop = facts
        .changes
        .iter()
        .find(|(place, how)| place.is_after(delivered.seq) && !how.state().is_running())
        .copied();
    let expected =
        || format!("the app terminated for its CPU time between {over} and {latest}: {} is open", task.id);
    let wall = |place: Place| {
        facts.tasks.iter().any(|task| {
            was_open_at(task, place) && task.deadline().is_some_and(|deadline| deadline <= place.at)
        })
    };
    match stop {
        // What stops it earlier is another matter.
        Some((place, _)) if place.at < over => {}
        Some((place, AppChange::Terminated(Termination::Cpu))) if place.at <= latest => finding.witness(),
        // Its time is up as well: either reason will do.
        Some((place, AppChange::Terminated(_))) if place.at <= latest && wall(place) => {}
        Some((place, AppChange::Terminated(reason))) if place.at <= latest => {
            finding.broken(place, expected(), format!("the reason {}", code(reason)));
        }
        Some((place, AppChange::Suspended)) if place.at <= latest => {
            finding.broken(place, expected(), "the app suspended");
        }
        Some((place, _)) if place.at <= latest => {}
        None if facts.last().at <= latest => {}
        later => {
            let seen = later.map_or_else(
                || "the app still ran".to_owned(),
                |(stop, _)| format!("the app still ran until {}", stop.at),
            );
            let before = facts.history.entries.iter().rev().find(|entry| entry.at <= latest);
            let place = later.map(|(stop, _)| stop).or_else(|| before.map(Place::of));
            finding.broken(place.unwrap_or(delivered), expected(), seen);
        }
    }
}

/// Since the app was woken, or was given a task that is open, it has used what one task allows; and has a task open, or
/// had a moment ago.
fn justified(facts: &Facts<'_>, busy: &Busy, place: Place, finding: &mut Finding) {
    let Some((used, since)) = blamed(facts, busy, place) else { return };
    let allowance = facts.policy.cpu_allowance;
    if used < allowance {
        finding.broken(
            place,
            format!(
                "no end for CPU time: since {since} the app has used {} of {} s",
                used.as_secs_f64(),
                allowance.as_secs_f64()
            ),
            "the app terminated for its CPU time",
        );
    } else if in_hand(facts, place).next().is_none() {
        finding.broken(
            place,
            "the app not terminated: no task is open",
            "the app terminated for its CPU time",
        );
    }
}

/// The tasks that are open, or were a moment ago.
fn in_hand<'f, 'h>(facts: &'f Facts<'h>, place: Place) -> impl Iterator<Item = &'f Task<'h>> {
    let slack = facts.policy.termination_slack;
    facts.tasks.iter().filter(move |task| {
        was_open_at(task, place)
            || task.completed.is_some_and(|done| done.is_before(place.seq) && place.at <= done.at + slack)
    })
}

/// The CPU time that the app has used since it began to run, or since the oldest of its tasks was handed over if that was
/// before, and when that was; if it has used any in this process.
fn blamed(facts: &Facts<'_>, busy: &Busy, place: Place) -> Option<(Duration, Time)> {
    let (mut launched, mut woken) = (None, Time::ZERO);
    for (at, how) in facts.changes.iter().take_while(|(at, _)| at.is_before(place.seq)) {
        if how.state() == AppState::NotRunning {
            launched = None;
        } else if launched.is_none() || *how == AppChange::Resumed {
            woken = at.at;
            launched.get_or_insert(at.at);
        }
    }
    let delivered = in_hand(facts, place).filter_map(|task| task.delivered.first());
    let oldest = delivered.map(|delivered| delivered.at).min().unwrap_or(woken);
    let since = woken.min(oldest).max(launched.unwrap_or(woken));
    let used = busy.used(since, place.at);
    (!used.is_zero()).then_some((used, since))
}

/// Has the app used CPU time by this place, since it began to run? Then SCH-25 says whether it may be ended for that.
pub(super) fn may_be_blamed(facts: &Facts<'_>, place: Place, reason: Termination) -> bool {
    reason == Termination::Cpu && (facts.is_log() || blamed(facts, &Busy::of(facts), place).is_some())
}

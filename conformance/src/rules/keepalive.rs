//! How long the app runs: SCH-03, SCH-04, SCH-05, SCH-18.

use std::time::Duration;

use super::cpu::may_be_blamed;
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS, spoken};
use crate::contract::{AppChange, AppState, Termination, Time};
use crate::scenario::Focus;

/// Where the system stopped the app's code although this task was open and inside its allowance.
struct Cut<'f, 'h> {
    place: Place,
    how: AppChange,
    task: &'f super::facts::Task<'h>,
}

/// Every suspension and termination by the system, with the tasks that it came too early for.
fn cuts<'f, 'h>(facts: &'f Facts<'h>) -> impl Iterator<Item = Cut<'f, 'h>> + use<'f, 'h> {
    let stops = facts.changes.iter().filter(|(place, how)| match how {
        AppChange::Suspended => !excused(facts, *place),
        AppChange::Terminated(reason) => !may_be_blamed(facts, *place, *reason) && !excused(facts, *place),
        _ => false,
    });
    stops.flat_map(move |(place, how)| {
        let protected = facts.tasks.iter().filter(move |task| was_open_at(task, *place));
        protected.map(move |task| Cut { place: *place, how: *how, task })
    })
}

/// As it was just before this entry, which may itself have ended the process.
pub(super) fn was_open_at(task: &super::facts::Task<'_>, place: Place) -> bool {
    task.delivered.first().is_some_and(|delivered| delivered.is_before(place.seq))
        && task.completed.is_none_or(|completed| completed.is_after(place.seq))
        && task.orphaned.is_none_or(|orphaned| orphaned.is_from(place.seq))
}

/// A task may be over its allowance, this one or another: then the app is ended whatever else is open, even if that task
/// is completed before its end is enforced. A log may not know of it.
fn excused(facts: &Facts<'_>, place: Place) -> bool {
    !facts.knows_tasks(place.seq)
        || facts.tasks.iter().any(|task| {
            let late = |deadline: Time| {
                let done = task.completed.filter(|done| done.is_before(place.seq));
                done.is_some_and(|done| done.at >= deadline) && place.at <= facts.enforced_by(deadline)
            };
            task.deadline()
                .is_some_and(|deadline| place.at >= deadline && (was_open_at(task, place) || late(deadline)))
        })
}

fn verb(how: AppChange) -> &'static str {
    if how == AppChange::Suspended { "suspended" } else { "terminated" }
}

pub(super) const SCH_03: Rule = Rule {
    id: "SCH-03",
    level: Level::Must,
    sentence: "A later call of handle does not change the status of tasks delivered earlier and still open.",
    source: "Using background tasks: calls of handle can overlap (fact A5)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a task that was open when handle was called again",
    hint: "keep every open task, not the last set only; suspend when none at all is open",
    focus: Focus::OVERLAP,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in &facts.tasks {
            let overlapped = facts.handles.iter().any(|handle| task.is_open_at(handle.place.seq));
            finding.witnesses += u32::from(overlapped);
        }
        for cut in cuts(facts) {
            let later = facts.handles.iter().find(|handle| {
                handle.place.is_before(cut.place.seq) && cut.task.is_open_at(handle.place.seq)
            });
            if let Some(later) = later {
                finding.broken(
                    cut.place,
                    format!("task {}, open since {}, to keep the app running", cut.task.id, since(cut.task)),
                    format!(
                        "the app {} with it open, after another handle at {}",
                        verb(cut.how),
                        later.place.at
                    ),
                );
            }
        }
        finding
    },
};

fn since(task: &super::facts::Task<'_>) -> Time {
    task.delivered.first().map_or(Time::ZERO, |place| place.at)
}

pub(super) const SCH_04: Rule = Rule {
    id: "SCH-04",
    level: Level::Must,
    sentence: "The app stays runnable while any delivered task is open and inside its allowance, and is suspended \
               promptly once none is open.",
    source: "WKRefreshBackgroundTask.setTaskCompletedWithSnapshot(_:); Using background tasks (facts B2, B4)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a background wake that ended in a suspension after the last completion",
    hint: "suspend when the last open task is completed, or the user leaves with none open: not when handle returns",
    focus: Focus::OVERLAP,
    judge: |facts| {
        let mut finding = Finding::default();
        for cut in cuts(facts) {
            finding.broken(
                cut.place,
                format!(
                    "the app running: task {} is open and has time until {}",
                    cut.task.id,
                    deadline(cut.task)
                ),
                format!("the app {}", verb(cut.how)),
            );
        }
        suspensions(facts, &mut finding);
        left_alone(facts, &mut finding);
        finding
    },
};

fn deadline(task: &super::facts::Task<'_>) -> Time {
    task.deadline().unwrap_or(Time::DISTANT_FUTURE)
}

/// Is this the end of an allowance that was overrun, enforced a little late? Its task may have been completed meanwhile.
fn enforced(facts: &Facts<'_>, place: Place) -> bool {
    facts.tasks.iter().any(|task| {
        let overrun = |deadline: Time| {
            task.completed.is_none_or(|done| done.at >= deadline)
                && place.at >= deadline
                && place.at <= facts.enforced_by(deadline)
        };
        task.deadline().is_some_and(overrun)
    })
}

/// An app that the user has left, with no task open, is suspended as promptly.
fn left_alone(facts: &Facts<'_>, finding: &mut Finding) {
    let slack = facts.policy.suspension_slack;
    for (left, _) in facts.changes.iter().filter(|(_, change)| *change == AppChange::Backgrounded) {
        let busy = !facts.knows_tasks(left.seq) || facts.tasks.iter().any(|task| was_open_at(task, *left));
        let change = facts.changes.iter().map(|(place, _)| *place).find(|place| place.is_after(left.seq));
        let handle = facts.handles.iter().find(|handle| handle.place.is_after(left.seq));
        let next = [change, handle.map(|handle| handle.place)].into_iter().flatten().min();
        let next = next.unwrap_or_else(|| facts.last());
        // Tasks that it was started for are on their way: to suspend it would be to strand them.
        let busy =
            busy || handle.is_some_and(|handle| handle.place == next && handle.called.is_before(left.seq));
        let killed = facts.changes.iter().any(|(place, how)| {
            *place == next && *how == AppChange::Terminated(Termination::Wall) && !enforced(facts, next)
        });
        if !busy && killed {
            finding.broken(
                next,
                "the app suspended: the user has left it",
                "the app terminated with no task open",
            );
        } else if !busy && next.at > left.at + slack {
            finding.broken(
                *left,
                format!("the app suspended within {} s of the user leaving it", slack.as_secs()),
                format!("the app still ran {} later with no task open", spoken(next.at.since(left.at))),
            );
        }
    }
}

/// Between the last completion and the suspension lies no more than the slack.
fn suspensions(facts: &Facts<'_>, finding: &mut Finding) {
    let slack = facts.policy.suspension_slack;
    for task in &facts.tasks {
        let Some(done) = task.completed else { continue };
        let behind = facts.state_at(done.seq) == AppState::Background;
        let last = facts.knows_tasks(done.seq) && !facts.tasks.iter().any(|other| was_open_at(other, done));
        if !behind || !last || task.delivered.is_empty() {
            continue;
        }
        let change = facts.changes.iter().find(|(place, _)| place.is_after(done.seq));
        let handle = facts.handles.iter().find(|handle| handle.place.is_after(done.seq));
        let next =
            [change.map(|(place, _)| *place), handle.map(|handle| handle.place)].into_iter().flatten().min();
        match change {
            Some((place, AppChange::Suspended)) if place.at <= done.at + slack => finding.witness(),
            Some((place, AppChange::Terminated(Termination::Wall)))
                if next == Some(*place) && !enforced(facts, *place) =>
            {
                finding.broken(
                    *place,
                    "the app suspended: its last task has been completed",
                    "the app terminated with no task open",
                );
            }
            _ => {
                let until = next.unwrap_or_else(|| facts.last());
                if until.at > done.at + slack {
                    finding.broken(
                        done,
                        format!("the app suspended within {} s of the last completion", slack.as_secs()),
                        format!(
                            "the app still ran {} later with no task open",
                            spoken(until.at.since(done.at))
                        ),
                    );
                }
            }
        }
    }
}

pub(super) const SCH_05: Rule = Rule {
    id: "SCH-05",
    level: Level::Must,
    sentence: "A repeated completion of one task does not count as the completion of another.",
    source: "WKRefreshBackgroundTask.setTaskCompletedWithSnapshot(_:) (fact B23, gap U2)",
    basis: Basis::Reports,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a task completed twice while another was open",
    hint: "ignore completion reports that say `repeated`; count open tasks by identity, not with a number",
    focus: Focus::TWICE,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in &facts.tasks {
            for repeat in &task.repeats {
                for other in
                    facts.tasks.iter().filter(|other| other.id != task.id && was_open_at(other, *repeat))
                {
                    let cut =
                        cuts(facts).find(|cut| cut.task.id == other.id && cut.place.is_after(repeat.seq));
                    if let Some(cut) = cut {
                        finding.broken(
                            cut.place,
                            format!(
                                "task {} still to count as open: only {} was completed, twice",
                                other.id, task.id
                            ),
                            format!("the app {}", verb(cut.how)),
                        );
                    } else {
                        finding.witness();
                    }
                }
            }
        }
        finding
    },
};

/// So much later than its deadline a task's expiration may still be enforced before it counts as another event.
const AFTERWARDS: Duration = Duration::from_secs(30);

pub(super) const SCH_18: Rule = Rule {
    id: "SCH-18",
    level: Level::Must,
    sentence: "An expiration handler is called once, for its own still-open task only, before that task's deadline; \
               completing inside it counts as in time.",
    source: "WKRefreshBackgroundTask.expirationHandler (fact B12)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "an expiration handler that ran in time",
    hint: "one timer per open task, cleared by its completion; call SystemTask::expire for that task alone",
    focus: Focus::OVERLAP,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in &facts.tasks {
            let Some(deadline) = task.deadline() else { continue };
            for (position, (place, open, handler)) in task.expirations.iter().enumerate() {
                // In front, no allowance is enforced; afterwards its end may lie in the past.
                let in_front = task.delivered.first().is_some_and(|d| facts.in_front_between(d.at, place.at));
                // Nor is any used up while the app is suspended.
                let asleep = task.delivered.first().map_or(Duration::ZERO, |d| facts.asleep(*d, *place));
                let deadline = deadline + asleep;
                if !open {
                    finding.broken(
                        *place,
                        "no expiration for a completed task",
                        format!("{} was expired", task.id),
                    );
                } else if position > 0 {
                    finding.broken(
                        *place,
                        "one expiration for a task",
                        format!("{} was expired again", task.id),
                    );
                } else if place.at >= deadline && !in_front {
                    finding.broken(
                        *place,
                        format!("the expiration of {} before its deadline at {deadline}", task.id),
                        format!("its expiration at {}", place.at),
                    );
                } else if place.at < early(facts, deadline) && !in_front {
                    finding.broken(
                        *place,
                        format!("the expiration of {} when its time is nearly over, at {deadline}", task.id),
                        format!("its expiration {} s before", deadline.since(place.at).as_secs()),
                    );
                } else {
                    finding.witnesses += u32::from(*handler);
                }
            }
            owed(facts, task, deadline, &mut finding);
            punished(facts, task, deadline, &mut finding);
        }
        finding
    },
};

/// An expiration long before the end is not one "when time is nearly over", but one of another task's.
fn early(facts: &Facts<'_>, deadline: Time) -> Time {
    deadline.saturating_sub(facts.policy.expiration_lead * 2 + Duration::from_secs(3))
}

/// A task that stays open to its deadline, behind, gets its handler called.
fn owed(facts: &Facts<'_>, task: &super::facts::Task<'_>, deadline: Time, finding: &mut Finding) {
    let Some((handler, delivered)) = task.handler.zip(task.delivered.first()) else {
        return;
    };
    let open = task.completed.is_none_or(|place| place.at > deadline)
        // What is enforced at the deadline comes after what was owed before it.
        && task.orphaned.is_none_or(|p| p.at >= deadline && !facts.ended_unseen(p));
    let over = facts.last().at > deadline;
    let behind = facts.state_at(delivered.seq) == AppState::Background
        && !facts.in_front_between(delivered.at, deadline)
        && facts.stops_after(delivered.seq).is_none_or(|place| place.at >= deadline);
    if open && over && behind && handler.at < deadline && task.expirations.is_empty() {
        let after = facts.history.entries.iter().rev().find(|entry| entry.at <= deadline);
        let place = after.map_or(*delivered, Place::of);
        finding.broken(
            place,
            format!("the handler that the app set on {} at {} called before {deadline}", task.id, handler.at),
            "its allowance passed without a call",
        );
    }
}

/// A task completed inside its handler is not punished.
fn punished(facts: &Facts<'_>, task: &super::facts::Task<'_>, deadline: Time, finding: &mut Finding) {
    let Some((done, (expired, ..))) = task.completed.zip(task.expirations.first()) else {
        return;
    };
    if done.is_before(expired.seq) || done.at > deadline {
        return;
    }
    let killed = facts.changes.iter().find(|(place, how)| {
        *how == AppChange::Terminated(Termination::Wall)
            && place.is_after(done.seq)
            && place.at <= deadline + AFTERWARDS
    });
    if let Some((place, _)) = killed.filter(|(place, _)| !excused(facts, *place)) {
        finding.broken(
            *place,
            format!("no punishment: {} was completed in its expiration handler, in time", task.id),
            "the app terminated for using up its allowance",
        );
    }
}

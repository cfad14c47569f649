//! Closures for refresh tasks, and who runs them: SCH-24.

use super::facts::Place;
use super::runs::{Run, Served, served};
use super::{Basis, Facts, Finding, Level, RUNNERS, Rule};
use crate::contract::AppChange;
use crate::scenario::Focus;

pub(super) const SCH_24A: Rule = Rule {
    id: "SCH-24a",
    level: Level::Must,
    sentence: "For a task that it is handed, what runs an app's closures runs every closure whose pattern matches, once, and \
               no other; names match byte for byte.",
    source: "backgroundTask(_:action:); BackgroundTask.urlSession(_:), appRefresh(_:) (facts B14, B15)",
    basis: Basis::Documents,
    needs: &[],
    binds: RUNNERS,
    witness: "a task completed that some closures matched and others did not",
    hint: "compare names byte for byte, never by prefix or case; look at every closure, not only at the first that matches",
    focus: Focus::CLOSURES,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in served(facts) {
            let named = described(&task);
            for closure in &task.others {
                if let Some(run) = task.runs_of(closure).next() {
                    finding.broken(run.began, format!("{} not run for {named}", closure.name()), "it runs");
                }
            }
            for closure in &task.matching {
                if let Some(again) = task.runs_of(closure).nth(1) {
                    finding.broken(
                        again.began,
                        format!("{} run once for {named}", closure.name()),
                        "it runs again",
                    );
                }
            }
            left_out(&task, &mut finding);
            let tells = !task.matching.is_empty() && !task.others.is_empty();
            finding.witnesses += u32::from(tells && task.done().is_some());
        }
        strays(facts, &mut finding);
        finding
    },
};

/// A closure that matches and did not run, though the task was completed or nothing ran for it any more.
fn left_out(task: &Served<'_, '_>, finding: &mut Finding) {
    let named = described(task);
    for closure in &task.matching {
        let began = task.runs_of(closure).next().map(|run| run.began);
        let not_by =
            |place: Place| began.is_none_or(|began| began.is_after(place.seq)) && !task.is_short(place);
        if let Some(done) = task.done().filter(|done| not_by(*done)) {
            finding.broken(
                done,
                format!("{} run for {named}", closure.name()),
                "completed without that".to_owned(),
            );
        } else if began.is_none()
            && let Some(idle) = idle_since(task).filter(|idle| !task.is_short(*idle))
            && let Some(place) = task.still_open(idle, task.held.facts.policy.suspension_slack)
        {
            finding.broken(
                place,
                format!("{} run for {named}", closure.name()),
                format!("nothing ran for it after {}", idle.at),
            );
        }
    }
}

/// Since when nothing has run in the task's process; `None` if something goes on. Closures may run one after the other, those of
/// other tasks too.
fn idle_since(task: &Served<'_, '_>) -> Option<Place> {
    let (given, over) = (task.held.given, task.held.over);
    let facts = task.held.facts;
    let launch = facts.launched_before(given.seq).map_or(0, |launch| launch.seq);
    let others = facts.runs.iter().filter(|run| {
        let here = run.began.is_after(launch) && run.began.is_before(over.seq);
        here && run.over.is_none_or(|end| end.is_after(given.seq))
    });
    let ends: Option<Vec<Place>> = others.map(|run| run.over.filter(|end| end.is_before(over.seq))).collect();
    Some(ends?.into_iter().max().unwrap_or(given).max(given))
}

/// Runs for what has not been handed over.
fn strays(facts: &Facts<'_>, finding: &mut Finding) {
    for run in &facts.runs {
        let task = facts.tasks.iter().find(|task| task.id == run.task);
        let given =
            task.and_then(|task| task.delivered.first()).filter(|given| given.is_before(run.began.seq));
        if given.is_none() {
            finding.broken(
                run.began,
                "closures run only for tasks that have been handed over",
                format!("closure {} runs for task {}, which has not", run.action, run.task),
            );
        }
    }
}

/// A task with what patterns look at.
fn described(task: &Served<'_, '_>) -> String {
    let name = task.held.name();
    match task.held.task.user_info {
        Some(info) if task.held.task.session().is_none() => {
            format!("{} with {:?}", name.trim_end_matches(')'), info.as_str()) + ")"
        }
        _ => name,
    }
}

pub(super) const SCH_24B: Rule = Rule {
    id: "SCH-24b",
    level: Level::Must,
    sentence: "A task that closures run for is completed once, when the last of them has returned; sooner only if its time is \
               nearly over.",
    source: "backgroundTask(_:action:): a task counts as completed when its action returns (fact B14)",
    basis: Basis::Documents,
    needs: &[],
    binds: RUNNERS,
    witness: "a task completed after a closure had returned for it",
    hint: "count the closures that run for a task, not those that are registered, and complete it when the count gets zero",
    focus: Focus::CLOSURES,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in served(facts) {
            let name = task.held.name();
            let done = task.done();
            if let Some((done, again)) = done.zip(task.held.task.repeats.first()) {
                finding.broken(
                    *again,
                    format!("{name} completed once"),
                    format!("completed at {} and again at {}", done.at, again.at),
                );
            }
            if let Some(done) = done {
                let returned = |run: &&&Run| run.over.is_some_and(|over| over.is_before(done.seq));
                finding.witnesses += u32::from(task.runs.iter().any(|run| returned(&run)));
                let unfinished = task.runs.iter().find(|run| run.goes_on_at(done));
                if let Some(run) = unfinished.filter(|_| !task.is_short(done)) {
                    let until = run.over.map_or_else(
                        || "which does not return".to_owned(),
                        |over| format!("until {}", over.at),
                    );
                    finding.broken(
                        done,
                        format!("{name} open until the last of its closures has returned"),
                        format!("completed with closure {} still running, {until}", run.action),
                    );
                }
            }
            overdue(&task, &mut finding);
        }
        finding
    },
};

/// All have returned, and the task is open.
fn overdue(task: &Served<'_, '_>, finding: &mut Finding) {
    let all_ran = task.matching.iter().all(|closure| task.runs_of(closure).next().is_some());
    let ends: Option<Vec<Place>> = task.runs.iter().map(|run| run.over).collect();
    let Some(last) = ends.filter(|_| all_ran).and_then(|ends| ends.into_iter().max()) else { return };
    if let Some(place) = task.still_open(last, task.held.facts.policy.suspension_slack) {
        finding.broken(
            place,
            format!("{} completed when its last closure returned, at {}", task.held.name(), last.at),
            task.done().map_or_else(
                || "never completed".to_owned(),
                |done| format!("completed only at {}", done.at),
            ),
        );
    }
}

pub(super) const SCH_24C: Rule = Rule {
    id: "SCH-24c",
    level: Level::Must,
    sentence: "When the time of a task is nearly over, the closures that still run for it are cancelled; while its time \
               lasts, they are not.",
    source: "backgroundTask(_:action:): an action that has not returned when the time runs out is cancelled (fact B14)",
    basis: Basis::Documents,
    needs: &[],
    binds: RUNNERS,
    witness: "a closure that ran when the time of its task was nearly over",
    hint: "set an expiration handler on every task, and cancel in it all closures that run for this task",
    focus: Focus::LONG_CLOSURES,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in served(facts) {
            let name = task.held.name();
            let expired = task.expired();
            for (run, cancelled) in task.runs.iter().filter_map(|run| Some((run, run.cancelled?))) {
                if !task.is_short(cancelled) {
                    let until = task.held.deadline();
                    finding.broken(
                        cancelled,
                        format!("closure {} let run: {name} has time until {until}", run.action),
                        "cancelled".to_owned(),
                    );
                } else if expired.is_none_or(|expired| cancelled.is_before(expired.seq)) {
                    finding.witness();
                }
            }
            let Some(expired) = expired else { continue };
            for run in task.runs.iter().filter(|run| run.goes_on_at(expired)) {
                let told_before = run.cancelled.is_some_and(|cancelled| cancelled.is_before(expired.seq));
                finding.witnesses += u32::from(!told_before);
                if let Some(late) = not_cancelled(facts, &task, run, expired) {
                    finding.broken(
                        late,
                        format!("closure {} cancelled: the time of {name} was nearly over", run.action),
                        run.cancelled.map_or_else(
                            || "never cancelled".to_owned(),
                            |cancelled| format!("cancelled only at {}", cancelled.at),
                        ),
                    );
                }
            }
        }
        finding
    },
};

/// Where it is plain that a closure that should have been cancelled was not.
fn not_cancelled(facts: &Facts<'_>, task: &Served<'_, '_>, run: &Run, expired: Place) -> Option<Place> {
    let deadline = task.end_of_time(expired);
    let settled = [run.cancelled, run.over].into_iter().flatten().min();
    let stop = facts.changes.iter().find(|(place, change)| {
        place.is_after(expired.seq) && (!change.state().is_running() || place.is_from(task.held.over.seq))
    });
    let stopped = stop.map(|(place, _)| *place);
    if settled.is_some_and(|it| it.at <= deadline && stopped.is_none_or(|stop| it.is_before(stop.seq))) {
        return None;
    }
    if let Some((place, change)) = stop.filter(|(place, _)| place.at < deadline) {
        // Whoever completes a task gives the app up: what it has not cancelled by then it has left alone.
        let given_up =
            *change == AppChange::Suspended && task.done().is_some_and(|done| done.is_before(place.seq));
        return given_up.then_some(*place);
    }
    Some(settled.or(stopped).unwrap_or_else(|| facts.last()))
}

pub(super) const SCH_24D: Rule = Rule {
    id: "SCH-24d",
    level: Level::Should,
    sentence: "A task that no closure matches is completed before its time is up.",
    source: "backgroundTask(_:action:), which has actions only for kinds that the app cares about; silence on the others (fact \
             B14, gap U13)",
    basis: Basis::Silence,
    needs: &[],
    binds: RUNNERS,
    witness: "a task that no closure matches",
    hint: "complete what nothing runs for: the app can not",
    focus: Focus::FEW_CLOSURES,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in served(facts).filter(|task| task.matching.is_empty()) {
            finding.witness();
            if let Some(overrun) = task.held.overrun() {
                finding.broken(
                    overrun,
                    format!(
                        "{} completed by {}: no closure matches it",
                        described(&task),
                        task.held.deadline()
                    ),
                    task.done().map_or_else(
                        || "never completed".to_owned(),
                        |done| format!("completed at {}", done.at),
                    ),
                );
            }
        }
        finding
    },
};

pub(super) const SCH_24E: Rule = Rule {
    id: "SCH-24e",
    level: Level::Should,
    sentence: "A task whose time is nearly over is completed before it is, also if a closure that was cancelled does not \
               return.",
    source: "WKRefreshBackgroundTask.expirationHandler; silence on closures that do not return (facts B12, B14)",
    basis: Basis::Silence,
    needs: &[],
    binds: RUNNERS,
    witness: "a closure that had not returned when the time of its task was up",
    hint: "cancelling is asking: complete the task a moment later, whatever its closures do",
    focus: Focus::LONG_CLOSURES,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in served(facts) {
            let expired = task.expired();
            let deadline = expired.map_or_else(|| task.held.deadline(), |expired| task.end_of_time(expired));
            let on = |run: &Run| {
                let was_short =
                    run.cancelled.is_some() || expired.is_some_and(|expired| run.goes_on_at(expired));
                was_short && (run.dropped || run.over.is_none_or(|over| over.at > deadline))
            };
            let Some(run) = task.runs.iter().find(|run| on(run)) else { continue };
            finding.witness();
            if let Some(overrun) = task.held.overrun() {
                finding.broken(
                    overrun,
                    format!("{} completed by {deadline}", task.held.name()),
                    format!("still open: closure {} does not return", run.action),
                );
            }
        }
        finding
    },
};

//! The app completes its tasks, each once and in time: DEL-01, DEL-04, DEL-08a.

use super::facts::Place;
use super::in_hand::{InHand, in_hand};
use super::{Basis, DELEGATES, Facts, Finding, Level, Rule};
use crate::scenario::Focus;

pub(super) const DEL_01A: Rule = Rule {
    id: "DEL-01a",
    level: Level::Must,
    sentence: "The app completes no refresh task twice.",
    source: "WKApplicationDelegate.handle(_:): call setTaskCompleted when done with each task (facts A7, B23)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a task that was completed",
    hint: "forget a stored task when it is completed; look out for the expiration handler and the drain signal of the \
           same wake",
    focus: Focus::EXPIRING,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in &facts.tasks {
            finding.witnesses += u32::from(task.completed.is_some());
            if let Some(again) = task.repeats.first() {
                let before = task.completed.map_or(again.at, |done| done.at);
                finding.broken(
                    *again,
                    format!("task {} completed once", task.id),
                    format!("completed at {before} and again at {}", again.at),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_01B: Rule = Rule {
    id: "DEL-01b",
    level: Level::Must,
    sentence: "The app completes each refresh task that it is given once it has dealt with what came with it, whatever \
               the task's kind and identifier, in front or behind.",
    source: "Using background tasks; WKRefreshBackgroundTask (facts A5, A7, B4)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a task that was dealt with before its time was up",
    hint: "complete unknown kinds too; keep a list of open tasks, not one variable that the next task overwrites",
    focus: Focus::APP_SEVERAL,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts).filter(|held| !held.was_overtaken()) {
            let Some(served) = dealt_with(facts, &held) else { continue };
            finding.witness();
            if let Some(overrun) = held.overrun().filter(|_| !is_superseded(&held)) {
                let how = held
                    .task
                    .completed
                    .map_or_else(|| "never completed".to_owned(), |done| format!("completed at {}", done.at));
                finding.broken(
                    overrun,
                    format!("{} completed: all that came with it was dealt with at {served}", held.name()),
                    format!("{how}; its time was up at {}", held.deadline()),
                );
            }
        }
        finding
    },
};

/// Was it completed, but only when another wake of its session had come?
fn is_superseded(held: &InHand<'_, '_>) -> bool {
    let next = held.next_wake().filter(|next| next.place.is_before(held.over.seq));
    next.zip(held.task.completed).is_some_and(|(next, done)| {
        // In a log, the end of one wake and the next call of handle may just have crossed.
        let crossed = |served: Place| held.facts.is_log() && held.facts.is_one_stretch(served, done);
        held.served().is_some_and(|served| {
            served.is_before(next.place.seq) && next.place.is_before(done.seq) && !crossed(served)
        })
    })
}

/// When everything that came with a task had been dealt with, if that was well before its expiration handler was due.
fn dealt_with(facts: &Facts<'_>, held: &InHand<'_, '_>) -> Option<crate::contract::Time> {
    let served = held.served()?;
    let expires = held.given.at + held.task.allowance.saturating_sub(facts.policy.expiration_lead);
    (served.at < expires).then_some(served.at)
}

pub(super) const DEL_01C: Rule = Rule {
    id: "DEL-01c",
    level: Level::Must,
    sentence: "A refresh task that has been dealt with is completed by its own wake and not only when a later one comes.",
    source: "Using background tasks; WKRefreshBackgroundTask (facts A5, A7, B4)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a task of a session whose next wake began while its process went on",
    hint: "superseded: complete the task at the end of its own drain, not when the next one replaces it",
    focus: Focus::REPEATED,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts).filter(|held| held.task.session().is_some() && !held.was_overtaken()) {
            let Some(next) = held.next_wake().filter(|next| next.place.is_before(held.over.seq)) else {
                continue;
            };
            finding.witness();
            if let Some(done) = held.task.completed.filter(|_| is_superseded(&held)) {
                let served = held.served().map_or(held.given.at, |served| served.at);
                finding.broken(
                    done,
                    format!("{} completed by its own wake, which was drained at {served}", held.name()),
                    format!("completed only at {}, after the wake at {}", done.at, next.place.at),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_04: Rule = Rule {
    id: "DEL-04",
    level: Level::Must,
    sentence: "The app completes a URL-session task in time also if the session's messages came before it was handed the \
               task.",
    source: "developers' reports on apps that were in memory when the wake came (fact D14)",
    basis: Basis::Reports,
    needs: &[],
    binds: DELEGATES,
    witness: "a task whose session's messages had come before it",
    hint: "note a drain signal that no task waits for, and complete the task that comes after it",
    focus: Focus::OVERTAKEN,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts).filter(InHand::was_overtaken) {
            if dealt_with(facts, &held).is_none() {
                continue; // Something else was outstanding: that is DEL-08a.
            }
            finding.witness();
            if let Some(overrun) = held.overrun() {
                finding.broken(
                    overrun,
                    format!("{} completed by {}", held.name(), held.deadline()),
                    "still open then: its messages had come before the call of handle".to_owned(),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_08A: Rule = Rule {
    id: "DEL-08a",
    level: Level::Must,
    sentence: "A refresh task whose time is nearly over is completed before it is, whatever is still outstanding.",
    source: "WKRefreshBackgroundTask.expirationHandler; Using background tasks (facts B5, B12)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a task that was open when its expiration handler was due",
    hint: "set an expiration handler on every task that is kept, and complete the task in it unconditionally",
    focus: Focus::EXPIRING,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts) {
            let called = held.task.expirations.iter().any(|(_, open, _)| *open);
            finding.witnesses += u32::from(called);
            if dealt_with(facts, &held).is_some() {
                continue; // Nothing was outstanding: that is DEL-01b, or DEL-04.
            }
            if let Some(overrun) = held.overrun() {
                finding.broken(
                    overrun,
                    format!("{} completed by {}", held.name(), held.deadline()),
                    held.task.completed.map_or_else(
                        || "never completed".to_owned(),
                        |done| format!("completed at {}", done.at),
                    ),
                );
            }
        }
        finding
    },
};

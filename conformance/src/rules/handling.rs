//! What the app is handed: SCH-01, SCH-02, SCH-06, SCH-20.

use super::{BOTH, Basis, Facts, Finding, Level, Rule, SCHEDULERS};
use crate::contract::{RefreshKind, WakeOutcome};
use crate::history::Event;
use crate::scenario::Focus;

pub(super) const SCH_01: Rule = Rule {
    id: "SCH-01",
    level: Level::Must,
    sentence: "Every task that the app receives was minted by the scheduler, with an identity never used before, and \
               every call of handle carries at least one task.",
    source: "WKRefreshBackgroundTask; handle(_:) (facts A1, A4)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a task delivered",
    hint: "mint a task for each wake with the device's own TaskMint, and call deliver only with tasks",
    focus: Focus::GENERAL,
    judge: |facts| {
        let mut finding = Finding::default();
        for (at, handle) in facts.handles.iter().enumerate() {
            if handle.tasks.is_empty() {
                finding.broken(
                    handle.place,
                    "at least one task in the call of handle",
                    "a call of handle with no task",
                );
            }
            for index in &handle.tasks {
                let task = &facts.tasks[*index];
                let before = task.minted.iter().filter(|minted| minted.is_before(handle.place.seq)).count();
                match before {
                    // A log may begin between the two.
                    0 if at == 0 && facts.is_log() => {}
                    0 => finding.broken(
                        handle.place,
                        "a task that the device's mint had made",
                        format!("task {}, which it had not made", task.id),
                    ),
                    1 => finding.witness(),
                    _ => finding.broken(
                        handle.place,
                        "an identity that was never used before",
                        format!("task {} was minted {before} times", task.id),
                    ),
                }
            }
        }
        finding
    },
};

pub(super) const SCH_02: Rule = Rule {
    id: "SCH-02",
    level: Level::Must,
    sentence: "In a wake, handle is called before any session message that the wake is about.",
    source: "Using background tasks (facts A6, X12)",
    basis: Basis::Documents,
    needs: &[],
    binds: BOTH,
    witness: "a wake whose session then delivered a message",
    hint: "release a session's messages when request_wake returns, not when the app resumes or reopens the session",
    focus: Focus::WAKES,
    judge: |facts| {
        let mut finding = Finding::default();
        for handle in &facts.handles {
            let Some(woke) = handle.woke else { continue };
            for session in handle.tasks.iter().filter_map(|index| facts.tasks[*index].session()) {
                let mut messages = facts.deliveries.iter().filter(|delivery| delivery.session == session);
                let early = messages.clone().find(|message| {
                    message.began.is_after(woke.seq) && message.began.is_before(handle.place.seq)
                });
                if let Some(message) = early {
                    finding.broken(
                        message.began,
                        format!("handle with the task of session {session:?} first"),
                        format!("{} between the wake and handle", message.message.name()),
                    );
                } else if messages.any(|message| message.began.is_after(handle.place.seq)) {
                    finding.witness();
                }
            }
        }
        finding
    },
};

pub(super) const SCH_06: Rule = Rule {
    id: "SCH-06",
    level: Level::Must,
    sentence: "A task is not delivered in more than one call of handle, whether it was completed or expired.",
    source: "WKRefreshBackgroundTask; silence on redelivery (gap U1)",
    basis: Basis::Silence,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a later call of handle after a task that was left open",
    hint: "forget a task once it was handed over; never put what was not completed into the next set",
    focus: Focus::OVERLAP,
    judge: |facts| {
        let mut finding = Finding::default();
        for task in &facts.tasks {
            match task.delivered.as_slice() {
                [] => {}
                [first] => {
                    let later = facts.handles.iter().filter(|handle| handle.place.is_after(first.seq));
                    let left_open = |seq| task.completed.is_none_or(|completed| completed.is_after(seq));
                    finding.witnesses +=
                        u32::from(later.into_iter().any(|handle| left_open(handle.place.seq)));
                }
                [first, again, ..] => finding.broken(
                    *again,
                    format!("task {} only in the call of handle at {}", task.id, first.at),
                    if again.seq == first.seq {
                        "the same task twice in it"
                    } else {
                        "the same task in another call"
                    },
                ),
            }
        }
        finding
    },
};

pub(super) const SCH_20: Rule = Rule {
    id: "SCH-20",
    level: Level::Must,
    sentence: "A URL-session task names exactly the session that caused it, and wakes of different sessions are \
               different tasks.",
    source: "WKURLSessionRefreshBackgroundTask.sessionIdentifier (facts A9, A4)",
    basis: Basis::Documents,
    needs: &[],
    binds: BOTH,
    witness: "a URL-session task delivered while the app has more than one session",
    hint: "keep one pending wake per identifier, compare identifiers byte for byte, never by prefix or case",
    focus: Focus::IDENTITIES,
    judge: |facts| {
        let mut finding = Finding::default();
        for handle in &facts.handles {
            for (position, index) in handle.tasks.iter().enumerate() {
                let Some(named) = facts.tasks[*index].session() else {
                    continue;
                };
                let known = facts
                    .sessions
                    .iter()
                    .any(|s| s.id == named && s.opened.iter().any(|o| o.is_before(handle.place.seq)));
                let twice =
                    handle.tasks[..position].iter().any(|other| facts.tasks[*other].session() == Some(named));
                if !known {
                    finding.broken(
                        handle.place,
                        "the identifier of a session that the app has opened",
                        format!("a task for session {named:?}"),
                    );
                } else if twice {
                    finding.broken(
                        handle.place,
                        "one task for each session in a set",
                        format!("two tasks for session {named:?}"),
                    );
                } else if facts.sessions.len() > 1 {
                    finding.witness();
                }
            }
        }
        answers(facts, &mut finding);
        finding
    },
};

/// Whoever asked for a wake and was told that it has come must find a task of its own in the app's hands.
fn answers(facts: &Facts<'_>, finding: &mut Finding) {
    for entry in &facts.history.entries {
        let Event::WakeResolved { session, outcome: WakeOutcome::Handled(id) } = &entry.event else {
            continue;
        };
        let place = super::Place::of(entry);
        let task = facts.tasks.iter().find(|task| task.id == *id);
        let delivered =
            task.is_some_and(|task| task.delivered.first().is_some_and(|d| d.is_before(entry.seq)));
        let own =
            task.is_some_and(|task| matches!(task.kind, RefreshKind::UrlSession(named) if named == session));
        if !delivered || !own {
            finding.broken(
                place,
                format!("a delivered task for session {session:?}, which asked to be woken"),
                match task {
                    Some(task) if delivered => format!("task {} is a task for {}", task.id, task.kind),
                    _ => format!("task {id} has not been handed to the app"),
                },
            );
        }
    }
}

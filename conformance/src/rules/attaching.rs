//! The app has its sessions, and each once: DEL-03.

use super::facts::{Facts, Place, Session};
use super::in_hand::in_hand;
use super::{Basis, DELEGATES, Finding, Level, Rule};
use crate::contract::{AppChange, AppState};
use crate::scenario::Focus;

/// Was the session opened in the run of the process that began here, before this entry?
fn opened_between(session: &Session<'_>, run: Place, seq: usize) -> bool {
    session.opened.iter().any(|open| open.is_from(run.seq) && open.is_before(seq))
}

/// Has it transfers whose end the app has not been told before this entry?
fn has_transfers(facts: &Facts<'_>, session: &Session<'_>, seq: usize) -> bool {
    facts.transfers_of(session.id).any(|transfer| {
        transfer.created.is_before(seq) && facts.acknowledged(transfer).is_none_or(|told| told.is_after(seq))
    })
}

pub(super) const DEL_03A: Rule = Rule {
    id: "DEL-03a",
    level: Level::Must,
    sentence: "Given a URL-session task, the app opens the session of that identifier, unless it has it open, before it \
               completes the task.",
    source: "WKURLSessionRefreshBackgroundTask: create a session with the same identifier (facts D8, D10, I17)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a URL-session task in a process that had not made the session",
    hint: "an app launched for the wake has an empty list in memory: take the identifier from the task",
    focus: Focus::RELAUNCHED,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts) {
            let Some(id) = held.task.session().filter(|id| held.is_known(id)) else { continue };
            let (Some(session), Some(run)) = (facts.session(id), facts.launched_before(held.given.seq))
            else {
                continue;
            };
            let before = session.opened.iter().any(|open| open.is_before(run.seq));
            let Some(end) = held.task.completed.or_else(|| held.overrun()) else { continue };
            let open = opened_between(session, run, end.seq);
            finding.witnesses += u32::from(before && open);
            if before && !open && has_transfers(facts, session, end.seq) {
                finding.broken(
                    end,
                    format!("session {:?} opened for {}", crate::history::short(id.as_str()), held.name()),
                    "not opened in this process: its messages can not come".to_owned(),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_03B: Rule = Rule {
    id: "DEL-03b",
    level: Level::Should,
    sentence: "At every launch, whatever it is for, the app opens its sessions again that have transfers, before it is \
               suspended.",
    source: "Downloading files in the background; a talk of 2020 (facts D9, D10)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a launch of an app that had transfers in a session",
    hint: "store the identifiers and open their sessions at launch, also for a refresh or a snapshot",
    focus: Focus::RELAUNCHED,
    judge: |facts| {
        let mut finding = Finding::default();
        for (index, (launch, change)) in facts.changes.iter().enumerate() {
            // A log may begin in the middle of a run.
            let was = index.checked_sub(1).map(|before| facts.changes[before].1.state());
            if *change != AppChange::Launched && was != Some(AppState::NotRunning) {
                continue;
            }
            let mut after = facts.changes[index..].iter();
            let stop = after.find(|(_, change)| !change.state().is_running());
            let Some((stop, AppChange::Suspended)) = stop else { continue };
            for session in &facts.sessions {
                let gone = session.gone.iter().any(|gone| gone.is_before(stop.seq));
                let before = session.opened.iter().any(|open| open.is_before(launch.seq));
                if gone || !before || !has_transfers(facts, session, launch.seq) {
                    continue;
                }
                finding.witness();
                if !opened_between(session, *launch, stop.seq) && has_transfers(facts, session, stop.seq) {
                    finding.broken(
                        *stop,
                        format!(
                            "session {:?}, which has transfers, opened after the launch at {}",
                            crate::history::short(session.id.as_str()),
                            launch.at
                        ),
                        "not opened before the app was suspended".to_owned(),
                    );
                }
            }
        }
        finding
    },
};

pub(super) const DEL_03C: Rule = Rule {
    id: "DEL-03c",
    level: Level::Must,
    sentence: "The app opens no session that it has open, and none that it has invalidated before that one's last message.",
    source: "URLSessionConfiguration.background(withIdentifier:); URLSession (facts E3, E6, I6)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a URL-session task for a session that the process had open",
    hint: "keep the session objects of this process by identifier, and look there before making one",
    focus: Focus::APP,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts) {
            let session = held.task.session().and_then(|id| facts.session(id));
            let run = facts.launched_before(held.given.seq);
            let open =
                session.zip(run).is_some_and(|(session, run)| opened_between(session, run, held.given.seq));
            finding.witnesses += u32::from(open);
        }
        for session in &facts.sessions {
            let name = crate::history::short(session.id.as_str());
            if let Some((second, _)) = session.seconds.first() {
                finding.broken(
                    *second,
                    format!("the session {name:?} that the app has"),
                    "another one with the same identifier".to_owned(),
                );
            }
            let told = facts.tells("did_become_invalid");
            for (invalidated, _) in session.invalidated.iter().filter(|_| told) {
                let gone = session.gone.iter().find(|gone| gone.is_after(invalidated.seq));
                let until = gone.map_or(usize::MAX, |gone| gone.seq);
                let same_run = |open: &&Place| {
                    let ended = facts.changes.iter().any(|(place, change)| {
                        change.state() == AppState::NotRunning
                            && place.is_after(invalidated.seq)
                            && place.is_before(open.seq)
                    });
                    open.is_after(invalidated.seq) && open.is_before(until) && !ended
                };
                if let Some(open) = session.opened.iter().find(same_run) {
                    finding.broken(
                        *open,
                        format!(
                            "did_become_invalid of {name:?}, invalidated at {}, before it is made anew",
                            invalidated.at
                        ),
                        "opened before that".to_owned(),
                    );
                }
            }
        }
        finding
    },
};

pub(super) const DEL_03D: Rule = Rule {
    id: "DEL-03d",
    level: Level::Must,
    sentence: "In a wake, the app does not cancel a session's open transfers by invalidating it: a drained session need not \
               be a finished one.",
    source: "urlSessionDidFinishEvents(forBackgroundURLSession:) (facts F9, F10, I10)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a wake that was drained with transfers of its session open",
    hint: "did_finish_events also comes after a wake for a login: look which transfers have had did_complete",
    focus: Focus::APP_LOGINS,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts) {
            let session = held.task.session().and_then(|id| facts.session(id));
            let (Some(session), Some(drained)) = (session, held.drained()) else { continue };
            finding.witnesses += u32::from(has_transfers(facts, session, drained.seq));
        }
        for session in &facts.sessions {
            for (place, cancel) in &session.invalidated {
                let behind = facts.state_at(place.seq) == AppState::Background;
                if *cancel && behind && has_transfers(facts, session, place.seq) {
                    finding.broken(
                        *place,
                        format!(
                            "the open transfers of {:?} let go on",
                            crate::history::short(session.id.as_str())
                        ),
                        "invalidated and cancelled with transfers open".to_owned(),
                    );
                }
            }
        }
        finding
    },
};

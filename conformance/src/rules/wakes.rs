//! When a session wakes the app: SCH-19, SCH-21, SCH-22.

use super::course::{Progress, Transfer};
use super::facts::{Delivery, Handle, Session};
use super::{BOTH, Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::{AppChange, AppState, Charge, OverBudgetWakes, Time};
use crate::history::{Answer, Message};
use crate::scenario::Focus;

pub(super) const SCH_19: Rule = Rule {
    id: "SCH-19",
    level: Level::Must,
    sentence: "A URL-session wake is caused only by the end of all of the session's transfers, by a login that is \
               needed or by a delayed transfer that is ready; never by progress, a retry or the end of one of several.",
    source: "WKURLSessionRefreshBackgroundTask: \"All background transfers associated with a session identifier \
             complete\" (facts D1, D2, D3, D6, X11)",
    basis: Basis::Documents,
    needs: &[],
    binds: BOTH,
    witness: "a wake after the last of a session's transfers had ended",
    hint: "ask for a wake when the number of unfinished transfers reaches zero, once for each time it does",
    focus: Focus::WAKES,
    judge: |facts| {
        let mut finding = Finding::default();
        for session in &facts.sessions {
            let mut last: Option<Place> = None;
            for wake in &session.wakes {
                cause(facts, session, last, *wake, &mut finding);
                last = Some(*wake);
            }
        }
        finding
    },
};

/// Is there a reason for this wake, as far as anybody can tell?
fn cause(facts: &Facts<'_>, session: &Session<'_>, last: Option<Place>, wake: Place, finding: &mut Finding) {
    // What happens while the app comes up can not take the wake back.
    let wake = facts.set_out(wake);
    let known = || facts.transfers_of(session.id).filter(|transfer| transfer.resumed.is_before(wake.seq));
    // A transfer that is through for the app too is no reason for anything.
    let through =
        |transfer: &Transfer<'_>| facts.acknowledged(transfer).is_some_and(|place| place.is_before(wake.seq));
    let progress =
        |transfer: &Transfer<'_>| went_on(transfer, wake).unwrap_or_else(|| transfer.progress(wake));
    let waiting: Vec<(&Transfer<'_>, Progress)> =
        known().filter(|t| !through(t)).map(|t| (t, progress(t))).collect();
    let has = |wanted: Progress| waiting.iter().any(|(_, progress)| *progress == wanted);
    // One that was suspended more often than resumed may have its time counted from its first resume all the same.
    let idle = facts.transfers_of(session.id).any(|transfer| {
        transfer.created.is_before(wake.seq)
            && !transfer.resumed.is_before(wake.seq)
            && transfer.times_out() <= wake.at
    });
    if idle {
        return;
    }
    // A login that came up since the last wake was decided is a cause, even if it has been settled meanwhile.
    let login = logged_since(facts, session, last, wake);
    if login || has(Progress::Login) || has(Progress::Unknown) || facts.has_data(session.id) {
        return;
    }
    let open = waiting.iter().find(|(_, progress)| *progress == Progress::Open);
    // A transfer that was started after the others had ended takes nothing back: the wake may have been under way.
    // Where each request gets a task of its own, the first may have told what the second was asked for.
    let queued = facts.policy.over_budget_wakes == OverBudgetWakes::Queue;
    let had_ended = || {
        let ended = waiting.iter().filter(|(_, progress)| *progress == Progress::Ended);
        ended.filter_map(|(transfer, _)| end_of(facts, transfer)).any(|end| {
            facts.transfers_of(session.id).filter(|other| other.resumed.is_before(end.seq)).all(|other| {
                let later = Place { seq: end.seq + 1, at: end.at };
                went_on(other, later).unwrap_or_else(|| other.progress(later)) == Progress::Ended
                    || facts.acknowledged(other).is_some_and(|place| place.is_before(end.seq))
            })
        })
    };
    if let Some((open, _)) = open.filter(|_| !had_ended() && !was_cut_short(facts, session, last, wake)) {
        let done =
            known().count() - waiting.iter().filter(|(_, progress)| *progress == Progress::Open).count();
        finding.broken(
            wake,
            format!("the wake for session {:?} when all its transfers have ended", session.id),
            format!("{} is still under way ({done} ended)", open.key),
        );
    } else if waiting.is_empty()
        && !queued
        && !ended_between(facts, session, last, wake)
        && !was_cut_short(facts, session, last, wake)
    {
        finding.broken(
            wake,
            format!("one wake for session {:?} each time its transfers have ended", session.id),
            match last {
                Some(last) => format!("another; nothing has happened to it since the one at {}", last.at),
                None => "a wake, before a transfer of it was ever resumed".to_owned(),
            },
        );
    } else {
        finding.witness();
    }
}

/// A transfer whose next request comes after this place had not ended there, unless it was waiting for a login.
fn went_on(transfer: &Transfer<'_>, place: Place) -> Option<Progress> {
    let later = transfer.exchanges.iter().any(|exchange| exchange.sent.is_from(place.seq));
    (later && transfer.progress(place) == Progress::Ended && transfer.cancelled.is_none())
        .then_some(Progress::Open)
}

/// What lies between the decision on the last wake and this place.
fn since_last<'f>(
    facts: &'f Facts<'_>,
    last: Option<Place>,
    wake: Place,
) -> impl Fn(Place) -> bool + Copy + use<'f> {
    let after = last.map(|last| facts.set_out(last));
    move |place| place.is_before(wake.seq) && after.is_none_or(|after| place.is_after(after.seq))
}

/// Has a server asked for a login since the last wake was decided?
fn logged_since(facts: &Facts<'_>, session: &Session<'_>, last: Option<Place>, wake: Place) -> bool {
    let inside = since_last(facts, last, wake);
    let challenges = |transfer: &Transfer<'_>| {
        transfer.exchanges.iter().filter_map(super::course::Exchange::challenge).any(inside)
    };
    facts.transfers_of(session.id).any(challenges)
}

/// Has any transfer of the session ended since the last wake was decided, by whatever way?
fn ended_between(facts: &Facts<'_>, session: &Session<'_>, last: Option<Place>, wake: Place) -> bool {
    let inside = since_last(facts, last, wake);
    facts.transfers_of(session.id).any(|transfer| end_of(facts, transfer).is_some_and(inside))
}

/// Was the app stopped in the last wake while it was told something? That counts as not told and is asked for again,
/// which takes back nothing if the app gets through with it in another session's wake.
fn was_cut_short(facts: &Facts<'_>, session: &Session<'_>, last: Option<Place>, wake: Place) -> bool {
    let Some(last) = last else { return false };
    let Some(stop) = facts.stops_after(last.seq).filter(|stop| stop.is_before(wake.seq)) else {
        return false;
    };
    let untold = |delivery: &Delivery<'_>| {
        delivery.session == session.id
            && delivery.began.is_before(stop.seq)
            && delivery.returned().is_none_or(|place| place.is_after(stop.seq))
    };
    facts.deliveries.iter().any(untold)
}

pub(super) const SCH_21: Rule = Rule {
    id: "SCH-21",
    level: Level::Must,
    sentence: "A session with sends_launch_events false does not wake the app; its messages come when the app next \
               runs and opens it.",
    source: "URLSessionConfiguration.sessionSendsLaunchEvents (facts D5, gap U8)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer of such a session that ended behind the app's back and was told of later",
    hint: "read the flag from the configuration that made the session; keep its messages, ask for no wake",
    focus: Focus::SILENT,
    judge: |facts| {
        let mut finding = Finding::default();
        for session in facts.sessions.iter().filter(|session| !session.launch_events) {
            let asked = session.wakes.first().into_iter().chain(session.requests.first()).min();
            if let Some(place) = asked {
                finding.broken(
                    *place,
                    format!("no wake for session {:?}, which sends no launch events", session.id),
                    "a wake for it",
                );
            }
            for transfer in facts.transfers_of(session.id) {
                let behind = transfer.concluded().is_some_and(|end| !facts.state_at(end.seq).is_running());
                if !behind {
                    continue;
                }
                match (facts.acknowledged(transfer), facts.ended) {
                    (Some(_), _) => finding.witness(),
                    (None, Some(ended)) => finding.broken(
                        ended,
                        format!(
                            "the messages about {} once the app had opened the session again",
                            transfer.key
                        ),
                        "they never came",
                    ),
                    (None, None) => {}
                }
            }
        }
        finding
    },
};

pub(super) const SCH_22: Rule = Rule {
    id: "SCH-22",
    level: Level::Must,
    sentence: "If the app runs when the cause occurs, messages go to its live delegate and no wake is charged; if it \
               is suspended or dead, a refresh task is delivered.",
    source: "Downloading files in the background; WKURLSessionRefreshBackgroundTask (facts D7, D8)",
    basis: Basis::Staff,
    needs: &[],
    binds: BOTH,
    witness: "transfers that ended in a running app, or a wake for those that ended behind its back",
    hint: "look at the app's state when the last transfer ends, and again when it is suspended with messages left",
    focus: Focus::WAKES,
    judge: |facts| {
        let mut finding = Finding::default();
        for session in &facts.sessions {
            let wakes = session.wakes.iter().enumerate().filter(|_| !facts.has_data(session.id));
            for (index, wake) in wakes {
                let last = index.checked_sub(1).map(|before| session.wakes[before]);
                needless(facts, session, last, *wake, &mut finding);
            }
            missing(facts, session, &mut finding);
        }
        finding
    },
};

/// A wake although everything that has happened to the session since its last one reached a running app.
fn needless(
    facts: &Facts<'_>,
    session: &Session<'_>,
    last: Option<Place>,
    wake: Place,
    finding: &mut Finding,
) {
    let after = last.map_or(0, |place| place.seq);
    // What came about while the app came up for the last wake was told in it. That may have been cut short.
    let decided = last.map_or(0, |last| facts.set_out(last).seq);
    let called = facts.set_out(wake);
    let mut causes = 0;
    for transfer in facts.transfers_of(session.id).filter(|transfer| transfer.resumed.is_before(wake.seq)) {
        // Whether one that was suspended has run out of time can not be told, nor what else it may want.
        let vague = transfer.is_vague_at(called) || transfer.vague_login.is_some();
        if transfer.progress(called) == Progress::Unknown || vague {
            return;
        }
        let asked = |challenge: Place| {
            let mut messages =
                facts.messages_of(transfer).filter(|delivery| delivery.began.is_after(challenge.seq));
            messages
                .find(|delivery| matches!(delivery.message, Message::DidReceiveChallenge { .. }))?
                .returned()
        };
        let logins = transfer.exchanges.iter().filter_map(super::course::Exchange::challenge);
        let logins = logins.map(|challenge| (challenge, asked(challenge)));
        // A rejected protection space makes a question of the next one.
        let rejected = facts.messages_of(transfer).filter_map(|delivery| {
            delivery.answered.filter(|_| delivery.answer == Some(Answer::RejectProtectionSpace))
        });
        let logins = logins.chain(rejected.map(|rejection| (rejection, asked(rejection))));
        let ends = end_of(facts, transfer).into_iter().map(|end| (end, facts.acknowledged(transfer)));
        for (cause, told) in logins.chain(ends).filter(|(cause, _)| cause.is_before(called.seq)) {
            if cause.is_before(decided) {
                // What an earlier wake was for, and what it was too short for, may be what this one is for.
                if told.is_none_or(|told| told.is_from(called.seq)) {
                    return;
                }
                continue;
            }
            causes += u32::from(cause.is_from(after));
            if !reached(facts, session, cause, told, called) {
                return;
            }
        }
    }
    if causes > 0 {
        finding.broken(
            wake,
            format!("what happened to session {:?} told to its delegate: the app was running", session.id),
            "a wake for it",
        );
    }
}

/// Does the app run again with this change, by whatever hand?
fn comes_up(facts: &Facts<'_>, place: Place, change: AppChange) -> bool {
    let before = || facts.changes.iter().rev().find(|(earlier, _)| earlier.is_before(place.seq));
    match change {
        AppChange::Launched | AppChange::Resumed => true,
        AppChange::Foregrounded => before().is_some_and(|(_, how)| how.state() == AppState::Suspended),
        _ => false,
    }
}

/// Did the app run, with the session open, from the cause until it was told of it?
fn reached(facts: &Facts<'_>, session: &Session<'_>, cause: Place, told: Option<Place>, wake: Place) -> bool {
    // A service that takes its news in another order than they came may take the two for the other way round.
    let just = |(place, change): &(Place, AppChange)| {
        let called = |handle: &Handle| handle.place.is_after(place.seq) && handle.place.is_before(cause.seq);
        place.at == cause.at
            && place.is_before(cause.seq)
            && comes_up(facts, *place, *change)
            && !facts.handles.iter().any(called)
    };
    if facts.changes.iter().any(just) {
        return false;
    }
    let until = told.unwrap_or(wake).min(wake);
    let stays = facts.stops_after(cause.seq).is_none_or(|stop| stop.is_after(until.seq));
    facts.state_at(cause.seq).is_running() && facts.is_attached(session, cause.seq) && stays
}

/// All transfers have ended, the app never ran again by itself, and no wake came.
pub(super) fn missing(facts: &Facts<'_>, session: &Session<'_>, finding: &mut Finding) {
    let horizon = facts.horizon();
    // The documents do not say that the end of one that was never resumed, so cancelled, is worth a wake.
    let transfers: Vec<&Transfer<'_>> = facts
        .transfers_of(session.id)
        .filter(|transfer| transfer.was_resumed() && transfer.resumed.is_before(horizon.seq))
        .collect();
    for transfer in &transfers {
        let live = transfer.concluded().is_some_and(|end| facts.state_at(end.seq).is_running());
        let told = facts.acknowledged(transfer).is_some_and(|place| place.is_before(horizon.seq));
        finding.witnesses += u32::from(live && told);
    }
    // The wake may have come by another way of counting a suspended transfer's time.
    let vague =
        transfers.iter().any(|transfer| transfer.is_vague_at(horizon) || transfer.vague_login.is_some());
    if !session.launch_events || transfers.is_empty() || vague {
        return;
    }
    let ends: Option<Vec<Place>> = transfers.iter().map(|transfer| end_of(facts, transfer)).collect();
    let Some((last, over)) = ends.and_then(|ends| ends.into_iter().max()).zip(data_over(facts, session))
    else {
        return;
    };
    // A callback that was begun has told the app, even if the app was suspended or ended in the middle of it.
    let told = |transfer: &Transfer<'_>| {
        facts
            .messages_of(transfer)
            .any(|delivery| delivery.is_final() && delivery.began.is_before(horizon.seq))
    };
    let untold = transfers.iter().find(|transfer| !told(transfer));
    let woken = session.wakes.iter().any(|wake| wake.is_after(last.seq));
    let Some(untold) = untold else {
        finding.witnesses += u32::from(session.wakes.iter().any(|wake| wake.is_after(last.seq)));
        return;
    };
    let patience = facts.policy.budget_window * 3 + facts.policy.delivery_slack;
    let in_time = facts.owed_by(Charge::UrlSession, last.max(over).at, patience) < horizon.at;
    let forced_out = facts.forced_out_between(last, horizon.at);
    if !woken && in_time && !forced_out && facts.collected.is_some() {
        finding.broken(
            last,
            format!(
                "a refresh task for session {:?}: its transfers have ended behind the app's back",
                session.id
            ),
            format!("none by {}; the app was never told of {}", horizon.at, untold.key),
        );
    }
}

/// Where the last of the session's data transfers was over at the latest, with the app's time; `None` if that can not be
/// told of each.
fn data_over(facts: &Facts<'_>, session: &Session<'_>) -> Option<Place> {
    let mut over = Place { seq: 0, at: Time::ZERO };
    for transfer in facts.data.iter().filter(|transfer| transfer.key.session == *session.id) {
        let lasts = transfer.disposed.is_some_and(|(_, answer)| answer == Answer::BecomeDownload);
        if lasts || !transfer.was_resumed() || !facts.state_at(transfer.resumed.seq).is_running() {
            return None;
        }
        over = over.max(facts.stops_after(transfer.resumed.seq)?);
    }
    Some(over)
}

/// Where a transfer ended for its service; `None` if that can not be told.
fn end_of(facts: &Facts<'_>, transfer: &Transfer<'_>) -> Option<Place> {
    let timed_out = || {
        // What happens at the very moment may already be the consequence.
        let entry =
            facts.history.entries.iter().rev().find(|entry| entry.at < transfer.times_out_at_last())?;
        (facts.horizon().at > transfer.times_out_at_last())
            .then_some(Place { seq: entry.seq, at: transfer.times_out_at_last() })
    };
    let given_up = transfer.given_up.filter(|given_up| {
        transfer.vague_login.is_none() && transfer.exchanges.iter().all(|e| e.sent.is_before(given_up.seq))
    });
    let told =
        || facts.messages_of(transfer).find(|delivery| delivery.is_final()).map(|delivery| delivery.began);
    // Whatever came first: a login may be given up, or an answer arrive, after the time was up.
    [timed_out(), transfer.cancelled, transfer.concluded(), given_up, told()]
        .into_iter()
        .flatten()
        .min_by_key(|p| (p.at, p.seq))
}

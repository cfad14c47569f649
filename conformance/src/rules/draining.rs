//! A URL-session task stays open until its session is drained and the results are dealt with: DEL-02.

use super::course::Progress;
use super::facts::{Delivery, Facts, Place};
use super::in_hand::{InHand, in_hand, is_signal};
use super::{Basis, DELEGATES, Finding, Level, Rule};
use crate::contract::WakeEnd;
use crate::history::Message;
use crate::scenario::Focus;

/// What was still to come when a task was completed before its session's drain signal.
enum Outstanding<'f, 'h> {
    /// A message about something that had happened by then.
    Message(&'f Delivery<'h>),
    /// Nothing but the signal.
    Signal(Place),
}

/// What was outstanding when the app completed this task; `None` if that can not be told, or nothing was.
fn outstanding<'f, 'h>(facts: &'f Facts<'h>, held: &InHand<'f, 'h>) -> Option<(Place, Outstanding<'f, 'h>)> {
    let session = held.task.session()?;
    let done = held.task.completed.filter(|done| done.is_by(held.over.seq))?;
    // No messages come of a session that is not the app's.
    let opened =
        facts.session(session).is_some_and(|known| known.opened.iter().any(|open| open.is_before(done.seq)));
    if !opened {
        return None;
    }
    // Completed because its time was nearly over: DEL-08a asks for that.
    if held.may_have_expired(done)
        || held.was_overtaken()
        || held.signalled().is_some_and(|signal| signal.is_before(done.seq))
    {
        return None;
    }
    let later = |delivery: &&Delivery<'_>| delivery.session == session && delivery.began.is_after(done.seq);
    let next = held.next_wake().map_or(usize::MAX, |next| next.place.seq);
    let (mut message, mut signal) = (None, None);
    for delivery in facts.deliveries.iter().filter(later) {
        let same_wake = delivery.began.is_before(next) && facts.is_one_stretch(done, delivery.began);
        if is_signal(delivery) {
            signal = same_wake.then_some(delivery.began);
            break;
        }
        if was_queued(facts, delivery, done, same_wake) && !may_be_new(facts, delivery, held) {
            message = Some(delivery);
            break;
        }
    }
    // In a log it is certain that a message was part of the drain if the drain's signal comes after it.
    let is_drained = || {
        let signal = facts.deliveries.iter().filter(later).find(|other| is_signal(other));
        signal.is_some_and(|signal| signal.began.is_before(next) && facts.is_one_stretch(done, signal.began))
    };
    match message {
        Some(message) if !facts.is_log() || is_drained() => Some((done, Outstanding::Message(message))),
        _ => signal.map(|place| (done, Outstanding::Signal(place))),
    }
}

/// In a log, may the transfer have gone on since this very wake began, with the app's answer to its login or as a new one?
fn may_be_new(facts: &Facts<'_>, delivery: &Delivery<'_>, held: &InHand<'_, '_>) -> bool {
    let same =
        |other: &&Delivery<'_>| other.session == delivery.session && other.transfer == delivery.transfer;
    let answered = || {
        facts.deliveries.iter().filter(same).any(|other| {
            other
                .answered
                .is_some_and(|answer| answer.is_after(held.given.seq) && answer.is_before(delivery.began.seq))
        })
    };
    let created = || {
        facts.transfers_of(delivery.session).any(|transfer| {
            Some(transfer.key.transfer) == delivery.transfer && transfer.created.is_after(held.given.seq)
        })
    };
    facts.is_log() && (answered() || created())
}

/// Had this message's cause come about before the task was completed?
fn was_queued(facts: &Facts<'_>, delivery: &Delivery<'_>, done: Place, same_wake: bool) -> bool {
    let Some(number) = delivery.transfer else { return false };
    let mut transfers = facts.transfers_of(delivery.session);
    let Some(transfer) = transfers.find(|transfer| transfer.key.transfer == number) else {
        return same_wake && is_result(delivery.message);
    };
    if transfer.created.is_after(done.seq) || !is_result(delivery.message) {
        return false;
    }
    // What the network did is the truth; a log without it has only the order of what came.
    if transfer.exchanges.is_empty() {
        return same_wake;
    }
    match transfer.progress(done) {
        Progress::Ended => true,
        Progress::Login => matches!(delivery.message, Message::DidReceiveChallenge { .. }),
        Progress::Open | Progress::Unknown => false,
    }
}

fn is_result(message: &Message) -> bool {
    matches!(
        message,
        Message::DidReceiveChallenge { .. }
            | Message::WillBeginDelayedRequest
            | Message::DidFinishDownloading { .. }
            | Message::DidComplete { .. }
    )
}

/// A task that was open when its session's drain signal came.
fn waits(held: &InHand<'_, '_>) -> bool {
    held.signalled().is_some_and(|signal| held.task.is_open_at(signal.seq))
}

pub(super) const DEL_02A: Rule = Rule {
    id: "DEL-02a",
    level: Level::Must,
    sentence: "A URL-session task is not completed while messages about results, failures or logins are still queued for \
               its session.",
    source: "WKURLSessionRefreshBackgroundTask: defer completion until all the delegate method calls finish processing \
             (facts B20, B22)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a URL-session task that was open when its session was drained",
    hint: "loses data: the app is suspended with results undelivered; do not complete in handle, nor at the first of \
           several ends",
    focus: Focus::APP,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts) {
            finding.witnesses += u32::from(waits(&held));
            if let Some((done, Outstanding::Message(message))) = outstanding(facts, &held) {
                let about = message
                    .transfer
                    .map_or_else(String::new, |transfer| format!(" of {}/{transfer}", message.session));
                finding.broken(
                    done,
                    format!("{} open until its session is drained", held.name()),
                    format!(
                        "completed with {}{about} still to come (it came at {})",
                        message.message.name(),
                        message.began.at
                    ),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_02B: Rule = Rule {
    id: "DEL-02b",
    level: Level::Should,
    sentence: "A URL-session task is not completed before the signal that its session's messages have all been delivered.",
    source: "WKURLSessionRefreshBackgroundTask; urlSessionDidFinishEvents(forBackgroundURLSession:) (facts B20, F9, X3)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a URL-session task that was open when its session was drained",
    hint: "merely early: nothing was lost this time, but counting ends is not knowing that no message is left",
    focus: Focus::APP,
    judge: |facts| {
        if facts.policy.wake_end == WakeEnd::LastMessage {
            return Finding::inapplicable("the policy has wakes end with the last message about a transfer");
        }
        let mut finding = Finding::default();
        for held in in_hand(facts) {
            finding.witnesses += u32::from(waits(&held));
            if let Some((done, Outstanding::Signal(signal))) = outstanding(facts, &held) {
                finding.broken(
                    done,
                    format!("{} open until did_finish_events", held.name()),
                    format!("completed before it (it came at {})", signal.at),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_02C: Rule = Rule {
    id: "DEL-02c",
    level: Level::Must,
    sentence: "A refresh task is not completed while work that began with its wake is still going on.",
    source: "WKURLSessionRefreshBackgroundTask: until all the delegate method calls finish processing (facts B2, B20)",
    basis: Basis::Documents,
    needs: &[crate::subject::Capability::Work],
    binds: DELEGATES,
    witness: "work that ended while a task was open for it",
    hint: "count work that callbacks have started, and complete when the session is drained and the count is zero",
    focus: Focus::WORKING,
    judge: |facts| {
        let mut finding = Finding::default();
        for held in in_hand(facts) {
            let done = held.task.completed.filter(|done| done.is_by(held.over.seq));
            for work in held.works().filter(|work| work.began.is_after(held.given.seq)) {
                let inside = |ended: Place| {
                    done.is_none_or(|done| done.is_after(ended.seq)) && ended.is_before(held.over.seq)
                };
                finding.witnesses += u32::from(work.ended.is_some_and(inside));
                let Some(done) =
                    done.filter(|done| !held.may_have_expired(*done) && done.is_after(work.began.seq))
                else {
                    continue;
                };
                if work.ended.is_none_or(|ended| ended.is_after(done.seq)) {
                    finding.broken(
                        done,
                        format!("{} open until work {} is done", held.name(), work.number),
                        "completed with it going on: the app may be suspended in the middle".to_owned(),
                    );
                }
            }
        }
        finding
    },
};

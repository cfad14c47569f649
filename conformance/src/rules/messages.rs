//! Keeping and draining messages: SES-18, SES-19, SES-20.

use std::time::Duration;

use super::course::{Exchange, Progress, Transfer};
use super::facts::{Delivery, Session};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::history::Message;
use crate::scenario::Focus;

pub(super) const SES_18: Rule = Rule {
    id: "SES-18",
    level: Level::Must,
    sentence: "A message produced while the app can not receive it is kept and delivered after reattachment, however \
               late; a wake cut short loses none, and none that was acknowledged comes again.",
    source: "Downloading files in the background (facts D10, D11, F19, gap U7)",
    basis: Basis::Staff,
    needs: &[],
    binds: SESSIONS,
    witness: "a message that came late, or again after an interruption",
    hint: "remove a message from the queue only when its callback has returned; a dead process acknowledges nothing",
    focus: Focus::CUT_SHORT,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            again(facts, transfer, &mut finding);
            kept(facts, transfer, &mut finding);
            asked_again(facts, transfer, &mut finding);
        }
        finding
    },
};

fn is_lasting(delivery: &&Delivery<'_>) -> bool {
    matches!(delivery.message, Message::DidComplete { .. } | Message::DidFinishDownloading { .. })
}

/// An acknowledged message does not come again.
fn again(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    if !facts.knows_returns() {
        return;
    }
    for delivery in facts.messages_of(transfer).filter(is_lasting) {
        let Some(returned) = delivery.returned() else {
            continue;
        };
        let same = |other: &&Delivery<'_>| other.message.name() == delivery.message.name();
        let repeat =
            facts.messages_of(transfer).filter(same).find(|other| other.began.is_after(returned.seq));
        if let Some(repeat) = repeat {
            finding.broken(
                repeat.began,
                format!(
                    "{} for {} once: it was acknowledged at {}",
                    delivery.message.name(),
                    transfer.key,
                    returned.at
                ),
                "the same message again",
            );
        }
    }
}

/// An app that had the session open for so long could have been asked.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

fn is_question(delivery: &&Delivery<'_>) -> bool {
    matches!(delivery.message, Message::DidReceiveChallenge { .. } | Message::WillBeginDelayedRequest)
}

/// A question whose callback was cut short has not been put to the app: it is put to the next process that can hear it.
fn asked_again(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let last = facts.messages_of(transfer).filter(is_question).last();
    let unanswered = |last: &&Delivery<'_>| last.answered.is_none() && facts.tells("answered");
    let Some(cut) = last.filter(|last| last.returned().is_none()).filter(unanswered) else { return };
    let Some((end, _)) = cut.end else { return };
    let over = transfer.cancelled.is_some()
        || transfer.is_paused_between(cut.began, facts.last())
        || transfer.exchanges.iter().any(|e| e.sent.is_after(end.seq));
    let Some(session) = facts.session(&transfer.key.session) else { return };
    let starts = facts.changes.iter().map(|(place, _)| *place).chain(session.opened.iter().copied());
    let heard = starts.filter(|start| start.is_after(end.seq)).any(|start| {
        let until = start.at + LONG_ENOUGH;
        facts.state_at(start.seq).is_running()
            && facts.is_attached(session, start.seq + 1)
            && facts.stops_after(start.seq).is_none_or(|stop| stop.at > until)
            && until < transfer.times_out()
            && until < facts.last().at
    });
    // Nor can it still be to come when everything that had waited for a later wake has been delivered.
    let drained = session.wakes.iter().filter(|wake| wake.is_after(end.seq)).any(|wake| {
        signals(facts, session).any(|signal| {
            signal.began.is_after(wake.seq)
                && signal.began.at < transfer.times_out()
                && signal.returned().is_some()
        })
    });
    if (heard || drained) && !over {
        finding.broken(
            cut.began,
            format!("{} for {} again: it was cut short", cut.message.name(), transfer.key),
            "it never came, though the app could hear it again",
        );
    }
}

/// What could not be delivered, or was interrupted, comes in the end.
fn kept(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let interrupted =
        facts.messages_of(transfer).filter(is_lasting).find(|delivery| delivery.returned().is_none());
    let behind = transfer.concluded().filter(|end| !facts.state_at(end.seq).is_running());
    let Some(from) = interrupted.map(|delivery| delivery.began).or(behind) else {
        return;
    };
    let arrived = match interrupted {
        Some(lost) => facts
            .messages_of(transfer)
            .filter(|other| other.message.name() == lost.message.name())
            .find_map(Delivery::returned),
        None => facts.acknowledged(transfer),
    };
    match (arrived, facts.ended) {
        (Some(_), _) => finding.witness(),
        (None, Some(_)) => finding.broken(
            from,
            match interrupted {
                Some(lost) => format!("{} for {} again: it was cut short", lost.message.name(), transfer.key),
                None => format!("the end of {} told when the app had opened its session again", transfer.key),
            },
            "it never came",
        ),
        (None, None) => {}
    }
}

pub(super) const SES_19: Rule = Rule {
    id: "SES-19",
    level: Level::Must,
    sentence: "did_finish_events is sent once for each wake, after every message queued before the wake, also when \
               transfers are still open.",
    source: "urlSessionDidFinishEvents(forBackgroundURLSession:) (facts F9, F10, D7)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a wake that ended with did_finish_events",
    hint: "put did_finish_events behind what is queued when the wake begins; do not tie it to the number of transfers",
    focus: Focus::WAKES,
    judge: |facts| {
        let mut finding = Finding::default();
        for session in &facts.sessions {
            repeated(facts, session, &mut finding);
            for (index, wake) in session.wakes.iter().enumerate() {
                let until = session.wakes.get(index + 1).copied().unwrap_or_else(|| facts.last());
                let last = index.checked_sub(1).map(|last| session.wakes[last]);
                drain(facts, session, last, *wake, until, &mut finding);
            }
        }
        finding
    },
};

fn drain(
    facts: &Facts<'_>,
    session: &Session<'_>,
    last: Option<Place>,
    wake: Place,
    until: Place,
    finding: &mut Finding,
) {
    let inside = |place: Place| place.is_after(wake.seq) && place.is_by(until.seq);
    // The signal of a wake that was cut short may come in the next, before that wake's own.
    match signals(facts, session).filter(|delivery| inside(delivery.began)).last() {
        None => missing(facts, session, wake, until, finding),
        Some(signal) => match owed_before(facts, session, wake, signal.began) {
            // The only one may be that of the last wake, sent and overtaken by the suspension.
            Some(_) if last.is_some_and(|last| overtaken(facts, session, last, wake, until)) => {
                missing(facts, session, wake, until, finding);
            }
            Some(owed) => {
                finding.broken(
                    signal.began,
                    format!("{owed} before did_finish_events"),
                    "did_finish_events first",
                );
            }
            None => finding.witnesses += u32::from(signal.returned().is_some()),
        },
    }
}

/// Is there one signal for these two wakes, after the second?
fn overtaken(facts: &Facts<'_>, session: &Session<'_>, last: Place, wake: Place, until: Place) -> bool {
    let count = |from: Place, to: Place| {
        let inside = |place: Place| place.is_after(from.seq) && place.is_by(to.seq);
        signals(facts, session).filter(|delivery| inside(delivery.began)).count()
    };
    count(last, wake) == 0 && count(wake, until) == 1
}

fn signals<'b>(facts: &'b Facts<'_>, session: &'b Session<'_>) -> impl Iterator<Item = &'b Delivery<'b>> {
    facts.deliveries.iter().filter(|delivery| {
        matches!(delivery.message, Message::DidFinishEvents) && delivery.session == session.id
    })
}

/// There are never more signals than there were wakes.
fn repeated(facts: &Facts<'_>, session: &Session<'_>, finding: &mut Finding) {
    let delivered = signals(facts, session).filter(|delivery| delivery.returned().is_some());
    for (index, signal) in delivered.enumerate() {
        let wakes = session.wakes.iter().filter(|wake| wake.is_before(signal.began.seq)).count();
        if index + 1 > wakes {
            finding.broken(
                signal.began,
                format!(
                    "did_finish_events once for each wake of session {:?}: there were {wakes}",
                    session.id
                ),
                "another one",
            );
            return;
        }
    }
}

/// A message that was queued when the wake began and had not begun when the signal did.
fn owed_before(facts: &Facts<'_>, session: &Session<'_>, wake: Place, signal: Place) -> Option<String> {
    facts.transfers_of(session.id).filter(|transfer| transfer.resumed.is_before(wake.seq)).find_map(
        |transfer| {
            let told = |wanted: fn(&Message) -> bool| {
                // One that was cut short has not been told.
                facts.messages_of(transfer).any(|delivery| {
                    let stands = delivery.end.is_none_or(|(_, returned)| returned);
                    wanted(delivery.message) && delivery.began.is_before(signal.seq) && stands
                })
            };
            let ended = transfer.concluded().is_some_and(|end| end.is_before(wake.seq));
            if ended && !told(|message| matches!(message, Message::DidComplete { .. })) {
                return Some(format!("did_complete for {}", transfer.key));
            }
            let login = transfer.cancelled.is_none()
                && transfer.progress(wake) == Progress::Login
                && signal.at < transfer.times_out();
            let told = told(|message| matches!(message, Message::DidReceiveChallenge { .. }));
            (login && !told && !settled_silently(facts, transfer, wake))
                .then(|| format!("did_receive_challenge for {}", transfer.key))
        },
    )
}

/// Was the login that it waited for here given without a question: with a credential that the session knew?
fn settled_silently(facts: &Facts<'_>, transfer: &Transfer<'_>, wake: Place) -> bool {
    let mut asked = transfer.exchanges.iter().filter_map(Exchange::challenge);
    let Some(asked) = asked.rfind(|place| place.is_before(wake.seq)) else { return false };
    let Some(next) = transfer.exchanges.iter().find(|exchange| exchange.sent.is_after(asked.seq)) else {
        return false;
    };
    let told = facts.messages_of(transfer).any(|delivery| {
        matches!(delivery.message, Message::DidReceiveChallenge { .. })
            && delivery.began.is_before(next.sent.seq)
    });
    next.credential && !told
}

/// So long the app must have been able to receive the signal before its absence counts.
const MOMENT: Duration = Duration::from_secs(2);

/// The app stayed, it had the session open, everything else had been delivered, and the signal did not come.
fn missing(facts: &Facts<'_>, session: &Session<'_>, wake: Place, until: Place, finding: &mut Finding) {
    // What this wake was for may have gone with its session, and the name be another's by now.
    let called = facts.set_out(wake);
    if session.gone.iter().any(|gone| gone.is_after(called.seq) && gone.is_before(until.seq)) {
        return;
    }
    let stop = facts.stops_after(wake.seq).map_or(until, |stop| stop.min(until));
    let opened = session.opened.iter().rev().find(|open| open.is_before(stop.seq));
    let Some(opened) = opened.filter(|_| facts.is_attached(session, stop.seq)) else {
        return;
    };
    let messages = || facts.deliveries.iter().filter(|delivery| delivery.session == session.id);
    let busy =
        messages().any(|d| d.began.is_before(stop.seq) && d.end.is_none_or(|(end, _)| end.is_from(stop.seq)));
    let mut last = wake.max(*opened);
    for end in messages()
        .filter_map(|delivery| delivery.end)
        .map(|(end, _)| end)
        .filter(|end| end.is_before(stop.seq))
    {
        last = last.max(end);
    }
    let owed = owed_before(facts, session, wake, stop).is_some();
    if !busy && !owed && stop.at > last.at + MOMENT {
        finding.broken(
            last,
            format!("did_finish_events for the wake of session {:?} at {}", session.id, wake.at),
            format!("none, though the app could receive it until {}", stop.at),
        );
    }
}

pub(super) const SES_20: Rule = Rule {
    id: "SES-20",
    level: Level::Must,
    sentence: "Messages of one session do not overlap in time, and come in the order in which they were produced.",
    source: "URLSession.init(configuration:delegate:delegateQueue:) (fact F8)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "two messages of a session, one after the other",
    hint: "deliver from one queue per session, and await each callback before the next",
    focus: Focus { slow_callbacks: 1, ..Focus::KILLS },
    judge: |facts| {
        let mut finding = Finding::default();
        for session in &facts.sessions {
            overlap(facts, session, &mut finding);
            order(facts, session, &mut finding);
        }
        finding
    },
};

fn overlap(facts: &Facts<'_>, session: &Session<'_>, finding: &mut Finding) {
    let mut last: Option<&Delivery<'_>> = None;
    for delivery in facts.deliveries.iter().filter(|delivery| delivery.session == session.id) {
        if let Some(before) = last {
            // A callback ends with its process, also in a log that does not say so.
            let runs = before.end.map_or_else(
                || !facts.ended_between(before.began, delivery.began),
                |(end, _)| end.is_after(delivery.began.seq),
            );
            if runs {
                finding.broken(
                    delivery.began,
                    format!("{} of session {:?} to have returned", before.message.name(), session.id),
                    format!("{} while it was running", delivery.message.name()),
                );
                return;
            }
            finding.witness();
        }
        last = Some(delivery);
    }
}

/// Ends that lie closer together than this may be told in either order.
const TOGETHER: Duration = Duration::from_secs(1);

fn order(facts: &Facts<'_>, session: &Session<'_>, finding: &mut Finding) {
    let mut ends: Vec<(Place, Place, &Transfer<'_>)> = facts
        .transfers_of(session.id)
        .filter(|transfer| transfer.cancelled.is_none())
        .filter_map(|transfer| {
            let told = facts.messages_of(transfer).find(|delivery| delivery.is_final())?;
            Some((transfer.concluded()?, told.began, transfer))
        })
        .collect();
    ends.sort_by_key(|(concluded, ..)| *concluded);
    // It is enough to compare with the latest told of those that ended clearly earlier.
    let mut clear = ends.iter().peekable();
    let mut latest: Option<(Place, &Transfer<'_>)> = None;
    for (concluded, told, transfer) in &ends {
        let is_clear = |(ended, ..): &&(Place, Place, &Transfer<'_>)| ended.at + TOGETHER < concluded.at;
        while let Some((_, told, earlier)) = clear.next_if(is_clear) {
            if latest.is_none_or(|(known, _)| known.is_before(told.seq)) {
                latest = Some((*told, earlier));
            }
        }
        if let Some((place, earlier)) = latest.filter(|(place, _)| place.is_after(told.seq)) {
            finding.broken(
                *told,
                format!("the end of {} first: it came more than a second before", earlier.key),
                format!("the end of {}, and the other's at {}", transfer.key, place.at),
            );
        }
    }
}

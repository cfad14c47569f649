//! Logins while the app is away: SES-28.

use std::time::Duration;

use super::course::Transfer;
use super::facts::{Delivery, Session};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::{Charge, Time};
use crate::history::{EndKind, Message};
use crate::scenario::Focus;

/// The app has run for so long, attached, when a message that is due counts as held up.
const HELD_UP: Duration = Duration::from_secs(60);

pub(super) const SES_28: Rule = Rule {
    id: "SES-28",
    level: Level::Must,
    sentence: "A challenge that occurs while the app can not answer wakes it; left unanswered, the transfer ends with \
               an error at its resource timeout and does not block the session's other transfers.",
    source: "WKURLSessionRefreshBackgroundTask: \"The server requires authentication\" (facts D1, G6, G7, gap U6)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a challenge that came while the app was away and was put to it, or one left unanswered to its end",
    hint: "a challenge is a cause for a wake of its own; its transfer waits alone, the message queue goes on",
    focus: Focus::LOGINS,
    judge: |facts| {
        let mut finding = Finding::default();
        // Of a question that is the whole session's, nobody can say which transfer it was asked for.
        for transfer in facts.transfers.iter().filter(|transfer| transfer.vague_login.is_none()) {
            for challenge in transfer.exchanges.iter().filter_map(super::course::Exchange::challenge) {
                offered(facts, transfer, challenge, &mut finding);
            }
            unanswered(facts, transfer, &mut finding);
        }
        finding
    },
};

fn questions<'b>(facts: &'b Facts<'_>, transfer: &'b Transfer<'_>) -> impl Iterator<Item = &'b Delivery<'b>> {
    facts
        .messages_of(transfer)
        .filter(|delivery| matches!(delivery.message, Message::DidReceiveChallenge { .. }))
}

/// A challenge that came while the app was away is put to it, in a wake of its session.
fn offered(facts: &Facts<'_>, transfer: &Transfer<'_>, challenge: Place, finding: &mut Finding) {
    // Whether a suspended transfer has a login to ask for, the documents do not say.
    if facts.state_at(challenge.seq).is_running() || transfer.is_paused_between(challenge, facts.last()) {
        return;
    }
    let asked = questions(facts, transfer).find(|delivery| delivery.began.is_after(challenge.seq));
    let given_up =
        transfer.cancelled.is_some() || transfer.exchanges.iter().any(|e| e.sent.is_after(challenge.seq));
    let session = facts.session(&transfer.key.session);
    let wakes = session.is_some_and(|session| session.launch_events);
    let horizon = facts.horizon();
    // What came only when the user opened the app, after everything that was to come by itself, was no wake's doing.
    let late =
        |asked: &&Delivery<'_>| facts.collected.is_some_and(|collected| asked.began.is_after(collected.seq));
    if let Some(asked) = asked.filter(|asked| !late(asked)) {
        let between = |wake: &Place| wake.is_after(challenge.seq) && wake.is_before(asked.began.seq);
        finding.witnesses += u32::from(session.is_some_and(|session| session.wakes.iter().any(between)));
        return;
    }
    let Some(collected) = facts.collected.filter(|_| !given_up) else {
        return;
    };
    // It can only be asked before the transfer has run out of time; budget may delay the wake by some hours.
    let patience = facts.policy.budget_window * 3 + facts.policy.delivery_slack;
    let due = facts.owed_by(Charge::UrlSession, challenge.at, patience);
    let woken = session.is_some_and(|session| {
        session.wakes.iter().any(|wake| wake.is_after(challenge.seq) && wake.at <= due)
    });
    if wakes && !woken && due < horizon.at && due < transfer.times_out() {
        finding.broken(
            challenge,
            format!("a wake, and did_receive_challenge for {}", transfer.key),
            format!("neither by {}", horizon.at),
        );
    } else if asked.is_none() && collected.at + HELD_UP < transfer.times_out() && facts.ended.is_some() {
        finding.broken(
            challenge,
            format!("did_receive_challenge for {} when the app ran again", transfer.key),
            "it never came, though the user opened the app in time",
        );
    }
}

/// A challenge that never was answered ends its transfer, and only that.
fn unanswered(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(question) = questions(facts, transfer).find(|delivery| delivery.returned().is_some()) else {
        return;
    };
    let answered = questions(facts, transfer).any(|delivery| delivery.answered.is_some());
    if answered || transfer.cancelled.is_some() {
        return;
    }
    let end = facts.last_word(transfer);
    match (end, facts.ended) {
        (Some((place, EndKind::Success)), _) => finding.broken(
            place,
            format!("an error for {}: its login was never answered", transfer.key),
            "did_complete without error",
        ),
        (Some(_), _) => finding.witness(),
        (None, Some(ended)) if ended.at > transfer.times_out_at_last() => finding.broken(
            ended,
            format!(
                "{} to end with an error at its resource timeout, {}",
                transfer.key,
                transfer.times_out()
            ),
            "it never ended",
        ),
        (None, _) => {}
    }
    blocked(facts, transfer, question, end.map(|(place, _)| place), finding);
}

/// Has the session nothing to say for half that time? What is queued before takes its time, with a slow app.
fn falls_silent(facts: &Facts<'_>, session: &Session<'_>, end: Place, due: Time) -> bool {
    let mut since = end.at;
    let messages = facts.deliveries.iter().filter(|delivery| delivery.session == session.id);
    for delivery in messages.filter(|delivery| delivery.began.at <= due) {
        if delivery.began.at >= since + HELD_UP / 2 {
            return true;
        }
        since = since.max(delivery.end.map_or(due, |(place, _)| place.at));
    }
    due >= since + HELD_UP / 2
}

/// While it waits, ends of other transfers of its session reach an app that runs.
fn blocked(
    facts: &Facts<'_>,
    waiting: &Transfer<'_>,
    question: &Delivery<'_>,
    until: Option<Place>,
    finding: &mut Finding,
) {
    let Some(session) = facts.session(&waiting.key.session) else {
        return;
    };
    for other in facts.transfers_of(session.id).filter(|other| other.key != waiting.key) {
        let Some(end) = other.concluded().filter(|end| end.is_after(question.began.seq)) else {
            continue;
        };
        let meanwhile = until.is_none_or(|until| end.is_before(until.seq));
        let told =
            facts.messages_of(other).find(|delivery| delivery.is_final()).map(|delivery| delivery.began);
        let due = end.at + HELD_UP;
        let stays = facts.state_at(end.seq).is_running()
            && facts.stops_after(end.seq).is_none_or(|stop| stop.at > due)
            && facts.is_attached(session, end.seq)
            && facts.last().at > due
            && falls_silent(facts, session, end, due);
        if meanwhile && stays && told.is_none_or(|told| told.at > due) && other.cancelled.is_none() {
            finding.broken(
                end,
                format!("the end of {} told: only {} waits for a login", other.key, waiting.key),
                format!("nothing for {} s", HELD_UP.as_secs()),
            );
        }
    }
}

//! Delayed requests, and what the delegate makes of them: SES-14.

use std::time::Duration;

use super::course::Transfer;
use super::facts::{Delivery, Session};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::Charge;
use crate::history::{Answer, EndKind, Message};
use crate::scenario::Focus;

/// What a service may add to the wait for a wake: good conditions for what need not be done at once.
const HELD: Duration = Duration::from_secs(3_600);

pub(super) const SES_14: Rule = Rule {
    id: "SES-14",
    level: Level::Must,
    sentence: "A transfer with an earliest begin date is offered to will_begin_delayed_request once, before its first \
               request, which waits for the answer: it is the original one, the new one, or none, as the app says; \
               without the method it is the original one.",
    source: "urlSession(_:task:willBeginDelayedRequest:completionHandler:); \
             URLSession.DelayedRequestDisposition; What's new in Foundation networking, 2017 (facts E22, E23, D3)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a delayed transfer's first request or cancellation, as the app had decided",
    hint: "asking is a state of the transfer: kept over suspension and relaunch, left by the answer only",
    focus: Focus::DELAYED_REQUESTS,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            let calls: Vec<&Delivery<'_>> = facts.messages_of(transfer).filter(asks).collect();
            let Some(session) = facts.session(&transfer.key.session) else { continue };
            if transfer.earliest.is_none() || !session.decides {
                unasked(transfer, &calls, session, &mut finding);
                continue;
            }
            once(facts, transfer, &calls, &mut finding);
            offered(facts, session, transfer, &calls, &mut finding);
            for (index, call) in calls.iter().enumerate() {
                waits(facts, transfer, call, calls.get(index + 1).copied(), &mut finding);
                decided(facts, transfer, call, &mut finding);
            }
        }
        finding
    },
};

fn asks(delivery: &&Delivery<'_>) -> bool {
    matches!(delivery.message, Message::WillBeginDelayedRequest)
}

/// Nobody is asked about it: it begins with the request that the app made.
fn unasked(transfer: &Transfer<'_>, calls: &[&Delivery<'_>], session: &Session<'_>, finding: &mut Finding) {
    if let Some(call) = calls.first().filter(|_| transfer.earliest.is_none()) {
        finding.broken(
            call.began,
            format!("{} to begin unasked: it has no earliest begin date", transfer.key),
            "will_begin_delayed_request",
        );
    }
    if let Some((first, request)) = transfer.exchanges.first().zip(transfer.requests.first())
        && transfer.earliest.is_some()
        && !session.decides
    {
        if transfer.is_original(request) {
            finding.witness();
        } else {
            finding.broken(first.sent, format!("the original request of {}", transfer.key), *request);
        }
    }
}

/// Offered once, and not after its first request. One that was cut short has not been offered.
fn once(facts: &Facts<'_>, transfer: &Transfer<'_>, calls: &[&Delivery<'_>], finding: &mut Finding) {
    let mut before: Option<&Delivery<'_>> = None;
    for call in calls {
        if let Some(first) = before {
            // Whether it is offered again when nobody can answer any more, the documents do not say.
            if first.answered.is_some() || !facts.ended_between(first.began, call.began) {
                finding.broken(
                    call.began,
                    format!("will_begin_delayed_request once for {}", transfer.key),
                    format!("it again; it had been offered at {}", first.began.at),
                );
            }
        }
        if let Some(sent) = transfer.exchanges.first().filter(|first| first.sent.is_before(call.began.seq)) {
            finding.broken(
                call.began,
                format!("will_begin_delayed_request before the first request for {}", transfer.key),
                format!("it after a request had gone out at {}", sent.sent.at),
            );
        }
        if call.returned().is_some() || call.answered.is_some() {
            before = Some(call);
        }
    }
}

/// Offered at all: before its first request, in a wake if the app is away.
fn offered(
    facts: &Facts<'_>,
    session: &Session<'_>,
    transfer: &Transfer<'_>,
    calls: &[&Delivery<'_>],
    finding: &mut Finding,
) {
    let Some(date) = transfer.earliest.filter(|date| transfer.was_resumed() && transfer.resumed.at < *date)
    else {
        return;
    };
    // What a session does that may not wake the app, the documents do not say.
    if !session.launch_events {
        return;
    }
    let begun = Place { seq: transfer.resumed.seq + 1, at: transfer.resumed.at };
    if let Some(first) = transfer.exchanges.first() {
        let paused = transfer.is_paused_between(begun, first.sent);
        if calls.iter().all(|call| call.began.is_after(first.sent.seq)) && !paused {
            finding.broken(
                first.sent,
                format!("will_begin_delayed_request before the first request for {}", transfer.key),
                "a request that the app was not asked about",
            );
        }
        return;
    }
    let Some(collected) = facts.collected.filter(|_| calls.is_empty() && transfer.cancelled.is_none()) else {
        return;
    };
    let entries = &facts.history.entries;
    let ready = entries.partition_point(|entry| entry.at <= date);
    let healed = entries.iter().position(|entry| {
        matches!(entry.event, crate::history::Event::Phase { phase: crate::history::Phase::Healed })
    });
    let Some(entry) = entries.get(ready.saturating_sub(1).max(healed.unwrap_or(0))) else { return };
    let ready = Place { seq: entry.seq, at: entry.at.max(date) };
    let patience = facts.policy.budget_window * 3 + facts.policy.delivery_slack + HELD;
    let due = facts.owed_by(Charge::UrlSession, ready.at, patience);
    // An app that is slow may lose what is left of a wake, or of the time that it runs by itself.
    let in_time = |wake: &Place| wake.is_after(begun.seq) && wake.at >= date && wake.at <= due;
    if facts.state_at(ready.seq).is_running() || session.wakes.iter().any(in_time) {
        return;
    }
    let paused = transfer.is_paused_between(begun, facts.last());
    if !paused
        && due < collected.at
        && due < transfer.times_out()
        && !facts.forced_out_between(transfer.created, due)
    {
        finding.broken(
            ready,
            format!("a wake, and will_begin_delayed_request for {}", transfer.key),
            format!("neither by {}", collected.at),
        );
    }
}

/// Nothing goes out before the answer.
fn waits(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    call: &Delivery<'_>,
    next: Option<&Delivery<'_>>,
    finding: &mut Finding,
) {
    let until = call.answered.or_else(|| next.map(|next| next.began));
    let early = transfer.exchanges.iter().find(|exchange| exchange.sent.is_after(call.began.seq));
    if let Some(early) = early
        && until.is_none_or(|until| early.sent.is_before(until.seq))
        && !facts.ended_between(call.began, early.sent)
    {
        finding.broken(
            early.sent,
            format!("{} to wait: the app has not answered will_begin_delayed_request", transfer.key),
            "a request",
        );
    }
}

/// What goes out is what the app said.
fn decided(facts: &Facts<'_>, transfer: &Transfer<'_>, call: &Delivery<'_>, finding: &mut Finding) {
    let Some((answer, at)) = call.answer.zip(call.answered) else { return };
    let key = transfer.key;
    let later = transfer.exchanges.iter().zip(&transfer.requests).filter(|(e, _)| e.sent.is_after(at.seq));
    let mut later = later.map(|(exchange, request)| (exchange.sent, *request));
    let end = facts.last_word(transfer);
    // It was too late, or somebody else had the last word.
    let otherwise = transfer.times_out() <= at.at || end.is_some_and(|(end, _)| end.is_before(at.seq));
    if otherwise {
        return;
    }
    match answer {
        Answer::ContinueLoading => match later.next() {
            Some((_, request)) if transfer.is_original(request) => finding.witness(),
            Some((sent, request)) => {
                finding.broken(sent, format!("the original request of {key}: the app let it go on"), request);
            }
            None => {}
        },
        Answer::UseNewRequest => {
            let Some(new) = call.instead else { return };
            let mut first = true;
            for (sent, request) in later {
                // A redirect may lead away from it, but nothing leads back.
                if (first && request != new) || transfer.is_original(request) {
                    finding.broken(sent, format!("{new}: the app gave it in place of the original"), request);
                } else if first {
                    finding.witness();
                }
                first = false;
            }
        }
        Answer::Cancel => {
            let expected = format!("no request and the cancelled error for {key}: the app cancelled it");
            if let Some((sent, request)) = later.next() {
                finding.broken(sent, expected, request);
            } else if let Some((place, end)) = end {
                match end {
                    EndKind::Cancelled => finding.witness(),
                    EndKind::ForceQuit | EndKind::CancelledBySystem => {}
                    // Told late, its time is up all the same.
                    EndKind::TimedOut if place.at >= transfer.times_out() => {}
                    other => finding.broken(place, expected, format!("did_complete ({other:?})")),
                }
            }
        }
        _ => {}
    }
}

//! The resume-rate limiter: SES-24, SES-25.
//!
//! Nobody says when exactly a delay ends, nor which way of counting it is the right one, so both rules judge by bounds:
//! the shortest delay and the longest that any of them gives.

use std::time::Duration;

use super::begin::{begun, conditions, created_in_front, is_flagged, is_free, none_before, visits};
use super::course::Transfer;
use super::facts::Handle;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS, spoken};
use crate::contract::{AppChange, SessionId, Time};
use crate::scenario::Focus;

const OFF: &str = "its policy switches the limiter off (limiter_floor)";

pub(super) const SES_24: Rule = Rule {
    id: "SES-24",
    level: Level::Must,
    sentence: "While the resume-rate limiter delays, a transfer created in the background is not begun before the delay \
               is over, counted from the last resumption; each resumption or relaunch by the service doubles the delay \
               of the app; transfers created in front are not held.",
    source: "Developer forums, threads 14854 and 128813; Downloading files in the background (facts H1, H2, H5, H6, H8, \
             gap U9)",
    basis: Basis::Staff,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that was created in the background and waited for its delay to be over",
    hint: "keep one delay for the app, in the service; raise it at every wake of the service's that resumes or launches \
           the app, before its delegate is called",
    focus: Focus::LIMITED,
    judge: |facts| {
        let Some(floor) = facts.policy.limiter_floor else { return Finding::inapplicable(OFF) };
        let mut finding = Finding::default();
        let resumptions = resumptions(facts);
        for transfer in &facts.transfers {
            match created_in_front(facts, transfer) {
                Some(false) => not_before(facts, transfer, &resumptions, floor, &mut finding),
                Some(true) if !is_flagged(facts, transfer) => {
                    not_limited(facts, transfer, &resumptions, &mut finding);
                }
                _ => {}
            }
        }
        finding
    },
};

/// The app was launched or resumed, by the service or perhaps by it.
struct Resumption {
    called: Place,
    /// Where the session's task was handed over; `None` if the run ended before anything was.
    handled: Option<Place>,
    /// Where the service first told the app something of it: what is created before may have escaped it. `None` also if
    /// the app was called for other tasks too.
    known: Option<Place>,
}

fn resumptions(facts: &Facts<'_>) -> Vec<Resumption> {
    let mut found = Vec::new();
    for (called, _) in
        facts.changes.iter().filter(|(_, how)| matches!(how, AppChange::Launched | AppChange::Resumed))
    {
        let end = facts.stops_after(called.seq).map_or(usize::MAX, |end| end.seq);
        let inside: Vec<_> = facts
            .handles
            .iter()
            .filter(|handle| handle.place.is_after(called.seq) && handle.place.is_before(end))
            .collect();
        let of_session = |task: &usize| facts.tasks[*task].session().is_some();
        let handled = inside.iter().find(|handle| handle.tasks.iter().any(of_session));
        if handled.is_some() || inside.is_empty() {
            let pure = inside.first().is_some_and(|first| first.tasks.iter().all(of_session));
            let told = |handle: &&Handle| {
                let woken =
                    |of: &SessionId| handle.tasks.iter().any(|task| facts.tasks[*task].session() == Some(of));
                let mut messages =
                    facts.deliveries.iter().filter(|message| message.began.is_after(handle.place.seq));
                messages.find(|message| woken(message.session)).map(|message| message.began)
            };
            let known = handled.copied().filter(|_| pure).and_then(|handle| told(&handle));
            found.push(Resumption { called: *called, handled: handled.map(|handle| handle.place), known });
        }
    }
    found
}

/// The user's last visit before a place, and be it the one that began everything.
fn last_visit(facts: &Facts<'_>, before: Place) -> usize {
    let before = facts.changes.iter().rev().filter(|(place, _)| place.is_before(before.seq));
    before.filter(|(_, how)| how.state().is_foreground()).map(|(place, _)| place.seq).next().unwrap_or(0)
}

/// The least that every way of counting demands.
fn not_before(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    all: &[Resumption],
    floor: Duration,
    finding: &mut Finding,
) {
    let visit = last_visit(facts, transfer.created);
    let mut last: Option<(&Resumption, Duration)> = None;
    let mut count = 0;
    for next in all.iter().filter(|resumption| {
        resumption.called.is_after(visit)
            && resumption.known.is_some_and(|known| known.is_before(transfer.created.seq))
    }) {
        let grows = last.is_some_and(|(before, low)| follows(facts, before.called, low, next.called));
        let low = match last {
            Some((_, low)) if grows => low.saturating_mul(facts.policy.limiter_factor),
            _ => floor,
        };
        count = if grows { count + 1 } else { 1 };
        last = Some((next, low));
    }
    let (Some((last, low)), Some(first)) = (last, begun(transfer)) else { return };
    let bound = last.called.at + low;
    if visits(facts, last.called).any(|visit| visit.is_before(first.seq)) {
        return;
    }
    if first.at < bound {
        finding.broken(
            first,
            format!(
                "no request for {} before {bound}: it was created in the background, and the delay is {} after {} at {}",
                transfer.key,
                spoken(low),
                if count == 1 {
                    "the wake".to_owned()
                } else {
                    format!("{count} wakes in succession, the last")
                },
                last.called.at,
            ),
            format!("one at {}", first.at),
        );
    } else if bound > transfer.resumed.at {
        finding.witness();
    }
}

/// Did the next resumption come so soon that no way of counting finds a quiet period before it: inside the delay, or
/// because of a transfer that had waited for its end and was begun then?
fn follows(facts: &Facts<'_>, before: Place, low: Duration, next: Place) -> bool {
    let over = before.at + low;
    let held = |transfer: &&Transfer<'_>| {
        transfer.created.is_after(before.seq)
            && transfer.resumed.at < over
            && created_in_front(facts, transfer) == Some(false)
    };
    let mut begins = facts.transfers.iter().filter(held).filter_map(begun);
    next.at < over
        || begins.any(|begin| begin.at >= over && begin.is_before(next.seq) && next.at < begin.at + low / 2)
}

/// What is created in front is not held.
fn not_limited(facts: &Facts<'_>, transfer: &Transfer<'_>, all: &[Resumption], finding: &mut Finding) {
    let from = ready(facts, transfer);
    let visit = last_visit(facts, from);
    let delays = all.iter().any(|resumption| {
        resumption.handled.is_some_and(|handled| handled.is_after(visit) && handled.is_before(from.seq))
    });
    let due = from.at + facts.policy.start_slack;
    let good = conditions(facts, from, due).all(|now| now.favourable);
    if !delays || !good || !is_free(facts, transfer, from, due) {
        return;
    }
    match begun(transfer) {
        Some(first) if first.at <= due => finding.witness(),
        first => finding.broken(
            transfer.resumed,
            format!("a request for {} by {due}: it was created in front", transfer.key),
            none_before(first),
        ),
    }
}

/// Where a transfer was to be worked on and its date had come.
fn ready(facts: &Facts<'_>, transfer: &Transfer<'_>) -> Place {
    let at = transfer.earliest.map_or(transfer.resumed.at, |date| date.max(transfer.resumed.at));
    let before = facts.history.entries.partition_point(|entry| entry.at < at);
    Place { seq: before.saturating_sub(1).max(transfer.resumed.seq), at }
}

pub(super) const SES_25: Rule = Rule {
    id: "SES-25",
    level: Level::Must,
    sentence: "The resume-rate limiter holds no transfer for longer than it must: a batch of transfers that ends in one \
               wake doubles the delay once, and a visit of the user's clears it, as does a whole period without a cause \
               to resume the app.",
    source: "Developer forums, thread 14854; Downloading files in the background (facts H2, H3, H4, H8, and C14 for how \
             soon)",
    basis: Basis::Staff,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that the limiter had held, begun in time",
    hint: "double once for each resumption, not for each transfer; clear the delay and what it holds when the app comes \
           to the front; when a session wants the app, see first whether a whole period has passed",
    focus: Focus::CLEARED,
    judge: |facts| {
        let Some(floor) = facts.policy.limiter_floor else { return Finding::inapplicable(OFF) };
        let mut finding = Finding::default();
        let resumptions = resumptions(facts);
        for transfer in &facts.transfers {
            if created_in_front(facts, transfer) == Some(false) {
                no_later_than(facts, transfer, &resumptions, floor, &mut finding);
                visited(facts, transfer, &mut finding);
            }
        }
        finding
    },
};

/// The most that any way of counting allows.
fn no_later_than(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    all: &[Resumption],
    floor: Duration,
    finding: &mut Finding,
) {
    let from = ready(facts, transfer);
    let visit = last_visit(facts, from);
    let mut high = Duration::ZERO;
    let mut due = from.at;
    let mut before: Option<Place> = None;
    for next in
        all.iter().filter(|resumption| resumption.handled.unwrap_or(resumption.called).is_after(visit))
    {
        let place = next.handled.unwrap_or(next.called);
        // Those that come while it still waits may make it wait for longer.
        if next.called.is_after(from.seq) && next.called.at > due + facts.policy.start_slack {
            break;
        }
        let quiet = before.is_some_and(|before| is_quiet(facts, before, next.called, high));
        high = if high.is_zero() || quiet { floor } else { high.saturating_mul(facts.policy.limiter_factor) };
        due = from.at.max(place.at + high);
        before = Some(place);
    }
    let held = due > from.at;
    let due = due + facts.policy.start_slack;
    let good = conditions(facts, from, due).all(|now| now.favourable);
    let Some(before) = before.filter(|_| good && is_free(facts, transfer, from, due)) else { return };
    match begun(transfer) {
        Some(first) if first.at <= due => finding.witnesses += u32::from(held),
        first => finding.broken(
            transfer.resumed,
            format!(
                "a request for {} by {due}: the limiter may delay it for {} after the wake at {} at the most, and it \
                 may be {} late",
                transfer.key,
                spoken(high),
                before.at,
                spoken(facts.policy.start_slack),
            ),
            none_before(first),
        ),
    }
}

/// Is there, between two resumptions, a time twice as long as the delay in which no transfer is outstanding?
fn is_quiet(facts: &Facts<'_>, before: Place, next: Place, high: Duration) -> bool {
    let told: Vec<(Time, Option<Time>)> = facts
        .transfers
        .iter()
        .map(|transfer| (transfer.created.at, facts.acknowledged(transfer).map(|place| place.at)))
        .collect();
    let begins = told.iter().filter_map(|(_, told)| *told).chain([before.at]);
    let is_quiet = |from: Time| {
        let to = from + high * 2;
        to < next.at
            && told.iter().all(|(created, told)| *created >= to || told.is_some_and(|told| told <= from))
    };
    begins.filter(|from| *from >= before.at).any(is_quiet)
}

/// A visit ends every hold.
fn visited(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let first = begun(transfer);
    let held = |visit: &Place| first.is_none_or(|first| first.is_after(visit.seq));
    let Some(visit) = visits(facts, transfer.resumed).find(held) else { return };
    let due = visit.at + facts.policy.start_slack;
    let good = conditions(facts, visit, due).all(|now| now.favourable);
    if !good || !is_free(facts, transfer, visit, due) {
        return;
    }
    match first {
        Some(first) if first.at <= due => finding.witness(),
        first => finding.broken(
            visit,
            format!("a request for {} by {due}: the user has opened the app", transfer.key),
            none_before(first),
        ),
    }
}

//! Throttling: SCH-13, SCH-14, SCH-15.

use super::requests::{Slot, missed, owed_by};
use super::{Basis, Facts, Finding, Level, Place, Rule, THROTTLES};
use crate::contract::{AppChange, Charge, RefreshKind, SessionId, SnapshotReason, Time, WakeOutcome};
use crate::history::Event;
use crate::scenario::Focus;

/// What a delivery is charged to; `None` for what is free.
pub(super) fn charge(kind: &RefreshKind) -> Option<Charge> {
    match kind {
        RefreshKind::UrlSession(_) => Some(Charge::UrlSession),
        RefreshKind::ApplicationRefresh => Some(Charge::ApplicationRefresh),
        RefreshKind::Snapshot(SnapshotReason::AppScheduled) => Some(Charge::Snapshot),
        _ => None,
    }
}

/// The deliveries that are charged to one budget, in order. Each counts from the moment of its wake: how long the app
/// then takes to come up is not the throttle's doing.
pub(super) fn deliveries(facts: &Facts<'_>, budget: Charge) -> Vec<Place> {
    let charged = |handle: &super::facts::Handle| {
        handle.tasks.iter().filter(|index| charge(facts.tasks[**index].kind) == Some(budget)).count()
    };
    facts.handles.iter().flat_map(|handle| std::iter::repeat_n(delivered(handle), charged(handle))).collect()
}

/// How many of them still count at this moment.
pub(super) fn used(facts: &Facts<'_>, budget: Charge, at: Time) -> usize {
    let window = facts.policy.budget_window;
    deliveries(facts, budget).iter().filter(|place| place.at <= at && place.at + window > at).count()
}

fn delivered(handle: &super::facts::Handle) -> Place {
    Place { seq: handle.place.seq, at: handle.called.at }
}

fn name(budget: Charge) -> &'static str {
    match budget {
        Charge::ApplicationRefresh => "application-refresh tasks",
        Charge::UrlSession => "URL-session tasks",
        Charge::Snapshot => "snapshots that the app asked for",
    }
}

/// Finds the first delivery that is one too many in the window that ends with it. Every window of this length that
/// holds too many ends with such a delivery, so none is missed.
fn overrun(facts: &Facts<'_>, budget: Charge, finding: &mut Finding) {
    let window = facts.policy.budget_window;
    // Of a wake that began nobody knows when, nobody knows which hour it counts for.
    let mut delivered = deliveries(facts, budget);
    delivered.retain(|place| !facts.woke_unseen(*place));
    for (index, place) in delivered.iter().enumerate() {
        // The documents do not say what a change of class does to what was delivered before it: the better one counts.
        let limit = facts.most_per_hour(budget, place.at.saturating_sub(window), place.at);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let inside = |other: &&Place| other.at + window > place.at;
        let count = delivered[..=index].iter().filter(inside).count();
        if count > limit {
            let first = delivered[..=index].iter().find(inside).map_or(Time::ZERO, |place| place.at);
            finding.broken(
                *place,
                format!("at most {limit} {} in any {} min", name(budget), window.as_secs() / 60),
                format!("{count} of them from {first} to {}", place.at),
            );
        } else if count == limit {
            finding.witness();
        }
    }
}

pub(super) const SCH_13: Rule = Rule {
    id: "SCH-13",
    level: Level::Must,
    sentence: "In any hour an app receives no more application-refresh tasks, and no more snapshots that it asked \
               for, than its class allows; snapshots that the system starts are not charged.",
    source: "WKApplicationRefreshBackgroundTask; Preparing to take your watchOS app's snapshot (facts C1, C3, C4, C8)",
    basis: Basis::Documents,
    needs: &[],
    binds: THROTTLES,
    witness: "an hour with as many deliveries as are allowed",
    hint: "look back over the last hour at each delivery; a counter reset on the hour, or saved-up credit, lets more \
           through",
    focus: Focus::CHARGES,
    judge: |facts| {
        let mut finding = Finding::default();
        overrun(facts, Charge::ApplicationRefresh, &mut finding);
        overrun(facts, Charge::Snapshot, &mut finding);
        charged_for_others(facts, &mut finding);
        finding
    },
};

/// A snapshot that the app asked for waits, though in the hour before no other was delivered but the system's own: no
/// throttle, however it counts, has a reason for that.
fn charged_for_others(facts: &Facts<'_>, finding: &mut Finding) {
    let window = facts.policy.budget_window;
    let slot = Slot::of(facts, Charge::Snapshot);
    let charged = deliveries(facts, Charge::Snapshot);
    for (index, request) in slot.requests.iter().enumerate() {
        let due = request.due();
        let recent = |place: Place| place.at + window > due;
        let before = facts.handles.iter().filter(|handle| handle.called.at <= due && recent(handle.called));
        let free = before.flat_map(|handle| &handle.tasks);
        let free = free.filter(|task| {
            let kind = facts.tasks[**task].kind;
            matches!(kind, RefreshKind::Snapshot(_)) && charge(kind).is_none()
        });
        let (free, bound) = (free.count(), facts.owed_by(Charge::Snapshot, due, facts.policy.delivery_slack));
        let arrival = slot.arrival_of(index).map(|arrival| arrival.place);
        let in_time = arrival.is_some_and(|place| place.at <= bound);
        let replaced = slot.requests[index + 1..].iter().any(|newer| newer.place.at <= bound);
        // A wake that was lost with the process may have been charged, and one before a log began.
        let excused = request.settled.is_none()
            || !facts.knows_before(due, window)
            || charged.iter().any(|place| recent(*place) && place.at <= bound)
            || facts.wake_cut_off(due.saturating_sub(window), bound)
            || facts.in_front_between(due, bound)
            || facts.forced_out_between(request.place, bound)
            || facts.horizon().at <= bound;
        if free > 0 && !in_time && !replaced && !excused {
            finding.broken(
                arrival.unwrap_or(request.place),
                format!("the snapshot due at {due} by {bound}: in the hour before there was none but the system's own"),
                arrival.map_or_else(|| "it never came".to_owned(), |place| format!("it came at {}", place.at)),
            );
        }
    }
}

pub(super) const SCH_14: Rule = Rule {
    id: "SCH-14",
    level: Level::Must,
    sentence: "A request over budget is deferred, not discarded, and is delivered once, when budget has returned.",
    source: "WKApplicationRefreshBackgroundTask; WKSnapshotRefreshBackgroundTask (facts C5, C6, X17)",
    basis: Basis::Documents,
    needs: &[],
    binds: THROTTLES,
    witness: "a request that fell due with the budget used up and was delivered later",
    hint: "keep the request in its slot until it is admitted, and ask the throttle again when it said it would admit",
    focus: Focus::BUDGET,
    judge: |facts| {
        let mut finding = Finding::default();
        for slot in [Charge::ApplicationRefresh, Charge::Snapshot] {
            requests(facts, slot, &mut finding);
        }
        finding
    },
};

fn requests(facts: &Facts<'_>, of: Charge, finding: &mut Finding) {
    let slot = Slot::of(facts, of);
    for (at, arrival) in slot.arrivals.iter().enumerate() {
        let Some(index) = arrival.request else {
            // A task that nobody asked for with this info is SCH-10's business.
            continue;
        };
        let first = slot.arrivals[..at].iter().find(|earlier| earlier.request == Some(index));
        if let Some(first) = first {
            let made = slot.requests[index].place.at;
            finding.broken(
                arrival.place,
                format!("one task for the request made at {made}: it came at {}", first.place.at),
                "another with the same user info",
            );
        }
    }
    for (index, request) in slot.requests.iter().enumerate() {
        let due = request.due();
        match slot.arrival_of(index).map(|arrival| arrival.place) {
            Some(place)
                if was_full(facts, of, due) && place.at > due && place.at <= owed_by(facts, of, due) =>
            {
                finding.witness();
            }
            _ => {
                if let Some((place, expected, seen)) = missed(facts, of, &slot, index) {
                    finding.broken(place, expected, seen);
                }
            }
        }
    }
}

fn was_full(facts: &Facts<'_>, slot: Charge, due: Time) -> bool {
    let limit = usize::try_from(facts.most_per_hour(slot, due, due)).unwrap_or(usize::MAX);
    used(facts, slot, due) >= limit
}

pub(super) const SCH_15: Rule = Rule {
    id: "SCH-15",
    level: Level::Must,
    sentence: "URL-session wakes over budget are delayed, never lost: no more than the allotted number in any hour, \
               and each request is answered in the end.",
    source: "WKURLSessionRefreshBackgroundTask (facts C2, C5, gap U4)",
    basis: Basis::Documents,
    needs: &[],
    binds: THROTTLES,
    witness: "an hour with as many session wakes as are allowed",
    hint: "look back over the last hour at each wake; queue what is not admitted and try again, never answer it \
           without a task",
    focus: Focus::CHAINS,
    judge: |facts| {
        let mut finding = Finding::default();
        overrun(facts, Charge::UrlSession, &mut finding);
        lost(facts, |_| true, &mut finding);
        finding
    },
};

/// Every request for a wake has been answered when the waiting part of the scenario is over: with a task, or because the
/// session had taken it back.
pub(super) fn lost(facts: &Facts<'_>, which: impl Fn(Place) -> bool, finding: &mut Finding) {
    let horizon = facts.horizon();
    for session in &facts.sessions {
        // Budget for everybody who was waiting, one after the other, and some slack.
        let limit = facts.least_per_hour(Charge::UrlSession);
        let queue = u32::try_from(facts.sessions.len()).unwrap_or(u32::MAX).div_ceil(limit);
        let patience = facts.policy.budget_window * (queue + 1) + facts.policy.delivery_slack;
        let due = |request: &&Place| {
            which(**request) && facts.owed_by(Charge::UrlSession, request.at, patience) < horizon.at
        };
        for request in session.requests.iter().filter(due) {
            if let Some((place, seen)) = unanswered(facts, session.id, *request, horizon) {
                let hours = patience.as_secs().div_ceil(3_600);
                finding.broken(
                    place,
                    format!("the wake for session {:?} within {hours} h", session.id),
                    seen,
                );
            }
        }
    }
}

/// What is wrong with the answer to a request, if anything is.
fn unanswered(
    facts: &Facts<'_>,
    session: &SessionId,
    request: Place,
    horizon: Place,
) -> Option<(Place, String)> {
    let entries = &facts.history.entries[request.seq..];
    let mut taken_back = false;
    for entry in entries.iter().take_while(|entry| Place::of(entry).is_by(horizon.seq)) {
        let place = Place::of(entry);
        match &entry.event {
            Event::WakeWithdrawn { session: named } => taken_back |= named == session,
            Event::WakeResolved { session: named, outcome } if named == session => {
                return match outcome {
                    WakeOutcome::Handled(_) => None,
                    WakeOutcome::Withdrawn if taken_back => None,
                    WakeOutcome::Suppressed if forced_out(facts, place) => None,
                    other => Some((place, format!("the answer {other:?}, and no task"))),
                };
            }
            _ => {}
        }
    }
    Some((request, "no answer to the request ever came".to_owned()))
}

/// Did the user force-quit the app before? Then no wakes are due.
fn forced_out(facts: &Facts<'_>, place: Place) -> bool {
    facts.changes.iter().any(|(change, how)| *how == AppChange::ForceQuit && change.is_before(place.seq))
}

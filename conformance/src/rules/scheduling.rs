//! The call that schedules, and what falls due with the user there: SCH-11, SCH-12.

use std::time::Duration;

use super::requests::{Request, Slot, noun, overdue};
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS};
use crate::contract::{AppState, Charge, ForegroundRefresh, Time, UserInfo};
use crate::history::{Event, FaultKind};
use crate::scenario::Focus;

/// A call that has not returned after this long does not return at scheduling time.
const PROMPT: Duration = Duration::from_secs(60);

pub(super) const SCH_11: Rule = Rule {
    id: "SCH-11",
    level: Level::Must,
    sentence: "A scheduling call returns exactly once, at scheduling time and before its task, whether or not the task \
               ever runs.",
    source: "WKApplication.scheduleBackgroundRefresh, its completion block (facts \
             A15, X9)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a call for a later moment that returned before it, while other tasks are delivered",
    hint: "answer when the request is in its slot; do not keep the answer until the task runs, or drop it with a \
           request that is replaced",
    focus: Focus::SLOTS,
    judge: |facts| {
        let mut finding = Finding::default();
        for slot in [Charge::ApplicationRefresh, Charge::Snapshot] {
            returns(facts, slot, &mut finding);
        }
        finding
    },
};

fn returns(facts: &Facts<'_>, of: Charge, finding: &mut Finding) {
    // A log that was written without returns says nothing about them.
    let told = facts.history.entries.iter().any(|entry| match &entry.event {
        Event::ScheduleReturned { .. } => true,
        Event::Fault { fault } => fault.kind == FaultKind::Hang,
        _ => false,
    });
    if !told {
        return;
    }
    let slot = Slot::of(facts, of);
    for (index, request) in
        slot.requests.iter().enumerate().filter(|(_, request)| request.completed.is_none())
    {
        let until = slot.requests[index + 1..].iter().find(|other| other.user_info == request.user_info);
        let mut answers =
            answers(facts, of, request.user_info, request.place, until.map(|other| other.place));
        let article = if of == Charge::Snapshot { "a" } else { "an" };
        let what = format!("the call made at {} for {article} {}", request.place.at, noun(of));
        match (answers.next(), slot.arrival_of(index)) {
            (None, _) => unanswered(facts, request, &what, finding),
            (Some(answer), Some(arrival)) if arrival.place.is_before(answer.seq) => finding.broken(
                answer,
                format!("{what} to return when it is scheduled"),
                format!("it returned at {}, after its task", answer.at),
            ),
            // One that never delivers anything has promised nothing with its answer.
            (Some(answer), _) => {
                finding.witnesses += u32::from(answer.at < request.preferred && !slot.arrivals.is_empty());
            }
        }
        if let Some(again) = answers.next() {
            finding.broken(again, format!("{what} to return once"), "it returned again");
        }
    }
}

fn answers<'f>(
    facts: &'f Facts<'_>,
    of: Charge,
    info: Option<&'f UserInfo>,
    after: Place,
    until: Option<Place>,
) -> impl Iterator<Item = Place> + use<'f> {
    let entries = facts.history.entries[after.seq..].iter();
    entries
        .take_while(move |entry| until.is_none_or(|until| Place::of(entry).is_before(until.seq)))
        .filter_map(move |entry| match &entry.event {
            Event::ScheduleReturned { slot, user_info, .. } if *slot == of && Some(user_info) == info => {
                Some(Place::of(entry))
            }
            _ => None,
        })
}

/// No answer: that may be because the process ended, or the log.
fn unanswered(facts: &Facts<'_>, request: &Request<'_>, what: &str, finding: &mut Finding) {
    let by = request.place.at + PROMPT;
    let ended = facts.changes.iter().any(|(place, change)| {
        change.state() == AppState::NotRunning && place.is_after(request.place.seq) && place.at <= by
    });
    if !ended && facts.last().at >= by {
        finding.broken(
            request.place,
            format!("{what} to return within {} s", PROMPT.as_secs()),
            "it did not return",
        );
    }
}

pub(super) const SCH_12: Rule = Rule {
    id: "SCH-12",
    level: Level::Should,
    sentence: "An application refresh that falls due with the app in front is disregarded, or is delivered there if the \
               policy says so; in no case is it delivered twice.",
    source: "WKApplication.scheduleBackgroundRefresh; Using background tasks (facts \
             A5, A14, X1)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a refresh that fell due with the app in front, among others that were delivered",
    hint: "look at the app's state when the date comes and clear the slot; Policy::foreground_refresh has the other \
           reading",
    focus: Focus::FRONT,
    judge: |facts| {
        let mut finding = Finding::default();
        let slot = Slot::of(facts, Charge::ApplicationRefresh);
        for (index, request) in slot.requests.iter().enumerate() {
            let due = request.due();
            let replaced = slot.requests.get(index + 1).is_some_and(|next| next.place.at <= due);
            if !replaced && in_front_throughout(facts, due, due) {
                in_front(facts, &slot, index, &mut finding);
            }
        }
        finding
    },
};

fn in_front(facts: &Facts<'_>, slot: &Slot<'_>, index: usize, finding: &mut Finding) {
    let due = slot.requests[index].due();
    let mut arrivals = slot.arrivals.iter().filter(|arrival| arrival.request == Some(index));
    let first = arrivals.next();
    if let Some((first, again)) = first.zip(arrivals.next()) {
        finding.broken(
            again.place,
            format!("the refresh due at {due}, with the app in front, at most once"),
            format!("it was delivered at {} and again at {}", first.place.at, again.place.at),
        );
        return;
    }
    // How promptly a date is looked at is the scheduler's affair: with the user there all that time, it was in front.
    let stayed = in_front_throughout(facts, due, due + facts.policy.delivery_slack);
    let there =
        |place: Place| place.seq.checked_sub(1).is_some_and(|seq| facts.state_at(seq).is_foreground());
    match facts.policy.foreground_refresh {
        ForegroundRefresh::Deliver => {
            finding.witnesses += u32::from(first.is_some());
            if let Some((place, expected, seen)) = overdue(facts, Charge::ApplicationRefresh, slot, index) {
                finding.broken(place, expected, seen);
            }
        }
        ForegroundRefresh::Disregard => match first {
            Some(arrival) if stayed || there(arrival.called) => finding.broken(
                arrival.place,
                format!("no refresh: it fell due at {due} with the app in front"),
                format!("it was delivered at {}", arrival.place.at),
            ),
            Some(_) => {}
            // Where no refresh ever comes, none is disregarded.
            None => finding.witnesses += u32::from(!slot.arrivals.is_empty()),
        },
    }
}

/// Was the app in front from before one moment to another?
fn in_front_throughout(facts: &Facts<'_>, from: Time, to: Time) -> bool {
    let before = facts.changes.partition_point(|(place, _)| place.at < from);
    let there = before.checked_sub(1).is_some_and(|index| facts.changes[index].1.state().is_foreground());
    let mut inside = facts.changes[before..].iter().take_while(|(place, _)| place.at <= to);
    there && inside.all(|(_, change)| change.state().is_foreground()) && facts.last().at >= to
}

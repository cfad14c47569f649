//! What the app asked for by slot, and what came of it: the common ground of the rules about scheduling.

use super::budget::{deliveries, used};
use super::{Facts, Place};
use crate::contract::{
    Charge, ForegroundRefresh, RefreshKind, RefreshTaskId, SnapshotReason, Time, UserInfo,
};
use crate::history::{Completed, Event};

/// A request of the app's for a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) place: Place,
    /// From here on it is in its slot for certain: the call has returned. `None` if it never did, or was refused.
    pub(super) settled: Option<Place>,
    pub(super) preferred: Time,
    pub(super) user_info: Option<&'a UserInfo>,
    /// The task that the app completed with this wish; `None` if it called to schedule it.
    pub(super) completed: Option<RefreshTaskId>,
}

impl Request<'_> {
    /// Does it ask for anything? The wish for no further snapshot only empties the slot.
    pub(super) fn asks(&self) -> bool {
        self.preferred != Time::DISTANT_FUTURE
    }

    /// From when on it may be delivered.
    pub(super) fn due(&self) -> Time {
        self.preferred.max(self.place.at)
    }
}

/// The delivery of a task of a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) place: Place,
    /// Where the scheduler set out to deliver it: what happens after that can take it back no more.
    pub(super) called: Place,
    /// Where it may have done so at the earliest.
    pub(super) earliest: Place,
    /// Index into [`Facts::tasks`].
    pub(super) task: usize,
    /// The request that it stems from, by its user info: an index into [`Slot::requests`].
    pub(super) request: Option<usize>,
}

/// Everything about one slot, in order.
#[derive(Debug, Default)]
pub(super) struct Slot<'a> {
    pub(super) requests: Vec<Request<'a>>,
    pub(super) arrivals: Vec<Arrival>,
}

impl<'a> Slot<'a> {
    /// Reads the requests and deliveries of a slot; `Charge::UrlSession` has none.
    pub(super) fn of(facts: &Facts<'a>, slot: Charge) -> Self {
        let mut this = Self::default();
        let returns = facts.history.entries.iter().any(|e| matches!(e.event, Event::ScheduleReturned { .. }));
        for entry in &facts.history.entries {
            let place = Place::of(entry);
            match &entry.event {
                Event::Scheduled { slot: of, preferred, user_info } if *of == slot => {
                    let settled = (!returns).then_some(place);
                    let user_info = Some(user_info);
                    let (preferred, completed) = (*preferred, None);
                    this.requests.push(Request { place, settled, preferred, user_info, completed });
                }
                Event::ScheduleReturned { slot: of, user_info, accepted: true } if *of == slot => {
                    let of_this = |request: &&mut Request<'_>| request.user_info == Some(user_info);
                    if let Some(request) = this.requests.iter_mut().rev().find(of_this) {
                        request.settled.get_or_insert(place);
                    }
                }
                Event::TaskCompleted { task, repeated: false, how } if slot == Charge::Snapshot => {
                    this.requests.extend(wish(facts, place, *task, how));
                }
                _ => {}
            }
        }
        for handle in &facts.handles {
            for index in handle.tasks.iter().copied().filter(|index| is_of(facts.tasks[*index].kind, slot)) {
                let info = facts.tasks[index].user_info;
                // An app may use the same user info again: a delivery belongs to the latest request with it. Where
                // there is none, nothing tells requests apart, and each is good for one delivery.
                let stems = |(at, r): (usize, &Request<'_>), until: Place| {
                    let came = info.is_none() && this.arrival_of(at).is_some();
                    r.asks() && r.user_info == info && r.place.is_before(until.seq) && !came
                };
                let latest = |until: Place| {
                    let mut requests = this.requests.iter().enumerate().rev();
                    requests.find(|(at, r)| stems((*at, r), until)).map(|(at, _)| at)
                };
                let (place, called, earliest) = (handle.place, handle.called, handle.earliest);
                // What was asked for while the app came up is for another time, unless nothing else was.
                let request = latest(called).or_else(|| latest(place));
                this.arrivals.push(Arrival { place, called, earliest, task: index, request });
            }
        }
        this
    }

    /// The first delivery of a request.
    pub(super) fn arrival_of(&self, request: usize) -> Option<&Arrival> {
        self.arrivals.iter().find(|arrival| arrival.request == Some(request))
    }

    /// The first request after this one that was in the slot for certain when the scheduler set out to deliver: not in
    /// the very moment, in which the two may have crossed.
    pub(super) fn replaced_by(&self, request: usize, called: Place) -> Option<&Request<'a>> {
        let settled =
            |r: &&Request<'_>| r.settled.is_some_and(|p| p.is_before(called.seq) && p.at < called.at);
        self.requests[request + 1..].iter().find(settled)
    }
}

/// What a completion asks for, if it asks for anything.
fn wish<'a>(facts: &Facts<'_>, place: Place, id: RefreshTaskId, how: &'a Completed) -> Option<Request<'a>> {
    let task = facts.tasks.iter().find(|task| task.id == id)?;
    let (preferred, user_info) = match (how, task.kind) {
        (Completed::WithSnapshot, RefreshKind::Snapshot(_)) => {
            (place.at + facts.policy.snapshot_interval, None)
        }
        (Completed::WithSnapshot, _) => (place.at, None),
        (Completed::SnapshotTaken { expiration, user_info }, _) => (*expiration, user_info.as_ref()),
        _ => return None,
    };
    // What comes after the end of its time may not count any more.
    let in_time = task.deadline().is_some_and(|deadline| place.at < deadline);
    Some(Request { place, settled: in_time.then_some(place), preferred, user_info, completed: Some(id) })
}

/// A request that must have come and did not, or not in time: where to say so, what was expected, and what was seen.
///
/// It is excused if it was replaced, if a wake that may have been its own was lost with the process, if nobody waited long
/// enough, and if it may have been disregarded because the user was there.
pub(super) fn missed(
    facts: &Facts<'_>,
    of: Charge,
    slot: &Slot<'_>,
    index: usize,
) -> Option<(Place, String, String)> {
    overdue(facts, of, slot, index).filter(|_| !may_be_disregarded(facts, of, slot.requests[index].due()))
}

/// The same, whether the user was there or not.
pub(super) fn overdue(
    facts: &Facts<'_>,
    of: Charge,
    slot: &Slot<'_>,
    index: usize,
) -> Option<(Place, String, String)> {
    let request = &slot.requests[index];
    let due = request.due();
    let bound = owed_by(facts, of, due);
    let arrival = slot.arrival_of(index);
    let in_time = arrival.is_some_and(|arrival| arrival.place.at <= bound);
    let replaced =
        arrival.is_none() && slot.requests[index + 1..].iter().any(|newer| newer.place.at <= bound);
    let excused = request.settled.is_none()
        || !request.asks()
        || replaced
        || facts.horizon().at <= bound
        || facts.wake_cut_off(due, bound)
        || facts.forced_out_between(request.place, bound);
    if in_time || excused {
        return None;
    }
    let expected = format!("the {} due at {due} delivered by {bound} at the latest", noun(of));
    let seen = arrival.map_or_else(
        || "it was never delivered".to_owned(),
        |late| format!("it was delivered at {}", late.place.at),
    );
    Some((arrival.map_or(request.place, |late| late.place), expected, seen))
}

/// A request is due; an hour later there is budget again, whatever was delivered before.
pub(super) fn owed_by(facts: &Facts<'_>, of: Charge, due: Time) -> Time {
    facts.owed_by(of, due, facts.policy.budget_window + facts.policy.delivery_slack)
}

/// May what was due at this moment have been disregarded because the user was there? Where it is delivered in front, only
/// then (SCH-12 says what is due); elsewhere also where it could have been delivered later, but not while it was held back or
/// over budget: such a request waits, whatever the user does.
fn may_be_disregarded(facts: &Facts<'_>, of: Charge, due: Time) -> bool {
    // How promptly a date is looked at is the scheduler's affair, and a delivery that is under way comes first.
    let looked = facts.landed(due).map_or(due, |landed| landed.max(due)) + facts.policy.delivery_slack;
    let disregards =
        of != Charge::ApplicationRefresh || facts.policy.foreground_refresh == ForegroundRefresh::Disregard;
    let spans = facts.in_front(due, owed_by(facts, of, due).max(looked));
    spans.into_iter().any(|(from, to)| from <= looked || (disregards && is_deliverable(facts, of, from, to)))
}

/// Could a task of this slot have been delivered at any moment of this span?
fn is_deliverable(facts: &Facts<'_>, of: Charge, from: Time, to: Time) -> bool {
    let window = facts.policy.budget_window;
    // Only in these moments can what was in the way have gone.
    let returned = deliveries(facts, of).into_iter().map(|place| place.at + window);
    let changed = facts.conditions.iter().map(|(place, _)| place.at);
    let mut moments = returned.chain(changed).filter(|at| (from..=to).contains(at)).chain([from]);
    moments.any(|at| {
        let limit = facts.most_per_hour(of, at.saturating_sub(window), at);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let before = facts.conditions.partition_point(|(place, _)| place.at < at);
        let first = before.checked_sub(1).map(|index| facts.conditions[index].1).unwrap_or_default();
        let then = facts.conditions[before..].iter().take_while(|(place, _)| place.at <= at);
        let mut then = then.map(|(_, conditions)| *conditions).chain([first]);
        used(facts, of, at) < limit && then.any(|conditions| !facts.holds(conditions, of))
    })
}

/// Is this a task that the app asked for in this slot?
pub(super) fn is_of(kind: &RefreshKind, slot: Charge) -> bool {
    match kind {
        RefreshKind::ApplicationRefresh => slot == Charge::ApplicationRefresh,
        RefreshKind::Snapshot(SnapshotReason::AppScheduled) => slot == Charge::Snapshot,
        _ => false,
    }
}

/// What a slot's task is called.
pub(super) fn noun(slot: Charge) -> &'static str {
    if slot == Charge::Snapshot { "snapshot" } else { "application refresh" }
}

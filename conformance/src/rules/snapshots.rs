//! The snapshot slot: SCH-08, SCH-23.

use super::requests::{Arrival, Request, Slot, is_of, missed};
use super::{Basis, Facts, Finding, Level, Rule, SCHEDULERS};
use crate::contract::{Charge, RefreshKind};
use crate::history::{Completed, Event};
use crate::scenario::Focus;
use crate::subject::Capability;

pub(super) const SCH_08: Rule = Rule {
    id: "SCH-08",
    level: Level::Must,
    sentence: "The snapshot slot is separate from the refresh slot, and snapshots that the system starts neither empty nor \
               replace the app's request.",
    source: "scheduleSnapshotRefresh(withPreferredDate:userInfo:…); WKSnapshotRefreshBackgroundTask (facts A11, A12, A17)",
    basis: Basis::Documents,
    needs: &[Capability::Snapshots],
    binds: SCHEDULERS,
    witness: "a request that was delivered although the other slot was used, or a system's snapshot came, meanwhile",
    hint: "keep two slots; make the system's snapshots from the trigger alone and leave both slots as they are",
    focus: Focus::SYSTEM,
    judge: |facts| {
        let mut finding = Finding::default();
        for of in [Charge::ApplicationRefresh, Charge::Snapshot] {
            let slot = Slot::of(facts, of);
            for index in (0..slot.requests.len()).filter(|index| is_disturbed(facts, of, &slot, *index)) {
                if let Some((place, expected, seen)) = missed(facts, of, &slot, index) {
                    finding.broken(place, expected, seen);
                } else if slot.arrival_of(index).is_some() {
                    finding.witness();
                }
            }
        }
        finding
    },
};

/// Was something done, while this request was outstanding, that must not touch it?
fn is_disturbed(facts: &Facts<'_>, of: Charge, slot: &Slot<'_>, index: usize) -> bool {
    let from = slot.requests[index].place.seq;
    let until = slot.arrival_of(index).map_or_else(|| facts.horizon(), |arrival| arrival.place).seq;
    let entries = facts.history.entries.get(from..until).unwrap_or_default();
    entries.iter().any(|entry| match &entry.event {
        Event::Scheduled { slot: other, .. } => *other != of,
        Event::Triggered { kind: RefreshKind::Snapshot(_) } => of == Charge::Snapshot,
        Event::HandleBegan { tasks } => tasks.iter().any(|task| match task.kind {
            RefreshKind::ApplicationRefresh => of == Charge::Snapshot,
            RefreshKind::Snapshot(_) => !is_of(&task.kind, of),
            _ => false,
        }),
        _ => false,
    })
}

pub(super) const SCH_23: Rule = Rule {
    id: "SCH-23",
    level: Level::Must,
    sentence: "Completing another task with snapshot: true replaces the app's snapshot request with an immediate one, and \
               false leaves it alone; on a snapshot task the date that is given, an hour for true, or none governs the next.",
    source: "setTaskCompletedWithSnapshot(_:); WKSnapshotRefreshBackgroundTask, its completion (facts B16, B17, B18)",
    basis: Basis::Documents,
    needs: &[Capability::Snapshots],
    binds: SCHEDULERS,
    witness: "a snapshot that a completion had asked for",
    hint: "on each first completion, by its form: write the snapshot slot, empty it, or leave it as it is",
    focus: Focus::SNAPSHOTS,
    judge: |facts| {
        let mut finding = Finding::default();
        let slot = Slot::of(facts, Charge::Snapshot);
        for (at, arrival) in slot.arrivals.iter().enumerate() {
            governed(facts, &slot, at, arrival, &mut finding);
        }
        for (index, request) in slot.requests.iter().enumerate() {
            let missing = missed(facts, Charge::Snapshot, &slot, index);
            let left_alone = || {
                let after = facts.history.entries.get(request.place.seq..).unwrap_or_default();
                let plain =
                    |event: &Event| matches!(event, Event::TaskCompleted { how: Completed::Plainly, .. });
                after.iter().take_while(|entry| entry.at <= request.due()).any(|entry| plain(&entry.event))
            };
            if let Some((place, expected, seen)) =
                missing.filter(|_| request.completed.is_some() || left_alone())
            {
                finding.broken(place, expected, seen);
            }
        }
        finding
    },
};

/// Is this delivery what the last word about the slot allows?
fn governed(facts: &Facts<'_>, slot: &Slot<'_>, at: usize, arrival: &Arrival, finding: &mut Finding) {
    let settled = |r: &Request<'_>| {
        r.settled.is_some_and(|place| place.is_before(arrival.called.seq) && place.at < arrival.called.at)
    };
    let last = slot.requests.iter().rposition(settled);
    // What was said in the same moment, or may not count, may have governed it as well.
    let said: Vec<(usize, &Request<'_>)> = slot.requests.iter().enumerate().skip(last.unwrap_or(0)).collect();
    let came = |index: usize| slot.arrivals[..at].iter().any(|earlier| earlier.request == Some(index));
    let fits = |(index, request): &(usize, &Request<'_>)| {
        let own = arrival.request.is_none_or(|of| of == *index);
        own && request.place.is_before(arrival.place.seq)
            && request.asks()
            && !came(*index)
            && request.preferred <= arrival.place.at
    };
    if let Some((_, request)) = said.iter().find(|entry| fits(entry)) {
        finding.witnesses += u32::from(request.completed.is_some());
        return;
    }
    let Some(last) = last else { return };
    let (governing, id) = (&slot.requests[last], facts.tasks[arrival.task].id);
    let seen = format!("{id}, a snapshot, at {}", arrival.place.at);
    match governing.completed {
        Some(done) if !governing.asks() => {
            finding.broken(
                arrival.place,
                format!("no snapshot: {done} was completed with the wish for none"),
                seen,
            );
        }
        Some(done) if arrival.place.at < governing.preferred => finding.broken(
            arrival.place,
            format!("the next snapshot not before {}, as {done} was completed", governing.preferred),
            seen,
        ),
        Some(done) if !came(last) => finding.broken(
            arrival.place,
            format!("the snapshot that was asked for with the completion of {done}, and no older one"),
            seen,
        ),
        Some(_) => {
            finding.broken(arrival.place, "no snapshot: nothing has asked for one since the last", seen)
        }
        // Its own task was completed without a word about the next.
        None if came(last) => {
            finding.broken(arrival.place, "no snapshot: nothing has asked for one since the last", seen)
        }
        None => {}
    }
}

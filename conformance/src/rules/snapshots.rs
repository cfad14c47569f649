//! The snapshot slot: SCH-08.

use super::requests::{Slot, is_of, missed};
use super::{Basis, Facts, Finding, Level, Rule, SCHEDULERS};
use crate::contract::{Charge, RefreshKind};
use crate::history::Event;
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
    let entries = facts.history.entries.get(from + 1..until).unwrap_or_default();
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

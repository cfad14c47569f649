//! The app's requests and the tasks that stem from them: SCH-07, SCH-09.

use super::requests::{Slot, noun};
use super::{Basis, Facts, Finding, Level, Rule, SCHEDULERS};
use crate::contract::Charge;
use crate::scenario::Focus;

pub(super) const SCH_07: Rule = Rule {
    id: "SCH-07",
    level: Level::Must,
    sentence: "At most one application-refresh request is outstanding: a new one replaces the old, and only the newest \
               is delivered.",
    source: "WKApplication.scheduleBackgroundRefresh (fact A10)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a request that had replaced an outstanding one and was delivered",
    hint: "keep one slot for the app's refresh and overwrite all of it, date and user info, with each call",
    focus: Focus::SLOTS,
    judge: |facts| {
        let mut finding = Finding::default();
        let slot = Slot::of(facts, Charge::ApplicationRefresh);
        for arrival in &slot.arrivals {
            let Some(index) = arrival.request else { continue };
            let request = &slot.requests[index];
            if let Some(newer) = slot.replaced_by(index, arrival.called) {
                finding.broken(
                    arrival.place,
                    format!("only the newest request, made at {}, delivered", newer.place.at),
                    format!(
                        "{} with the user info of an older one, made at {}",
                        facts.tasks[arrival.task].id, request.place.at
                    ),
                );
            } else if replaced_another(&slot, index) {
                finding.witness();
            }
        }
        finding
    },
};

/// Was another request outstanding when this one was made?
fn replaced_another(slot: &Slot<'_>, index: usize) -> bool {
    let now = slot.requests[index].place;
    slot.requests[..index].iter().enumerate().any(|(at, older)| {
        older.due() > now.at && slot.arrival_of(at).is_none_or(|arrival| arrival.place.seq > now.seq)
    })
}

pub(super) const SCH_09: Rule = Rule {
    id: "SCH-09",
    level: Level::Must,
    sentence: "A refresh or a snapshot that the app has scheduled is not delivered before its preferred date.",
    source: "WKApplication.scheduleBackgroundRefresh; Using background tasks (fact \
             A13)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a request for a later moment that was delivered",
    hint: "compare the date as it was given, to the millisecond; when another wake comes earlier, leave the slot alone",
    focus: Focus::SLOTS,
    judge: |facts| {
        let mut finding = Finding::default();
        for of in [Charge::ApplicationRefresh, Charge::Snapshot] {
            too_early(facts, of, &mut finding);
        }
        finding
    },
};

fn too_early(facts: &Facts<'_>, of: Charge, finding: &mut Finding) {
    let slot = Slot::of(facts, of);
    for arrival in &slot.arrivals {
        let before = slot.requests.iter().filter(|request| request.place.seq < arrival.place.seq);
        // A task whose user info says nothing may stem from any of them.
        let request = match arrival.request {
            Some(index) => Some(&slot.requests[index]),
            None => before.min_by_key(|request| request.preferred),
        };
        let Some(request) = request else { continue };
        if arrival.place.at < request.preferred {
            finding.broken(
                arrival.place,
                format!("the {} not before {}, its preferred date", noun(of), request.preferred),
                format!("it was delivered at {}", arrival.place.at),
            );
        } else if request.preferred > request.place.at {
            finding.witness();
        }
    }
}

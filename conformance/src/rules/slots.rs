//! The app's requests and the tasks that stem from them: SCH-07, SCH-09, SCH-10.

use super::requests::{Request, Slot, is_of, noun};
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS};
use crate::contract::{Charge, RefreshKind, UserInfo};
use crate::history::Event;
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
            if let Some(newer) = slot.replaced_by(index, arrival.earliest) {
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
        older.due() > now.at && slot.arrival_of(at).is_none_or(|arrival| arrival.place.is_after(now.seq))
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
    // A completion may ask for a snapshot, too; in a log that does not tell of completions, any may stem from one.
    if of == Charge::Snapshot && !facts.tells("task_completed") {
        return;
    }
    let slot = Slot::of(facts, of);
    for arrival in &slot.arrivals {
        let before = slot.requests.iter().filter(|request| request.place.is_before(arrival.place.seq));
        // A task whose user info says nothing may stem from any of them; in a log, also from one that is not in it: if it
        // has another user info, or if the first that is there has replaced that only just before.
        let only_just =
            |request: &Request<'_>| arrival.place.at.since(request.place.at) <= facts.policy.suspension_slack;
        let elsewhere =
            || facts.tasks[arrival.task].user_info.is_some() || slot.requests.first().is_some_and(only_just);
        let request = match arrival.request {
            Some(index) => Some(&slot.requests[index]),
            None if facts.is_log() && elsewhere() => None,
            None => before.min_by_key(|request| request.preferred),
        };
        // In a log, the completion of a task that it does not know may have asked for another one since.
        let sure = |request: &&Request<'_>| of != Charge::Snapshot || facts.knows_tasks(request.place.seq);
        let Some(request) = request.filter(sure) else { continue };
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

pub(super) const SCH_10: Rule = Rule {
    id: "SCH-10",
    level: Level::Must,
    sentence: "A task carries the user info of the request that it stems from, and none if the system started it; what is \
               given on completing a snapshot task comes with the next snapshot.",
    source: "WKRefreshBackgroundTask.userInfo; Using background tasks (facts A8, B16)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a task whose user info could be told from others",
    hint: "keep the user info in the slot with the date, clear both together, and mint the system's tasks with none",
    focus: Focus::SNAPSHOTS,
    judge: |facts| {
        let mut finding = Finding::default();
        for of in [Charge::ApplicationRefresh, Charge::Snapshot] {
            own_info(facts, of, &mut finding);
        }
        no_info(facts, &mut finding);
        finding
    },
};

fn said(info: Option<&UserInfo>) -> String {
    info.map_or_else(|| "no user info".to_owned(), |info| format!("the user info {info:?}"))
}

/// The app's own tasks: whichever outstanding request it was, it was one of this slot's.
fn own_info(facts: &Facts<'_>, of: Charge, finding: &mut Finding) {
    let slot = Slot::of(facts, of);
    for (at, arrival) in slot.arrivals.iter().enumerate() {
        let came = |index: usize| slot.arrivals[..at].iter().any(|earlier| earlier.request == Some(index));
        let asked = slot.requests.iter().enumerate().filter(|(_, r)| r.place.is_before(arrival.place.seq));
        let mut outstanding = asked.filter(|(at, r)| r.asks() && !came(*at)).map(|(_, request)| request);
        let task = &facts.tasks[arrival.task];
        match (arrival.request, outstanding.next_back()) {
            (Some(_), _) => finding.witness(),
            (None, Some(newest)) if task.user_info.is_none() && came_along(facts, newest) => {}
            (None, Some(newest)) => finding.broken(
                arrival.place,
                format!("{}, with the request made at {}", said(newest.user_info), newest.place.at),
                format!("{} with {}", task.id, said(task.user_info)),
            ),
            (None, None) if task.user_info.is_some() => finding.broken(
                arrival.place,
                "no user info: no request is outstanding",
                format!("{} with {}", task.id, said(task.user_info)),
            ),
            (None, None) => {}
        }
    }
}

/// Has the system's own snapshot brought back what was given for "the next one"? The documents do not say which is meant.
fn came_along(facts: &Facts<'_>, request: &Request<'_>) -> bool {
    let brought = |handle: &super::facts::Handle| {
        let mut tasks = handle.tasks.iter().map(|index| &facts.tasks[*index]);
        let later = handle.place.is_after(request.place.seq);
        later && tasks.any(|task| !is_of(task.kind, Charge::Snapshot) && task.user_info == request.user_info)
    };
    request.completed.is_some() && facts.handles.iter().any(brought)
}

/// The system's tasks.
fn no_info(facts: &Facts<'_>, finding: &mut Finding) {
    let slot = Slot::of(facts, Charge::Snapshot);
    let given = facts.history.entries.iter().find(|entry| matches!(entry.event, Event::Scheduled { .. }));
    for handle in &facts.handles {
        for task in handle.tasks.iter().map(|index| &facts.tasks[*index]) {
            if is_of(task.kind, Charge::ApplicationRefresh) || is_of(task.kind, Charge::Snapshot) {
                continue;
            }
            let meant = |r: &Request<'_>| {
                r.completed.is_some() && r.place.is_before(handle.place.seq) && r.user_info == task.user_info
            };
            let next = matches!(task.kind, RefreshKind::Snapshot(_)) && slot.requests.iter().any(meant);
            if task.user_info.is_some() && !next {
                finding.broken(
                    handle.place,
                    format!("no user info with {}, which the system started", task.id),
                    said(task.user_info),
                );
            } else if given.is_some_and(|entry| Place::of(entry).is_before(handle.place.seq)) {
                finding.witness();
            }
        }
    }
}

//! What the app does around its wakes: what comes next, waiting, chaining, panics. DEL-06, DEL-08b, DEL-08c, DEL-09.

use super::facts::{Facts, Place};
use super::in_hand::in_hand;
use super::{Basis, DELEGATES, Finding, Level, Rule};
use crate::contract::{AppChange, AppState, RefreshKind};
use crate::scenario::Focus;

/// The last completion of a wake that this entry follows, if no task was open any more and the app was behind.
fn follows_completion(facts: &Facts<'_>, place: Place) -> Option<Place> {
    if facts.state_at(place.seq) != AppState::Background {
        return None;
    }
    let woke = facts.changes.iter().rev().find(|(change, _)| change.is_before(place.seq))?.0;
    let done = facts.tasks.iter().filter_map(|task| task.completed);
    let last = done.filter(|done| done.is_after(woke.seq) && done.is_before(place.seq)).max()?;
    let open = facts.tasks.iter().any(|task| task.is_open_at(place.seq));
    (!open && facts.is_one_stretch(last, place)).then_some(last)
}

pub(super) const DEL_06: Rule = Rule {
    id: "DEL-06",
    level: Level::Must,
    sentence: "What comes next, a refresh, a snapshot or a transfer, is asked for before the wake's last task is completed.",
    source: "WKRefreshBackgroundTask: the app may be suspended at once; talks of 2017 and 2020 (facts B2, B3)",
    basis: Basis::Staff,
    needs: &[crate::subject::Capability::FollowUps],
    binds: DELEGATES,
    witness: "something asked for in a wake while a task was open",
    hint: "schedule first and complete last: code after the completion may never run",
    focus: Focus::APP_REFRESHES,
    judge: |facts| {
        let mut finding = Finding::default();
        let created = facts.transfers.iter().map(|transfer| (transfer.created, "a transfer"));
        let scheduled = facts.scheduled.iter().map(|place| (*place, "a refresh or snapshot"));
        for (place, what) in created.chain(scheduled) {
            let behind = facts.state_at(place.seq) == AppState::Background;
            let inside = facts.tasks.iter().any(|task| task.is_open_at(place.seq));
            finding.witnesses += u32::from(behind && inside);
            if let Some(done) = follows_completion(facts, place) {
                finding.broken(
                    place,
                    format!("{what} asked for before the last task was completed at {}", done.at),
                    "asked for after it, when the app may be suspended already".to_owned(),
                );
            }
        }
        finding
    },
};

/// So soon after the end of a transfer an app completes what it kept open for it.
const MOMENT: std::time::Duration = std::time::Duration::from_secs(1);

pub(super) const DEL_08B: Rule = Rule {
    id: "DEL-08b",
    level: Level::Should,
    sentence: "A task that is not a session's is not kept open for a transfer that was begun in it: the session's own wake \
               brings the result.",
    source: "a talk of 2020: complete the application-refresh task right after starting the transfer (facts B7, I2)",
    basis: Basis::Staff,
    needs: &[crate::subject::Capability::FollowUps],
    binds: DELEGATES,
    witness: "a transfer that was begun in a task which is not a session's",
    hint: "start the background transfer, complete the task, and be woken again when it has ended",
    focus: Focus::APP_REFRESHES,
    judge: |facts| {
        let mut finding = Finding::default();
        let others = |kind: &RefreshKind| !matches!(kind, RefreshKind::UrlSession(_));
        for held in in_hand(facts).filter(|held| others(held.task.kind)) {
            // One that was let lie did not wait for anything.
            let Some(end) = held.task.completed.filter(|done| !held.may_have_expired(*done)) else {
                continue;
            };
            let begun = |place: Place| place.is_after(held.given.seq) && place.is_before(end.seq);
            let behind = |place: Place| facts.state_at(place.seq) == AppState::Background;
            let ours = |place: Place| begun(place) && behind(place);
            for transfer in facts.transfers.iter().filter(|transfer| ours(transfer.created)) {
                finding.witness();
                let told = facts.messages_of(transfer).find(|message| message.is_final());
                let told = told.map(|message| message.began).filter(|told| begun(*told));
                // In a log, what the task was open for shows only if it is completed right after.
                let at_once = |told: &Place| !facts.is_log() || end.at.since(told.at) <= MOMENT;
                if let Some(told) = told.filter(at_once) {
                    finding.broken(
                        end,
                        format!("{} completed without waiting for {}", held.name(), transfer.key),
                        format!("open until that had ended, at {}", told.at),
                    );
                }
            }
        }
        finding
    },
};

pub(super) const DEL_08C: Rule = Rule {
    id: "DEL-08c",
    level: Level::Should,
    sentence: "Transfers that are wanted together are created together, and not one in the wake of another.",
    source: "a talk of 2014 and staff on the rate of resumes (facts H8, H9, I13)",
    basis: Basis::Staff,
    needs: &[],
    binds: DELEGATES,
    witness: "several downloads wanted together",
    hint: "create all of them at once: each wake costs budget and delays the next",
    focus: Focus::APP_BATCHES,
    judge: |facts| {
        let mut finding = Finding::default();
        for (wanted, urls) in facts.wanted.iter().filter(|(_, urls)| urls.len() > 1) {
            finding.witness();
            // Each may be asked for again later.
            let created = |url: &String| {
                let mut of = facts.transfers.iter().filter(|transfer| transfer.url == url);
                of.find(|transfer| transfer.created.is_after(wanted.seq)).map(|transfer| transfer.created)
            };
            let ours: Vec<Place> = urls.iter().filter_map(created).collect();
            let Some(first) = ours.iter().min() else { continue };
            let woken = |place: &Place| {
                facts
                    .handles
                    .iter()
                    .any(|handle| handle.place.is_after(first.seq) && handle.place.is_before(place.seq))
            };
            if let Some(late) = ours.iter().copied().filter(woken).min() {
                finding.broken(
                    late,
                    format!("{} downloads created together, at {}", urls.len(), first.at),
                    "one of them created in a later wake".to_owned(),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_09: Rule = Rule {
    id: "DEL-09",
    level: Level::Must,
    sentence: "The app's code does not panic: its process would end, and its wakes with it.",
    source: "Using background tasks: a task is lost with the process (facts A5, F19)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a process of the app's that was suspended in good order",
    hint: "the finding names the method; look at what it takes for granted",
    focus: Focus::APP,
    judge: |facts| {
        let mut finding = Finding::default();
        let suspended = facts.changes.iter().filter(|(_, change)| *change == AppChange::Suspended);
        finding.witnesses += u32::try_from(suspended.count()).unwrap_or(u32::MAX);
        if let Some((place, what, message)) = facts.panics.first() {
            finding.broken(*place, format!("{what} to return"), format!("it panicked: {message}"));
        }
        finding
    },
};

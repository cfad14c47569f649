//! Transfers whose moment the system may choose: SES-22, SES-29.

use std::time::Duration;

use super::begin::{begun, conditions, created_in_front, is_flagged, is_free, none_before, visits};
use super::course::Transfer;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::{DiscretionaryStart, Time};
use crate::scenario::Focus;

pub(super) const SES_22: Rule = Rule {
    id: "SES-22",
    level: Level::Must,
    sentence: "A transfer created while the app is not in front is discretionary, whatever its session's flag says: \
               while conditions are bad it is held, though not for longer than its time allows; one created in front \
               follows the flag, and without it is not held.",
    source: "URLSessionConfiguration.isDiscretionary; What's New in Foundation Networking, 2014 (facts E14, E16, C14)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that was ready in bad conditions, and held or not as it should be",
    hint: "look at the app's state when the transfer is created, not when its session is or when it is resumed; hold \
           only so long that it can still be made in time",
    focus: Focus::DISCRETION,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            match (created_in_front(facts, transfer), is_flagged(facts, transfer)) {
                (Some(true), false) => not_held(facts, transfer, &mut finding),
                (Some(false), _) => held(facts, transfer, "in the background", &mut finding),
                (Some(true), true) => held(facts, transfer, "in a discretionary session", &mut finding),
                (None, _) => {}
            }
        }
        finding
    },
};

/// It follows the flag, which says that nobody may choose another moment.
fn not_held(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let (from, due) = (transfer.resumed, transfer.resumed.at + facts.policy.start_slack);
    if facts.conditions_before(from.seq).favourable || !is_free(facts, transfer, from, due) {
        return;
    }
    match begun(transfer) {
        Some(first) if first.at <= due => finding.witness(),
        first => finding.broken(
            from,
            format!(
                "a request for {} by {due}: it was created in front, in a session that is not discretionary",
                transfer.key
            ),
            none_before(first),
        ),
    }
}

/// Shorter than this, a resource timeout makes everything urgent.
const ROOM: u32 = 4;

fn held(facts: &Facts<'_>, transfer: &Transfer<'_>, why: &str, finding: &mut Finding) {
    let hold = facts.policy.discretionary_hold;
    let first = begun(transfer);
    let waits = facts.policy.discretionary_start == DiscretionaryStart::HeldForConditions
        && transfer.resource_timeout >= hold * ROOM;
    let until = first.unwrap_or_else(|| facts.last());
    let bad = !conditions(facts, transfer.created, until.at).any(|now| now.favourable);
    // A flagged transfer stays discretionary; to tell that from the other kind is not worth a false alarm.
    let visited = visits(facts, transfer.created).any(|visit| visit.is_before(until.seq));
    if waits && bad && !visited {
        match first {
            Some(first) if first.at < transfer.created.at + hold => finding.broken(
                first,
                format!(
                    "no request for {} before {}: it was created {why}, and conditions are bad",
                    transfer.key,
                    transfer.created.at + hold
                ),
                format!("one at {}", first.at),
            ),
            _ => {}
        }
    }
    let ready = transfer.was_resumed() && !facts.conditions_before(transfer.resumed.seq).favourable;
    let late = first.is_none_or(|first| first.at > transfer.resumed.at + Duration::from_secs(1));
    if waits && ready && late {
        finding.witness();
    }
    in_time(facts, transfer, finding);
}

/// The less time is left, the more urgent it gets: it is not held until it is too late.
fn in_time(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let last = Time::from_millis(transfer.times_out().as_millis().saturating_sub(1));
    // The limiter may hold it for longer than it has time.
    let limited = facts.policy.limiter_floor.is_some();
    if begun(transfer).is_none() && !limited && is_free(facts, transfer, transfer.resumed, last) {
        finding.broken(
            transfer.resumed,
            format!("a request for {} before its time is up at {}", transfer.key, transfer.times_out()),
            "none: it was held for better conditions until it was too late",
        );
    }
}

pub(super) const SES_29: Rule = Rule {
    id: "SES-29",
    level: Level::Should,
    sentence: "A transfer that is discretionary only because the app was not in front when it was created is begun \
               when the user brings the app to the front.",
    source: "What's New in Foundation Networking, 2014 (fact E15, and C14 for how soon)",
    basis: Basis::Staff,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that was held in bad conditions and begun by a visit of the user's",
    hint: "when the app comes to the front, look again at what was held only for having been created behind",
    focus: Focus::VISITS,
    judge: |facts| {
        if facts.policy.discretionary_start == DiscretionaryStart::AtAnyMoment {
            return Finding::inapplicable("by its policy nothing is held for better conditions");
        }
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            if created_in_front(facts, transfer) == Some(false) && !is_flagged(facts, transfer) {
                released(facts, transfer, &mut finding);
            }
        }
        finding
    },
};

fn released(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let first = begun(transfer);
    let held = |visit: &Place| first.is_none_or(|first| first.is_after(visit.seq));
    let visit = visits(facts, transfer.resumed).find(held);
    let Some(visit) = visit.filter(|visit| !facts.conditions_before(visit.seq).favourable) else { return };
    let due = visit.at + facts.policy.start_slack;
    if !is_free(facts, transfer, visit, due) {
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

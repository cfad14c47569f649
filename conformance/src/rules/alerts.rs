//! How many Bluetooth alerts reach an app in a day: SCH-26.

use std::time::Duration;

use super::facts::Task;
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS};
use crate::contract::{AppChange, AppClass, AppState, Conditions, RefreshKind, Time};
use crate::history::Event;
use crate::scenario::Focus;

const DAY: Duration = Duration::from_secs(86_400);

pub(super) const SCH_26: Rule = Rule {
    id: "SCH-26",
    level: Level::Must,
    sentence: "In any day an app in the background receives no more Bluetooth alerts than the number allowed, and those \
               that are allowed; each opportunity comes back a day after its own use, and all of them when the user \
               launches the app.",
    source: "WKBluetoothAlertRefreshBackgroundTask; Using background tasks (fact C11)",
    basis: Basis::Documents,
    needs: &[],
    binds: SCHEDULERS,
    witness: "a day with as many Bluetooth alerts as are allowed",
    hint: "remember the moment of each alert, drop those that are a day old, and all of them when the user comes",
    focus: Focus::ALERTS,
    judge: |facts| {
        if facts.policy.bluetooth_alerts_per_day == 0 {
            return Finding::inapplicable("the policy allows no Bluetooth alert");
        }
        let mut finding = Finding::default();
        too_many(facts, &mut finding);
        let mut earlier = Vec::new();
        for alert in alerts(facts) {
            let fate = Fate::of(facts, alert);
            if let Some(by) = withheld(facts, &earlier, alert, fate) {
                let next = received(facts).find(|place| place.is_after(alert.seq));
                finding.broken(
                    alert,
                    format!("the Bluetooth alert of {} delivered by {by}", alert.at),
                    next.map_or_else(
                        || "none came".to_owned(),
                        |next| format!("none came before {}", next.at),
                    ),
                );
            }
            earlier.push((alert, fate));
        }
        finding
    },
};

/// Where a device had an alert.
fn alerts(facts: &Facts<'_>) -> Vec<Place> {
    let alert = |event: &Event| matches!(event, Event::Triggered { kind: RefreshKind::BluetoothAlert });
    facts.history.entries.iter().filter(|entry| alert(&entry.event)).map(Place::of).collect()
}

/// Where the app received the task of one.
fn received(facts: &Facts<'_>) -> impl Iterator<Item = Place> {
    let of_alerts = |task: &&Task<'_>| *task.kind == RefreshKind::BluetoothAlert;
    facts.tasks.iter().filter(of_alerts).filter_map(|task| task.delivered.first().copied())
}

fn number(facts: &Facts<'_>) -> usize {
    usize::try_from(facts.policy.bluetooth_alerts_per_day).unwrap_or(usize::MAX)
}

/// No day, and no part of one since the user came, holds too many. How long an alert took to reach the app may differ.
fn too_many(facts: &Facts<'_>, finding: &mut Finding) {
    // What came up while the user was there may not have been counted, and what comes soon after a visit may have come up
    // before.
    let behind = |place: &Place| {
        let slack = facts.policy.delivery_slack;
        facts.state_at(place.seq) == AppState::Background
            && !facts.in_front_between(place.at.saturating_sub(slack), place.at)
    };
    let delivered: Vec<Place> = received(facts).filter(behind).collect();
    let (most, slack) = (number(facts), facts.policy.delivery_slack);
    for (index, place) in delivered.iter().enumerate() {
        let visit = visits(facts, *place, |_| true);
        let inside = |other: &&Place| {
            other.at + DAY > place.at + slack && visit.is_none_or(|visit| other.is_after(visit.seq))
        };
        let counted: Vec<&Place> = delivered[..=index].iter().filter(inside).collect();
        if counted.len() > most {
            let first = counted.first().map_or(Time::ZERO, |place| place.at);
            finding.broken(
                *place,
                format!("at most {most} Bluetooth alerts in any day without a visit of the user's"),
                format!("{} of them from {first} to {}", counted.len(), place.at),
            );
        } else if counted.len() == most {
            finding.witness();
        }
    }
}

/// Where the user came last before this place, and found the app in a state of this kind.
fn visits(facts: &Facts<'_>, before: Place, found: impl Fn(AppState) -> bool) -> Option<Place> {
    let mut state = AppState::NotRunning;
    let mut last = None;
    for (place, change) in facts.changes.iter().take_while(|(place, _)| place.is_before(before.seq)) {
        if *change == AppChange::Foregrounded && found(state) {
            last = Some(*place);
        }
        state = change.state();
    }
    last
}

/// What became of an alert.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// A task came for it, in time.
    Came,
    /// It may have been used up for nothing: the wake was cut off, say.
    Lost,
    /// It never came.
    Withheld,
}

impl Fate {
    fn of(facts: &Facts<'_>, alert: Place) -> Self {
        let by = alert.at + facts.policy.delivery_slack;
        let force_quit_since = visits(facts, alert, |_| true).unwrap_or(Place { seq: 0, at: Time::ZERO });
        if received(facts).any(|place| place.is_after(alert.seq) && place.at <= by) {
            Self::Came
        } else if facts.horizon().at <= by
            || facts.in_front_between(alert.at, by)
            || facts.wake_cut_off(alert.at, by)
            || facts.forced_out_between(force_quit_since, by)
            || held(facts, alert.at, by)
        {
            Self::Lost
        } else {
            Self::Withheld
        }
    }
}

/// However it counts, a scheduler has an opportunity left for an alert if fewer than the number may have been used in the
/// day before it, or since the user launched the app. By when it was to come, if it did not.
fn withheld(facts: &Facts<'_>, earlier: &[(Place, Fate)], alert: Place, fate: Fate) -> Option<Time> {
    let slack = facts.policy.delivery_slack;
    let launch = visits(facts, alert, |state| state == AppState::NotRunning);
    let counts = |place: Place| {
        place.at + DAY + slack > alert.at && launch.is_none_or(|launch| place.is_after(launch.seq))
    };
    let fates = |fate| earlier.iter().filter(move |(_, of)| *of == fate).filter(|(place, _)| counts(*place));
    let before = received(facts).filter(|place| place.is_before(alert.seq) && counts(*place));
    // Two alerts may have come as one task, and have used two opportunities or one.
    let used = before.count().max(fates(Fate::Came).count()) + fates(Fate::Lost).count();
    (fate == Fate::Withheld && used < number(facts)).then_some(alert.at + slack)
}

/// Scarce resources, or an app that is neither on the face nor in the dock: what holds tasks back at any time from one
/// moment to another.
fn held(facts: &Facts<'_>, from: Time, to: Time) -> bool {
    let before = facts.conditions.partition_point(|(place, _)| place.at < from);
    let inside = facts.conditions[before.saturating_sub(1)..].iter().take_while(|(place, _)| place.at <= to);
    let scarce = |now: &Conditions| now.low_power || now.busy || now.starved || now.class == AppClass::Other;
    inside.map(|(_, now)| now).any(scarce)
}

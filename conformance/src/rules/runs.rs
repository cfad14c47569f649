//! The closures that run for a task: what was registered, what ran, and until when.

use std::time::Duration;

use super::facts::{Facts, Place};
use super::in_hand::{InHand, in_hand};
use crate::contract::{RefreshTaskId, Time};
use crate::history::{Event, Pattern};

/// A closure as a process has registered it.
#[derive(Debug)]
pub(crate) struct Registered<'a> {
    pub(super) number: u32,
    place: Place,
    pattern: &'a Pattern,
}

impl Registered<'_> {
    /// What it is called in findings.
    pub(super) fn name(&self) -> String {
        format!("closure {} ({})", self.number, self.pattern)
    }
}

/// A run of a closure.
#[derive(Debug)]
pub(crate) struct Run {
    number: u32,
    /// Which closure.
    pub(super) action: u32,
    pub(super) task: RefreshTaskId,
    pub(super) began: Place,
    pub(super) cancelled: Option<Place>,
    /// Where it ran no more: returned, or dropped.
    pub(super) over: Option<Place>,
    pub(super) dropped: bool,
}

impl Run {
    /// Was it going on at this place?
    pub(super) fn goes_on_at(&self, place: Place) -> bool {
        self.began.is_before(place.seq) && self.over.is_none_or(|over| over.is_after(place.seq))
    }
}

impl<'a> Facts<'a> {
    pub(super) fn read_closure(&mut self, place: Place, event: &'a Event) {
        match event {
            Event::ActionRegistered { action, pattern } => {
                self.registered.push(Registered { number: *action, place, pattern });
            }
            Event::ActionBegan { run, action, task } => self.runs.push(Run {
                number: *run,
                action: *action,
                task: *task,
                began: place,
                cancelled: None,
                over: None,
                dropped: false,
            }),
            Event::ActionCancelled { run, dropped } => self.known_run(*run, |run| {
                run.cancelled.get_or_insert(place);
                if *dropped {
                    run.over.get_or_insert(place);
                    run.dropped = true;
                }
            }),
            Event::ActionReturned { run } => self.known_run(*run, |run| {
                run.over.get_or_insert(place);
            }),
            _ => {}
        }
    }

    fn known_run(&mut self, number: u32, note: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs.iter_mut().rev().find(|run| run.number == number) {
            note(run);
        }
    }
}

/// A task in the hands of what runs the app's closures.
pub(super) struct Served<'f, 'h> {
    pub(super) held: InHand<'f, 'h>,
    /// The closures of its process: those that match, and the others.
    pub(super) matching: Vec<&'f Registered<'h>>,
    pub(super) others: Vec<&'f Registered<'h>>,
    /// What ran for it in its process.
    pub(super) runs: Vec<&'f Run>,
}

/// Every task that was handed over, in order.
pub(super) fn served<'f, 'h>(facts: &'f Facts<'h>) -> impl Iterator<Item = Served<'f, 'h>> + use<'f, 'h> {
    in_hand(facts).map(move |held| {
        let launch = facts.launched_before(held.given.seq).map_or(0, |launch| launch.seq);
        let registered = facts
            .registered
            .iter()
            .filter(|it| it.place.is_from(launch) && it.place.is_before(held.given.seq));
        let (matching, others) =
            registered.partition(|it| it.pattern.matches(held.task.kind, held.task.user_info));
        let runs = facts.runs.iter().filter(|run| {
            run.task == held.task.id
                && run.began.is_after(held.given.seq)
                && run.began.is_before(held.over.seq)
        });
        let runs = runs.collect();
        Served { held, matching, others, runs }
    })
}

impl<'f> Served<'f, '_> {
    pub(super) fn runs_of(&self, closure: &Registered<'_>) -> impl Iterator<Item = &'f Run> {
        let of = closure.number;
        self.runs.iter().copied().filter(move |run| run.action == of)
    }

    /// Where it was completed, if its process did that.
    pub(super) fn done(&self) -> Option<Place> {
        self.held.task.completed.filter(|done| done.is_by(self.held.over.seq))
    }

    /// May its time have been nearly over at this place? It had been told so, or a good part of the allowance was used up:
    /// whoever keeps the time itself may be more careful than the system.
    pub(super) fn is_short(&self, place: Place) -> bool {
        let task = self.held.task;
        task.expirations.iter().any(|(called, ..)| called.is_before(place.seq))
            || place.at.since(self.held.given.at) >= task.allowance / 2
    }

    /// Where it was told that the task's time is nearly over, if the task was open then.
    pub(super) fn expired(&self) -> Option<Place> {
        let mut calls = self.held.task.expirations.iter().filter(|(.., open, _)| *open);
        calls.next().map(|(place, ..)| *place).filter(|place| place.is_before(self.held.over.seq))
    }

    /// The end of its time, now that it was told that it is nearly over: an app in front of the user may have had more than its
    /// allowance.
    pub(super) fn end_of_time(&self, expired: Place) -> Time {
        self.held.deadline().max(expired.at + self.held.facts.policy.expiration_lead)
    }

    /// Was it still open this long after a place, with its process running all the time? Where that is plain, if so.
    pub(super) fn still_open(&self, from: Place, wait: Duration) -> Option<Place> {
        let by = from.at + wait;
        let facts = self.held.facts;
        let stopped = facts.stops_after(from.seq).is_some_and(|stop| stop.at <= by);
        let in_time = self.done().is_some_and(|done| done.at <= by);
        if stopped || in_time || self.held.over.at <= by {
            return None;
        }
        Some(self.done().or_else(|| self.held.overrun()).unwrap_or(self.held.over))
    }
}

//! A refresh task as the app lived with it: what came, what it worked on, and when nothing was left to wait for.

use super::facts::{Delivery, Facts, Handle, Place, Task, Work};
use crate::contract::{AppChange, AppState, Time};
use crate::history::Message;

/// A task in the app's hands.
pub(super) struct InHand<'f, 'h> {
    pub(super) facts: &'f Facts<'h>,
    pub(super) task: &'f Task<'h>,
    /// The call of `handle` that brought it.
    pub(super) handle: &'f Handle,
    pub(super) given: Place,
    /// Where its process ended, or the history did.
    pub(super) over: Place,
}

/// Every task that the app was given, in order.
pub(super) fn in_hand<'f, 'h>(facts: &'f Facts<'h>) -> impl Iterator<Item = InHand<'f, 'h>> + use<'f, 'h> {
    facts.tasks.iter().filter_map(move |task| {
        let given = *task.delivered.first()?;
        let handle = facts.handles.iter().find(|handle| handle.place == given)?;
        let end = facts
            .changes
            .iter()
            .find(|(place, change)| place.is_after(given.seq) && change.state() == AppState::NotRunning);
        let over = end.map_or_else(|| facts.last(), |(place, _)| *place);
        Some(InHand { facts, task, handle, given, over })
    })
}

impl<'f, 'h> InHand<'f, 'h> {
    /// Deliveries of its session's messages in its process, after a place.
    fn messages_after(&self, from: Place) -> impl Iterator<Item = &'f Delivery<'h>> + use<'f, 'h> {
        let (session, over) = (self.task.session(), self.over);
        let of = move |delivery: &&Delivery<'_>| {
            Some(delivery.session) == session
                && delivery.began.is_after(from.seq)
                && delivery.began.is_before(over.seq)
        };
        self.facts.deliveries.iter().filter(of)
    }

    /// Messages of its session came after the wake had begun and before its `handle`: developers report it, the
    /// documents say otherwise.
    pub(super) fn was_overtaken(&self) -> bool {
        self.early().next().is_some()
    }

    /// So did the drain signal.
    fn was_signalled_early(&self) -> bool {
        self.early().any(is_signal)
    }

    /// The messages that did.
    fn early(&self) -> impl Iterator<Item = &'f Delivery<'h>> {
        let of_wake = |place: Place| place.is_after(self.handle.called.seq) || self.may_have_begun_by(place);
        let early = move |delivery: &&Delivery<'_>| {
            Some(delivery.session) == self.task.session()
                && delivery.began.is_before(self.given.seq)
                && of_wake(delivery.began)
        };
        self.facts.deliveries.iter().filter(early)
    }

    /// A log may not say where the wake began: may that have been before this place, shortly before its `handle`? Not if it
    /// came of another wake of the session.
    fn may_have_begun_by(&self, place: Place) -> bool {
        let of_session = |task: &usize| self.facts.tasks[*task].session() == self.task.session();
        let woken =
            |handle: &&Handle| handle.place.is_before(place.seq) && handle.tasks.iter().any(of_session);
        let earlier = self.facts.handles.iter().rfind(woken);
        self.facts.is_log()
            && self.facts.is_one_stretch(place, self.given)
            && earlier.is_none_or(|earlier| !self.facts.is_one_stretch(earlier.place, place))
    }

    /// Where its session's drain signal came.
    pub(super) fn signalled(&self) -> Option<Place> {
        self.messages_after(self.given).find(|delivery| is_signal(delivery)).map(|delivery| delivery.began)
    }

    /// Where that had returned.
    pub(super) fn drained(&self) -> Option<Place> {
        self.messages_after(self.given).filter(|delivery| is_signal(delivery)).find_map(Delivery::returned)
    }

    /// Where nothing was left that it had to be kept open for: its session drained and no work going on. `None` if that
    /// never came. Tasks of other kinds have nothing to wait for but work.
    pub(super) fn served(&self) -> Option<Place> {
        let from = match self.task.session() {
            Some(session) if self.is_known(session) => match self.drained() {
                Some(drained) => drained,
                None if self.was_signalled_early() => self.given,
                None => return None,
            },
            _ => self.given,
        };
        let mut served = from;
        for work in self.works() {
            if work.began.at <= served.at {
                served = served.max(work.ended?);
            }
        }
        (served.is_before(self.over.seq)).then_some(served)
    }

    /// Work on results of its session that its process did.
    pub(super) fn works(&self) -> impl Iterator<Item = &'f Work<'h>> + use<'f, 'h> {
        let (session, over) = (self.task.session(), self.over);
        let run = self.facts.launched_before(self.given.seq).map_or(0, |launch| launch.seq);
        let ours = move |work: &&Work<'_>| {
            Some(work.session) == session && work.began.is_after(run) && work.began.is_before(over.seq)
        };
        self.facts.works.iter().filter(ours)
    }

    /// Had the app ever opened this session before the task came, and not lost it since?
    pub(super) fn is_known(&self, session: &crate::contract::SessionId) -> bool {
        let Some(known) = self.facts.session(session) else { return false };
        let gone = known.gone.iter().rfind(|gone| gone.is_before(self.given.seq)).map_or(0, |gone| gone.seq);
        known.opened.iter().any(|open| open.is_from(gone) && open.is_before(self.given.seq))
    }

    /// Had its expiration handler been called before this place? A log may not tell of that: then it may have been if the
    /// task was open for a good part of its allowance.
    pub(super) fn may_have_expired(&self, done: Place) -> bool {
        let long = || done.at.since(self.given.at) >= self.task.allowance / 2;
        let untold = !self.facts.tells("expiration_called");
        self.task.expirations.iter().any(|(place, ..)| place.is_before(done.seq)) || (untold && long())
    }

    /// The end of its allowance.
    pub(super) fn deadline(&self) -> Time {
        self.given.at + self.task.allowance
    }

    /// Where it is plain that it was overrun: completed too late, ended for it, or open for longer than allowed.
    pub(super) fn overrun(&self) -> Option<Place> {
        let deadline = self.deadline();
        let completed = self.task.completed.filter(|done| done.is_by(self.over.seq));
        match completed {
            // In front of the user nobody is ended for it.
            Some(done) => {
                let behind = !self.facts.in_front_between(self.given.at, done.at);
                (done.at > deadline && behind).then_some(done)
            }
            None => {
                let stopped = self.facts.changes.iter().find(|(place, change)| {
                    place.is_after(self.given.seq)
                        && place.is_by(self.over.seq)
                        && place.at >= deadline
                        && matches!(change, AppChange::Suspended | AppChange::Terminated(_))
                });
                // Nobody is ended for it in front of the user, who may stay there for days. Whoever comes only after the
                // deadline changes nothing.
                let behind = || !self.facts.in_front_between(self.given.at, deadline);
                let at_the_end = (self.over.at > deadline && behind()).then_some(self.over);
                stopped.map(|(place, _)| *place).or(at_the_end)
            }
        }
    }

    /// The next call of `handle` with another task of its session.
    pub(super) fn next_wake(&self) -> Option<&'f Handle> {
        self.facts.handles.iter().find(|handle| {
            handle.place.is_after(self.given.seq)
                && handle.tasks.iter().any(|index| self.facts.tasks[*index].session() == self.task.session())
        })
    }

    /// What it is called in findings.
    pub(super) fn name(&self) -> String {
        match self.task.session() {
            Some(session) => {
                format!("task {} of {:?}", self.task.id, crate::history::short(session.as_str()))
            }
            None => format!("task {} ({})", self.task.id, self.task.kind),
        }
    }
}

/// Is this the message that ends a drain?
pub(super) fn is_signal(delivery: &Delivery<'_>) -> bool {
    matches!(delivery.message, Message::DidFinishEvents)
}

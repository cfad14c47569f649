//! A history read once: what belongs together, and what was true when. All rules judge from here.
//!
//! What the network did is the truth about transfers: a transfer has ended for its service when its last exchange has,
//! whatever its messages say and whenever they come.

use std::collections::BTreeMap;
use std::time::Duration;

use super::course::Transfer;
use super::runs::{Registered, Run};
use crate::contract::{
    AppChange, AppState, Charge, Conditions, Policy, RefreshKind, RefreshTaskId, SessionId, Time, TransferId,
    UserInfo,
};
use crate::history::{Answer, Entry, History, Message, MessageId, Space, TransferKey};

/// A place in the history and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) seq: usize,
    pub(crate) at: Time,
}

impl Place {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { seq: entry.seq, at: entry.at }
    }

    /// Does it come before this entry? Of most that is compared, no two are ever at one entry.
    pub(crate) fn is_before(self, seq: usize) -> bool {
        self.seq < seq
    }

    /// Does it come after this entry?
    pub(crate) fn is_after(self, seq: usize) -> bool {
        self.seq > seq
    }

    /// Is it this entry, or does it come before it?
    pub(crate) fn is_by(self, seq: usize) -> bool {
        !self.is_after(seq)
    }

    /// Is it this entry, or does it come after it?
    pub(crate) fn is_from(self, seq: usize) -> bool {
        !self.is_before(seq)
    }
}

/// A call of `handle`.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) place: Place,
    /// Indices into [`Facts::tasks`].
    pub(crate) tasks: Vec<usize>,
    /// The launch or the resumption that this call was made for, if it was the first one after it.
    pub(crate) woke: Option<Place>,
    /// Where the scheduler set out to make this call: the app may have been launched for it, and then have been opened
    /// and left by the user before it had come up.
    pub(crate) called: Place,
    /// Where it may have done so at the earliest: a delivery waits for those before it.
    pub(crate) earliest: Place,
}

/// A refresh task.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) id: RefreshTaskId,
    pub(crate) kind: &'a RefreshKind,
    pub(crate) user_info: Option<&'a UserInfo>,
    /// More than once is a fault of the scheduler's.
    pub(crate) minted: Vec<Place>,
    pub(crate) delivered: Vec<Place>,
    pub(crate) allowance: Duration,
    pub(crate) handler: Option<Place>,
    pub(crate) completed: Option<Place>,
    pub(crate) repeats: Vec<Place>,
    /// Whether it was open, and whether a handler ran.
    pub(crate) expirations: Vec<(Place, bool, bool)>,
    /// The process that had it ended.
    pub(crate) orphaned: Option<Place>,
}

impl Task<'_> {
    /// The end of its allowance.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.delivered.first().map(|place| place.at + self.allowance)
    }

    pub(crate) fn session(&self) -> Option<&SessionId> {
        match self.kind {
            RefreshKind::UrlSession(session) => Some(session),
            _ => None,
        }
    }

    /// Was it in the app's hands and not completed, at this place?
    pub(crate) fn is_open_at(&self, seq: usize) -> bool {
        self.delivered.first().is_some_and(|place| place.is_before(seq))
            && self.completed.is_none_or(|place| place.is_after(seq))
            && self.orphaned.is_none_or(|place| place.is_after(seq))
    }
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) launch_events: bool,
    /// It may use a cellular link.
    pub(crate) cellular: bool,
    /// It is no background session.
    pub(crate) in_process: bool,
    /// The most connections to one host that it may have.
    pub(crate) connections: u32,
    /// It leaves the moment to the system.
    pub(crate) discretionary: bool,
    /// Its delegate has the session-level method for challenges, and the task-level one.
    pub(crate) challenges: (bool, bool),
    /// Its delegate has `will_begin_delayed_request`.
    pub(crate) decides: bool,
    pub(crate) opened: Vec<Place>,
    /// Calls of `handle` with a task of this session.
    pub(crate) wakes: Vec<Place>,
    pub(crate) requests: Vec<Place>,
    /// Where the app invalidated it, and whether it cancelled its transfers.
    pub(crate) invalidated: Vec<(Place, bool)>,
    /// Where its last message was acknowledged.
    pub(crate) gone: Vec<Place>,
    /// Where it was opened a second time in the process that has it: with these launch events.
    pub(crate) seconds: Vec<(Place, bool)>,
}

/// A delivery of a message.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) began: Place,
    pub(crate) session: &'a SessionId,
    pub(crate) transfer: Option<TransferId>,
    pub(crate) message: &'a Message,
    /// Where it ended, and whether it returned.
    pub(crate) end: Option<(Place, bool)>,
    pub(crate) answered: Option<Place>,
    /// What the app said then, and the credential that it gave, without its secret.
    pub(crate) answer: Option<Answer>,
    pub(crate) gave: Option<&'a str>,
    /// The request that it gave in place of a delayed one.
    pub(crate) instead: Option<&'a str>,
    /// Where the app moved the file that it gave.
    pub(crate) moved: Option<Place>,
    /// Where the app used that file, where it had been given it.
    pub(crate) uses: Vec<Place>,
    /// Each answer that the app gave.
    pub(crate) answers: Vec<(Place, Answer)>,
    /// Later looks for that file: size and digest of what was there.
    pub(crate) looks: Vec<(Place, Option<(u64, u64)>)>,
    /// It went to the delegate of a second session object.
    pub(crate) second: bool,
}

impl Delivery<'_> {
    pub(crate) fn returned(&self) -> Option<Place> {
        self.end.filter(|(_, returned)| *returned).map(|(place, _)| place)
    }

    /// The way to log in that it asks about.
    pub(crate) fn space(&self) -> Option<Space> {
        match self.message {
            Message::DidReceiveChallenge { method, realm, .. } => {
                Some(Space { method: *method, realm: realm.clone() })
            }
            _ => None,
        }
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(self.message, Message::DidComplete { .. })
    }
}

/// A piece of work of the app's.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) number: u32,
    pub(crate) session: &'a SessionId,
    pub(crate) began: Place,
    pub(crate) ended: Option<Place>,
}

/// A history read once.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) history: &'a History,
    pub(crate) policy: &'a Policy,
    pub(crate) changes: Vec<(Place, AppChange)>,
    /// The device's conditions, as often as they changed; the default ones before that.
    pub(crate) conditions: Vec<(Place, Conditions)>,
    pub(crate) handles: Vec<Handle>,
    pub(crate) tasks: Vec<Task<'a>>,
    pub(crate) sessions: Vec<Session<'a>>,
    /// Those that are not background sessions, and their transfers: one rule is about them, the others are not.
    pub(crate) own_sessions: Vec<Session<'a>>,
    pub(crate) own_transfers: Vec<Transfer<'a>>,
    /// Those that go on without the app.
    pub(crate) transfers: Vec<Transfer<'a>>,
    /// Data transfers that were not turned into downloads, or not beyond doubt: their own rule judges them, and what
    /// the others say of a session's transfers is not meant for them.
    pub(crate) data: Vec<Transfer<'a>>,
    pub(crate) deliveries: Vec<Delivery<'a>>,
    pub(crate) works: Vec<Work<'a>>,
    pub(crate) registered: Vec<Registered<'a>>,
    pub(crate) runs: Vec<Run>,
    /// Where the app's own code panicked: in which method, and what it said.
    pub(crate) panics: Vec<(Place, &'a str, &'a str)>,
    /// What the user wanted together, by address.
    pub(crate) wanted: Vec<(Place, &'a [String])>,
    /// Where the app asked for a refresh or a snapshot.
    pub(crate) scheduled: Vec<Place>,
    /// From when to when the clock has leapt.
    pub(crate) leaps: Vec<(Time, Time)>,
    pub(crate) collected: Option<Place>,
    pub(crate) ended: Option<Place>,
    pub(super) index: Index<'a>,
}

/// Where things are found, so that a history of a thousand transfers is read in one go too.
#[derive(Debug, Default)]
pub(super) struct Index<'a> {
    pub(super) transfers: BTreeMap<&'a TransferKey, usize>,
    pub(super) exchanges: BTreeMap<u32, (usize, usize)>,
    pub(super) deliveries: BTreeMap<MessageId, usize>,
}

impl<'a> Facts<'a> {
    /// The state of the process after this entry.
    pub(crate) fn state_at(&self, seq: usize) -> AppState {
        let after = self.changes.partition_point(|(place, _)| place.is_by(seq));
        self.changes[..after].last().map_or(AppState::NotRunning, |(_, change)| change.state())
    }

    /// The conditions before this entry.
    pub(crate) fn conditions_before(&self, seq: usize) -> Conditions {
        let before = self.conditions.partition_point(|(place, _)| place.is_before(seq));
        before.checked_sub(1).map(|index| self.conditions[index].1).unwrap_or_default()
    }

    /// Do these conditions hold back what is charged to this budget?
    pub(crate) fn holds(&self, conditions: Conditions, budget: Charge) -> bool {
        conditions.low_power || conditions.busy || self.policy.per_hour(budget, conditions.class) == 0
    }

    /// When something that is owed this long after a moment must have come. While a condition holds it back it is not
    /// owed, and when one ends, the app's class changes or the device has slept, the wait begins anew.
    /// [`Time::DISTANT_FUTURE`] if it is never owed.
    pub(crate) fn owed_by(&self, budget: Charge, from: Time, wait: Duration) -> Time {
        let mut begins = from;
        let mut due = self.owed_awake(budget, begins, wait);
        for (asleep, awake) in &self.leaps {
            if *asleep <= due {
                begins = begins.max(*awake);
                due = self.owed_awake(budget, begins, wait);
            }
        }
        due
    }

    fn owed_awake(&self, budget: Charge, from: Time, wait: Duration) -> Time {
        let mut begins = from;
        let mut known = Conditions::default();
        for (place, now) in &self.conditions {
            let held = self.holds(known, budget);
            if place.at > begins + wait && !held {
                break;
            }
            if place.at >= begins && (held || self.holds(*now, budget) || known.class != now.class) {
                begins = place.at;
            }
            known = *now;
        }
        if self.holds(known, budget) { Time::DISTANT_FUTURE } else { begins + wait }
    }

    /// The most that a budget allowed in an hour at any time in a span, its edges included.
    pub(crate) fn most_per_hour(&self, budget: Charge, from: Time, to: Time) -> u32 {
        let first = self.conditions.partition_point(|(place, _)| place.at < from);
        let before = first.checked_sub(1).map(|index| self.conditions[index].1).unwrap_or_default();
        let inside =
            self.conditions[first..].iter().take_while(|(place, _)| place.at <= to).map(|(_, now)| *now);
        let all = std::iter::once(before).chain(inside);
        all.map(|conditions| self.policy.per_hour(budget, conditions.class)).max().unwrap_or(0)
    }

    /// The least that a budget ever allowed in an hour, while it allowed anything.
    pub(crate) fn least_per_hour(&self, budget: Charge) -> u32 {
        let all = std::iter::once(Conditions::default()).chain(self.conditions.iter().map(|(_, now)| *now));
        let numbers = all.map(|conditions| self.policy.per_hour(budget, conditions.class));
        numbers.filter(|number| *number > 0).min().unwrap_or(1)
    }

    /// Where the present run of the process began, suspended or not. A log that begins in the middle of a run does not say
    /// that.
    pub(crate) fn launched_before(&self, seq: usize) -> Option<Place> {
        let after = self.changes.partition_point(|(place, _)| place.is_by(seq));
        let before = self.changes[..after].iter().rev();
        let (place, change) = before.take_while(|(_, how)| how.state() != AppState::NotRunning).last()?;
        let first = self.changes.first().is_some_and(|(first, _)| first == place);
        (!self.is_log() || !first || *change == AppChange::Launched).then_some(*place)
    }

    /// Where the scheduler set out for the wake whose `handle` was called here.
    pub(crate) fn set_out(&self, wake: Place) -> Place {
        self.handles.iter().find(|handle| handle.place == wake).map_or(wake, |handle| handle.called)
    }

    /// Where the app's code stops executing after this entry, if it does.
    pub(crate) fn stops_after(&self, seq: usize) -> Option<Place> {
        let after = self.changes.partition_point(|(place, _)| place.is_by(seq));
        self.changes[after..].iter().find(|(_, change)| !change.state().is_running()).map(|(place, _)| *place)
    }

    /// For how long the app was suspended between these places: no allowance is used up then.
    pub(crate) fn asleep(&self, from: Place, to: Place) -> Duration {
        let (mut asleep, mut since) = (Duration::ZERO, None);
        for (change, how) in
            self.changes.iter().filter(|(change, _)| change.is_after(from.seq) && change.is_before(to.seq))
        {
            match (since, how.state() == AppState::Suspended) {
                (None, true) => since = Some(change.at),
                (Some(begin), false) => {
                    asleep += change.at.since(begin);
                    since = None;
                }
                _ => {}
            }
        }
        asleep
    }

    /// Was the app in front at any time from one moment to another, both included? A log may not tell of that.
    pub(crate) fn in_front_between(&self, from: Time, to: Time) -> bool {
        !self.in_front(from, to).is_empty()
    }

    /// When the app was in front from one moment to another, both included, or may have been: a log may not tell of that.
    pub(crate) fn in_front(&self, from: Time, to: Time) -> Vec<(Time, Time)> {
        if !self.tells("foregrounded") {
            return vec![(from, to)];
        }
        let before = self.changes.partition_point(|(place, _)| place.at < from);
        let first = before.checked_sub(1).map(|index| self.changes[index].1.state());
        let mut since =
            first.map_or_else(|| self.may_begin_in_front(), AppState::is_foreground).then_some(from);
        let mut spans = Vec::new();
        for (place, change) in self.changes[before..].iter().take_while(|(place, _)| place.at <= to) {
            match (since, change.state().is_foreground()) {
                (None, true) => since = Some(place.at),
                (Some(begin), false) => {
                    spans.push((begin, place.at));
                    since = None;
                }
                _ => {}
            }
        }
        spans.extend(since.map(|begin| (begin, to)));
        spans
    }

    /// Was a wake cut off by the end of the process, before its `handle`, between these moments? Its tasks are lost.
    pub(crate) fn wake_cut_off(&self, from: Time, to: Time) -> bool {
        let mut waking = None;
        for (place, change) in &self.changes {
            match change {
                AppChange::Launched | AppChange::Resumed => waking = Some(*place),
                _ if change.state() == AppState::NotRunning && place.at >= from && place.at <= to => {
                    let begun = |wake: Place| {
                        self.handles.iter().any(|handle| {
                            handle.place.is_after(wake.seq) && handle.place.is_before(place.seq)
                        })
                    };
                    if waking.take().is_some_and(|wake| !begun(wake)) {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Did the process end between these places, in whatever way?
    pub(crate) fn ended_between(&self, from: Place, to: Place) -> bool {
        self.changes.iter().any(|(place, change)| {
            change.state() == AppState::NotRunning && place.is_after(from.seq) && place.is_before(to.seq)
        })
    }

    /// Did the user force-quit the app after this place, up to this moment? Until he opens it again nothing need come.
    pub(crate) fn forced_out_between(&self, from: Place, to: Time) -> bool {
        self.changes
            .iter()
            .any(|(place, how)| *how == AppChange::ForceQuit && place.is_from(from.seq) && place.at <= to)
    }

    /// Did the run of the process that goes on at this entry open the session before it?
    pub(crate) fn is_attached(&self, session: &Session<'_>, seq: usize) -> bool {
        let Some(run) = self.launched_before(seq) else { return false };
        let gone = session.gone.iter().rev().find(|gone| gone.is_before(seq)).map_or(0, |gone| gone.seq);
        session.opened.iter().any(|open| open.is_after(run.seq.max(gone)) && open.is_before(seq))
    }

    pub(crate) fn session(&self, id: &SessionId) -> Option<&Session<'a>> {
        self.sessions.iter().find(|known| known.id == id)
    }

    /// The transfers of a session.
    pub(crate) fn transfers_of<'b>(
        &'b self,
        id: &'b SessionId,
    ) -> impl Iterator<Item = &'b Transfer<'a>> + use<'a, 'b> {
        self.transfers.iter().filter(move |transfer| transfer.key.session == *id)
    }

    /// Has the session had data transfers? Then nobody can say what its wakes are for.
    pub(crate) fn has_data(&self, id: &SessionId) -> bool {
        self.data.iter().any(|transfer| transfer.key.session == *id)
    }

    /// Where the last delivery that the scheduler had set out for by this moment came to its `handle`.
    pub(crate) fn landed(&self, by: Time) -> Option<Time> {
        self.handles.iter().filter(|handle| handle.called.at <= by).map(|handle| handle.place.at).max()
    }

    /// By when the end of an allowance is enforced at the latest: a delivery that is under way then is not stranded, and
    /// in front nobody is stopped, nor behind before there was time for a warning.
    pub(crate) fn enforced_by(&self, deadline: Time) -> Time {
        let lead = self.policy.expiration_lead;
        let landing = self.landed(deadline);
        let warned = deadline.saturating_sub(lead);
        let left = self.changes.iter().filter(|(place, _)| place.at > warned);
        let left = left.map(|(place, how)| (place.at, *how)).find(|(_, how)| *how == AppChange::Backgrounded);
        let behind = left.filter(|_| self.in_front_between(warned, deadline)).map(|(at, _)| at + lead);
        landing.max(behind).map_or(deadline, |later| later.max(deadline)) + self.policy.termination_slack
    }

    /// The last entry.
    pub(crate) fn last(&self) -> Place {
        self.history.entries.last().map_or(Place { seq: 0, at: Time::ZERO }, Place::of)
    }

    /// Where the part in which everything must come by itself is over; the end of a log that has no such part.
    pub(crate) fn horizon(&self) -> Place {
        self.collected.unwrap_or_else(|| self.last())
    }
}

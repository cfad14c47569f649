//! A history read once: what belongs together, and what was true when. All rules judge from here.
//!
//! What the network did is the truth about transfers: a transfer has ended for its service when its last exchange has,
//! whatever its messages say and whenever they come.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contract::{
    AppChange, AppState, Policy, RefreshKind, RefreshTaskId, SessionId, Time, TransferId, TransferKind,
};
use crate::history::{Entry, Event, ExchangeOutcome, History, Message, MessageId, Phase, TransferKey};

/// A place in the history and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) seq: usize,
    pub(crate) at: Time,
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
}

/// A refresh task.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) id: RefreshTaskId,
    pub(crate) kind: &'a RefreshKind,
    /// More than once is a fault of the scheduler's.
    pub(crate) minted: Vec<Place>,
    pub(crate) delivered: Vec<Place>,
    pub(crate) allowance: Duration,
    pub(crate) handler: Option<Place>,
    pub(crate) completed: Option<Place>,
    pub(crate) repeats: Vec<Place>,
    pub(crate) expirations: Vec<(Place, bool)>,
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
        self.delivered.first().is_some_and(|place| place.seq < seq)
            && self.completed.is_none_or(|place| place.seq > seq)
            && self.orphaned.is_none_or(|place| place.seq > seq)
    }
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) launch_events: bool,
    pub(crate) opened: Vec<Place>,
    /// Calls of `handle` with a task of this session.
    pub(crate) wakes: Vec<Place>,
    pub(crate) requests: Vec<Place>,
}

/// One exchange of a transfer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) sent: Place,
    pub(crate) head: Option<(Place, u16, bool)>,
    pub(crate) end: Option<(Place, ExchangeOutcome, u64, u64)>,
}

impl Exchange {
    /// The login that it met with.
    pub(crate) fn challenge(&self) -> Option<Place> {
        self.head
            .filter(|(.., challenge)| *challenge)
            .map(|(place, ..)| place)
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.head.map(|(_, status, _)| status)
    }

    /// Where its answer was the transfer's last, judged by the answer alone.
    fn concluded(&self, kind: TransferKind) -> Option<Place> {
        let (head, status, challenge) = self.head?;
        let (end, outcome, ..) = self.end?;
        let redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
        if challenge || redirect || status == 416 {
            return None;
        }
        match outcome {
            ExchangeOutcome::Complete => Some(end),
            // Whoever uploads may not care for the answer's body.
            ExchangeOutcome::Abandoned if kind == TransferKind::Upload => Some(head),
            _ => None,
        }
    }
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
}

impl Delivery<'_> {
    pub(crate) fn returned(&self) -> Option<Place> {
        self.end.filter(|(_, returned)| *returned).map(|(place, _)| place)
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(self.message, Message::DidComplete { .. })
    }
}

/// How far a transfer was, at some place, for its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Being worked on, or waiting for its turn.
    Open,
    /// Waiting for a login.
    Login,
    /// Ended.
    Ended,
    /// It can not be told from what was seen.
    Unknown,
}

/// A transfer that was resumed.
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) key: &'a TransferKey,
    pub(crate) kind: TransferKind,
    pub(crate) resumed: Place,
    pub(crate) earliest: Option<Time>,
    pub(crate) resource_timeout: Duration,
    pub(crate) cancelled: Option<Place>,
    pub(crate) exchanges: Vec<Exchange>,
    /// Where the app gave up a login: cancelled it, or left it to default handling.
    pub(crate) given_up: Option<Place>,
    /// Indices into [`Facts::deliveries`].
    pub(crate) messages: Vec<usize>,
}

impl Transfer<'_> {
    /// When its resource timeout passes.
    pub(crate) fn times_out(&self) -> Time {
        self.resumed.at + self.resource_timeout
    }

    /// Where its service saw its last exchange end; cancelling and timing out are other ends.
    pub(crate) fn concluded(&self) -> Option<Place> {
        self.exchanges.last()?.concluded(self.kind)
    }

    pub(crate) fn progress(&self, place: Place) -> Progress {
        if self.cancelled.is_some_and(|cancelled| cancelled.seq < place.seq) || place.at >= self.times_out() {
            return Progress::Ended;
        }
        let Some(last) = self
            .exchanges
            .iter()
            .rev()
            .find(|exchange| exchange.sent.seq < place.seq)
        else {
            return Progress::Open;
        };
        let seen = |p: Place| p.seq < place.seq;
        if last.challenge().is_some_and(seen) {
            return if self.given_up.is_some_and(seen) {
                Progress::Ended
            } else {
                Progress::Login
            };
        }
        match last.concluded(self.kind) {
            Some(end) if seen(end) => Progress::Ended,
            _ if last.status() == Some(416) => Progress::Unknown,
            _ => Progress::Open,
        }
    }
}

/// A history read once.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) history: &'a History,
    pub(crate) policy: &'a Policy,
    pub(crate) changes: Vec<(Place, AppChange)>,
    pub(crate) handles: Vec<Handle>,
    pub(crate) tasks: Vec<Task<'a>>,
    pub(crate) sessions: Vec<Session<'a>>,
    pub(crate) transfers: Vec<Transfer<'a>>,
    pub(crate) deliveries: Vec<Delivery<'a>>,
    pub(crate) collected: Option<Place>,
    pub(crate) ended: Option<Place>,
    index: Index<'a>,
}

/// Where things are found, so that a history of a thousand transfers is read in one go too.
#[derive(Debug, Default)]
struct Index<'a> {
    transfers: BTreeMap<&'a TransferKey, usize>,
    exchanges: BTreeMap<u32, (usize, usize)>,
    deliveries: BTreeMap<MessageId, usize>,
}

impl<'a> Facts<'a> {
    /// Reads a history; events that refer to what is not there are left out.
    pub(crate) fn of(history: &'a History, policy: &'a Policy) -> Self {
        let mut facts = Self {
            history,
            policy,
            changes: Vec::with_capacity(8),
            handles: Vec::with_capacity(4),
            tasks: Vec::with_capacity(4),
            sessions: Vec::with_capacity(3),
            transfers: Vec::with_capacity(8),
            deliveries: Vec::with_capacity(16),
            collected: None,
            ended: None,
            index: Index::default(),
        };
        for entry in &history.entries {
            facts.read(entry);
        }
        facts
    }

    fn read(&mut self, entry: &'a Entry) {
        let place = Place {
            seq: entry.seq,
            at: entry.at,
        };
        match &entry.event {
            Event::App { change } => self.app(place, *change),
            Event::SessionOpened {
                session,
                launch_events,
            } => {
                self.session_mut(session, *launch_events).opened.push(place);
            }
            Event::WakeRequested { session, .. } => self.session_mut(session, true).requests.push(place),
            Event::TaskMinted { task, kind } => self.task_mut(*task, kind).minted.push(place),
            Event::HandleBegan { tasks } => self.handle(place, tasks),
            Event::ExpirationHandlerSet { task } => {
                self.known_task(*task, |task| task.handler = Some(place));
            }
            Event::TaskCompleted { task, repeated } => self.known_task(*task, |task| {
                if *repeated {
                    task.repeats.push(place);
                } else {
                    task.completed = Some(place);
                }
            }),
            Event::ExpirationCalled { task, open, .. } => {
                self.known_task(*task, |task| task.expirations.push((place, *open)));
            }
            Event::Phase {
                phase: Phase::Collected,
            } => self.collected = Some(place),
            Event::Phase { phase: Phase::Ended } => self.ended = Some(place),
            _ => self.read_transfer(place, &entry.event),
        }
    }

    fn read_transfer(&mut self, place: Place, event: &'a Event) {
        match event {
            Event::TransferCreated {
                key,
                kind,
                earliest,
                resource_timeout,
                ..
            } => {
                self.index.transfers.insert(key, self.transfers.len());
                self.transfers.push(Transfer {
                    key,
                    kind: *kind,
                    resumed: place,
                    earliest: *earliest,
                    resource_timeout: Duration::from_millis(*resource_timeout),
                    cancelled: None,
                    exchanges: Vec::new(),
                    given_up: None,
                    messages: Vec::new(),
                });
            }
            Event::TransferResumed { key } => self.known_transfer(key, |transfer| transfer.resumed = place),
            Event::TransferCancelled { key } => self.known_transfer(key, |transfer| {
                transfer.cancelled.get_or_insert(place);
            }),
            Event::RequestSent {
                exchange,
                key: Some(key),
                ..
            } => {
                if let Some(index) = self.index.transfers.get(key).copied() {
                    let exchanges = &mut self.transfers[index].exchanges;
                    self.index.exchanges.insert(*exchange, (index, exchanges.len()));
                    exchanges.push(Exchange {
                        sent: place,
                        head: None,
                        end: None,
                    });
                }
            }
            Event::ResponseHead {
                exchange,
                status,
                challenge,
            } => {
                self.known_exchange(*exchange, |exchange| {
                    exchange.head = Some((place, *status, *challenge))
                });
            }
            Event::ExchangeEnded {
                exchange,
                outcome,
                received,
                digest,
            } => {
                self.known_exchange(*exchange, |exchange| {
                    exchange.end = Some((place, *outcome, *received, *digest))
                });
            }
            Event::MessageBegan {
                id,
                session,
                transfer,
                message,
            } => {
                let index = self.deliveries.len();
                self.deliveries.push(Delivery {
                    began: place,
                    session,
                    transfer: *transfer,
                    message,
                    end: None,
                    answered: None,
                });
                self.index.deliveries.insert(*id, index);
                if let Some(transfer) = *transfer {
                    let key = TransferKey {
                        session: session.clone(),
                        transfer,
                    };
                    self.known_transfer(&key, |transfer| transfer.messages.push(index));
                }
            }
            Event::MessageReturned { id } => {
                self.known_delivery(*id, |delivery| delivery.end = Some((place, true)))
            }
            Event::MessageInterrupted { id } => {
                self.known_delivery(*id, |delivery| delivery.end = Some((place, false)))
            }
            Event::Answered { id, answer } => self.answered(place, *id, answer),
            _ => {}
        }
    }

    fn answered(&mut self, place: Place, id: MessageId, answer: &str) {
        let Some(index) = self.index.deliveries.get(&id).copied() else {
            return;
        };
        let delivery = &mut self.deliveries[index];
        delivery.answered = Some(place);
        let session = delivery.session.clone();
        if let Some(transfer) = delivery.transfer.filter(|_| !answer.starts_with("UseCredential")) {
            self.known_transfer(&TransferKey { session, transfer }, |transfer| {
                transfer.given_up = Some(place)
            });
        }
    }

    fn app(&mut self, place: Place, change: AppChange) {
        if change.state() == AppState::NotRunning {
            let open = |task: &&mut Task<'_>| !task.delivered.is_empty() && task.completed.is_none();
            for task in self.tasks.iter_mut().filter(open) {
                task.orphaned.get_or_insert(place);
            }
        }
        self.changes.push((place, change));
    }

    fn handle(&mut self, place: Place, refs: &'a [crate::history::TaskRef]) {
        let tasks: Vec<usize> = refs
            .iter()
            .map(|task| {
                let index = self.task_index(task.id, &task.kind);
                let known = &mut self.tasks[index];
                known.delivered.push(place);
                known.allowance = Duration::from_millis(task.allowance);
                index
            })
            .collect();
        for task in refs {
            if let RefreshKind::UrlSession(session) = &task.kind {
                if let Some(known) = self.sessions.iter_mut().find(|known| known.id == session) {
                    known.wakes.push(place);
                }
            }
        }
        let last = self
            .changes
            .last()
            .filter(|(_, change)| matches!(change, AppChange::Launched | AppChange::Resumed));
        let since = |change: Place| {
            self.handles
                .last()
                .is_none_or(|handle| handle.place.seq < change.seq)
        };
        let woke = last.map(|(change, _)| *change).filter(|change| since(*change));
        let launch = self.changes.iter().rev().take_while(|(change, _)| since(*change));
        let mut launch =
            launch.filter(|(_, change)| matches!(change, AppChange::Launched | AppChange::Resumed));
        let called = launch.next().map_or(place, |(change, _)| *change);
        self.handles.push(Handle {
            place,
            tasks,
            woke,
            called,
        });
    }

    fn session_mut(&mut self, id: &'a SessionId, launch_events: bool) -> &mut Session<'a> {
        let index = self
            .sessions
            .iter()
            .position(|known| known.id == id)
            .unwrap_or_else(|| {
                self.sessions.push(Session {
                    id,
                    launch_events,
                    opened: Vec::new(),
                    wakes: Vec::new(),
                    requests: Vec::new(),
                });
                self.sessions.len() - 1
            });
        &mut self.sessions[index]
    }

    fn task_index(&mut self, id: RefreshTaskId, kind: &'a RefreshKind) -> usize {
        self.tasks
            .iter()
            .position(|known| known.id == id)
            .unwrap_or_else(|| {
                self.tasks.push(Task {
                    id,
                    kind,
                    minted: Vec::new(),
                    delivered: Vec::new(),
                    allowance: Duration::ZERO,
                    handler: None,
                    completed: None,
                    repeats: Vec::new(),
                    expirations: Vec::new(),
                    orphaned: None,
                });
                self.tasks.len() - 1
            })
    }

    fn task_mut(&mut self, id: RefreshTaskId, kind: &'a RefreshKind) -> &mut Task<'a> {
        let index = self.task_index(id, kind);
        &mut self.tasks[index]
    }

    fn known_task(&mut self, id: RefreshTaskId, note: impl FnOnce(&mut Task<'a>)) {
        if let Some(task) = self.tasks.iter_mut().find(|known| known.id == id) {
            note(task);
        }
    }

    fn known_transfer(&mut self, key: &TransferKey, note: impl FnOnce(&mut Transfer<'a>)) {
        if let Some(index) = self.index.transfers.get(key) {
            note(&mut self.transfers[*index]);
        }
    }

    fn known_exchange(&mut self, id: u32, note: impl FnOnce(&mut Exchange)) {
        if let Some((transfer, exchange)) = self.index.exchanges.get(&id) {
            note(&mut self.transfers[*transfer].exchanges[*exchange]);
        }
    }

    fn known_delivery(&mut self, id: MessageId, note: impl FnOnce(&mut Delivery<'a>)) {
        if let Some(index) = self.index.deliveries.get(&id) {
            note(&mut self.deliveries[*index]);
        }
    }

    /// The state of the process after this entry.
    pub(crate) fn state_at(&self, seq: usize) -> AppState {
        let after = self.changes.partition_point(|(place, _)| place.seq <= seq);
        self.changes[..after]
            .last()
            .map_or(AppState::NotRunning, |(_, change)| change.state())
    }

    /// Where the present run of the process began, suspended or not.
    pub(crate) fn launched_before(&self, seq: usize) -> Option<Place> {
        let after = self.changes.partition_point(|(place, _)| place.seq <= seq);
        let alive = self.changes[..after]
            .iter()
            .rev()
            .take_while(|(_, change)| change.state() != AppState::NotRunning);
        alive.last().map(|(place, _)| *place)
    }

    /// Where the app's code stops executing after this entry, if it does.
    pub(crate) fn stops_after(&self, seq: usize) -> Option<Place> {
        let after = self.changes.partition_point(|(place, _)| place.seq <= seq);
        self.changes[after..]
            .iter()
            .find(|(_, change)| !change.state().is_running())
            .map(|(place, _)| *place)
    }

    /// Was the app in front at any time from one moment to another, both included?
    pub(crate) fn in_front_between(&self, from: Time, to: Time) -> bool {
        let before = self.changes.partition_point(|(place, _)| place.at < from);
        let first = before.checked_sub(1).map(|index| self.changes[index].1.state());
        first.is_some_and(AppState::is_foreground)
            || self.changes[before..]
                .iter()
                .take_while(|(place, _)| place.at <= to)
                .any(|(_, change)| change.state().is_foreground())
    }

    /// Was a wake cut off by the end of the process, before its `handle`, between these moments? Its tasks are lost.
    pub(crate) fn wake_cut_off(&self, from: Time, to: Time) -> bool {
        let mut waking = None;
        for (place, change) in &self.changes {
            match change {
                AppChange::Launched | AppChange::Resumed => waking = Some(*place),
                _ if change.state() == AppState::NotRunning && place.at >= from && place.at <= to => {
                    let begun = |wake: Place| {
                        self.handles
                            .iter()
                            .any(|handle| handle.place.seq > wake.seq && handle.place.seq < place.seq)
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

    /// Did the run of the process that goes on at this entry open the session before it?
    pub(crate) fn is_attached(&self, session: &Session<'_>, seq: usize) -> bool {
        let launched = self.launched_before(seq);
        launched.is_some_and(|run| {
            session
                .opened
                .iter()
                .any(|open| open.seq > run.seq && open.seq < seq)
        })
    }

    pub(crate) fn session(&self, id: &SessionId) -> Option<&Session<'a>> {
        self.sessions.iter().find(|known| known.id == id)
    }

    /// The transfers of a session.
    pub(crate) fn transfers_of<'b>(
        &'b self,
        id: &'b SessionId,
    ) -> impl Iterator<Item = &'b Transfer<'a>> + use<'a, 'b> {
        self.transfers
            .iter()
            .filter(move |transfer| transfer.key.session == *id)
    }

    /// The deliveries about a transfer.
    pub(crate) fn messages_of<'b>(
        &'b self,
        transfer: &'b Transfer<'_>,
    ) -> impl Iterator<Item = &'b Delivery<'a>> + use<'a, 'b> {
        transfer.messages.iter().map(|index| &self.deliveries[*index])
    }

    /// Where the transfer's last message was acknowledged first.
    pub(crate) fn acknowledged(&self, transfer: &Transfer<'_>) -> Option<Place> {
        self.messages_of(transfer)
            .filter(|delivery| delivery.is_final())
            .find_map(Delivery::returned)
    }

    /// The last entry.
    pub(crate) fn last(&self) -> Place {
        self.history.entries.last().map_or(
            Place {
                seq: 0,
                at: Time::ZERO,
            },
            |e| Place { seq: e.seq, at: e.at },
        )
    }

    /// Where the part in which everything must come by itself is over; the end of a log that has no such part.
    pub(crate) fn horizon(&self) -> Place {
        self.collected.unwrap_or_else(|| self.last())
    }
}

//! One process's lines, fitted together: each gets its place, time and identities, and what follows from them is added.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::clock::LogClock;
use super::form::{self, Said, Wrong};
use super::known::{KnownSession, KnownTransfer, Lasting, Run};
use super::notes::{Note, Notes};
use super::piece::{Piece, Placed};
use super::words::Kinds;
use crate::contract::{AppChange, AppClass, AppState, Conditions, Policy, SessionId, Time, TransferId};
use crate::history::{Event, Message, MessageId, TransferKey};

/// From so many entries on, a part ends at the next quiet moment.
pub(super) const SOFT: usize = 4_000;
/// A part has no more entries than this,
pub(super) const HARD: usize = 50_000;
/// and no more bytes in its lines.
const BYTES: usize = 64 << 20;
/// A callback without a return line is over after so many milliseconds without another.
const CALLBACK: u64 = 1_000;

/// Everything about one process name.
pub(super) struct Process<'p> {
    pub(super) policy: &'p Policy,
    class: Option<AppClass>,
    clock: LogClock,
    pub(super) now: Time,
    pub(super) line: u64,
    order: u64,
    seq: Option<u64>,
    /// Nothing has been said of it at the beginning.
    state: Option<AppState>,
    pub(super) kinds: Kinds,
    pub(super) run: Run,
    pub(super) lasting: Lasting,
    pub(super) next_task: u64,
    pub(super) next_message: MessageId,
    /// What the present line is about, in the log's own numbers.
    pub(super) owns: Vec<u64>,
    pub(super) about: Option<TransferKey>,
    pub(super) piece: Piece,
    /// The number of the present part.
    pub(super) number: u64,
    limits: (usize, usize),
}

impl<'p> Process<'p> {
    pub(super) fn new(policy: &'p Policy, class: Option<AppClass>, limits: (usize, usize)) -> Self {
        Self {
            policy,
            class,
            clock: LogClock::default(),
            now: Time::ZERO,
            line: 0,
            order: 0,
            seq: None,
            state: None,
            kinds: Kinds::new(),
            run: Run::default(),
            lasting: Lasting::default(),
            next_task: 1,
            next_message: 1,
            owns: Vec::new(),
            about: None,
            piece: Piece { whole: true, ..Piece::default() },
            number: 0,
            limits,
        }
    }

    /// Takes a line. If the part before it is full, that is returned.
    pub(super) fn take(
        &mut self,
        mut said: Said,
        line: u64,
        bytes: usize,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, Wrong> {
        let (now, back) = self.clock.read(said.at);
        if back > 0 {
            notes.add(Note::ClockBack, line, format!("by {back} ms"));
        }
        if let Some((seq, last)) = said.seq.zip(self.seq)
            && seq != last + 1
        {
            notes.add(Note::SeqGap, line, "");
        }
        self.seq = said.seq.or(self.seq);
        let gap = now.since(self.now);
        if gap.as_millis() > u128::from(CALLBACK) {
            self.close_nameless(None, line, notes);
        }
        // Old enough that nothing of what comes belongs to what was.
        let full = self.cut(gap > self.policy.suspension_slack, line, notes);
        let paused = gap > self.policy.suspension_slack;
        self.now = now;
        self.line = line;
        self.piece.bytes += bytes;
        if let Some(class) = self.class.take() {
            let mut conditions = Conditions::default();
            conditions.class = class;
            self.add(Event::Conditions { conditions }, true);
        }
        form::shift(said.event, &mut said.fields, self.clock.from());
        if self.state == Some(AppState::Background)
            && paused
            && said.event != "app"
            && !self.kinds.contains("suspended")
            && self.run.holding.is_empty()
        {
            notes.add(Note::Resumed, line, "");
            self.add(Event::App { change: AppChange::Resumed }, true);
        }
        self.kinds.insert(said.kind);
        self.kinds.insert(said.event);
        if super::identities::identify(self, &mut said, notes)? {
            let nameless = said.fields.remove("nameless").is_some_and(|nameless| nameless == true);
            let own = said.fields.remove("own").as_ref().and_then(Value::as_u64);
            let event = parse(said.event, said.fields)?;
            match event {
                Event::MessageBegan { .. } => self.began(event, nameless),
                Event::TransferCreated { ref key, .. } => {
                    let mut logged = key.clone();
                    logged.transfer = own.map_or(logged.transfer, TransferId::new);
                    self.created(logged, event);
                }
                event => self.follow(event, notes),
            }
        }
        Ok(full)
    }

    /// The rest.
    pub(super) fn finish(&mut self, notes: &mut Notes) -> Piece {
        let line = self.line;
        self.close_nameless(None, line, notes);
        self.end_piece(notes)
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, event: Event, assumed: bool) -> Placed {
        self.order += 1;
        let placed = Placed { order: self.order, line: self.line, assumed, at: self.now, event };
        let looked_back_to = matches!(
            placed.event,
            Event::App { .. }
                | Event::TaskMinted { .. }
                | Event::HandleBegan { .. }
                | Event::TaskCompleted { .. }
                | Event::ExpirationCalled { .. }
                | Event::Conditions { .. }
        );
        if looked_back_to && self.is_system() {
            self.lasting.hour.push_back(placed.clone());
        }
        self.piece.entries.push(placed.clone());
        placed
    }

    /// Does the log tell what only the system can know?
    pub(super) fn is_system(&self) -> bool {
        ["task_minted", "wake_requested", "request_sent"].iter().any(|kind| self.kinds.contains(kind))
    }

    /// Adds an event and what follows from it, and remembers what later entries need.
    fn follow(&mut self, event: Event, notes: &mut Notes) {
        match event {
            Event::App { change } => self.app(change, notes),
            Event::Phase { .. } => notes.add(Note::Phase, self.line, ""),
            Event::Conditions { .. } => self.lasting.conditions = Some(self.add(event, false)),
            Event::SessionOpened { .. } => self.opened(event),
            Event::HandleBegan { .. } => self.handed(event),
            Event::TaskCompleted { .. } => self.completed(event, notes),
            Event::MessageReturned { .. } | Event::MessageInterrupted { .. } => self.ended(event),
            Event::Invalidating { ref session, .. } => {
                let session = session.clone();
                let placed = self.add(event, false);
                if let Some(known) = self.lasting.sessions.get_mut(&session) {
                    known.invalidated = Some(placed);
                }
            }
            event => {
                self.count(&event);
                self.add(event, false);
            }
        }
    }

    /// Keeps account of what is under way.
    fn count(&mut self, event: &Event) {
        let asked = &mut self.lasting.asked;
        match event {
            Event::WorkBegan { work, .. } => {
                self.run.works.insert(*work);
            }
            Event::WorkEnded { work } => {
                self.run.works.remove(work);
            }
            Event::Wanted { urls, .. } => self.lasting.wanted.extend(urls.iter().cloned()),
            Event::WakeRequested { session, .. } => {
                asked.insert(format!("wake {session}"));
            }
            Event::WakeResolved { session, .. } => {
                asked.remove(&format!("wake {session}"));
            }
            Event::Scheduled { slot, .. } => {
                asked.insert(format!("{slot:?}"));
            }
            Event::RequestSent { exchange, .. } => {
                asked.insert(format!("exchange {exchange}"));
            }
            Event::ExchangeEnded { exchange, .. } => {
                asked.remove(&format!("exchange {exchange}"));
            }
            _ => {}
        }
    }

    fn app(&mut self, change: AppChange, notes: &mut Notes) {
        let new = change.state();
        let old = self.state;
        // A scene that says twice what it is, or is told so at launch, has not changed.
        if old == Some(new) && matches!(change, AppChange::Foregrounded | AppChange::Backgrounded) {
            return;
        }
        // A log that begins in the middle of a run has not said that the app ran.
        let ran = old.map_or_else(|| self.run.has_begun(), |old| old != AppState::NotRunning);
        if change == AppChange::Launched && ran {
            self.ended_unseen(notes);
        }
        if new == AppState::NotRunning {
            self.end_run();
        }
        let placed = self.add(Event::App { change }, false);
        let first = matches!(old, None | Some(AppState::NotRunning)) || change == AppChange::Launched;
        if first && new != AppState::NotRunning {
            self.lasting.launched = Some(placed.clone());
        }
        self.lasting.change = Some(placed);
        self.state = Some(new);
    }

    /// The process before this launch must have ended, and nobody wrote that down.
    fn ended_unseen(&mut self, notes: &mut Notes) {
        notes.add(Note::EndUnseen, self.line, "");
        let open: Vec<String> = self.run.holding.iter().map(|own| format!("#{own}")).collect();
        if !open.is_empty() {
            notes.add(Note::LeftOpen, self.line, format!("task {}", open.join(", ")));
        }
        // It ended at some time after its last line.
        let now = self.now;
        self.now = self.piece.entries.last().map_or(now, |last| last.at);
        self.end_run();
        self.add(Event::App { change: AppChange::Purged }, true);
        self.now = now;
    }

    fn end_run(&mut self) {
        // Who tells when tasks are made numbers them over all launches.
        let tasks = std::mem::take(&mut self.run).tasks;
        if self.kinds.contains("task_minted") {
            self.run.tasks = tasks;
        }
        self.lasting.launched = None;
    }

    fn opened(&mut self, event: Event) {
        let Event::SessionOpened { session, launch_events, .. } = &event else { return };
        let (session, launch_events) = (session.clone(), *launch_events);
        let again = !self.run.open.insert(session.clone());
        let known = self.lasting.sessions.get(&session);
        if again && known.is_some_and(|known| known.invalidated.is_none()) {
            let outcome = crate::history::Reopening::Opened;
            self.add(Event::SessionReopened { session, elsewhere: false, launch_events, outcome }, false);
            return;
        }
        let placed = self.add(event, false);
        let first = known_first(&self.lasting, &session).unwrap_or_else(|| placed.clone());
        let invalidated = self.lasting.sessions.remove(&session).and_then(|known| known.invalidated);
        self.lasting.sessions.insert(session, KnownSession { first, last: placed, invalidated });
    }

    /// The session has had its last message.
    pub(super) fn gone(&mut self, session: &SessionId) {
        self.run.open.remove(session);
        self.lasting.sessions.remove(session);
    }

    /// A transfer was created: its number may have been another's before.
    pub(super) fn created(&mut self, key: TransferKey, event: Event) {
        if let Event::TransferCreated { url, .. } = &event {
            self.lasting.wanted.remove(url);
        }
        let Event::TransferCreated { key: own, .. } = &event else { return };
        let id = own.transfer;
        let created = self.add(event, false);
        self.lasting.transfers.insert(key, KnownTransfer { id, created, told: false });
    }

    /// Has everything that began come to its end?
    fn is_quiet(&self) -> bool {
        let callbacks = || self.run.callbacks.iter().filter(|callback| callback.piece == self.number);
        let under_way = !self.run.holding.is_empty()
            || callbacks().any(|callback| callback.ended.is_none() || (callback.asks && !callback.answered))
            || !self.run.works.is_empty()
            || !self.lasting.wanted.is_empty();
        let untold = || self.lasting.transfers.values().any(|transfer| !transfer.told);
        !under_way && (!self.is_system() || (self.lasting.asked.is_empty() && !untold()))
    }

    /// Ends the part if it is long enough and nothing is under way, or if it is too long.
    fn cut(&mut self, paused: bool, line: u64, notes: &mut Notes) -> Option<Piece> {
        let (soft, hard) = self.limits;
        let length = self.piece.entries.len();
        if length < soft && self.piece.bytes < BYTES {
            return None;
        }
        if paused && self.is_quiet() {
            let piece = self.end_piece(notes);
            self.piece.whole = true;
            return Some(piece);
        }
        if length < hard && self.piece.bytes < BYTES {
            return None;
        }
        let tasks = self.run.holding.len();
        let transfers = self.lasting.transfers.values().filter(|transfer| !transfer.told).count();
        notes.add(Note::Lost, line, format!("{tasks} open tasks, {transfers} transfers"));
        let piece = self.end_piece(notes);
        self.run.holding.clear();
        self.run.works.clear();
        self.lasting.wanted.clear();
        self.lasting.asked.clear();
        if self.is_system() {
            self.lasting.transfers.clear();
        }
        Some(piece)
    }

    fn end_piece(&mut self, notes: &mut Notes) -> Piece {
        let window = self.policy.budget_window;
        self.lasting.transfers.retain(|_, transfer| !transfer.told);
        if self.run.trim() | self.lasting.trim(window, self.now) {
            notes.add(Note::Forgotten, self.line, "");
        }
        let before = self.lasting.carried(self.is_system());
        self.number += 1;
        let mut piece = std::mem::replace(&mut self.piece, Piece { before, ..Piece::default() });
        piece.kinds.clone_from(&self.kinds);
        piece
    }
}

fn known_first(lasting: &Lasting, session: &SessionId) -> Option<Placed> {
    lasting.sessions.get(session).map(|known| known.first.clone())
}

/// Is this the last word about a transfer?
pub(super) fn is_last(message: &Message) -> bool {
    matches!(message, Message::DidComplete { .. })
}

/// The event that the fields make.
fn parse(event: &'static str, mut fields: Map<String, Value>) -> Result<Event, Wrong> {
    fields.insert("event".to_owned(), event.into());
    Event::deserialize(Value::Object(fields)).map_err(|error| {
        let text = error.to_string();
        // serde names the field that is missing, not the one that is wrong.
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let reason = match missing {
            Some(field) => format!("`{event}` needs `{field}`"),
            None => format!("`{event}`: {text}"),
        };
        Wrong::field("event", reason)
    })
}

//! Whose line it is: tasks, callbacks and transfers by the log's own numbers, or by what can be inferred without one.

use serde_json::{Map, Value};

use super::form::{Said, Wrong};
use super::known::{CALLBACKS, Callback, KnownTask};
use super::notes::{Note, Notes};
use super::process::{Process, is_last};
use super::words::NAMELESS;
use crate::contract::{RefreshTaskId, SessionId, TransferId};
use crate::history::{Event, Message, MessageId, TransferKey};

/// Puts the kit's own identities into a line; `false` if the line is about something that is not there.
pub(super) fn identify(process: &mut Process<'_>, said: &mut Said, notes: &mut Notes) -> Result<bool, Wrong> {
    match said.event {
        "task_minted" => mint(process, &mut said.fields, notes),
        "wake_resolved" => resolve(process, &mut said.fields),
        "handle_began" => tasks(process, &mut said.fields, notes)?,
        "task_completed" | "expiration_called" | "expiration_handler_set" => {
            return task(process, said, notes);
        }
        "message_began" => return begin(process, &mut said.fields, notes).map(|()| true),
        "message_returned"
        | "message_interrupted"
        | "answered"
        | "file_moved"
        | "file_used"
        | "file_looked" => {
            return callback(process, said, notes);
        }
        "transfer_created" => create(process, &mut said.fields, notes),
        _ => {}
    }
    if matches!(said.event, "app" | "handle_began") {
        process.close_nameless(None, process.line, notes);
    }
    if said.event != "transfer_created" {
        transfer(process, &mut said.fields);
    }
    Ok(true)
}

fn number(fields: &Map<String, Value>, field: &'static str) -> Option<u64> {
    fields.get(field).and_then(Value::as_u64)
}

/// The number that a new task has for rules: its own, if no other had it.
fn new_task(process: &mut Process<'_>, own: u64) -> u64 {
    let id = if own >= process.next_task { own } else { process.next_task };
    process.next_task = process.next_task.max(id.saturating_add(1));
    id
}

fn mint(process: &mut Process<'_>, fields: &mut Map<String, Value>, notes: &mut Notes) {
    let Some(own) = number(fields, "task") else { return };
    let known = process.run.tasks.get(&own);
    if known.is_some_and(|known| known.given.is_none()) {
        return;
    }
    // Numbers may begin anew with the system: made twice before it was handed over is what SCH-01 is about, this is not.
    let id = new_task(process, own);
    if id != own {
        notes.add(Note::Renumbered, process.line, format!("task {own} is #{id} here"));
    }
    fields.insert("task".to_owned(), id.into());
    let piece = process.number;
    process
        .run
        .tasks
        .insert(own, KnownTask { id: RefreshTaskId::new(id), given: None, completed: None, piece });
}

/// The answer to a request for a wake names a task, perhaps by a number that is another's here.
fn resolve(process: &Process<'_>, fields: &mut Map<String, Value>) {
    let task = fields.get_mut("outcome").and_then(|outcome| outcome.get_mut("handled"));
    if let Some(task) = task
        && let Some(known) = task.as_u64().and_then(|own| process.run.tasks.get(&own))
    {
        *task = known.id.get().into();
    }
}

fn tasks(process: &mut Process<'_>, fields: &mut Map<String, Value>, notes: &mut Notes) -> Result<(), Wrong> {
    let Some(Value::Array(tasks)) = fields.get_mut("tasks") else { return Ok(()) };
    process.owns.clear();
    for task in tasks.iter_mut().filter_map(Value::as_object_mut) {
        let own = number(task, "id")
            .ok_or_else(|| Wrong::field("id", "a task's `id` must be a whole number: count them from 1"))?;
        let id = match process.run.tasks.get(&own) {
            Some(known) => known.id.get(),
            None => new_task(process, own),
        };
        if id != own {
            notes.add(Note::Renumbered, process.line, format!("task {own} is #{id} here"));
        }
        let piece = process.number;
        process.run.tasks.entry(own).or_insert_with(|| KnownTask {
            id: RefreshTaskId::new(id),
            given: None,
            completed: None,
            piece,
        });
        process.owns.push(own);
        task.insert("id".to_owned(), id.into());
    }
    Ok(())
}

/// A line about one task.
fn task(process: &mut Process<'_>, said: &mut Said, notes: &mut Notes) -> Result<bool, Wrong> {
    let own = number(&said.fields, "task")
        .ok_or_else(|| Wrong::field("task", format!("`{}` needs `task`, a whole number", said.event)))?;
    let present = process.number;
    process.owns.clear();
    process.owns.push(own);
    let Some(known) = process.run.tasks.get_mut(&own) else {
        notes.add(Note::NoSuchTask, process.line, format!("task {own}"));
        return Ok(false);
    };
    let done = known.completed.is_some();
    said.fields.insert("task".to_owned(), known.id.get().into());
    match said.event {
        "task_completed" => {
            let repeated = said.fields.entry("repeated").or_insert(Value::Null);
            if repeated.is_null() {
                *repeated = done.into();
            }
        }
        "expiration_called" => {
            let open = said.fields.entry("open").or_insert(Value::Null);
            if open.is_null() {
                *open = (!done).into();
            }
        }
        _ => {}
    }
    if known.piece != present {
        // It was dealt with in an earlier part: that part of its life is told again.
        let life = known.given.iter().chain(&known.completed).cloned();
        process.piece.before.extend(life);
        known.piece = present;
    }
    Ok(true)
}

/// A callback begins: with an id, or without one.
fn begin(process: &mut Process<'_>, fields: &mut Map<String, Value>, notes: &mut Notes) -> Result<(), Wrong> {
    let session =
        fields.get("session").and_then(Value::as_str).and_then(|session| SessionId::new(session).ok());
    let Some(session) = session else {
        return Err(Wrong::field(
            "session",
            "a callback needs its `session`: the configuration's identifier",
        ));
    };
    process.close_nameless(Some(&session), process.line, notes);
    process.about = key(fields);
    transfer(process, fields);
    let own = number(fields, "id");
    let id = process.next_message;
    process.next_message = process.next_message.saturating_add(1);
    fields.insert("id".to_owned(), id.into());
    fields.insert("nameless".to_owned(), own.is_none().into());
    match own {
        Some(own) => drop(process.run.named.insert(own, id)),
        None => drop(process.kinds.insert(NAMELESS)),
    }
    Ok(())
}

/// A line about a callback that has begun.
fn callback(process: &mut Process<'_>, said: &mut Said, notes: &mut Notes) -> Result<bool, Wrong> {
    let session = said.fields.get("session").and_then(Value::as_str).map(str::to_owned);
    let transfer = said.fields.get("transfer").and_then(Value::as_u64);
    let found = match number(&said.fields, "id") {
        Some(own) => process.run.named.get(&own).copied(),
        None => infer(process, said.event, session.as_deref(), transfer),
    };
    let Some(id) = found else {
        notes.add(Note::NoSuchMessage, process.line, said.event);
        return Ok(false);
    };
    said.fields.insert("id".to_owned(), id.into());
    let present = process.number;
    let Some(known) = process.run.callback(id) else { return Ok(true) };
    match said.event {
        "message_returned" | "message_interrupted" if known.ended.is_some() => return Ok(false),
        "message_returned" => known.returned = true,
        "answered" => known.answered = true,
        _ => {}
    }
    if known.piece != present {
        known.piece = present;
        let life: Vec<_> = std::iter::once(known.began.clone()).chain(known.ended.clone()).collect();
        process.piece.before.extend(life);
    }
    Ok(true)
}

/// The callback that a line without an id belongs to, if that is certain.
fn infer(
    process: &Process<'_>,
    event: &str,
    session: Option<&str>,
    transfer: Option<u64>,
) -> Option<MessageId> {
    let fits = |callback: &&Callback| {
        session.is_none_or(|session| callback.session.as_str() == session)
            && transfer.is_none_or(|transfer| callback.transfer.is_none_or(|known| known.get() == transfer))
    };
    let mut latest = process.run.callbacks.iter().rev().filter(fits);
    let found = match event {
        "message_returned" | "message_interrupted" => latest.find(|callback| callback.ended.is_none()),
        "answered" => {
            let mut asking = latest.filter(|callback| callback.asks);
            let first = asking.next();
            // The latest that waits for an answer; a second answer counts only where there is no doubt whose it is.
            if first.is_some_and(|first| first.answered) && transfer.is_none() {
                asking.find(|callback| !callback.answered)
            } else {
                first
            }
        }
        // Without its own return line nobody knows whether a callback still went on.
        _ => latest
            .find(|callback| callback.gives_file)
            .filter(|callback| callback.ended.is_none() || callback.returned),
    };
    found.map(|callback| callback.id)
}

/// A transfer is created: if its number was another's, it gets a new one.
fn create(process: &mut Process<'_>, fields: &mut Map<String, Value>, notes: &mut Notes) {
    let Some(key) = key(fields) else { return };
    let of_session = || process.lasting.transfers.iter().filter(|(known, _)| known.session == key.session);
    // Its number may be the one that such another has here.
    if !of_session().any(|(known, transfer)| *known == key || transfer.id == key.transfer) {
        return;
    }
    let of_session = of_session();
    let most = of_session.map(|(known, transfer)| known.transfer.max(transfer.id).get()).max().unwrap_or(0);
    let (own, id) = (key.transfer.get(), most.saturating_add(1));
    notes.add(Note::Renumbered, process.line, format!("transfer {own} is t{id} here"));
    fields.insert("own".to_owned(), own.into());
    fields.insert("transfer".to_owned(), id.into());
}

/// A line about a transfer that may have got a new number.
fn transfer(process: &Process<'_>, fields: &mut Map<String, Value>) {
    // A request has both in a field of their own.
    let fields = match fields.get("key") {
        Some(Value::Object(_)) => fields.get_mut("key").and_then(Value::as_object_mut),
        _ => Some(fields),
    };
    let Some(fields) = fields else { return };
    if let Some(known) = key(fields).and_then(|key| process.lasting.transfers.get(&key)) {
        fields.insert("transfer".to_owned(), known.id.get().into());
    }
}

fn key(fields: &Map<String, Value>) -> Option<TransferKey> {
    let session = SessionId::new(fields.get("session")?.as_str()?).ok()?;
    Some(TransferKey { session, transfer: TransferId::new(number(fields, "transfer")?) })
}

impl Process<'_> {
    /// handle was given tasks.
    pub(super) fn handed(&mut self, event: Event) {
        let Event::HandleBegan { tasks } = &event else { return };
        for task in tasks {
            use crate::contract::{Charge, RefreshKind};
            let slot = match task.kind {
                RefreshKind::ApplicationRefresh => Charge::ApplicationRefresh,
                RefreshKind::Snapshot(_) => Charge::Snapshot,
                _ => continue,
            };
            self.lasting.asked.remove(&format!("{slot:?}"));
        }
        let placed = self.add(event, false);
        for own in std::mem::take(&mut self.owns) {
            let Some(known) = self.run.tasks.get_mut(&own) else { continue };
            known.piece = self.number;
            known.given.get_or_insert_with(|| placed.clone());
            if known.completed.is_none() {
                self.run.holding.insert(own);
            }
        }
    }

    /// A task was completed, perhaps not for the first time.
    pub(super) fn completed(&mut self, event: Event, notes: &mut Notes) {
        let line = self.line;
        self.close_nameless(None, line, notes);
        let placed = self.add(event, false);
        for own in std::mem::take(&mut self.owns) {
            self.run.holding.remove(&own);
            if let Some(known) = self.run.tasks.get_mut(&own) {
                known.completed.get_or_insert_with(|| placed.clone());
            }
        }
    }

    /// A callback began.
    pub(super) fn began(&mut self, event: Event, nameless: bool) {
        let Event::MessageBegan { id, session, message, .. } = &event else { return };
        let (id, session) = (*id, session.clone());
        let asks = matches!(
            message,
            Message::DidReceiveChallenge { .. }
                | Message::WillBeginDelayedRequest
                | Message::DidReceiveResponse { .. }
        );
        let gives_file = matches!(message, Message::DidFinishDownloading { .. });
        let (last, gone) = (is_last(message), matches!(message, Message::DidBecomeInvalid));
        let began = self.add(event, false);
        let about = self.about.take();
        let transfer = about.as_ref().map(|key| key.transfer);
        let about = about.filter(|_| last);
        if let Some(known) = about.and_then(|key| self.lasting.transfers.get_mut(&key)) {
            known.told = true;
        }
        if gone {
            self.gone(&session);
        }
        if nameless {
            self.run.nameless.insert(session.clone(), id);
        }
        if self.run.callbacks.len() > 4 * CALLBACKS {
            self.run.trim_callbacks(CALLBACKS);
        }
        self.run.callbacks.push_back(Callback {
            id,
            began,
            session,
            transfer,
            ended: None,
            returned: false,
            asks,
            gives_file,
            answered: false,
            piece: self.number,
        });
    }

    /// A callback ended, as the log says.
    pub(super) fn ended(&mut self, event: Event) {
        let id = match &event {
            Event::MessageReturned { id } | Event::MessageInterrupted { id } => *id,
            _ => return,
        };
        let placed = self.add(event, false);
        if let Some(known) = self.run.callback(id) {
            known.ended = Some(placed);
        }
        self.run.nameless.retain(|_, open| *open != id);
    }

    /// Callbacks without an id, of one session or of all, are over: what comes now is not part of them.
    pub(super) fn close_nameless(&mut self, of: Option<&SessionId>, line: u64, notes: &mut Notes) {
        let over: Vec<MessageId> = match of {
            Some(session) => self.run.nameless.remove(session).into_iter().collect(),
            None => std::mem::take(&mut self.run.nameless).into_values().collect(),
        };
        // It was over by the last line that can be part of it.
        let now = self.now;
        self.now = self.piece.entries.last().map_or(now, |last| last.at);
        for id in over {
            notes.add(Note::Unreturned, line, "");
            let placed = self.add(Event::MessageReturned { id }, true);
            if let Some(known) = self.run.callback(id) {
                known.ended = Some(placed);
            }
        }
        self.now = now;
    }
}

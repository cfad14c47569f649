//! One session: its transfers, and the bookkeeping that every other part of it goes through.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::address::Origin;
use super::data::Disposal;
use super::env::{Env, ExchangeId, Output, SessionKey};
use super::line::Line;
use super::logins::Logins;
use super::phase::{Event, Phase};
use super::queue::{Message, Queue};
use super::ranges::Partial;
use super::resume_data::FOLDER;
use super::transfer::{Discretion, LoginState, Transfer};
use super::trust::KnownAnswers;
use super::wake::Wake;
use crate::contract::{
    CancelReason, Configuration, Connection, FilePath, OptionalMethod, Request, SessionError, SessionMode,
    Time, TransferEnd, TransferError, TransferId, TransferKind, TransferOptions,
};

/// Which optional methods the delegate had when the app last opened the session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Methods {
    pub(super) session_challenge: bool,
    pub(super) task_challenge: bool,
    pub(super) delayed: bool,
}

impl Methods {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            session_challenge: connection.responds_to(OptionalMethod::SessionChallenge),
            task_challenge: connection.responds_to(OptionalMethod::TaskChallenge),
            delayed: connection.responds_to(OptionalMethod::WillBeginDelayedRequest),
        }
    }
}

/// What a new transfer is to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum NewTransfer {
    /// Into a file.
    Download(Request),
    /// From a file of this size.
    Upload(Request, FilePath, u64),
    /// Into the app's memory.
    Data(Request),
}

/// One session. What happens to it is spread over the files of this folder by subject: `wake` (when the app is
/// wanted and messages flow), `flow` (when a transfer may go on), `hops` (what comes from the wire), `questions`
/// (logins).
#[derive(Debug)]
pub(super) struct Session {
    pub(super) key: SessionKey,
    /// As given when the session was made; later ones are not looked at (SCH-21).
    pub(super) config: Configuration,
    pub(super) connection: Option<Connection>,
    pub(super) methods: Methods,
    pub(super) transfers: BTreeMap<TransferId, Box<Transfer>>,
    pub(super) next_transfer: u64,
    /// Not ended.
    pub(super) outstanding: usize,
    /// Not ended, and resumed at least once.
    pub(super) running: usize,
    /// The line for connections, in the order in which transfers became ready.
    pub(super) line: Line,
    pub(super) queue: Queue,
    /// Somebody is delivering messages.
    pub(super) draining: bool,
    pub(super) wake: Wake,
    /// A cause to wake the app has come about, and the app has not been told of it.
    pub(super) untold: bool,
    /// The app has run since the wake was asked for.
    pub(super) ran_meanwhile: bool,
    /// A cause has come about since the wake was asked for and the app last began to run.
    pub(super) came_meanwhile: bool,
    /// One has since it was asked for and the app first ran.
    pub(super) came_after_a_run: bool,
    pub(super) logins: Logins,
    /// What its transfers answer to questions of TLS, by origin: what the app gave for the session.
    pub(super) tls: KnownAnswers,
    pub(super) invalidated: bool,
    /// The last message has been queued.
    pub(super) said_goodbye: bool,
}

impl Session {
    pub(super) fn new(key: SessionKey, config: Configuration, connection: Connection) -> Self {
        let methods = Methods::of(&connection);
        Self {
            key,
            config,
            connection: Some(connection),
            methods,
            transfers: BTreeMap::new(),
            next_transfer: 1,
            outstanding: 0,
            running: 0,
            line: Line::default(),
            queue: Queue::default(),
            draining: false,
            wake: Wake::None,
            untold: false,
            ran_meanwhile: false,
            came_meanwhile: false,
            came_after_a_run: false,
            logins: Logins::default(),
            tls: KnownAnswers::default(),
            invalidated: false,
            said_goodbye: false,
        }
    }

    /// Are its transfers the app's own?
    pub(super) fn is_own(&self) -> bool {
        self.config.mode == SessionMode::InProcess
    }

    /// May its transfers be on the wire? SES-30: the app's own are not without it.
    pub(super) fn has_link(&self, env: &Env) -> bool {
        env.has_link(self.config.allows_cellular_access) && (!self.is_own() || env.app.is_running())
    }

    /// The process that it belonged to is gone: nobody is told of anything any more.
    pub(super) fn abandon(&mut self, env: &mut Env) {
        self.connection = None;
        self.queue = Queue::default();
        let cancelled = TransferError::Cancelled { reason: CancelReason::App, resume_data: None };
        let ended = self.transfers.values().filter(|t| t.phase == Phase::Ended && t.has_file);
        env.outputs.extend(ended.map(|t| Output::Remove(t.file.clone())));
        let ids: Vec<TransferId> = self.transfers.keys().copied().collect();
        for id in ids {
            self.end(id, Some(cancelled.clone()), env);
        }
    }

    /// Where the next new transfer will keep its file.
    pub(super) fn next_file(&self) -> FilePath {
        FilePath::new(format!("{FOLDER}{}/{}.part", self.key.0, self.next_transfer))
    }

    /// Makes a transfer, suspended.
    pub(super) fn create(
        &mut self,
        new: NewTransfer,
        options: TransferOptions,
        env: &Env,
    ) -> Result<TransferId, SessionError> {
        if self.invalidated {
            return Err(SessionError::Invalidated);
        }
        let (kind, request, upload) = match new {
            NewTransfer::Download(request) => (TransferKind::Download, request, None),
            NewTransfer::Upload(request, file, len) => (TransferKind::Upload, request, Some((file, len))),
            NewTransfer::Data(request) => (TransferKind::Data, request, None),
        };
        // SES-11: HTTP and HTTPS only.
        let Some(origin) = Origin::of(&request.url) else {
            return Err(SessionError::UnsupportedUrl { url: request.url });
        };
        let file = self.next_file();
        let id = TransferId::new(self.next_transfer);
        self.next_transfer += 1;
        self.outstanding += 1;
        // SES-22: the app's state at this moment, and no other.
        let behind = !env.app.is_foreground() && !self.is_own();
        let discretion = match (self.config.is_discretionary, !behind) {
            _ if self.is_own() => Discretion::Never,
            (true, _) => Discretion::Always,
            (false, false) => Discretion::UntilFront,
            (false, true) => Discretion::Never,
        };
        let transfer = Transfer {
            id,
            kind,
            original: request,
            replacement: None,
            options,
            phase: Phase::Suspended,
            holds: 1,
            first_resumed: None,
            resource_deadline: Time::DISTANT_FUTURE,
            until: Time::DISTANT_FUTURE,
            armed: Time::DISTANT_FUTURE,
            discretion,
            behind,
            limited: None,
            held_since: None,
            offered: false,
            decided: false,
            offer_serial: 0,
            ticket: 0,
            hop: None,
            origin,
            attempt: 0,
            wire_over: false,
            retries: 0,
            file,
            has_file: false,
            partial: Partial::default(),
            asked_offset: None,
            announces: false,
            response: None,
            login: LoginState::default(),
            upload,
            sent: 0,
            reported: 0,
            progress_waits: false,
            disposal: Disposal::Unasked,
            handing: 0,
            cancelled: false,
        };
        self.transfers.insert(id, Box::new(transfer));
        Ok(id)
    }

    /// Moves a transfer along the table, and keeps the line and the connections in step with it.
    pub(super) fn go(&mut self, id: TransferId, event: Event, env: &mut Env) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let Some(to) = t.phase.after(event) else {
            debug_assert!(false, "{:?} can not happen to a transfer that is {:?}", event, t.phase);
            return;
        };
        let from = std::mem::replace(&mut t.phase, to);
        t.until = Time::DISTANT_FUTURE;
        if from == Phase::Queued {
            self.line.leave(&t.origin, t.ticket);
        }
        if from == Phase::Exchanging {
            self.line.disconnect(&t.origin);
            t.login.sent = None;
            if !t.wire_over && matches!(event, Event::End | Event::Suspend | Event::WaitForConditions) {
                let exchange = ExchangeId { session: self.key, transfer: id, attempt: t.attempt };
                env.outputs.push(Output::Abort(exchange));
            }
        }
        if to == Phase::Queued {
            if t.ticket == 0 {
                t.ticket = self.line.ticket();
            }
            self.line.join(&t.origin, t.ticket, id);
        }
        if to == Phase::Exchanging {
            self.line.connect(&t.origin);
        }
    }

    /// What is asked next is elsewhere: whoever waits for a connection waits for one to there.
    pub(super) fn change_origin(&mut self, id: TransferId, origin: Origin) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        debug_assert!(
            t.phase != Phase::Exchanging,
            "its connection is given back at the origin that it went to"
        );
        if t.phase == Phase::Queued {
            self.line.leave(&t.origin, t.ticket);
            self.line.join(&origin, t.ticket, id);
        }
        t.origin = origin;
    }

    /// Puts a transfer's next moment into the table of timers.
    pub(super) fn arm(&mut self, id: TransferId, env: &mut Env) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let next = t.next_timer();
        if t.armed == next {
            return;
        }
        env.timers.remove(&(t.armed, self.key, id));
        t.armed = next;
        if next != Time::DISTANT_FUTURE {
            env.timers.insert((next, self.key, id));
        }
    }

    /// Ends a transfer: the one place where its last messages come from.
    pub(super) fn end(&mut self, id: TransferId, error: Option<TransferError>, env: &mut Env) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        // SES-03: exactly one last message.
        if t.phase == Phase::Ended {
            return;
        }
        let keep_file = match &error {
            None => t.keeps_body(),
            Some(TransferError::Cancelled { resume_data, .. }) => resume_data.is_some(),
            Some(_) => false,
        };
        let force_quit =
            matches!(&error, Some(TransferError::Cancelled { reason: CancelReason::ForceQuit, .. }));
        t.cancelled = matches!(&error, Some(TransferError::Cancelled { .. }));
        let succeeded = error.is_none();
        let disconnected = matches!(&error, Some(TransferError::Disconnected));
        let end = Arc::new(TransferEnd { response: t.response.take(), error });
        let was_resumed = t.first_resumed.is_some();
        if t.limited.take().is_some() {
            env.limiter.released(env.now);
        }
        t.resource_deadline = Time::DISTANT_FUTURE;
        if t.has_file && !keep_file {
            env.outputs.push(Output::Remove(t.file.clone()));
        }
        // SES-04: the file first, then the end; no file for a transfer that ended badly.
        let finished = (succeeded && t.is_download())
            .then(|| Message::FinishedDownloading(id, Arc::clone(&end), t.file.clone()));
        self.go(id, Event::End, env);
        self.arm(id, env);
        self.drop_question(id, env);
        self.queue.drop_questions(id);
        if !succeeded {
            self.forget_data(id);
        }
        if let Some(finished) = finished {
            self.queue.push(finished);
        }
        self.queue.push(Message::Completed(id, end));
        self.outstanding -= 1;
        self.running -= usize::from(was_resumed);
        self.drop_unused_logins();
        // SCH-19: the end of one of several transfers wakes nobody; the last one does, well or badly.
        if was_resumed && self.running == 0 && !force_quit && !disconnected {
            self.wants_app(env);
        }
        self.say_goodbye_if_done();
        self.pump(env);
        self.start_queued(env);
    }

    fn drop_unused_logins(&mut self) {
        if self.logins.is_empty() {
            return;
        }
        let transfers = &self.transfers;
        self.logins.keep_only(|login| {
            transfers.values().any(|t| t.phase != Phase::Ended && t.login.given == Some(login))
        });
    }

    /// SES-21: the very last message, once, when everything else has been queued.
    fn say_goodbye_if_done(&mut self) {
        if self.invalidated && self.outstanding == 0 && !self.said_goodbye {
            self.said_goodbye = true;
            self.queue.push(Message::BecameInvalid);
        }
    }

    /// Takes no new transfers; ends when the present ones have.
    pub(super) fn invalidate(&mut self, env: &mut Env) {
        self.invalidated = true;
        self.say_goodbye_if_done();
        self.pump(env);
    }

    /// Cancels every transfer that has not ended.
    pub(super) fn cancel_all(&mut self, reason: CancelReason, env: &mut Env) {
        let ids: Vec<TransferId> = self.transfers.keys().copied().collect();
        self.line.clear();
        for id in ids {
            self.end(id, Some(TransferError::Cancelled { reason, resume_data: None }), env);
        }
    }
}

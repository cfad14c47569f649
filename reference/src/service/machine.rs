//! The transfer service without tasks, clock, network or app: inputs and time in, outputs and the next deadline out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::env::{Delivery, Env, ExchangeId, Output, SessionKey};
use super::hops::Wanted;
use super::limiter::Limiter;
use super::ranges::Partial;
use super::resume_data::ResumePoint;
use super::session::{NewTransfer, Session};
use crate::contract::{
    AppChange, AppState, CancelReason, ChallengeDisposition, Conditions, Configuration, Connection,
    DelayedRequestDisposition, DeviceChange, FilePath, Policy, Request, Response, ResponseDisposition,
    ResumeData, SessionError, SessionId, Time, TransferId, TransferInfo, TransferOptions, TransportError,
    WakeOutcome,
};

/// All sessions of one app.
///
/// Order of calls: [`ServiceMachine::at`] with a time that never decreases, any inputs, then
/// [`ServiceMachine::take_outputs`]; [`ServiceMachine::timeout`] when [`ServiceMachine::deadline`] has come.
///
/// ```
/// use std::sync::Arc;
/// use bgsession_reference::contract::{AppState, Conditions, Policy, Time};
/// use bgsession_reference::service::ServiceMachine;
///
/// let mut machine = ServiceMachine::new(Arc::new(Policy::default()), Conditions::default(), AppState::Active);
/// machine.at(Time::from_millis(1));
/// assert!(machine.take_outputs().is_empty());
/// assert_eq!(machine.deadline(), Time::DISTANT_FUTURE);
/// ```
#[derive(Debug)]
pub struct ServiceMachine {
    env: Env,
    sessions: BTreeMap<SessionKey, Box<Session>>,
    names: BTreeMap<SessionId, SessionKey>,
    next_key: u32,
}

impl ServiceMachine {
    /// A service without sessions, for an app in the state `app`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, conditions: Conditions, app: AppState) -> Self {
        let env = Env {
            policy,
            app,
            conditions,
            now: Time::ZERO,
            timers: BTreeSet::new(),
            outputs: Vec::new(),
            limiter: Limiter::new(),
            serial: 0,
        };
        Self { env, sessions: BTreeMap::new(), names: BTreeMap::new(), next_key: 0 }
    }

    /// The time of the inputs that follow.
    pub fn at(&mut self, now: Time) {
        self.env.now = self.env.now.max(now);
    }

    /// What is to be done because of the inputs so far, in order.
    #[must_use]
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.env.outputs)
    }

    /// When [`ServiceMachine::timeout`] is wanted.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.env.timers.first().map_or(Time::DISTANT_FUTURE, |(moment, ..)| *moment)
    }

    /// The deadline has come.
    pub fn timeout(&mut self) {
        let mut due = Vec::new();
        while let Some(&(moment, session, transfer)) = self.env.timers.first()
            && moment <= self.env.now
        {
            self.env.timers.pop_first();
            due.push((session, transfer));
        }
        for (session, transfer) in due {
            if let Some(session) = self.sessions.get_mut(&session) {
                session.timer(transfer, &mut self.env);
            }
        }
    }

    /// The app opens a session: see [`TransferService::session`](crate::contract::TransferService::session).
    ///
    /// # Errors
    ///
    /// [`SessionError::InUse`] while another living process has the session;
    /// [`SessionError::Invalidated`] while the process that invalidated the session of this name still has to hear its
    /// last message. A later process is connected to the dying session, so that the message can be delivered at all.
    pub fn open(
        &mut self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<SessionKey, SessionError> {
        if let Some(&key) = self.names.get(&configuration.identifier)
            && let Some(session) = self.sessions.get_mut(&key)
        {
            if session.is_own() && !session.is_attached() {
                // SES-30: what belonged to another process is nothing to this one.
                self.abandon(key);
                return Ok(self.make(configuration, connection));
            }
            // SES-16: while a living process has the session, its first delegate stays, and other processes stay out.
            // SES-15: and so does its configuration.
            if !session.is_attached() {
                session.attach(connection, &mut self.env);
            } else if session.is_of_another_process(&connection) {
                return Err(SessionError::InUse);
            } else if session.invalidated {
                return Err(SessionError::Invalidated);
            }
            return Ok(key);
        }
        Ok(self.make(configuration, connection))
    }

    fn make(&mut self, configuration: Configuration, connection: Connection) -> SessionKey {
        let key = SessionKey(self.next_key);
        self.next_key += 1;
        self.names.insert(configuration.identifier.clone(), key);
        self.sessions.insert(key, Box::new(Session::new(key, configuration, connection)));
        key
    }

    /// Everything of a session goes, without a word.
    fn abandon(&mut self, key: SessionKey) {
        if let Some(mut session) = self.sessions.remove(&key) {
            session.abandon(&mut self.env);
            self.names.retain(|_, known| *known != key);
        }
    }

    fn session(&mut self, key: SessionKey) -> Result<(&mut Session, &mut Env), SessionError> {
        let session = self.sessions.get_mut(&key).ok_or(SessionError::Invalidated)?;
        Ok((session, &mut self.env))
    }

    /// Makes a transfer, suspended.
    ///
    /// # Errors
    ///
    /// [`SessionError::Invalidated`], [`SessionError::UnsupportedUrl`].
    pub fn create(
        &mut self,
        key: SessionKey,
        new: NewTransfer,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let (session, env) = self.session(key)?;
        session.create(new, options, env)
    }

    /// Makes a download that goes on where another stopped, suspended. `adopt` is asked to move the part that was
    /// kept, of the given size, to its new place; whether it could is its answer.
    ///
    /// # Errors
    ///
    /// As [`ServiceMachine::create`], and [`SessionError::BadResumeData`].
    pub fn create_resuming(
        &mut self,
        key: SessionKey,
        data: &ResumeData,
        options: TransferOptions,
        adopt: impl FnOnce(&FilePath, u64, &FilePath) -> bool,
    ) -> Result<TransferId, SessionError> {
        let (session, env) = self.session(key)?;
        if session.invalidated {
            return Err(SessionError::Invalidated);
        }
        let point = ResumePoint::parse(data)?;
        if !adopt(&point.file, point.received, &session.next_file()) {
            return Err(SessionError::BadResumeData {
                reason: "the part that was kept is not there any more",
            });
        }
        let id = session.create(NewTransfer::Download(Request::get(point.url)), options, env)?;
        if let Some(t) = session.transfers.get_mut(&id) {
            t.has_file = true;
            t.announces = true;
            t.partial = Partial {
                received: point.received,
                total: point.total,
                validator: Some(point.validator),
                takes_ranges: Some(true),
            };
            t.reported = point.received;
        }
        Ok(id)
    }

    /// See [`Session::resume`](crate::contract::Session::resume).
    ///
    /// # Errors
    ///
    /// [`SessionError::NoSuchTransfer`], [`SessionError::Invalidated`] once the session is gone.
    pub fn resume(&mut self, key: SessionKey, transfer: TransferId) -> Result<(), SessionError> {
        let (session, env) = self.session(key)?;
        session.resume(transfer, env)
    }

    /// See [`Session::suspend`](crate::contract::Session::suspend).
    ///
    /// # Errors
    ///
    /// As [`ServiceMachine::resume`].
    pub fn suspend(&mut self, key: SessionKey, transfer: TransferId) -> Result<(), SessionError> {
        let (session, env) = self.session(key)?;
        session.suspend(transfer, env)
    }

    /// See [`Session::cancel`](crate::contract::Session::cancel).
    ///
    /// # Errors
    ///
    /// As [`ServiceMachine::resume`].
    pub fn cancel(&mut self, key: SessionKey, transfer: TransferId) -> Result<(), SessionError> {
        let (session, env) = self.session(key)?;
        session.cancel(transfer, env)
    }

    /// See [`Session::cancel_by_producing_resume_data`](crate::contract::Session::cancel_by_producing_resume_data).
    ///
    /// # Errors
    ///
    /// As [`ServiceMachine::resume`].
    pub fn cancel_with_resume_data(
        &mut self,
        key: SessionKey,
        transfer: TransferId,
    ) -> Result<Option<ResumeData>, SessionError> {
        let (session, env) = self.session(key)?;
        session.cancel_with_resume_data(transfer, env)
    }

    /// The outstanding transfers, in the order of their numbers.
    #[must_use]
    pub fn transfers(&self, key: SessionKey) -> Vec<TransferInfo> {
        // SES-17: those of this session, and of no other.
        self.sessions.get(&key).map_or_else(Vec::new, |session| {
            session.transfers.values().filter_map(|transfer| transfer.info()).collect()
        })
    }

    /// Takes no new transfers; `cancel`: and ends the present ones now.
    pub fn invalidate(&mut self, key: SessionKey, cancel: bool) {
        if let Some(session) = self.sessions.get_mut(&key) {
            if cancel {
                session.cancel_all(CancelReason::App, &mut self.env);
            }
            session.invalidate(&mut self.env);
        }
    }

    /// The app's process or the conditions have changed.
    pub fn device_changed(&mut self, change: &DeviceChange) {
        match change {
            DeviceChange::App(change) => {
                self.env.app = change.state();
                match change {
                    AppChange::Launched | AppChange::Resumed => self.env.limiter.ran(self.env.now),
                    AppChange::Foregrounded => self.env.limiter.visited(),
                    AppChange::Backgrounded
                    | AppChange::Suspended
                    | AppChange::Purged
                    | AppChange::Crashed
                    | AppChange::ForceQuit
                    | AppChange::Terminated(_) => {}
                }
                if self.env.app == AppState::NotRunning {
                    // SES-30: what is the app's own ends with it.
                    let own = self.sessions.iter().filter(|(_, session)| session.is_own());
                    let own: Vec<SessionKey> = own.map(|(key, _)| *key).collect();
                    own.into_iter().for_each(|key| self.abandon(key));
                }
                for session in self.sessions.values_mut() {
                    session.app_changed(*change, &mut self.env);
                }
            }
            DeviceChange::Conditions(conditions) => {
                self.env.conditions = *conditions;
                for session in self.sessions.values_mut() {
                    session.conditions_changed(&mut self.env);
                }
            }
            DeviceChange::Trigger(_) => {}
        }
    }

    /// Is the wake that was asked for still wanted?
    #[must_use]
    pub fn wants_wake(&self, key: SessionKey) -> bool {
        self.sessions.get(&key).is_some_and(|session| session.wake == super::wake::Wake::Requested)
    }

    /// The scheduler has answered an [`Output::RequestWake`].
    pub fn wake_resolved(&mut self, key: SessionKey, outcome: WakeOutcome) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.wake_resolved(outcome, &mut self.env);
        }
    }

    /// The next call to the app; `None` ends the delivery that an [`Output::Drain`] began. Each is settled with
    /// [`ServiceMachine::delivered`] before the next.
    pub fn next_delivery(&mut self, key: SessionKey) -> Option<Delivery> {
        self.sessions.get_mut(&key)?.next_delivery(&mut self.env)
    }

    /// The delegate's method has returned, or (`false`) its process ended first. Returns whether to go on.
    pub fn delivered(&mut self, key: SessionKey, acknowledged: bool) -> bool {
        let Some(session) = self.sessions.get_mut(&key) else {
            return false;
        };
        if session.delivered(acknowledged, &mut self.env) {
            self.names.remove(&session.config.identifier);
            self.sessions.remove(&key);
            return false;
        }
        acknowledged
    }

    /// The delegate's answer to a challenge, or `None`: there will be none.
    pub fn challenge_answered(
        &mut self,
        key: SessionKey,
        transfer: TransferId,
        serial: u64,
        answer: Option<ChallengeDisposition>,
    ) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.challenge_answered(transfer, serial, answer, &mut self.env);
        }
    }

    /// The delegate's answer about a delayed request, or `None`: there will be none.
    pub fn delayed_answered(
        &mut self,
        key: SessionKey,
        transfer: TransferId,
        serial: u64,
        answer: Option<DelayedRequestDisposition>,
    ) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.delayed_answered(transfer, serial, answer, &mut self.env);
        }
    }

    /// The delegate's answer about a data transfer's response, or `None`: there will be none.
    pub fn disposed(
        &mut self,
        key: SessionKey,
        transfer: TransferId,
        serial: u64,
        answer: Option<ResponseDisposition>,
    ) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.disposed(transfer, serial, answer, &mut self.env);
        }
    }

    /// The head of an answer has arrived; what to do with its bytes.
    pub fn head(&mut self, exchange: ExchangeId, response: Response) -> Wanted {
        match self.sessions.get_mut(&exchange.session) {
            Some(session) => session.head(exchange.transfer, exchange.attempt, response, &mut self.env),
            None => Wanted::Nothing,
        }
    }

    /// What to do with more bytes of this exchange.
    pub fn wanted(&mut self, exchange: ExchangeId) -> Wanted {
        let session = self.sessions.get_mut(&exchange.session);
        session.map_or(Wanted::Nothing, |session| session.wanted(exchange.transfer, exchange.attempt))
    }

    /// So many bytes have been put where they were wanted.
    pub fn received(&mut self, exchange: ExchangeId, bytes: u64) {
        if let Some(session) = self.sessions.get_mut(&exchange.session) {
            session.received(exchange.transfer, exchange.attempt, bytes, &mut self.env);
        }
    }

    /// The network has taken the file up to this byte.
    pub fn sent(&mut self, exchange: ExchangeId, up_to: u64) {
        if let Some(session) = self.sessions.get_mut(&exchange.session) {
            session.sent(exchange.transfer, exchange.attempt, up_to, &mut self.env);
        }
    }

    /// The answer has ended properly.
    pub fn finished(&mut self, exchange: ExchangeId) {
        if let Some(session) = self.sessions.get_mut(&exchange.session) {
            session.finished(exchange.transfer, exchange.attempt, &mut self.env);
        }
    }

    /// The exchange has failed on the wire.
    pub fn failed(&mut self, exchange: ExchangeId, error: &TransportError) {
        if let Some(session) = self.sessions.get_mut(&exchange.session) {
            session.failed(exchange.transfer, exchange.attempt, error, &mut self.env);
        }
    }

    /// The storage has refused what this exchange needs.
    pub fn storage_failed(&mut self, exchange: ExchangeId) {
        if let Some(session) = self.sessions.get_mut(&exchange.session) {
            session.storage_failed(exchange.transfer, exchange.attempt, &mut self.env);
        }
    }
}

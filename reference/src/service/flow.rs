//! When a transfer may go on: holds, dates, the delegate's say, link and conditions, the line for connections.

use super::address::Origin;
use super::env::{Env, ExchangeId, Output};
use super::phase::{Event, Phase};
use super::queue::Message;
use super::session::Session;
use super::transfer::{Discretion, Transfer};
use crate::contract::{
    CancelReason, DelayedRequestDisposition, DiscretionaryStart, ResourceTimer, ResumeData, SessionError,
    Time, TransferError, TransferId,
};

impl Session {
    /// A transfer that is outstanding, or the error that says it is not.
    fn outstanding(&mut self, id: TransferId) -> Result<&mut Transfer, SessionError> {
        let listed = |t: &&mut Box<Transfer>| t.phase != Phase::Ended || t.cancelled;
        self.transfers.get_mut(&id).filter(listed).map(Box::as_mut).ok_or(SessionError::NoSuchTransfer)
    }

    pub(super) fn resume(&mut self, id: TransferId, env: &mut Env) -> Result<(), SessionError> {
        let t = self.outstanding(id)?;
        if t.phase == Phase::Ended || t.holds == 0 {
            return Ok(());
        }
        // SES-01: as many resumes as suspends, and the first for the newborn.
        t.holds -= 1;
        if t.holds > 0 {
            return Ok(());
        }
        let newborn = t.first_resumed.is_none();
        if newborn {
            t.first_resumed = Some(env.now);
            // SES-24: what is created in front is not held.
            t.limited = if t.behind { env.limiter.hold(env.now) } else { None };
        }
        let waits = t.phase == Phase::Suspended;
        let is_data = t.is_data();
        if newborn {
            self.start_resource_timer(id, env);
        }
        if is_data && !self.is_own() && !env.app.is_running() {
            // SES-12: the app's time was over before this call arrived.
            self.end(id, Some(TransferError::Disconnected), env);
            return Ok(());
        }
        if waits {
            self.proceed(id, env);
        }
        Ok(())
    }

    /// SES-07: set once, at the first resume, and never again by a retry or a suspension.
    fn start_resource_timer(&mut self, id: TransferId, env: &Env) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let date = t.options.earliest_begin_date.unwrap_or(env.now);
        let from = match env.policy.resource_timer {
            ResourceTimer::FromResume => env.now,
            ResourceTimer::FromEarliestBegin => date.max(env.now),
        };
        t.resource_deadline = from + self.config.resource_timeout;
        self.running += 1;
    }

    pub(super) fn suspend(&mut self, id: TransferId, env: &mut Env) -> Result<(), SessionError> {
        let t = self.outstanding(id)?;
        if t.phase == Phase::Ended {
            return Ok(());
        }
        t.holds += 1;
        // A question that is with the delegate stays there; its answer finds the transfer suspended.
        let asks =
            matches!(t.phase, Phase::AwaitingAnswer | Phase::AwaitingDelegate | Phase::AwaitingDisposition);
        if t.phase != Phase::Suspended && !asks {
            self.go(id, Event::Suspend, env);
            self.rewind(id, env);
            self.arm(id, env);
            self.start_queued(env);
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self, id: TransferId, env: &mut Env) -> Result<(), SessionError> {
        self.outstanding(id)?;
        // SES-02: at once and whatever it was doing; one that has ended already is not ended again.
        self.end(id, Some(TransferError::Cancelled { reason: CancelReason::App, resume_data: None }), env);
        Ok(())
    }

    pub(super) fn cancel_with_resume_data(
        &mut self,
        id: TransferId,
        env: &mut Env,
    ) -> Result<Option<ResumeData>, SessionError> {
        let t = self.outstanding(id)?;
        if t.phase == Phase::Ended {
            return Ok(None);
        }
        let resume_data = t.resume_data();
        let cancelled =
            TransferError::Cancelled { reason: CancelReason::App, resume_data: resume_data.clone() };
        self.end(id, Some(cancelled), env);
        Ok(resume_data)
    }

    /// Takes a transfer as far as it can go: the one gate that everything passes before it goes on the wire.
    pub(super) fn proceed(&mut self, id: TransferId, env: &mut Env) {
        let link = self.has_link(env);
        let asks_delegate = self.methods.delayed;
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let date = t.options.earliest_begin_date;
        let (event, until) = if t.holds > 0 {
            (Event::Suspend, Time::DISTANT_FUTURE)
        } else if let Some(date) = date.filter(|&date| env.now < date) {
            // SES-13: the date is the first thing that is looked at, after every relaunch and retry.
            (Event::WaitForDate, date)
        } else if date.is_some() && !t.decided && (asks_delegate || t.offered) {
            // SES-14: once, and only its answer lets the load begin, whatever happens meanwhile.
            (Event::AskDelegate, Time::DISTANT_FUTURE)
        } else if !link {
            // SES-09: without a permitted link it waits; that is no error.
            (Event::WaitForConditions, Time::DISTANT_FUTURE)
        } else if let Some(until) = t.held_until(env) {
            (Event::WaitForConditions, until)
        } else {
            (Event::Enqueue, Time::DISTANT_FUTURE)
        };
        self.go(id, event, env);
        if let Some(t) = self.transfers.get_mut(&id) {
            t.until = until;
        }
        self.arm(id, env);
        let asks = event == Event::AskDelegate
            && self.transfers.get_mut(&id).is_some_and(|t| !std::mem::replace(&mut t.offered, true));
        if asks {
            self.queue.push(Message::Delayed(id));
            self.wants_app(env);
            self.pump(env);
        } else {
            self.start_queued(env);
        }
    }

    /// The delegate's word on a delayed request.
    pub(super) fn delayed_answered(
        &mut self,
        id: TransferId,
        serial: u64,
        answer: Option<DelayedRequestDisposition>,
        env: &mut Env,
    ) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let waits = matches!(t.phase, Phase::AwaitingDelegate | Phase::Suspended) && !t.decided;
        if !waits || t.offer_serial != serial {
            return;
        }
        t.decided = answer.is_some();
        match answer {
            // SES-14: nobody will ever say; loading must wait for an answer, so it waits for its timeout.
            None => {}
            Some(DelayedRequestDisposition::ContinueLoading) => self.proceed(id, env),
            Some(DelayedRequestDisposition::UseNewRequest(request)) => match Origin::of(&request.url) {
                Some(origin) => {
                    t.replacement = Some(request);
                    self.change_origin(id, origin);
                    self.proceed(id, env);
                }
                // A request that can not be made, in place of one that must not be: nothing is left to do.
                None => drop(self.cancel(id, env)),
            },
            Some(DelayedRequestDisposition::Cancel) => drop(self.cancel(id, env)),
        }
    }

    /// The conditions have changed: what may not run stops, what may run again goes on.
    pub(super) fn conditions_changed(&mut self, env: &mut Env) {
        let link = self.has_link(env);
        let ids: Vec<TransferId> = self.transfers.keys().copied().collect();
        for id in ids {
            let Some(t) = self.transfers.get_mut(&id) else {
                continue;
            };
            match t.phase {
                Phase::Exchanging | Phase::Queued if !link => {
                    self.go(id, Event::WaitForConditions, env);
                    self.rewind(id, env);
                    self.arm(id, env);
                }
                Phase::AwaitingConditions => self.proceed(id, env),
                Phase::Suspended
                | Phase::AwaitingDate
                | Phase::AwaitingDelegate
                | Phase::Queued
                | Phase::Exchanging
                | Phase::AwaitingAnswer
                | Phase::AwaitingDisposition
                | Phase::BackingOff
                | Phase::Ended => {}
            }
        }
    }

    /// SES-29: what was discretionary only because the app was not in front stops being so. SES-25: and the limiter holds
    /// nothing any more.
    pub(super) fn release_for_front(&mut self, env: &mut Env) {
        let ids: Vec<TransferId> = self.transfers.keys().copied().collect();
        for id in ids {
            let Some(t) = self.transfers.get_mut(&id) else {
                continue;
            };
            let was_limited = t.limited.take().is_some();
            let was_held = t.discretion == Discretion::UntilFront;
            if was_held {
                t.discretion = Discretion::Never;
            }
            if (was_held || was_limited) && t.phase == Phase::AwaitingConditions {
                self.proceed(id, env);
            }
        }
    }

    /// This transfer's moment in the table of timers has come.
    pub(super) fn timer(&mut self, id: TransferId, env: &mut Env) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        if t.armed > env.now {
            // Something that came due at the same moment has set it anew.
            return;
        }
        t.armed = Time::DISTANT_FUTURE;
        if t.resource_deadline <= env.now {
            // SES-07, SES-28: exactly then, whatever it is waiting for.
            self.end(id, Some(TransferError::TimedOut), env);
            return;
        }
        if t.until > env.now {
            // Bytes have moved the end of its phase on.
            self.arm(id, env);
            return;
        }
        match t.phase {
            Phase::AwaitingDate | Phase::AwaitingConditions | Phase::BackingOff => self.proceed(id, env),
            Phase::Exchanging => {
                let exchange = ExchangeId { session: self.key, transfer: id, attempt: t.attempt };
                env.outputs.push(Output::Abort(exchange));
                self.retry(id, env);
            }
            Phase::Suspended
            | Phase::AwaitingDelegate
            | Phase::Queued
            | Phase::AwaitingAnswer
            | Phase::AwaitingDisposition
            | Phase::Ended => {}
        }
    }

    /// The next exchange begins at the address that the app gave.
    fn rewind(&mut self, id: TransferId, env: &mut Env) {
        if let Some(t) = self.transfers.get_mut(&id)
            && let Some(origin) = t.rewind()
        {
            self.change_origin(id, origin);
        }
        self.drop_question(id, env);
    }

    /// SES-07: a lost connection, or a timeout without a byte, is tried again; the app is not told.
    pub(super) fn retry(&mut self, id: TransferId, env: &mut Env) {
        let policy = env.policy.retry;
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let wait = t.backoff(&policy);
        t.retries = t.retries.saturating_add(1);
        self.go(id, Event::Retry, env);
        self.rewind(id, env);
        if let Some(t) = self.transfers.get_mut(&id) {
            t.until = env.now + wait;
        }
        self.arm(id, env);
        self.start_queued(env);
    }
}

impl Transfer {
    /// Until when it is held, by the limiter or for better conditions; `None` if it is not.
    fn held_until(&mut self, env: &Env) -> Option<Time> {
        let limited = self.limited.filter(|until| env.now < *until);
        limited.max(self.waits_for_conditions(env))
    }

    fn waits_for_conditions(&mut self, env: &Env) -> Option<Time> {
        // Held once, before it first goes on the wire; not again for a retry.
        if self.discretion == Discretion::Never
            || self.attempt > 0
            || env.conditions.favourable
            || env.policy.discretionary_start == DiscretionaryStart::AtAnyMoment
        {
            return None;
        }
        let since = *self.held_since.get_or_insert(env.now);
        // SES-22: the less time is left, the more urgent it gets.
        let room = self.resource_deadline.since(since) / 2;
        let until = since + env.policy.discretionary_hold.min(room);
        (env.now < until).then_some(until)
    }
}

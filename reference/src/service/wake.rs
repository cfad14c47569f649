//! When the app is wanted, and when its messages flow.

use super::env::{Delivery, Env, Output};
use super::phase::Phase;
use super::queue::{Call, Message};
use super::session::{Methods, Session};
use crate::contract::{
    AppChange, AppState, CancelReason, Connection, TransferId, UnansweredChallenge, WakeOutcome, WakeReason,
};

/// Has the scheduler been asked for the app?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// No.
    None,
    /// Yes: messages wait for the app's `handle`.
    Requested,
    /// Yes, but it is not needed any more; the scheduler has not answered yet.
    Withdrawn,
}

impl Session {
    /// Is a process at the other end that can be called?
    pub(super) fn is_attached(&self) -> bool {
        self.connection.as_ref().is_some_and(|line| !line.life().has_ended())
    }

    /// Does the line that the session has lead to another process than this one?
    pub(super) fn is_of_another_process(&self, connection: &Connection) -> bool {
        self.connection.as_ref().is_some_and(|line| !line.life().is(connection.life()))
    }

    /// One of the three causes has come about.
    pub(super) fn wants_app(&mut self, env: &mut Env) {
        // SCH-21: a session without launch events never wakes the app; its messages wait. SES-30: nor does one whose
        // transfers are the app's own.
        if self.config.sends_launch_events && !self.is_own() {
            self.untold = true;
            // Whether the answer that is awaited will be about this as well, only time can tell.
            self.came_meanwhile = self.wake != Wake::None;
            self.came_after_a_run |= self.came_meanwhile && self.ran_meanwhile;
            self.ask_for_wake(env);
        }
    }

    /// Which of the three causes holds at the moment: a login that came too late for a cancelled transfer, or an end
    /// of all transfers after which another was started, does not any more.
    fn cause(&self) -> Option<WakeReason> {
        let asks = |message: &Message, phase: Phase| match message {
            // The delegate may have one that has become pointless: only what the transfer still waits for counts.
            Message::Challenge(id) | Message::Delayed(id) => {
                self.transfers.get(id).is_some_and(|t| t.phase == phase)
            }
            Message::Wrote(_)
            | Message::Sent(_)
            | Message::Response(_)
            | Message::BecameDownload(_)
            | Message::Data(_)
            | Message::ResumedAt(..)
            | Message::FinishedDownloading(..)
            | Message::Completed(..)
            | Message::FinishedEvents
            | Message::BecameInvalid => false,
        };
        if self.queue.has(|message| asks(message, Phase::AwaitingAnswer)) {
            Some(WakeReason::AuthenticationNeeded)
        } else if self.queue.has(|message| asks(message, Phase::AwaitingDelegate)) {
            Some(WakeReason::DelayedRequestReady)
        } else {
            (self.running == 0 && !self.queue.owes_nothing()).then_some(WakeReason::TransfersEnded)
        }
    }

    /// Asks the scheduler, if there is a cause that the app has not been told of and can not be told of.
    fn ask_for_wake(&mut self, env: &mut Env) {
        if !self.untold || self.wake != Wake::None {
            return;
        }
        // SCH-19: these three and nothing else.
        let Some(reason) = self.cause() else { return };
        // SCH-22: an app that runs is told directly; so is one that was woken and has not opened the session yet.
        let hears = env.app.is_running() && (self.is_attached() || self.queue.has_marker());
        if !hears {
            // SCH-02: the end of an earlier drain that the app did not live to hear must not run ahead of this wake's
            // `handle`.
            self.queue.drop_markers();
            self.wake = Wake::Requested;
            self.ran_meanwhile = false;
            self.came_meanwhile = false;
            self.came_after_a_run = false;
            env.limiter.asked(env.now);
            env.outputs.push(Output::RequestWake(self.key, self.config.identifier.clone(), reason));
        }
    }

    /// The scheduler's answer.
    pub(super) fn wake_resolved(&mut self, outcome: WakeOutcome, env: &mut Env) {
        let asked = std::mem::replace(&mut self.wake, Wake::None);
        // SES-24: raised before the delegate is called, so that what it creates is delayed.
        env.limiter.answered(matches!(outcome, WakeOutcome::Handled(_)), &env.policy, env.now);
        match outcome {
            WakeOutcome::Handled(_) => {
                // One cause, one wake: what is left of this drain if it is cut short asks for no other. SCH-22: but what
                // came about after that wake, when the answer was late, has had none. Where the app has stopped since,
                // nobody can say which of its runs the wake was.
                let late = self.ran_meanwhile && !env.app.is_running();
                self.untold &= std::mem::take(&mut self.came_meanwhile) || (late && self.came_after_a_run);
                // SES-19: one end for each wake, behind everything that waits now, also if no transfer has ended. None if
                // the app has stopped already; but that it runs may not have been reported yet.
                if env.app.is_running() || !self.ran_meanwhile {
                    self.queue.push_marker();
                } else {
                    self.ask_for_wake(env);
                }
            }
            // Whoever has not taken it back asks again only when the app changes: at once, it would be a loop.
            WakeOutcome::Withdrawn if asked == Wake::Requested => {}
            WakeOutcome::Withdrawn => self.ask_for_wake(env),
            WakeOutcome::Suppressed => self.untold = false,
        }
        self.pump(env);
    }

    /// The user has the app in front of him: nothing needs to wait for a wake.
    fn withdraw_in_front(&mut self, env: &mut Env) {
        if self.wake == Wake::Requested && env.app.is_foreground() && self.is_attached() {
            self.withdraw(env);
        }
    }

    fn withdraw(&mut self, env: &mut Env) {
        self.wake = Wake::Withdrawn;
        env.outputs.push(Output::WithdrawWake(self.config.identifier.clone()));
    }

    /// A process has opened the session.
    pub(super) fn attach(&mut self, connection: Connection, env: &mut Env) {
        self.methods = Methods::of(&connection);
        self.connection = Some(connection);
        // U6: what the last process left unanswered is asked again, without a wake of its own.
        if env.policy.unanswered_challenge == UnansweredChallenge::OfferAgain {
            let unanswered: Vec<TransferId> = self
                .transfers
                .values()
                .filter(|t| t.phase == Phase::AwaitingAnswer && !self.queue.asks_about(t.id))
                .map(|t| t.id)
                .collect();
            for id in unanswered {
                self.queue.push(Message::Challenge(id));
            }
        }
        self.withdraw_in_front(env);
        self.pump(env);
    }

    /// The app's process has changed.
    pub(super) fn app_changed(&mut self, change: AppChange, env: &mut Env) {
        match change.state() {
            AppState::NotRunning => {
                self.connection = None;
                self.queue.drop_markers();
                self.stop_progress();
                self.logins.forget_session();
                self.tls.forget();
                if change == AppChange::ForceQuit {
                    // SES-23: cancelled, and no wake.
                    self.untold = false;
                    self.cancel_all(CancelReason::ForceQuit, env);
                    self.disconnect(true, env);
                } else {
                    self.disconnect(true, env);
                    self.ask_for_wake(env);
                }
            }
            AppState::Suspended => {
                // SES-19: a drain that is cut short has no end; the next wake brings one of its own. SCH-02: and what
                // is left of it does not run ahead of the next wake's `handle`.
                self.queue.drop_markers();
                self.stop_progress();
                if self.is_own() {
                    self.conditions_changed(env);
                } else {
                    self.disconnect(false, env);
                    self.ask_for_wake(env);
                }
            }
            AppState::Background | AppState::Inactive | AppState::Active => {
                self.ran_meanwhile = true;
                if change != AppChange::Backgrounded {
                    // This run may be the wake that is awaited, and that is about everything before it.
                    self.came_meanwhile = false;
                }
                self.withdraw_in_front(env);
                if change == AppChange::Foregrounded {
                    self.release_for_front(env);
                }
                if self.is_own() {
                    self.conditions_changed(env);
                }
                self.pump(env);
            }
        }
    }

    fn stop_progress(&mut self) {
        self.queue.drop_progress();
        for t in self.transfers.values_mut() {
            t.progress_waits = false;
        }
    }

    /// May the app be called about this session now?
    pub(super) fn may_deliver(&self, env: &Env) -> bool {
        // SCH-02: what a wake is about waits for its `handle`. A drain that has begun goes on to its end, though.
        let wake_first = self.wake == Wake::Requested && !env.app.is_foreground() && !self.queue.has_marker();
        env.app.is_running() && self.is_attached() && !wake_first
    }

    /// Starts a delivery if there is something to deliver and nobody does it.
    pub(super) fn pump(&mut self, env: &mut Env) {
        if !self.draining && !self.queue.is_empty() && self.may_deliver(env) {
            self.draining = true;
            env.outputs.push(Output::Drain(self.key));
        }
    }

    /// Queues progress, if the app can hear it now; at most one message for each transfer waits.
    pub(super) fn report_progress(&mut self, id: TransferId, env: &mut Env) {
        if !self.may_deliver(env) {
            return;
        }
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut t.progress_waits, true) {
            let message = if t.is_download() { Message::Wrote(id) } else { Message::Sent(id) };
            self.queue.push(message);
            self.pump(env);
        }
    }

    /// The next call to make; `None` ends the delivery.
    ///
    /// SES-20: one at a time, in order; the next is not given out before [`Session::delivered`].
    pub(super) fn next_delivery(&mut self, env: &mut Env) -> Option<Delivery> {
        // Bounded by the queue: each turn takes a message out of it.
        while self.may_deliver(env) {
            let Some(message) = self.queue.take() else { break };
            let Some(call) = self.call_for(message, env) else {
                self.queue.in_flight = None;
                continue;
            };
            let Some(connection) = self.connection.clone() else {
                break;
            };
            return Some(Delivery { connection, session: self.config.identifier.clone(), call });
        }
        self.draining = false;
        None
    }

    /// What a message says by now; `None` if it has become pointless.
    fn call_for(&mut self, message: Message, env: &mut Env) -> Option<Call> {
        Some(match message {
            Message::Wrote(id) | Message::Sent(id) => {
                let t = self.transfers.get_mut(&id)?;
                t.progress_waits = false;
                let total = if t.is_download() { t.partial.received } else { t.sent };
                // SES-33: new since it was told last. A restart from zero may have taken bytes back.
                let news = total.saturating_sub(t.reported);
                t.reported = total;
                match &t.upload {
                    _ if news == 0 => return None,
                    Some((_, len)) => Call::Sent(id, news, total, *len),
                    None => Call::Wrote(id, news, total, t.partial.total),
                }
            }
            Message::Response(id) => self.disposal_call(id, env)?,
            Message::BecameDownload(id) => Call::BecameDownload(id),
            Message::Data(id) => self.data_call(id)?,
            Message::ResumedAt(id, offset, expected) => Call::ResumedAt(id, offset, expected),
            Message::Challenge(id) => self.question_call(id, env)?,
            Message::Delayed(id) => {
                let t = self.transfers.get_mut(&id)?;
                if t.phase != Phase::AwaitingDelegate {
                    // Suspended meanwhile: it is asked about when it could go on again.
                    t.offered = false;
                    return None;
                }
                t.offer_serial = env.next_serial();
                Call::Delayed(id, t.original.clone(), t.offer_serial)
            }
            Message::FinishedDownloading(id, end, file) => Call::FinishedDownloading(id, end, file),
            Message::Completed(id, end) => Call::Completed(id, end),
            Message::FinishedEvents => Call::FinishedEvents,
            Message::BecameInvalid => Call::BecameInvalid,
        })
    }

    /// The delegate's method has returned (`true`), or its process ended first. Returns whether the session is over.
    pub(super) fn delivered(&mut self, acknowledged: bool, env: &mut Env) -> bool {
        let Some(message) = self.queue.in_flight.take() else {
            return false;
        };
        if !acknowledged {
            if !self.is_attached() {
                self.connection = None;
            }
            // SES-18: kept, and first in line. The end of a drain ends with its wake, and progress is not kept.
            if !message.is_progress() && !matches!(message, Message::FinishedEvents) {
                self.queue.put_back(message);
            }
            self.draining = false;
            self.pump(env);
            return false;
        }
        match message {
            // SES-05: gone after the callback, unless it was moved.
            Message::FinishedDownloading(_, _, file) => env.outputs.push(Output::Remove(file)),
            Message::Completed(id, _) => {
                if let Some(t) = self.transfers.remove(&id).filter(|t| t.is_data() && t.has_file) {
                    env.outputs.push(Output::Remove(t.file.clone()));
                }
            }
            Message::Data(id) => {
                if let Some(t) = self.transfers.get_mut(&id) {
                    t.reported = t.handing;
                }
            }
            Message::BecameInvalid => return true,
            Message::Wrote(_)
            | Message::Sent(_)
            | Message::Response(_)
            | Message::BecameDownload(_)
            | Message::ResumedAt(..)
            | Message::Challenge(_)
            | Message::Delayed(_)
            | Message::FinishedEvents => {}
        }
        // SCH-22: everything has been said to the app itself, so nothing is left to wake it for.
        if self.wake == Wake::None && self.queue.owes_nothing() {
            self.untold = false;
        }
        false
    }
}

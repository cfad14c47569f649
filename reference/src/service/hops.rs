//! What comes from the wire: heads, bytes, ends and failures of exchanges.

use super::address::{Origin, is_redirect, redirected, resolve};
use super::env::Env;
use super::phase::{Event, Phase};
use super::questions::Next;
use super::queue::Message;
use super::ranges::{Partial, Verdict, judge};
use super::session::Session;
use super::transfer::{Hop, Transfer};
use crate::contract::{FilePath, Response, TransferError, TransferId, TransportError};

/// What is to be done with the bytes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// Nothing more of this exchange: drop it.
    Nothing,
    /// Read it to its end and keep nothing.
    Discard,
    /// Make this file anew; the bytes go into it.
    Create(FilePath),
    /// The bytes go to the end of this file.
    Append(FilePath),
}

impl Session {
    /// The transfer that this exchange belongs to, if the exchange is still the latest and wanted.
    fn on_wire(&mut self, id: TransferId, attempt: u32) -> Option<&mut Transfer> {
        let current = |t: &&mut Box<Transfer>| t.phase == Phase::Exchanging && t.attempt == attempt;
        self.transfers.get_mut(&id).filter(current).map(Box::as_mut)
    }

    /// The head of an answer.
    pub(super) fn head(&mut self, id: TransferId, attempt: u32, response: Response, env: &mut Env) -> Wanted {
        let until = env.now + self.config.request_timeout;
        let Some(t) = self.on_wire(id, attempt) else {
            return Wanted::Nothing;
        };
        t.until = until;
        if is_redirect(response.status)
            && let Some(location) = response.header("location")
        {
            if let Err(reason) = self.redirect(id, response.status, location, env) {
                self.end(id, Some(TransferError::BadRedirect { reason }), env);
            }
            return Wanted::Nothing;
        }
        if response.status == 401 {
            match self.unauthorised(id, &response, env) {
                Next::Repeat => return Wanted::Nothing,
                Next::Ask(offers) => return self.keep_question(id, response, offers),
                Next::Accept => {}
            }
        } else {
            self.accept_login(id);
        }
        self.accept_head(id, response, env)
    }

    /// SES-10: followed without asking the delegate.
    fn redirect(
        &mut self,
        id: TransferId,
        status: u16,
        location: &str,
        env: &mut Env,
    ) -> Result<(), &'static str> {
        let Some(t) = self.transfers.get(&id) else {
            return Ok(());
        };
        let url = resolve(t.url(), location)?;
        let origin = Origin::of(&url).ok_or("it leads out of HTTP")?;
        let (method, body_goes_on) = redirected(status, t.method());
        let before = t.hop.as_ref();
        let hop = Hop {
            url,
            method,
            with_body: body_goes_on && before.is_none_or(|hop| hop.with_body),
            crossed: origin != t.origin || before.is_some_and(|hop| hop.crossed),
            number: before.map_or(0, |hop| hop.number) + 1,
        };
        if hop.number > env.policy.redirect_limit {
            return Err("too many redirects");
        }
        self.go(id, Event::Enqueue, env);
        if let Some(t) = self.transfers.get_mut(&id) {
            t.hop = Some(hop);
        }
        self.change_origin(id, origin);
        self.arm(id, env);
        self.start_queued(env);
        Ok(())
    }

    /// An answer that is the transfer's own, or goes on with it.
    fn accept_head(&mut self, id: TransferId, response: Response, env: &mut Env) -> Wanted {
        let Some(t) = self.transfers.get_mut(&id) else {
            return Wanted::Nothing;
        };
        if !t.keeps_body() {
            if let Some((_, len)) = t.upload
                && response.status < 300
            {
                t.sent = len;
            }
            t.response = Some(response);
            self.report_progress(id, env);
            return Wanted::Discard;
        }
        match judge(t.asked_offset, &t.partial, &response) {
            Verdict::Append(total) => {
                t.partial.total = total.or(t.partial.total);
                t.partial.takes_ranges = Some(true);
                t.response = Some(response);
                let wanted = Wanted::Append(t.file.clone());
                if std::mem::take(&mut t.announces) {
                    let message = Message::ResumedAt(id, t.partial.received, t.partial.total);
                    self.queue.push(message);
                    self.pump(env);
                }
                self.ask_for_disposal(id, env);
                wanted
            }
            Verdict::Whole if t.is_data() && t.handing > 0 => {
                // What the app has been given can not be taken back.
                self.end(id, Some(TransferError::ConnectionLost), env);
                Wanted::Nothing
            }
            Verdict::Whole => {
                // SES-06: whatever the status, this is the answer and its body is kept.
                t.partial = Partial::fresh(&response, t.method());
                t.response = Some(response);
                t.reported = 0;
                t.announces = false;
                t.has_file = true;
                let wanted = Wanted::Create(t.file.clone());
                self.ask_for_disposal(id, env);
                wanted
            }
            Verdict::AskAgain => {
                // SES-08: what is there is of no use. Without it no range is asked for, so this happens once.
                t.partial = Partial::default();
                t.asked_offset = None;
                self.go(id, Event::Enqueue, env);
                self.arm(id, env);
                self.start_queued(env);
                Wanted::Nothing
            }
        }
    }

    /// Where the bytes of this exchange go.
    pub(super) fn wanted(&mut self, id: TransferId, attempt: u32) -> Wanted {
        let Some(t) = self.on_wire(id, attempt) else {
            return Wanted::Nothing;
        };
        match &t.login.question {
            Some(question) => question.file.clone().map_or(Wanted::Discard, Wanted::Append),
            None if t.keeps_body() => Wanted::Append(t.file.clone()),
            None => Wanted::Discard,
        }
    }

    /// Bytes have arrived and are where they were wanted.
    pub(super) fn received(&mut self, id: TransferId, attempt: u32, bytes: u64, env: &mut Env) {
        let until = env.now + self.config.request_timeout;
        let Some(t) = self.on_wire(id, attempt) else {
            return;
        };
        // SES-07: every byte starts the request timeout anew, and the service's patience too.
        t.until = until;
        t.retries = 0;
        if let Some(question) = &mut t.login.question {
            question.received += bytes;
        } else if t.keeps_body() {
            t.partial.received += bytes;
            if t.is_data() {
                self.give_data(id, env);
            } else {
                self.report_progress(id, env);
            }
        }
    }

    /// The network has taken the file up to this byte.
    pub(super) fn sent(&mut self, id: TransferId, attempt: u32, up_to: u64, env: &mut Env) {
        let until = env.now + self.config.request_timeout;
        let Some(t) = self.on_wire(id, attempt) else {
            return;
        };
        t.until = until;
        if up_to > t.sent {
            t.sent = up_to;
            self.report_progress(id, env);
        }
    }

    /// The answer has ended properly.
    pub(super) fn finished(&mut self, id: TransferId, attempt: u32, env: &mut Env) {
        let Some(t) = self.on_wire(id, attempt) else {
            return;
        };
        t.wire_over = true;
        if t.login.question.is_some() {
            self.go(id, Event::Challenge, env);
            self.arm(id, env);
            self.ask(id, env);
            self.start_queued(env);
            return;
        }
        // A server may send less of a range than was asked for: the rest is asked for next.
        let short = t.partial.total.is_some_and(|total| t.partial.received < total);
        if t.keeps_body() && short {
            self.retry(id, env);
        } else {
            self.come_to_its_end(id, env);
        }
    }

    /// The exchange has failed on the wire.
    pub(super) fn failed(&mut self, id: TransferId, attempt: u32, error: &TransportError, env: &mut Env) {
        let Some(t) = self.on_wire(id, attempt) else {
            return;
        };
        t.wire_over = true;
        match error {
            TransportError::NotConnected | TransportError::ConnectionLost | TransportError::BadResponse => {
                self.retry(id, env);
            }
            // Trying an unusable request again would not help.
            TransportError::BadRequest { .. } => {
                let error = if t.hop.is_some() {
                    TransferError::BadRedirect { reason: "it leads to an unusable address" }
                } else {
                    TransferError::BadServerResponse
                };
                self.end(id, Some(error), env);
            }
            TransportError::UntrustedServer { certificate } => {
                self.unsettled(id, Some(certificate.clone()), env);
            }
            TransportError::CertificateWanted => self.unsettled(id, None, env),
        }
    }

    /// The device's storage has refused.
    pub(super) fn storage_failed(&mut self, id: TransferId, attempt: u32, env: &mut Env) {
        if self.on_wire(id, attempt).is_some() {
            self.end(id, Some(TransferError::Storage), env);
        }
    }
}

//! Logins: from a 401 to the delegate's answer.

use std::collections::VecDeque;

use super::auth::{Login, Offer, offers};
use super::env::{Env, Output};
use super::hops::Wanted;
use super::phase::{Event, Phase};
use super::queue::{Call, Message};
use super::session::{Methods, Session};
use super::transfer::Question;
use crate::contract::{Challenge, ChallengeDisposition, FilePath, Response, TransferError, TransferId};

/// How often a transfer repeats its request without asking the delegate: for stale nonces, and with credentials that
/// the session knows. More than that is a server that plays games.
const MOST_SILENT: u32 = 8;

/// What to do with a 401.
#[derive(Debug)]
pub(super) enum Next {
    /// The request has been queued again with another login.
    Repeat,
    /// The delegate is to be asked about these offers.
    Ask(VecDeque<Offer>),
    /// It is the transfer's answer like any other status.
    Accept,
}

impl Methods {
    /// Can the delegate be asked about this offer?
    ///
    /// SES-26: session-level challenges go to the session's method, else to the task's; all others only to the task's.
    pub(super) fn can_answer(self, offer: &Offer) -> bool {
        self.task_challenge || (self.session_challenge && offer.space.method.is_session_level())
    }
}

impl Session {
    /// Looks at a 401.
    pub(super) fn unauthorised(&mut self, id: TransferId, response: &Response, env: &mut Env) -> Next {
        let Some(t) = self.transfers.get_mut(&id) else {
            return Next::Accept;
        };
        let mut offers: VecDeque<Offer> = offers(response, &t.origin).into();
        let sent = t.login.sent.take();
        if let Some(used) = sent
            && let Some(login) = self.logins.get_mut(used)
            && let Some(at) = offers.iter().position(|offer| offer.space == login.space)
        {
            if offers[at].is_stale() && t.login.silent < MOST_SILENT {
                if let Some(offer) = offers.remove(at) {
                    login.renew(offer);
                }
                t.login.silent += 1;
                self.repeat(id, env);
                return Next::Repeat;
            }
            // SES-27: counted over all protection spaces of the transfer.
            t.login.failures += 1;
            t.login.refused = Some(login.credential.clone());
            self.logins.refuse(used);
        }
        if t.login.silent < MOST_SILENT
            && let Some(known) = self.logins.matching(&t.origin, offers.iter(), sent)
        {
            t.login.given = Some(known);
            t.login.silent += 1;
            if let Some(login) = self.logins.get_mut(known)
                && let Some(at) = offers.iter().position(|offer| offer.space == login.space)
                && let Some(offer) = offers.remove(at)
            {
                login.renew(offer);
            }
            self.repeat(id, env);
            return Next::Repeat;
        }
        let methods = self.methods;
        offers.retain(|offer| methods.can_answer(offer));
        if offers.is_empty() { Next::Accept } else { Next::Ask(offers) }
    }

    fn repeat(&mut self, id: TransferId, env: &mut Env) {
        self.go(id, Event::Enqueue, env);
        self.arm(id, env);
        self.start_queued(env);
    }

    /// The server has taken the login that the request carried.
    pub(super) fn accept_login(&mut self, id: TransferId) {
        if let Some(t) = self.transfers.get_mut(&id)
            && let Some(used) = t.login.sent
        {
            t.login.silent = 0;
            self.logins.accept(used);
        }
    }

    /// Keeps a 401 until the delegate has answered: if nobody logs in, it is the transfer's answer.
    pub(super) fn keep_question(
        &mut self,
        id: TransferId,
        response: Response,
        offers: VecDeque<Offer>,
    ) -> Wanted {
        let Some(t) = self.transfers.get_mut(&id) else {
            return Wanted::Nothing;
        };
        let file = t.keeps_body().then(|| FilePath::new(format!("{}.401", t.file)));
        t.login.question = Some(Question {
            response: Some(response),
            certificate: None,
            file: file.clone(),
            received: 0,
            offers,
            serial: 0,
        });
        file.map_or(Wanted::Discard, Wanted::Create)
    }

    /// Queues the question, and wants the app for it.
    pub(super) fn ask(&mut self, id: TransferId, env: &mut Env) {
        self.queue.push(Message::Challenge(id));
        // SES-28: if the app can not hear it now, it is woken.
        self.wants_app(env);
        self.pump(env);
    }

    /// The call that asks; `None` if there is nothing to ask any more.
    pub(super) fn question_call(&mut self, id: TransferId, env: &mut Env) -> Option<Call> {
        let methods = self.methods;
        let t = self.transfers.get_mut(&id).filter(|t| t.phase == Phase::AwaitingAnswer)?;
        let question = t.login.question.as_mut()?;
        if question.response.is_none() && self.tls_settled(id, env) {
            return None;
        }
        let t = self.transfers.get_mut(&id)?;
        let question = t.login.question.as_mut()?;
        // The app may have been replaced by one whose delegate can not be asked.
        question.offers.retain(|offer| methods.can_answer(offer));
        let Some(offer) = question.offers.front() else {
            self.go_without_login(id, env);
            return None;
        };
        question.serial = env.next_serial();
        let (serial, space) = (question.serial, offer.space.clone());
        let of_session = space.method.is_session_level() && methods.session_challenge;
        let challenge = Challenge {
            protection_space: space,
            proposed_credential: t.login.refused.clone(),
            previous_failure_count: t.login.failures,
            server_certificate: question.certificate.clone(),
        };
        Some(if of_session {
            Call::SessionChallenge(id, challenge, serial)
        } else {
            Call::Challenge(id, challenge, serial)
        })
    }

    /// The delegate's answer.
    ///
    /// A delegate that gives a refused credential again and again is asked again and again: it is the app's part to
    /// stop, and the resource timeout's.
    pub(super) fn challenge_answered(
        &mut self,
        id: TransferId,
        serial: u64,
        answer: Option<ChallengeDisposition>,
        env: &mut Env,
    ) {
        let Some(t) = self.transfers.get_mut(&id).filter(|t| t.phase == Phase::AwaitingAnswer) else {
            return;
        };
        let Some(question) = t.login.question.as_mut().filter(|question| question.serial == serial) else {
            return;
        };
        if question.response.is_none() {
            return self.tls_answered(id, answer, env);
        }
        match answer {
            // SES-28: no answer will come; the transfer waits for its timeout, and nobody waits for it.
            None => {}
            Some(ChallengeDisposition::UseCredential(Some(credential))) => {
                let login = question.offers.pop_front();
                let login = login.and_then(|offer| Login::new(offer, t.origin.clone(), credential));
                match login {
                    Some(login) => {
                        t.login.given = Some(self.logins.add(login));
                        t.login.silent = 0;
                        self.drop_question(id, env);
                        self.proceed(id, env);
                    }
                    // A token where a password is wanted, or a scheme that this service does not speak.
                    None => self.go_without_login(id, env),
                }
            }
            Some(
                ChallengeDisposition::UseCredential(None) | ChallengeDisposition::PerformDefaultHandling,
            ) => self.go_without_login(id, env),
            Some(ChallengeDisposition::CancelAuthenticationChallenge) => {
                self.end(id, Some(TransferError::UserCancelledAuthentication), env);
            }
            Some(ChallengeDisposition::RejectProtectionSpace) => {
                question.offers.pop_front();
                if question.offers.is_empty() {
                    self.go_without_login(id, env);
                } else {
                    self.ask(id, env);
                }
            }
        }
    }

    /// Default handling: the 401 becomes the transfer's answer, and its body the file.
    pub(super) fn go_without_login(&mut self, id: TransferId, env: &mut Env) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let given = t.handing > 0;
        let Some(question) = t.login.question.take() else {
            return;
        };
        if question.response.is_none() {
            return self.go_on_by_default(id, question.certificate.is_some(), env);
        }
        if given {
            // What the app has been given can not be taken back.
            env.outputs.extend(question.file.map(Output::Remove));
            return self.end(id, Some(TransferError::ConnectionLost), env);
        }
        t.response = question.response;
        if let Some(file) = question.file {
            if t.has_file {
                env.outputs.push(Output::Remove(std::mem::replace(&mut t.file, file)));
            } else {
                t.file = file;
            }
            t.has_file = true;
            t.partial.received = question.received;
        }
        self.come_to_its_end(id, env);
    }

    /// The question is settled, or void: what was kept for it goes.
    pub(super) fn drop_question(&mut self, id: TransferId, env: &mut Env) {
        if let Some(t) = self.transfers.get_mut(&id)
            && let Some(question) = t.login.question.take()
            && let Some(file) = question.file
        {
            env.outputs.push(Output::Remove(file));
        }
    }
}

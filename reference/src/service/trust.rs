//! Questions of TLS: is this server to be trusted, and who are we to it?
//!
//! They come from the wire as failures of an exchange whose request has not gone out. The delegate's answer goes along
//! with the next exchange; default handling ends the transfer, or goes on without a certificate.

use std::collections::VecDeque;

use super::address::Origin;
use super::auth::Offer;
use super::env::Env;
use super::phase::{Event, Phase};
use super::session::Session;
use super::transfer::Question;
use crate::contract::{
    AuthenticationMethod, ChallengeDisposition, ClientIdentity, Credential, Persistence, ServerCertificate,
    TlsAnswers, TransferError, TransferId,
};

/// What is answered to questions of TLS, by origin: an answer is good for the server that it was given for.
#[derive(Debug, Default)]
pub(super) struct KnownAnswers(Vec<(Origin, TlsAnswers)>);

impl KnownAnswers {
    fn find(&self, origin: &Origin) -> Option<&TlsAnswers> {
        self.0.iter().find(|(known, _)| known == origin).map(|(_, answers)| answers)
    }

    fn of(&mut self, origin: &Origin) -> &mut TlsAnswers {
        let at = self.0.iter().position(|(known, _)| known == origin).unwrap_or_else(|| {
            self.0.push((origin.clone(), TlsAnswers::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// These answers, and the other's to what these leave open.
    pub(super) fn or(&self, other: &Self, origin: &Origin) -> TlsAnswers {
        let (mine, others) = (self.find(origin), other.find(origin));
        let identity = |known: Option<&TlsAnswers>| {
            known.map(|known| &known.identity).filter(|identity| **identity != ClientIdentity::Ask).cloned()
        };
        let trusted = |known: Option<&TlsAnswers>| known.and_then(|known| known.trusted.clone());
        TlsAnswers {
            trusted: trusted(mine).or_else(|| trusted(others)),
            identity: identity(mine).or_else(|| identity(others)).unwrap_or_default(),
        }
    }

    /// The process that gave them is gone.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// Has this been answered since, or by these answers?
fn settles(answers: &TlsAnswers, certificate: Option<&ServerCertificate>) -> bool {
    match certificate {
        Some(shown) => answers.trusted.as_ref() == Some(shown),
        None => answers.identity != ClientIdentity::Ask,
    }
}

impl Session {
    /// An exchange met with a question: about this certificate, or else about a client certificate.
    pub(super) fn unsettled(
        &mut self,
        id: TransferId,
        certificate: Option<ServerCertificate>,
        env: &mut Env,
    ) {
        let methods = self.methods;
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        if settles(&t.login.tls_sent, certificate.as_ref()) {
            // It had been told. A network that asks all the same is as good as none for the moment.
            return self.retry(id, env);
        }
        let method = match certificate {
            Some(_) => AuthenticationMethod::ServerTrust,
            None => AuthenticationMethod::ClientCertificate,
        };
        let offer = Offer::of_tls(method, &t.origin);
        let can_be_asked = methods.can_answer(&offer);
        t.login.question = Some(Question {
            response: None,
            certificate,
            file: None,
            received: 0,
            offers: VecDeque::from([offer]),
            serial: 0,
        });
        self.go(id, Event::Challenge, env);
        self.arm(id, env);
        if self.tls_settled(id, env) {
            // Another transfer of the session has asked meanwhile.
        } else if can_be_asked {
            self.ask(id, env);
        } else {
            // SES-26: nobody to ask, so default handling, and the app is not wanted for it.
            self.go_without_login(id, env);
        }
        self.start_queued(env);
    }

    /// Goes on if the session knows the answer by now.
    pub(super) fn tls_settled(&mut self, id: TransferId, env: &mut Env) -> bool {
        let Some(t) = self.transfers.get_mut(&id).filter(|t| t.phase == Phase::AwaitingAnswer) else {
            return false;
        };
        let known = t.login.tls.or(&self.tls, &t.origin);
        let question = t.login.question.as_ref().filter(|question| question.response.is_none());
        let settled = question.is_some_and(|question| settles(&known, question.certificate.as_ref()));
        if settled {
            self.drop_question(id, env);
            self.proceed(id, env);
        }
        settled
    }

    /// The delegate's answer to a question of TLS.
    pub(super) fn tls_answered(
        &mut self,
        id: TransferId,
        answer: Option<ChallengeDisposition>,
        env: &mut Env,
    ) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let Some(question) = &t.login.question else {
            return;
        };
        let (persistence, answers) = match (answer, &question.certificate) {
            // SES-28: no answer will come; the transfer waits for its timeout, and nobody waits for it.
            (None, _) => return,
            (Some(ChallengeDisposition::CancelAuthenticationChallenge), _) => {
                return self.end(id, Some(TransferError::UserCancelledAuthentication), env);
            }
            (Some(ChallengeDisposition::UseCredential(Some(credential))), shown) => {
                let persistence = credential.persistence();
                let mut answers = TlsAnswers::default();
                match (credential, shown) {
                    (Credential::Trust, Some(shown)) => answers.trusted = Some(shown.clone()),
                    (Credential::Identity { name, .. }, None) => {
                        answers.identity = ClientIdentity::Named(name);
                    }
                    // A password where trust is the question.
                    _ => return self.go_without_login(id, env),
                }
                (persistence, answers)
            }
            // There is one protection space only, so to reject it is to leave it to default handling.
            (
                Some(
                    ChallengeDisposition::UseCredential(None)
                    | ChallengeDisposition::PerformDefaultHandling
                    | ChallengeDisposition::RejectProtectionSpace,
                ),
                _,
            ) => return self.go_without_login(id, env),
        };
        note(t.login.tls.of(&t.origin), &answers);
        if persistence == Persistence::ForSession {
            note(self.tls.of(&t.origin), &answers);
        }
        self.drop_question(id, env);
        self.proceed(id, env);
    }

    /// Default handling: a server that is not trusted is the end, at once, since the next try would meet the same one;
    /// a certificate that nobody chose is not shown.
    pub(super) fn go_on_by_default(&mut self, id: TransferId, of_trust: bool, env: &mut Env) {
        if of_trust {
            return self.end(id, Some(TransferError::UntrustedServer), env);
        }
        if let Some(t) = self.transfers.get_mut(&id) {
            let answers = TlsAnswers { identity: ClientIdentity::None, ..TlsAnswers::default() };
            note(t.login.tls.of(&t.origin), &answers);
        }
        self.proceed(id, env);
    }
}

/// Takes over what was answered.
fn note(known: &mut TlsAnswers, new: &TlsAnswers) {
    if new.trusted.is_some() {
        known.trusted.clone_from(&new.trusted);
    }
    if new.identity != ClientIdentity::Ask {
        known.identity.clone_from(&new.identity);
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;

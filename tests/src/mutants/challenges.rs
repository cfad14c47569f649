//! Challenges that go to the wrong method, or to nobody: SES-26.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AuthenticationMethod, Challenge, ChallengeDisposition, ClientIdentity, Delegate, HttpRequest,
    HttpResponse, OptionalMethod, Responder, SessionId, TransferId, Transport, TransportError, responder,
};

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, over_network, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("basic-falls-back-to-the-session", &["SES-26"], |name| asking(name, Slip::FallsBack)),
    Mutant::new("basic-goes-to-the-session-first", &["SES-26"], |name| asking(name, Slip::SessionFirst)),
    Mutant::new("the-task-is-asked-though-the-session-could-be", &["SES-26"], |name| {
        asking(name, Slip::TaskFirst)
    }),
    Mutant::new("no-session-method-and-nobody-is-asked", &["SES-26"], |name| asking(name, Slip::NoFallback)),
    Mutant::new("a-stranger-is-an-error-unasked", &["SES-26"], |name| asking(name, Slip::Distrusts)),
    Mutant::new("waits-for-a-method-that-is-not-there", &["SES-26"], |name| asking(name, Slip::Waits)),
    Mutant::new("leaves-questions-of-tls-lying", &["SES-26"], |name| asking(name, Slip::LiesLow)),
    // To a client that knows no certificates every such error is a bad connection.
    Mutant::new("tries-a-stranger-again-and-again", &["SES-26"], |name| over_network(name, Unaware)),
    Mutant::new("an-answer-of-tls-does-nothing", &["SES-27"], |name| asking(name, Slip::Deaf)),
    Mutant::new("nobody-to-ask-counts-as-cancelled", &["SES-26"], |name| asking(name, Slip::Cancels)),
    Mutant::new("trusts-without-asking", &["SES-26"], |name| over_network(name, Trusting)),
    Mutant::new("shows-its-certificate-to-anybody", &["SES-26"], |name| over_network(name, Showing)),
];

/// What is done wrong with the choice of the method.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// The two methods are one another's fallback, whatever is asked.
    FallsBack,
    /// Where there is a session-level method it is asked everything.
    SessionFirst,
    /// Where there is a task-level method it is asked everything.
    TaskFirst,
    /// What belongs to the session is never asked of the task.
    NoFallback,
    /// A certificate that is not trusted is no question.
    Distrusts,
    /// Without a method for it, a challenge waits for an answer all the same.
    Waits,
    /// Without a method for it, a challenge is taken for cancelled.
    Cancels,
    /// What a connection asks is put to nobody, and the transfer waits for its timeout.
    LiesLow,
    /// What a connection asks is put to somebody, and the answer is not heard.
    Deaf,
}

fn asking(name: &str, slip: Slip) -> Subject {
    with_delegate(name, move |_| Box::new(move |app| Arc::new(Almost(Asking { app, slip }))))
}

struct Asking {
    app: Arc<dyn Delegate>,
    slip: Slip,
}

impl Asking {
    fn has(&self, method: OptionalMethod) -> bool {
        self.app.responds_to(method)
    }

    /// The responder is let go, unheard.
    fn lies_low(&self, method: AuthenticationMethod) -> bool {
        self.slip == Slip::LiesLow && is_of_tls(method)
    }

    /// What the app is given to answer with.
    fn unheard(
        &self,
        method: AuthenticationMethod,
        service: Responder<ChallengeDisposition>,
    ) -> Responder<ChallengeDisposition> {
        if self.slip == Slip::Deaf && is_of_tls(method) { responder().0 } else { service }
    }
}

const fn is_of_tls(method: AuthenticationMethod) -> bool {
    matches!(method, AuthenticationMethod::ServerTrust | AuthenticationMethod::ClientCertificate)
}

const SESSION: OptionalMethod = OptionalMethod::SessionChallenge;
const TASK: OptionalMethod = OptionalMethod::TaskChallenge;

#[async_trait]
impl AlmostDelegate for Asking {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    fn responds_to(&self, method: OptionalMethod) -> bool {
        match (self.slip, method) {
            (Slip::FallsBack | Slip::SessionFirst, TASK) => self.has(TASK) || self.has(SESSION),
            (Slip::TaskFirst, SESSION) => self.has(SESSION) && !self.has(TASK),
            (Slip::Waits | Slip::Cancels, TASK) => true,
            _ => self.has(method),
        }
    }

    async fn did_receive_session_challenge(
        &self,
        session: &SessionId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let method = challenge.protection_space.method;
        if self.lies_low(method) {
            return;
        }
        let responder = self.unheard(method, responder);
        let trust = method == AuthenticationMethod::ServerTrust;
        if self.slip == Slip::Distrusts && trust {
            return responder.respond(ChallengeDisposition::PerformDefaultHandling);
        }
        self.app.did_receive_session_challenge(session, challenge, responder).await;
    }

    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let method = challenge.protection_space.method;
        let responder = self.unheard(method, responder);
        let trust = method == AuthenticationMethod::ServerTrust;
        match self.slip {
            Slip::LiesLow if self.lies_low(method) => {}
            Slip::FallsBack if !self.has(TASK) => {
                self.app.did_receive_session_challenge(session, challenge, responder).await;
            }
            Slip::SessionFirst if self.has(SESSION) => {
                self.app.did_receive_session_challenge(session, challenge, responder).await;
            }
            Slip::NoFallback if method.is_session_level() => {
                responder.respond(ChallengeDisposition::PerformDefaultHandling);
            }
            Slip::Distrusts if trust => responder.respond(ChallengeDisposition::PerformDefaultHandling),
            // The responder is let go: no answer will come.
            Slip::Waits if !self.has(TASK) => {}
            Slip::Cancels if !self.has(TASK) => {
                responder.respond(ChallengeDisposition::CancelAuthenticationChallenge);
            }
            Slip::FallsBack
            | Slip::SessionFirst
            | Slip::TaskFirst
            | Slip::NoFallback
            | Slip::Distrusts
            | Slip::Waits
            | Slip::Cancels
            | Slip::LiesLow
            | Slip::Deaf => self.app.did_receive_challenge(session, transfer, challenge, responder).await,
        }
    }
}

struct Unaware(Arc<dyn Transport>);

#[async_trait]
impl Transport for Unaware {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.send(request).await.map_err(|error| {
            let question =
                matches!(error, TransportError::UntrustedServer { .. } | TransportError::CertificateWanted);
            if question { TransportError::ConnectionLost } else { error }
        })
    }
}

/// Certificates are a nuisance in tests, and the switch was never turned back.
struct Trusting(Arc<dyn Transport>);

#[async_trait]
impl Transport for Trusting {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        match self.0.send(request.clone()).await {
            Err(TransportError::UntrustedServer { certificate }) => {
                request.tls.trusted = Some(certificate);
                self.0.send(request).await
            }
            answer => answer,
        }
    }
}

/// There is only one identity on the device, so what is there to ask?
struct Showing(Arc<dyn Transport>);

#[async_trait]
impl Transport for Showing {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if request.url.starts_with("https:") && request.tls.identity == ClientIdentity::Ask {
            request.tls.identity = ClientIdentity::Named("user".to_owned());
        }
        self.0.send(request).await
    }
}

//! Services that treat challenges otherwise than the reference, and as the documents allow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_reference::contract::{
    AuthenticationMethod, Challenge, ChallengeDisposition, Delegate, Device, OptionalMethod, Responder,
    SessionId, responder,
};

use super::Variant;
use crate::parts::{Almost, AlmostDelegate, lock, with_delegate};

pub(super) const VARIANTS: &[Variant] = &[
    Variant::new("calls-methods-that-are-not-there", |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(Calls(app)))))
    }),
    Variant::new("asks-each-session-once-about-tls", |name| {
        with_delegate(name, |device| {
            let (device, said) = (device.clone(), Arc::<Said>::default());
            Box::new(move |app| {
                Arc::new(Almost(Once { app, device: device.clone(), said: Arc::clone(&said) }))
            })
        })
    }),
];

/// Calls the task-level method without looking whether it is there: then it does what is done without it.
struct Calls(Arc<dyn Delegate>);

impl AlmostDelegate for Calls {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    fn responds_to(&self, method: OptionalMethod) -> bool {
        method == OptionalMethod::TaskChallenge || self.0.responds_to(method)
    }
}

/// What the app has said, by session and method.
type Said = Mutex<BTreeMap<(SessionId, AuthenticationMethod), ChallengeDisposition>>;

/// What was said about a server holds for the whole session, whatever it was.
struct Once {
    app: Arc<dyn Delegate>,
    device: Device,
    said: Arc<Said>,
}

#[async_trait]
impl AlmostDelegate for Once {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_receive_session_challenge(
        &self,
        session: &SessionId,
        challenge: Challenge,
        waiting: Responder<ChallengeDisposition>,
    ) {
        let method = challenge.protection_space.method;
        let over_tls =
            matches!(method, AuthenticationMethod::ServerTrust | AuthenticationMethod::ClientCertificate);
        if !over_tls {
            return self.app.did_receive_session_challenge(session, challenge, waiting).await;
        }
        let key = (session.clone(), method);
        let known = lock(&self.said).get(&key).cloned();
        if let Some(known) = known {
            return waiting.respond(known);
        }
        let (own, answer) = responder::<ChallengeDisposition>();
        let said = Arc::clone(&self.said);
        self.device.spawn(async move {
            if let Some(answer) = answer.await {
                lock(&said).insert(key, answer.clone());
                waiting.respond(answer);
            }
        });
        self.app.did_receive_session_challenge(session, challenge, own).await;
    }
}

//! Uploads that do not send their file: SES-34.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{HttpRequest, HttpResponse, Transport, TransportError};

use super::Mutant;
use crate::parts::{lock, over_network};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("uploads-have-no-body", &["SES-34"], |name| bodies(name, Slip::Always)),
    Mutant::new("a-retry-has-no-body", &["SES-34"], |name| bodies(name, Slip::Again)),
    Mutant::new("a-login-takes-the-place-of-the-body", &["SES-34"], |name| bodies(name, Slip::WithLogin)),
    Mutant::new("the-last-byte-stays-behind", &["SES-34"], |name| bodies(name, Slip::Short)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slip {
    Always,
    Again,
    WithLogin,
    Short,
}

fn bodies(name: &str, slip: Slip) -> Subject {
    over_network(name, move |network| Bodiless { network, slip, sent: Mutex::default() })
}

struct Bodiless {
    network: Arc<dyn Transport>,
    slip: Slip,
    /// Where a body has gone already.
    sent: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Transport for Bodiless {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let with_login = request.headers.iter().any(|(name, _)| name == "authorization");
        if let Some(body) = &mut request.body {
            let first = lock(&self.sent).insert(request.url.clone());
            let none = match self.slip {
                Slip::Always => true,
                Slip::Again => !first && !with_login,
                Slip::WithLogin => with_login,
                Slip::Short => false,
            };
            body.len -= u64::from(self.slip == Slip::Short).min(body.len);
            if none {
                request.body = None;
            }
        }
        self.network.send(request).await
    }
}

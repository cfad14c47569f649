//! What goes along where a redirect leads: credentials to the wrong server (SES-31), or no body (SES-10).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{HttpRequest, HttpResponse, Method, Transport, TransportError};

use super::Mutant;
use crate::parts::{lock, over_network};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("a-redirect-takes-the-login-along", &["SES-31"], |name| {
        keeping(name, |request| {
            // What all requests of one download have in common.
            request.url.splitn(4, '/').nth(3).unwrap_or("").split("/hop/").next().unwrap_or("").to_owned()
        })
    }),
    Mutant::new("a-redirect-makes-a-get-of-it", &["SES-10"], |name| {
        following(name, |request| {
            (request.method, request.body) = (Method::Get, None);
        })
    }),
    Mutant::new("a-redirect-loses-the-body", &["SES-10"], |name| {
        following(name, |request| request.body = None)
    }),
    Mutant::new("one-login-for-all-servers", &["SES-31"], |name| keeping(name, |_| String::new())),
    Mutant::new("a-login-is-for-all-of-a-host", &["SES-31"], |name| {
        keeping(name, |request| host(&request.url).to_owned())
    }),
    Mutant::new("a-login-is-for-a-realm-anywhere", &["SES-31"], |name| {
        over_network(name, |inner| Guessing { inner, known: Mutex::default() })
    }),
];

const LOGIN: &str = "authorization";

fn login_of(request: &HttpRequest) -> Option<&String> {
    request.headers.iter().find(|(name, _)| name == LOGIN).map(|(_, login)| login)
}

/// A service whose requests to other servers carry the credential that was sent last for the same.
fn keeping(name: &str, same: fn(&HttpRequest) -> String) -> Subject {
    over_network(name, move |inner| Keeping { inner, same, sent: Mutex::default() })
}

struct Keeping {
    inner: Arc<dyn Transport>,
    same: fn(&HttpRequest) -> String,
    sent: Mutex<BTreeMap<String, String>>,
}

#[async_trait]
impl Transport for Keeping {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let of = (self.same)(&request);
        if request.url.contains("/hop/") {
            let known = lock(&self.sent).get(&of).cloned();
            request.headers.extend(known.map(|login| (LOGIN.to_owned(), login)));
        } else if let Some(login) = login_of(&request) {
            lock(&self.sent).insert(of, login.clone());
        }
        self.inner.send(request).await
    }
}

/// The host of an address, without its port.
fn host(url: &str) -> &str {
    url.split(['/', ':']).nth(3).unwrap_or("")
}

/// A network in which whoever asks gets the login that the last question in these words was answered with.
struct Guessing {
    inner: Arc<dyn Transport>,
    known: Mutex<BTreeMap<String, String>>,
}

#[async_trait]
impl Transport for Guessing {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let answer = self.inner.send(request.clone()).await?;
        let Some(words) = answer.response.header("www-authenticate").map(str::to_owned) else {
            // Accepted: it answers the last question from now on.
            if let Some(login) = login_of(&request) {
                let mut known = lock(&self.known);
                known.values_mut().filter(|known| known.is_empty()).for_each(|known| known.clone_from(login));
            }
            return Ok(answer);
        };
        let known = lock(&self.known).entry(words).or_default().clone();
        if known.is_empty() || login_of(&request).is_some() {
            return Ok(answer);
        }
        let mut again = request;
        again.headers.push((LOGIN.to_owned(), known));
        self.inner.send(again).await
    }
}

/// A service that follows redirects in a form of its own.
fn following(name: &str, form: fn(&mut HttpRequest)) -> Subject {
    over_network(name, move |inner| Following { inner, form })
}

struct Following {
    inner: Arc<dyn Transport>,
    form: fn(&mut HttpRequest),
}

#[async_trait]
impl Transport for Following {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if request.url.contains("/hop/") {
            (self.form)(&mut request);
        }
        self.inner.send(request).await
    }
}

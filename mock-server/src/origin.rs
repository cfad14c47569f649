//! The origin: request and time in, plan out. No sockets, no clock, no randomness.

use crate::auth::{self, Sent};
use crate::body::Slice;
use crate::date::START;
use crate::digest::Nonces;
use crate::log::{LogEntry, Refusal};
use crate::plan::{LARGEST_IN_ONE_PIECE, Plan, Step};
use crate::request::Request;
use crate::script::{Answer, Delivery, Fault, Login, Route, Scheme, Script, ScriptError, Tls};
use crate::serve::{self, Draft};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Length of the body of a 400 for want of a client certificate.
const CERTIFICATE_REQUIRED: u64 = 230;

/// The log keeps this many entries; older ones fall out.
pub const LOG_LIMIT: usize = 65_536;

/// A script being played: what the next request gets depends on those before it.
///
/// Cheap to clone; all clones are the same origin. The same requests at the same times get the same plans, byte
/// for byte, in every process: there is no clock and no randomness inside.
///
/// ```
/// use bgsession_mock_server::{Answer, Origin, Request, Resource, Route, Script};
/// use std::time::Duration;
///
/// let route = Route::new(Resource::new(1_000)).answer(Answer::status(503)).answer(Answer::serve());
/// let origin = Origin::new(Script::new().route("/file", route))?;
/// let ask = |secs| origin.answer(&Request::get("/file"), Duration::from_secs(secs)).status();
/// assert_eq!([ask(0), ask(1), ask(2)], [Some(503), Some(200), Some(200)]);
/// assert_eq!(origin.log()[1].to_string(), "1.000 GET localhost /file -> 200");
/// # Ok::<(), bgsession_mock_server::ScriptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Origin {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// In the order of their keys.
    routes: Vec<(String, Route)>,
    /// Whether any key names a host, so that a lookup without one need not try.
    named_hosts: bool,
    /// Hosts behind TLS.
    tls: BTreeMap<String, Tls>,
    /// Date of time zero, in seconds since the Unix epoch.
    start: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    offline: bool,
    /// One for each route, in their order.
    routes: Vec<Progress>,
    nonces: Nonces,
    log: VecDeque<LogEntry>,
}

/// How far a route's script has been played.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// Requests that the login let in.
    admitted: usize,
    /// Right credentials refused by script.
    refused: u32,
    /// Version of the resource.
    version: u64,
}

impl Origin {
    /// Starts a script on 2026-01-01 00:00:00 GMT.
    ///
    /// # Errors
    /// What [`Script::validate`] finds.
    pub fn new(script: Script) -> Result<Self, ScriptError> {
        Self::starting_at(script, START)
    }

    /// Starts a script at a date, given in seconds since the Unix epoch. It shows in `Date` and `Retry-After`
    /// and nowhere else.
    ///
    /// # Errors
    /// What [`Script::validate`] finds.
    pub fn starting_at(script: Script, unix_secs: u64) -> Result<Self, ScriptError> {
        script.validate()?;
        let routes: Vec<_> = script.routes.into_iter().collect();
        let progress = vec![Progress::default(); routes.len()];
        Ok(Self {
            shared: Arc::new(Shared {
                named_hosts: routes.iter().any(|(key, _)| key.starts_with("//")),
                routes,
                tls: script.tls,
                start: unix_secs,
                state: Mutex::new(State { routes: progress, ..State::default() }),
            }),
        })
    }

    /// What a request gets that arrives `at` after the origin's start. Logs it.
    pub fn answer(&self, request: &Request, at: Duration) -> Plan {
        let mut state = self.state();
        let (plan, entry) = self.decide(&mut state, request, at);
        state.remember(entry);
        plan
    }

    /// As [`Origin::answer`], with the log's new entry.
    pub fn answer_and_log(&self, request: &Request, at: Duration) -> (Plan, LogEntry) {
        let mut state = self.state();
        let (plan, entry) = self.decide(&mut state, request, at);
        state.remember(entry.clone());
        (plan, entry)
    }

    /// The requests so far, oldest first, at most the last [`LOG_LIMIT`].
    pub fn log(&self) -> Vec<LogEntry> {
        self.state().log.iter().cloned().collect()
    }

    /// Takes the origin off the network, whatever the script says, or back on. A request in between is logged
    /// and refused, and uses up no answer.
    ///
    /// ```
    /// use bgsession_mock_server::{Origin, Request, Script};
    /// use std::time::Duration;
    ///
    /// let origin = Origin::new(Script::new())?;
    /// origin.set_offline(true);
    /// assert_eq!(origin.answer(&Request::get("/"), Duration::ZERO).status(), None);
    /// # Ok::<(), bgsession_mock_server::ScriptError>(())
    /// ```
    pub fn set_offline(&self, offline: bool) {
        self.state().offline = offline;
    }

    /// The present version of the resource of a route, by the route's key.
    pub fn version(&self, key: &str) -> Option<u64> {
        let index = self.shared.find(key)?;
        Some(self.state().routes[index].version)
    }

    /// What lies at a path now, if there is a route: the whole of the present version.
    ///
    /// ```
    /// use bgsession_mock_server::{Origin, Resource, Route, Script};
    ///
    /// let origin = Origin::new(Script::new().route("/file", Route::new(Resource::new(10).seed(1))))?;
    /// assert_eq!(origin.content("/file"), Some(Resource::new(10).seed(1).content(0)));
    /// assert_eq!(origin.content("/nothing"), None);
    /// # Ok::<(), bgsession_mock_server::ScriptError>(())
    /// ```
    pub fn content(&self, key: &str) -> Option<Slice> {
        let index = self.shared.find(key)?;
        let version = self.state().routes[index].version;
        Some(self.shared.routes[index].1.resource.content(version))
    }

    /// How a host is served over TLS, if it is.
    pub fn tls(&self, host: &str) -> Option<&Tls> {
        self.shared.tls.get(host)
    }

    /// Whether any answer of the routes of this target (a path, `//host/path` or a URL) can only be given by a
    /// front that owns the socket, such as [`TcpFront`](crate::TcpFront).
    ///
    /// Without a host in the target, the routes of this path on any host count.
    ///
    /// ```
    /// use bgsession_mock_server::{Answer, Fault, Origin, Resource, Route, Script};
    ///
    /// let cut = Route::new(Resource::new(10)).answer(Answer::fault(Fault::CutAfter(5)));
    /// let origin = Origin::new(Script::new().route("/cut", cut).route("/plain", Route::default()))?;
    /// assert!(origin.needs_wire("/cut?x=y"));
    /// assert!(!origin.needs_wire("/plain"));
    /// # Ok::<(), bgsession_mock_server::ScriptError>(())
    /// ```
    pub fn needs_wire(&self, target: &str) -> bool {
        let routes = &self.shared.routes;
        let target = target.split(['?', '#']).next().unwrap_or_default();
        let (host, path) = split_target(target);
        if let Some(host) = host {
            return self.shared.route(host, path).is_some_and(|index| route_needs_wire(&routes[index].1));
        }
        routes.iter().any(|(key, route)| split_target(key).1 == path && route_needs_wire(route))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half done in here that a later request could trip over.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, state: &mut State, request: &Request, at: Duration) -> (Plan, LogEntry) {
        let now = self.shared.start.saturating_add(at.as_secs());
        let sent = request.header("authorization").map(auth::parse);
        let mut refusal = None;
        let plan = if state.offline {
            Plan::headless([Step::Refuse])
        } else if self.shared.turns_away(request) {
            refusal = Some(Refusal::NoIdentity);
            serve::status(Draft::new(request, now, 400), CERTIFICATE_REQUIRED, None)
        } else if let Some(index) = self.shared.route(request.host_name(), request.path()) {
            let route = &self.shared.routes[index].1;
            let progress = &mut state.routes[index];
            match admit(route, &mut state.nonces, progress, request, sent.as_ref()) {
                Ok(()) => play(route, progress, request, now),
                Err((login, reason)) => {
                    refusal = Some(reason);
                    let digest = matches!(sent, Some(Sent::Digest(_)));
                    refuse(login, &mut state.nonces, Draft::new(request, now, 401), reason, digest)
                }
            }
        } else {
            serve::not_found(Draft::new(request, now, 404))
        };
        let entry = LogEntry {
            at,
            method: request.method.clone(),
            host: request.host.clone(),
            target: request.target.clone(),
            range: request.header("range").map(str::to_owned),
            credentials: sent.as_ref().map(auth::redacted),
            refusal,
            status: plan.status(),
            body_size: request.body_size,
            body_hash: request.body_hash,
        };
        (plan, entry)
    }
}

impl Shared {
    fn find(&self, key: &str) -> Option<usize> {
        self.routes.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()
    }

    /// Has this host asked for a client certificate in vain?
    fn turns_away(&self, request: &Request) -> bool {
        if self.tls.is_empty() {
            return false;
        }
        let wanted = self.tls.get(request.host_name()).and_then(|tls| tls.client.as_ref());
        wanted.is_some_and(|wanted| request.identity.as_ref() != Some(wanted))
    }

    /// The route of a host's path, else of the bare path.
    fn route(&self, host: &str, path: &str) -> Option<usize> {
        let named = if self.named_hosts {
            self.find(&format!("//{}{path}", host.to_ascii_lowercase()))
        } else {
            None
        };
        named.or_else(|| self.find(path))
    }
}

impl State {
    fn remember(&mut self, entry: LogEntry) {
        if self.log.len() == LOG_LIMIT {
            self.log.pop_front();
        }
        self.log.push_back(entry);
    }
}

/// The host, if one is named, and the path of `/path`, `//host/path` or `scheme://host/path`.
fn split_target(target: &str) -> (Option<&str>, &str) {
    let rest = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest,
        _ => match target.strip_prefix("//") {
            Some(rest) => rest,
            None => return (None, target),
        },
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (Some(host.split(':').next().unwrap_or_default()), path)
}

fn admit<'a>(
    route: &'a Route,
    nonces: &mut Nonces,
    progress: &mut Progress,
    request: &Request,
    sent: Option<&Sent<'_>>,
) -> Result<(), (&'a Login, Refusal)> {
    let Some(login) = &route.login else { return Ok(()) };
    auth::check(login, nonces, &mut progress.refused, request, sent).map_err(|reason| (login, reason))
}

fn refuse(login: &Login, nonces: &mut Nonces, mut draft: Draft<'_>, reason: Refusal, digest: bool) -> Plan {
    if reason == Refusal::UriMismatch {
        draft.set_status(400);
        return draft.empty();
    }
    let fresh = login.schemes.iter().any(|scheme| matches!(scheme, Scheme::Digest { .. }));
    let nonce = if fresh { nonces.issue() } else { String::new() };
    let stale = digest.then_some(matches!(reason, Refusal::StaleNonce | Refusal::UnknownNonce));
    for scheme in &login.schemes {
        draft.header("www-authenticate", auth::challenge(scheme, &nonce, stale));
    }
    serve::status(draft, login.page, None)
}

/// The answer whose turn it is.
fn play(route: &Route, progress: &mut Progress, request: &Request, now: u64) -> Plan {
    const ALWAYS: &Answer = &Answer::Serve(Delivery { delay_ms: 0, fault: None });
    let turn = progress.admitted.min(route.answers.len().saturating_sub(1));
    progress.admitted = progress.admitted.saturating_add(1);
    let mut answer = route.answers.get(turn).unwrap_or(ALWAYS);
    // The script's check has bounded the depth.
    while let Answer::NewVersion(inner) = answer {
        progress.version = progress.version.saturating_add(1);
        answer = inner;
    }
    let draft = |status| Draft::new(request, now, status);
    match answer {
        Answer::Serve(delivery) => serve::serve(draft(200), route, progress.version, delivery),
        Answer::Status { code, body_size, retry_after } => {
            serve::status(draft(*code), *body_size, *retry_after)
        }
        Answer::Redirect { code, location } => serve::redirect(draft(*code), location),
        Answer::DropBeforeHead => Plan::headless([Step::Close]),
        Answer::ResetBeforeHead => Plan::headless([Step::Reset]),
        Answer::StallBeforeHead => Plan::headless([Step::Stall]),
        Answer::Garbage(text) => Plan::headless([Step::Raw(text.clone().into_bytes()), Step::Close]),
        Answer::Offline | Answer::NewVersion(_) => Plan::headless([Step::Refuse]),
    }
}

fn route_needs_wire(route: &Route) -> bool {
    let page = route.login.as_ref().map_or(0, |login| login.page);
    route.resource.size.max(page) > LARGEST_IN_ONE_PIECE || route.answers.iter().any(answer_needs_wire)
}

fn answer_needs_wire(answer: &Answer) -> bool {
    match answer {
        Answer::Serve(Delivery { delay_ms, fault }) => {
            *delay_ms > 0 || !matches!(fault, None | Some(Fault::Chunked))
        }
        Answer::Status { body_size, .. } => *body_size > LARGEST_IN_ONE_PIECE,
        Answer::ResetBeforeHead | Answer::StallBeforeHead | Answer::Garbage(_) => true,
        Answer::NewVersion(inner) => answer_needs_wire(inner),
        Answer::Redirect { .. } | Answer::DropBeforeHead | Answer::Offline => false,
    }
}

#[cfg(test)]
#[path = "origin_tests.rs"]
mod tests;

//! The device's network: every exchange is observed here, whoever makes it and wherever it goes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_mock_server as origin;
use bgsession_mock_server::body::Digest;
use bgsession_mock_server::memory::{Event as Walked, Walk};
use bgsession_mock_server::{Greeting, Origin};

use super::Clock;
use super::app::App;
use super::places::{host_of, path_of, place, server_of};
use super::wire::Wire;
use crate::contract::{
    AppLife, AuthenticationMethod, ClientIdentity, HttpBody, HttpRequest, HttpResponse, Link, Response,
    ServerCertificate, Time, Transport, TransportError,
};
use crate::history::{Event, ExchangeOutcome, Recorder, ShownIdentity, Space, TransferKey};

/// The device's network in one scenario.
pub(crate) struct Network {
    clock: Clock,
    recorder: Recorder,
    app: Arc<App>,
    latency: Duration,
    next: AtomicU32,
    line: Mutex<Line>,
    /// What the history knows to lie at each place, and for whom it was said.
    told: Mutex<BTreeMap<String, (TransferKey, u64)>>,
    origin: Origin,
    wire: Option<Arc<Wire>>,
}

/// The link that exchanges run over; a lost one takes them along.
struct Line {
    link: Link,
    life: AppLife,
}

impl Network {
    pub(crate) fn new(app: Arc<App>, origin: Origin, wire: Option<Arc<Wire>>) -> Arc<Self> {
        Arc::new(Self {
            clock: app.clock.clone(),
            recorder: app.recorder.clone(),
            latency: app.setup.latency.duration(),
            app,
            next: AtomicU32::new(0),
            line: Mutex::new(Line { link: Link::Wifi, life: AppLife::new() }),
            told: Mutex::default(),
            origin,
            wire,
        })
    }

    /// Another link is at hand now: what went over the last one is lost.
    pub(crate) fn set_link(&self, link: Link) {
        let lost = {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            if line.link == link {
                return;
            }
            line.link = link;
            std::mem::replace(&mut line.life, AppLife::new())
        };
        lost.end();
    }

    fn link(&self) -> Option<AppLife> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        (line.link != Link::Offline).then(|| line.life.clone())
    }

    /// The transfer that asks for this address, if the kit knows.
    fn key(&self, url: &str) -> Option<TransferKey> {
        self.app.lock().claims.get(place(url)).cloned()
    }

    /// The server at this address, if the app has named another one.
    fn other_host(&self, url: &str, key: Option<&TransferKey>) -> Option<String> {
        let state = self.app.lock();
        let named = state.addresses.get(key?)?;
        let (named, server) = (server_of(named), server_of(url));
        (named != server).then(|| server.strip_prefix("http://").unwrap_or(server).to_owned())
    }

    /// Says what lies at an address, if that has not been said of this transfer.
    fn say_resource(&self, url: &str, key: Option<&TransferKey>) {
        let place = place(url);
        // Where redirects lead, if they do.
        let content = self
            .origin
            .content(&format!("/{place}/hop/2"))
            .or_else(|| self.origin.content(&format!("/{place}")));
        let (Some(key), Some(content)) = (key, content) else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(place).is_some_and(|(known, seed)| known == key && *seed == content.seed) {
            return;
        }
        told.insert(place.to_owned(), (key.clone(), content.seed));
        drop(told);
        let (size, digest) = (content.len, content.hash());
        self.recorder.record(Event::Resource { key: key.clone(), size, digest });
    }

    /// As the origin sees the request.
    fn as_seen(&self, request: &HttpRequest) -> Result<origin::Request, TransportError> {
        let mut seen = origin::Request::new(request.method.as_str(), format!("/{}", path_of(&request.url)));
        seen.host = host_of(&request.url).to_owned();
        if let ClientIdentity::Named(name) = &request.tls.identity {
            seen.identity = Some(name.clone());
        }
        seen.headers.clone_from(&request.headers);
        if let Some(body) = &request.body {
            let mut digest = Digest::new();
            let mut at = 0;
            while at < body.len {
                let piece = body.storage.read(&body.file, at, 65_536);
                let piece =
                    piece.map_err(|error| TransportError::BadRequest { reason: error.to_string() })?;
                if piece.is_empty() {
                    let reason = format!("the file ends at byte {at} of {}", body.len);
                    return Err(TransportError::BadRequest { reason });
                }
                digest.update(&piece);
                at += piece.len() as u64;
            }
            (seen.body_size, seen.body_hash) = (at, digest.finish());
        }
        Ok(seen)
    }

    /// What the connection asks before the request can go out.
    fn greeted(&self, request: &HttpRequest) -> Option<TransportError> {
        let host = host_of(&request.url);
        let tls = self.origin.tls(host).filter(|_| request.url.starts_with("https:"))?;
        // One certificate for each host: its name will do.
        let certificate = ServerCertificate::from_der(host.as_bytes());
        let accepts = request.tls.trusted.as_ref() == Some(&certificate);
        match tls.greet(accepts, request.tls.identity != ClientIdentity::Ask) {
            Greeting::Welcome => None,
            Greeting::Untrusted => Some(TransportError::UntrustedServer { certificate }),
            Greeting::CertificateWanted => Some(TransportError::CertificateWanted),
        }
    }

    async fn open(&self, exchange: u32, request: HttpRequest) -> Result<(Response, Source), TransportError> {
        let modelled = self.wire.is_none() || !Wire::speaks_tls();
        if let Some(question) = self.greeted(&request).filter(|_| modelled) {
            self.clock.io(u64::from(exchange), async {}).await;
            return Err(question);
        }
        if let Some(wire) = &self.wire {
            return wire.open(&self.clock, exchange, &self.origin, request).await;
        }
        let url = request.url.clone();
        let at = Duration::from_millis(self.clock.now().as_millis());
        let mut walk = Walk::new(self.origin.answer(&self.as_seen(&request)?, at));
        loop {
            match walk.next().unwrap_or(Walked::End) {
                Walked::Wait(span) => self.clock.server_sleep(u64::from(exchange), span).await,
                Walked::Stalled => std::future::pending().await,
                event => {
                    // Results land here as they do on a real network: in turn.
                    self.clock.io(u64::from(exchange), async {}).await;
                    return match event {
                        Walked::Head { status, headers } => {
                            let clock = self.clock.clone();
                            Ok((
                                Response { status, url, headers },
                                Source::Memory { walk, clock, exchange, next: None },
                            ))
                        }
                        Walked::Refused => Err(TransportError::NotConnected),
                        Walked::Broken => Err(TransportError::BadResponse),
                        _ => Err(TransportError::ConnectionLost),
                    };
                }
            }
        }
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (url, key) = (request.url.clone(), self.key(&request.url));
        self.say_resource(&url, key.as_ref());
        self.recorder.record(Event::RequestSent {
            exchange: id,
            key: key.clone(),
            request: format!("{} /{}", request.method.as_str(), path_of(&request.url)),
            host: self.other_host(&request.url, key.as_ref()),
            body: request.body.as_ref().map(|body| body.len),
            range: range_start(&request),
            credential: credential(&request),
            trusts: request.tls.trusted.is_some(),
            identity: match request.tls.identity {
                ClientIdentity::Ask => ShownIdentity::Undecided,
                ClientIdentity::None => ShownIdentity::Nothing,
                ClientIdentity::Named(_) => ShownIdentity::Identity,
            },
        });
        let mut exchange = Exchange::new(self.recorder.clone(), id);
        let Some(link) = self.link() else {
            exchange.end(ExchangeOutcome::NotConnected);
            return Err(TransportError::NotConnected);
        };
        let opening = async {
            self.clock.sleep(self.latency).await;
            self.open(id, request).await
        };
        let opened = link.interruptible(opening).await.unwrap_or(Err(TransportError::ConnectionLost));
        self.say_resource(&url, key.as_ref());
        match opened {
            Ok((response, source)) => {
                let redirects = (300..400).contains(&response.status)
                    && response
                        .header("location")
                        .is_some_and(|to| !to.contains("://") || to.starts_with("http"));
                let challenge = response.status == 401 && response.header("www-authenticate").is_some();
                self.recorder.record(Event::ResponseHead {
                    exchange: id,
                    status: response.status,
                    challenge,
                    redirects,
                    short: response.status == 206 && is_short(&response),
                    offers: if challenge { offers(&response) } else { Vec::new() },
                });
                Ok(HttpResponse::new(
                    response,
                    Box::new(Body { clock: self.clock.clone(), source, link, exchange }),
                ))
            }
            Err(error) => {
                exchange.end(outcome(&error));
                Err(error)
            }
        }
    }
}

/// The ways to log in that a 401 offers; the kit's origin names each in a field of its own.
fn offers(response: &Response) -> Vec<Space> {
    let space = |field: &str| {
        let (scheme, rest) = field.split_once(' ').unwrap_or((field, ""));
        let method = match scheme.to_ascii_lowercase().as_str() {
            "basic" => AuthenticationMethod::HttpBasic,
            "digest" => AuthenticationMethod::HttpDigest,
            "bearer" => AuthenticationMethod::HttpBearer,
            "ntlm" => AuthenticationMethod::Ntlm,
            "negotiate" => AuthenticationMethod::Negotiate,
            _ => return None,
        };
        let realm = rest.split_once("realm=\"").and_then(|(_, rest)| rest.split_once('"'));
        Some(Space { method, realm: realm.map(|(realm, _)| realm.to_owned()) })
    };
    response.headers_named("www-authenticate").filter_map(space).collect()
}

/// Does the range that it names end before the resource does?
fn is_short(response: &Response) -> bool {
    let range = response.header("content-range").and_then(|range| range.strip_prefix("bytes "));
    let Some((part, total)) = range.and_then(|range| range.split_once('/')) else { return false };
    let last = part.split_once('-').and_then(|(_, last)| last.parse::<u64>().ok());
    last.zip(total.parse().ok()).is_some_and(|(last, total)| last.saturating_add(1) < total)
}

fn outcome(error: &TransportError) -> ExchangeOutcome {
    match error {
        TransportError::NotConnected => ExchangeOutcome::NotConnected,
        TransportError::UntrustedServer { .. } => ExchangeOutcome::Untrusted,
        TransportError::CertificateWanted => ExchangeOutcome::CertificateWanted,
        _ => ExchangeOutcome::Lost,
    }
}

fn range_start(request: &HttpRequest) -> Option<u64> {
    let (_, value) = request.headers.iter().find(|(name, _)| name == "range")?;
    value.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
}

fn credential(request: &HttpRequest) -> Option<String> {
    let (_, value) = request.headers.iter().find(|(name, _)| name == "authorization")?;
    value.split(' ').next().map(str::to_owned)
}

/// Counts what arrives, and notes how the exchange ends even if it is only dropped.
struct Exchange {
    recorder: Recorder,
    id: u32,
    received: u64,
    digest: Digest,
    last_byte: Option<Time>,
    ended: bool,
}

impl Exchange {
    fn new(recorder: Recorder, id: u32) -> Self {
        Self { recorder, id, received: 0, digest: Digest::new(), last_byte: None, ended: false }
    }

    fn took(&mut self, bytes: &[u8], at: Time) {
        self.last_byte = Some(at);
        self.received += bytes.len() as u64;
        self.digest.update(bytes);
    }

    fn end(&mut self, outcome: ExchangeOutcome) {
        if !std::mem::replace(&mut self.ended, true) {
            let (exchange, received, digest) = (self.id, self.received, self.digest.finish());
            let last_byte = self.last_byte;
            self.recorder.record(Event::ExchangeEnded { exchange, outcome, received, digest, last_byte });
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(ExchangeOutcome::Abandoned);
    }
}

/// Where a body comes from.
pub(crate) enum Source {
    Memory {
        walk: Walk,
        clock: Clock,
        exchange: u32,
        /// Looked at already, to see whether more data follows at once.
        next: Option<Walked>,
    },
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "never made without real HTTP"))]
    Wire { body: super::wire::WireBody },
}

impl Source {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let (walk, clock, exchange, next) = match self {
            Self::Memory { walk, clock, exchange, next } => (walk, clock, u64::from(*exchange), next),
            Self::Wire { body } => return body.chunk().await,
        };
        // What a server sends without a pause arrives as one piece, whatever pieces it was made of.
        let mut piece = Vec::new();
        loop {
            match next.take().unwrap_or_else(|| walk.next().unwrap_or(Walked::End)) {
                Walked::Data(bytes) => piece.extend_from_slice(&bytes),
                event if !piece.is_empty() => {
                    *next = Some(event);
                    clock.io(exchange, async {}).await;
                    return Ok(Some(piece));
                }
                Walked::Wait(span) => clock.server_sleep(exchange, span).await,
                Walked::Stalled => std::future::pending().await,
                event => {
                    clock.io(exchange, async {}).await;
                    return match event {
                        Walked::End => Ok(None),
                        Walked::Broken => Err(TransportError::BadResponse),
                        _ => Err(TransportError::ConnectionLost),
                    };
                }
            }
        }
    }
}

struct Body {
    clock: Clock,
    source: Source,
    link: AppLife,
    exchange: Exchange,
}

#[async_trait]
impl HttpBody for Body {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        if self.exchange.ended {
            return Ok(None);
        }
        let source = &mut self.source;
        let chunk =
            self.link.interruptible(source.chunk()).await.unwrap_or(Err(TransportError::ConnectionLost));
        match &chunk {
            Ok(Some(bytes)) => self.exchange.took(bytes, self.clock.now()),
            Ok(None) => self.exchange.end(ExchangeOutcome::Complete),
            Err(error) => self.exchange.end(outcome(error)),
        }
        chunk
    }
}

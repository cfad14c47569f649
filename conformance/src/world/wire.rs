//! Real HTTP on loopback: the reference's client, wiremock, and the scripted TCP server for what wiremock cannot do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_mock_server as origin;
#[cfg(feature = "tls")]
use bgsession_mock_server::Authority;
use bgsession_mock_server::{Origin, Pace, Plan, Responder, TcpFront, WiremockFront};
use bgsession_reference::http::HttpTransport;
#[cfg(feature = "tls")]
use bgsession_reference::https::TlsSettings;

use super::Clock;
use super::network::Source;
#[cfg(feature = "tls")]
use super::places::{NOBODY, USER, tls_hosts};
use super::places::{host_of, path_of};
use crate::contract::{ClientIdentity, HttpBody, HttpRequest, Response, Transport, TransportError};

/// Names the exchange that a request belongs to, for the servers only.
const EXCHANGE: &str = "x-bgsession-exchange";

/// Whose certificate a connection over TLS would have shown, where the servers speak plain HTTP only.
const IDENTITY: &str = "x-bgsession-identity";

/// Client and servers of one worker; they outlive its scenarios.
pub(crate) struct Wire {
    client: HttpTransport,
    wiremock: WiremockFront,
    tcp: TcpFront,
    #[cfg(feature = "tls")]
    tls: TcpFront,
    desk: Arc<Desk>,
    scenarios: Mutex<u32>,
}

/// What the servers ask: the origin of the scenario that is going on.
struct Desk {
    clock: Clock,
    origin: Mutex<Option<Origin>>,
    over: tokio::sync::Notify,
}

/// wiremock keeps a copy of every request until it is told to forget; so often is often enough.
const FORGET_EVERY: u32 = 256;

impl Wire {
    pub(crate) async fn start(clock: Clock) -> std::io::Result<Arc<Self>> {
        let desk = Arc::new(Desk { clock, origin: Mutex::default(), over: tokio::sync::Notify::new() });
        #[cfg(not(feature = "tls"))]
        let client = HttpTransport::new().map_err(std::io::Error::other)?;
        #[cfg(feature = "tls")]
        let (tls, client) = secure(&desk)?;
        let wiremock = WiremockFront::start(Arc::clone(&desk) as _).await;
        let tcp = TcpFront::start(Arc::clone(&desk) as _, Arc::clone(&desk) as _)?;
        Ok(Arc::new(Self {
            client,
            wiremock,
            tcp,
            #[cfg(feature = "tls")]
            tls,
            desk,
            scenarios: Mutex::new(0),
        }))
    }

    /// The scenario is over: silent connections may go, and memory is given back now and then.
    pub(crate) async fn forget(&self) {
        *self.desk.lock() = None;
        self.desk.over.notify_waiters();
        let due = {
            let mut scenarios = self.scenarios.lock().unwrap_or_else(PoisonError::into_inner);
            *scenarios += 1;
            scenarios.is_multiple_of(FORGET_EVERY)
        };
        if due {
            self.wiremock.forget().await;
        }
    }

    /// Do its servers speak TLS? If not, whoever asks them has to see to the handshake.
    pub(crate) const fn speaks_tls() -> bool {
        cfg!(feature = "tls")
    }

    /// The server that can give the answer.
    fn address(&self, origin: &Origin, url: &str, target: &str) -> String {
        #[cfg(feature = "tls")]
        if url.starts_with("https:") {
            return format!("https://{}:{}{target}", host_of(url), self.tls.addr().port());
        }
        let _ = url;
        let addr: SocketAddr = if origin.needs_wire(target) { self.tcp.addr() } else { self.wiremock.addr() };
        format!("http://{addr}{target}")
    }

    /// Sends a request to the server that can give its answer and waits for the head.
    pub(crate) async fn open(
        &self,
        clock: &Clock,
        exchange: u32,
        origin: &Origin,
        mut request: HttpRequest,
    ) -> Result<(Response, Source), TransportError> {
        {
            let mut current = self.desk.lock();
            if current.is_none() {
                *current = Some(origin.clone());
            }
        }
        let url = request.url.clone();
        let target = format!("/{}", path_of(&url));
        request.url = self.address(origin, &url, &target);
        request.headers.push(("host".to_owned(), host_of(&url).to_owned()));
        if let ClientIdentity::Named(name) = &request.tls.identity
            && !Self::speaks_tls()
        {
            request.headers.push((IDENTITY.to_owned(), name.clone()));
        }
        request.headers.push((EXCHANGE.to_owned(), exchange.to_string()));
        let id = u64::from(exchange);
        let mut answer = clock.io(id, self.client.send(request)).await?;
        answer.response.url = url;
        let body = WireBody { body: answer.body, clock: clock.clone(), id, end: None };
        Ok((answer.response, Source::Wire { body }))
    }
}

/// The server that speaks TLS, and a client that finds its hosts there and knows one of the two authorities behind them.
#[cfg(feature = "tls")]
fn secure(desk: &Arc<Desk>) -> std::io::Result<(TcpFront, HttpTransport)> {
    let hosts = tls_hosts();
    let clients = [USER, NOBODY];
    let authority = Authority::new(hosts.iter().map(|(host, tls)| (*host, tls)), clients);
    let authority = Arc::new(authority.map_err(std::io::Error::other)?);
    let front = TcpFront::start_tls(Arc::clone(desk) as _, Arc::clone(desk) as _, Arc::clone(&authority))?;
    let mut settings = TlsSettings::default().trusting_only([authority.root().to_vec()]);
    for (host, _) in &hosts {
        settings = settings.at(*host, front.addr());
    }
    for (name, identity) in clients.iter().filter_map(|name| Some((name, authority.identity(name)?))) {
        let (certificate, key) = (identity.certificate.clone(), identity.key.clone());
        settings = settings.identity(*name, certificate, key).map_err(std::io::Error::other)?;
    }
    Ok((front, HttpTransport::with_tls(settings).map_err(std::io::Error::other)?))
}

/// A body on its way over a real connection.
pub(crate) struct WireBody {
    body: Box<dyn HttpBody>,
    clock: Clock,
    id: u64,
    /// How it ended, once that is known.
    end: Option<Result<(), TransportError>>,
}

impl WireBody {
    /// Everything that the server has sent up to its next silence, as one piece: where the network cut it does not show.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let (clock, id) = (self.clock.clone(), self.id);
        let piece = clock.io(id, self.gather()).await;
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
        match self.end.clone() {
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => Ok(None),
        }
    }

    async fn gather(&mut self) -> Vec<u8> {
        let mut piece = Vec::new();
        while self.end.is_none() {
            tokio::select! {
                biased;
                chunk = self.body.chunk() => match chunk {
                    Ok(Some(bytes)) => piece.extend_from_slice(&bytes),
                    Ok(None) => self.end = Some(Ok(())),
                    Err(error) => self.end = Some(Err(error)),
                },
                () = self.clock.stalled(self.id), if !piece.is_empty() => break,
            }
        }
        piece
    }
}

impl Desk {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Origin>> {
        self.origin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Responder for Desk {
    fn plan(&self, request: &origin::Request) -> Plan {
        let origin = self.lock().clone();
        let at = Duration::from_millis(self.clock.peek().as_millis());
        let mut request = request.clone();
        if !Wire::speaks_tls() {
            request.identity = request.header(IDENTITY).map(str::to_owned);
        }
        origin.map_or_else(Plan::default, |origin| origin.answer(&request, at))
    }
}

fn exchange(request: &origin::Request) -> Option<u64> {
    request.header(EXCHANGE)?.parse().ok()
}

#[async_trait]
impl Pace for Desk {
    async fn pause(&self, request: &origin::Request, wait: Duration) {
        let Some(id) = exchange(request) else { return };
        self.clock.stall(id, true);
        self.clock.server_sleep(id, wait).await;
        self.clock.stall(id, false);
    }

    async fn stall(&self, request: &origin::Request) {
        if let Some(id) = exchange(request) {
            self.clock.stall(id, true);
            self.over.notified().await;
        }
    }

    async fn flushed(&self, _: &origin::Request) {
        // Zero-timeout polls of the reactor: by then the client has read all that was sent.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }
}

//! The front on wiremock: a second, independent HTTP server for everything that a plain server can do.

use crate::plan::{Framing, Plan, Step};
use crate::request::Request;
use crate::responder::Responder;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use wiremock::{Match, Mock, MockServer, Respond, ResponseTemplate};

/// A wiremock server whose every answer comes from a [`Responder`].
///
/// It gives complete answers, and closes before any byte. A plan that [needs the wire](Plan::needs_wire) becomes
/// a 501 that says so. It runs on a thread and by a clock of its own, so plans are asked for on that thread.
///
/// Start one for a whole process: dropping more than 64 of them without an await in between hangs (wiremock
/// waits in `drop` in a way that uses up the task's turn).
///
/// ```
/// use bgsession_mock_server::{RealTime, Script, WiremockFront};
/// use std::sync::Arc;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let front = WiremockFront::start(Arc::new(RealTime::play(Script::new())?)).await;
/// println!("listening on {}", front.addr());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WiremockFront {
    server: MockServer,
    desk: Arc<Desk>,
}

/// Where the plan lies between the two mocks.
///
/// A mock either responds or fails, and must be chosen before it is asked. So the first mock's matcher asks for
/// the plan and matches if the connection is to be closed; else the second takes the plan from here. wiremock
/// handles one request at a time, under a lock, so the plan is always that of the request at hand.
struct Desk {
    responder: Arc<dyn Responder>,
    plan: Mutex<Option<Plan>>,
}

impl WiremockFront {
    /// Starts a server on a free port of 127.0.0.1.
    pub async fn start(responder: Arc<dyn Responder>) -> Self {
        // A built server is never taken from wiremock's pool, whose servers outlive their drop.
        let server = MockServer::builder().disable_request_recording().start().await;
        let front = Self { server, desk: Arc::new(Desk { responder, plan: Mutex::default() }) };
        front.mount().await;
        front
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        *self.server.address()
    }

    /// Gives back memory: wiremock keeps a copy of every request until it is told to forget. Call it while no
    /// request is under way, because one in between would find nobody home (404).
    pub async fn forget(&self) {
        self.server.reset().await;
        self.mount().await;
    }

    async fn mount(&self) {
        let breaks = Breaks(Arc::clone(&self.desk));
        let closed = |_: &wiremock::Request| io::Error::from(io::ErrorKind::ConnectionAborted);
        self.server.register(Mock::given(breaks).respond_with_err(closed).with_priority(1)).await;
        let gives = Gives(Arc::clone(&self.desk));
        self.server.register(Mock::given(wiremock::matchers::any()).respond_with(gives)).await;
    }
}

impl fmt::Debug for WiremockFront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WiremockFront").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

impl Desk {
    fn plan(&self) -> std::sync::MutexGuard<'_, Option<Plan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for the plan; matches one that closes the connection.
struct Breaks(Arc<Desk>);

impl Match for Breaks {
    fn matches(&self, request: &wiremock::Request) -> bool {
        let plan = self.0.responder.plan(&translate(request));
        let breaks = matches!(plan.steps[..], [Step::Close] | [Step::Refuse]);
        *self.0.plan() = Some(plan);
        breaks
    }
}

/// Gives the plan that the other mock asked for.
struct Gives(Arc<Desk>);

impl Respond for Gives {
    fn respond(&self, _request: &wiremock::Request) -> ResponseTemplate {
        match self.0.plan().take() {
            Some(plan) if !plan.needs_wire() => template(plan),
            _ => ResponseTemplate::new(501).set_body_string(
                "an HTTP library cannot give this answer: send the request to the TCP front's address\n",
            ),
        }
    }
}

fn translate(request: &wiremock::Request) -> Request {
    let url = &request.url;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut translated = Request::new(request.method.as_str(), target).with_body(&request.body);
    translated.headers = request
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let host = translated.header("host").map(str::to_owned);
    translated.host = host.unwrap_or_default();
    translated
}

/// The answer of a plan that does not need the wire.
fn template(plan: Plan) -> ResponseTemplate {
    let Some(head) = plan.head else {
        return ResponseTemplate::new(501);
    };
    let mut template = ResponseTemplate::new(head.status);
    // hyper writes the length of a body itself; the length of a body that is not sent it cannot know.
    let framing = match head.framing {
        Framing::Length(_) | Framing::UntilClose => None,
        Framing::Chunked | Framing::Bodyless(_) => head.framing_header(),
    };
    for (name, value) in head.headers.into_iter().chain(framing) {
        template = template.append_header(name, value);
    }
    let mut body = Vec::new();
    for step in plan.steps {
        match step {
            Step::Body(slice) => body.extend(slice.bytes()),
            Step::Inline(bytes) => body.extend(bytes),
            Step::Head
            | Step::Pause(_)
            | Step::Raw(_)
            | Step::Stall
            | Step::Close
            | Step::Reset
            | Step::Refuse => {}
        }
    }
    template.set_body_bytes(body)
}

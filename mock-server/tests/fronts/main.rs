//! One script, three fronts: a client sees the same status, headers, bytes and ending in memory, on the socket
//! front and, where it can give the answer, on wiremock.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod client;
mod plans;
#[cfg(feature = "tls")]
mod secure;

use async_trait::async_trait;
use bgsession_mock_server::memory::{Event, Walk};
use bgsession_mock_server::{
    Answer, Delivery, DigestAlgorithm, Fault, Login, Origin, Pace, Plan, Ranges, Request, Resource,
    Responder, RetryAfter, Route, Scheme, Script, Step, TcpFront, WiremockFront,
};
use client::{Ending, Seen};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// Asks whichever origin is current, at time zero.
#[derive(Default)]
struct Current(Mutex<Option<Origin>>);

impl Current {
    fn set(&self, origin: &Origin) {
        *self.0.lock().unwrap() = Some(origin.clone());
    }
}

impl Responder for Current {
    fn plan(&self, request: &Request) -> Plan {
        let current = self.0.lock().unwrap();
        current.as_ref().expect("an origin is set").answer(request, Duration::ZERO)
    }
}

/// Does not wait: notes the pauses, and says when silence begins.
#[derive(Default)]
struct Noted {
    waits: Mutex<Vec<Duration>>,
    silent: Notify,
}

#[async_trait]
impl Pace for Noted {
    async fn pause(&self, _request: &Request, wait: Duration) {
        self.waits.lock().unwrap().push(wait);
    }

    async fn stall(&self, _request: &Request) {
        self.silent.notify_one();
        std::future::pending::<()>().await;
    }

    async fn flushed(&self, _request: &Request) {
        // Polls the reactor, so that the client reads what has been sent.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }
}

/// What a client of the walk sees, and the pauses.
fn in_memory(plan: Plan) -> (Seen, Vec<Duration>) {
    let mut seen = Seen { status: None, headers: Vec::new(), body: Vec::new(), ending: Ending::Cut };
    let mut waits = Vec::new();
    for event in Walk::new(plan) {
        match event {
            Event::Wait(wait) => waits.push(wait),
            Event::Head { status, headers } => (seen.status, seen.headers) = (Some(status), headers),
            Event::Data(bytes) => seen.body.extend(bytes),
            Event::End => seen.ending = Ending::End,
            Event::Cut => seen.ending = Ending::Cut,
            // A socket that has been accepted can do no better than to reset.
            Event::Reset | Event::Refused => seen.ending = Ending::Reset,
            Event::Stalled => seen.ending = Ending::Stalled,
            Event::Broken => seen.ending = Ending::Broken,
        }
    }
    (seen.normal(), waits)
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    (0u8..10, 0u64..400, 1u64..80).prop_map(|(kind, at, piece)| {
        Some(match kind {
            0 => return None,
            1 => Fault::CutAfter(at),
            2 => Fault::ResetAfter(at),
            3 => Fault::StallAfter(at),
            4 => Fault::Drip { piece, every_ms: at },
            5 => Fault::LyingLength(at),
            6 => Fault::BadChunk,
            7 => Fault::UntilClose,
            _ => Fault::Chunked,
        })
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    (0u8..14, fault(), 0u64..3, 0u64..300).prop_map(|(kind, fault, delay_ms, n)| match kind {
        0 => Answer::DropBeforeHead,
        1 => Answer::ResetBeforeHead,
        2 => Answer::StallBeforeHead,
        3 => Answer::Garbage("SSH-2.0-x\r\n\r\n".into()),
        4 => Answer::Offline,
        5 => Answer::redirect(307, "http://localhost:{port}/other"),
        6 => Answer::retry_after(429, RetryAfter::DateIn(n)),
        7 => Answer::status(204),
        8 => Answer::Status { code: 500, body_size: n, retry_after: Some(RetryAfter::Secs(n)) },
        9 => Answer::new_version(Answer::Serve(Delivery { delay_ms: 0, fault })),
        _ => Answer::Serve(Delivery { delay_ms, fault }),
    })
}

fn login() -> impl Strategy<Value = Option<Login>> {
    (0u8..6, 0u32..2).prop_map(|(kind, refused)| {
        let login = Login::new("ann", "pw").refuse_first(refused);
        let digest = Scheme::digest("ho\"me", DigestAlgorithm::Sha256);
        match kind {
            0 => Some(login.scheme(Scheme::basic("r")).scheme(digest)),
            1 => Some(login.scheme(Scheme::Basic { realm: "ü".into(), charset_utf8: true })),
            2 => Some(login.scheme(Scheme::bearer("r")).token("t").never()),
            _ => None,
        }
    })
}

fn route() -> impl Strategy<Value = Route> {
    let resource =
        (0u64..400, any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(size, seed, etag, kind)| {
            Resource {
                size,
                seed: seed.into(),
                etag,
                content_type: kind.then(|| "text/plain".to_owned()),
                ..Resource::default()
            }
        });
    (resource, 0..Ranges::ALL.len(), login(), prop::collection::vec(answer(), 0..4)).prop_map(
        |(resource, ranges, login, answers)| Route { resource, ranges: Ranges::ALL[ranges], login, answers },
    )
}

fn request() -> impl Strategy<Value = Request> {
    (0u8..8, 0u8..8, 0u64..400, 0u8..4, prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(method, range, at, login, body)| {
            let body: String = body.into_iter().map(|byte| char::from(b'a' + byte % 26)).collect();
            let mut request = match method {
                0 => Request::new("HEAD", "/f"),
                1 => Request::new("POST", "/f?q=1").with_body(body.as_bytes()),
                2 => Request::get("/nowhere"),
                _ => Request::get("/f"),
            };
            if method == 1 {
                // The client of these tests finds the body to send in a header.
                request =
                    request.with_header("content-length", body.len().to_string()).with_header("x-body", body);
            }
            let value = match range {
                0 => format!("bytes={at}-"),
                1 => format!("bytes=0-9,{at}-{}", at + 5),
                2 => format!("bytes=-{at}"),
                3 => "items=0-3".to_owned(),
                _ => String::new(),
            };
            if !value.is_empty() {
                request = request.with_header("range", value);
            }
            match login {
                0 => request.with_header("authorization", "Basic YW5uOnB3"),
                1 => request.with_header("authorization", "Bearer x"),
                _ => request,
            }
        },
    )
}

/// The two socket fronts, whose origins can be changed, and a runtime for both ends of the sockets.
struct Fronts {
    runtime: tokio::runtime::Runtime,
    pace: Arc<Noted>,
    on_socket: Arc<Current>,
    on_wiremock: Arc<Current>,
    socket: TcpFront,
    wiremock: WiremockFront,
}

impl Fronts {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (on_socket, on_wiremock) = (Arc::new(Current::default()), Arc::new(Current::default()));
        let pace = Arc::new(Noted::default());
        let (socket, wiremock) = runtime.block_on(async {
            let socket = TcpFront::start(on_socket.clone(), pace.clone()).unwrap();
            (socket, WiremockFront::start(on_wiremock.clone()).await)
        });
        Self { runtime, pace, on_socket, on_wiremock, socket, wiremock }
    }

    /// Plays a scenario on all fronts and compares them; returns how the answers ended.
    async fn agree(&self, script: &Script, requests: &[Request]) -> BTreeSet<Ending> {
        let origins = [(); 3].map(|()| Origin::new(script.clone()).unwrap());
        self.on_socket.set(&origins[1]);
        self.on_wiremock.set(&origins[2]);
        let mut endings = BTreeSet::new();
        for request in requests {
            let plan = origins[0].answer(request, Duration::ZERO);
            let needs_wire = plan.needs_wire();
            let refused = plan.steps == [Step::Refuse];
            let (mut expected, waits) = in_memory(plan);
            endings.insert(expected.ending);
            assert!(!needs_wire || origins[0].needs_wire(&request.target));

            let seen = client::ask(self.socket.addr(), request, &self.pace.silent).await;
            assert_eq!(seen, expected, "socket");
            assert_eq!(std::mem::take(&mut *self.pace.waits.lock().unwrap()), waits);

            let seen = client::ask(self.wiremock.addr(), request, &Notify::new()).await;
            if needs_wire {
                assert_eq!(seen.status, Some(501), "wiremock");
                continue;
            }
            // A library can close, not reset.
            if refused {
                expected.ending = Ending::Cut;
            }
            assert_eq!(seen, expected, "wiremock");
        }
        let logs = origins.map(|origin| origin.log());
        assert_eq!(logs[0], logs[1]);
        assert_eq!(logs[0], logs[2]);
        endings
    }
}

#[test]
fn three_fronts_give_one_answer() {
    let fronts = Fronts::start();
    let config =
        Config { cases: 500, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() };
    let scenario = (route(), prop::collection::vec(request(), 1..6));
    let endings = std::cell::RefCell::new(BTreeSet::new());
    let result = TestRunner::new(config).run(&scenario, |(route, requests)| {
        let script = Script::new().route("/f", route);
        endings.borrow_mut().extend(fronts.runtime.block_on(fronts.agree(&script, &requests)));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    assert_eq!(endings.borrow().len(), 5, "every ending has been tried: {endings:?}");
}

#[test]
fn a_connection_is_used_again_after_a_complete_answer() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let origin = Origin::new(Script::new().route("/f", Route::new(Resource::new(5)))).unwrap();
        let current = Arc::new(Current::default());
        current.set(&origin);
        let front = TcpFront::start(current, Arc::new(Noted::default())).unwrap();
        let mut one = b"GET /f HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3);
        one.extend(b"GET /f HTTP/1.0\r\n\r\n");
        let answers = client::send(front.addr(), &one).await;
        assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 4, "{answers:?}");
        assert_eq!(answers.matches("connection: close\r\n").count(), 1, "{answers:?}");
        assert_eq!(origin.log().len(), 4);

        let complaint = client::send(front.addr(), b"\x16\x03\x01 not http\r\n\r\n").await;
        assert!(complaint.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{complaint:?}");
    });
}

#[test]
fn wiremock_goes_on_after_forgetting() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let current = Arc::new(Current::default());
        current.set(&Origin::new(Script::new().route("/f", Route::new(Resource::new(5)))).unwrap());
        let front = WiremockFront::start(current).await;
        for _ in 0..2 {
            let seen = client::ask(front.addr(), &Request::get("/f"), &Notify::new()).await;
            assert_eq!((seen.status, seen.body.len()), (Some(200), 5));
            front.forget().await;
        }
    });
}

/// A client that goes away in the middle of a stall ends it; so does stopping the front.
#[test]
fn nothing_outlives_its_connection() {
    struct Endless(Arc<Notify>, Arc<Notify>);

    /// Tells when the future it lives in is dropped.
    struct Tells(Arc<Notify>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }

    #[async_trait]
    impl Pace for Endless {
        async fn pause(&self, _request: &Request, _wait: Duration) {}
        async fn flushed(&self, _request: &Request) {}
        async fn stall(&self, _request: &Request) {
            let _tells = Tells(self.1.clone());
            self.0.notify_one();
            std::future::pending::<()>().await;
        }
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let route = Route::default().answer(Answer::StallBeforeHead);
        let current = Arc::new(Current::default());
        current.set(&Origin::new(Script::new().route("/f", route)).unwrap());
        let (begun, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let front = TcpFront::start(current, Arc::new(Endless(begun.clone(), ended.clone()))).unwrap();

        let leaver = client::open(front.addr(), b"GET /f HTTP/1.1\r\n\r\n").await;
        begun.notified().await;
        drop(leaver);
        ended.notified().await;

        let _stayer = client::open(front.addr(), b"GET /f HTTP/1.1\r\n\r\n").await;
        begun.notified().await;
        let addr = front.addr();
        front.stop().await;
        ended.notified().await;
        let refused = tokio::net::TcpStream::connect(addr).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

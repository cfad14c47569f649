//! How fast scenarios are played on real HTTP; bare requests of the same client to the same kind of server are the
//! limit.
//!
//! `cargo bench -p bgsession-conformance --bench http`

mod common;

use std::sync::Arc;

use bgsession_conformance::World;
use bgsession_conformance::contract::{HttpRequest, Method, TlsAnswers, Transport};
use bgsession_conformance::history::{Event, History};
use bgsession_conformance::mock_server::{RealTime, Resource, Route, Script, WiremockFront};
use bgsession_conformance::scenario::Scenario;
use bgsession_reference::http::HttpTransport;
use tokio::runtime::Runtime;

use common::{
    all_threads, downloads, figure, general, histories, in_earnest, judged, rate, ratio, say, scale,
};

fn main() {
    if !in_earnest() {
        say("a test that the benchmark runs; its figures mean nothing");
    }
    let small = vec![downloads(3); usize::try_from(scale(500)).expect("few")];
    say("the limit: the same client and kind of server without the kit");
    let many = all_threads();
    let limits = [bare(1), bare(many)];
    say("");
    kit("three downloads, one wake", &small, limits);
    kit("a bit of everything", &general(scale(500)), limits);
}

/// Scenarios and exchanges each second, and how much of the limit the exchanges reach.
fn kit(name: &str, given: &[Scenario], limits: [f64; 2]) {
    say(&format!("{name}, in http, judged by all rules"));
    let sent = requests(&histories(World::Http, given));
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    let each = sent as f64 / given.len() as f64;
    for (threads, limit) in [1, all_threads()].into_iter().zip(limits) {
        let played = judged(World::Http, threads, given);
        figure(&format!("scenarios; {threads} threads"), played, "a second");
        figure(&format!("exchanges ({each:.2} for each scenario)"), played * each, "a second");
        ratio("of the limit", played * each, limit);
    }
    say("");
}

/// Bare exchanges each second: three at a time, as in the scenario of three downloads; a client and a server for each
/// thread, as under the kit.
fn bare(threads: usize) -> f64 {
    let mut pairs: Vec<Pair> = (0..threads).map(|_| Pair::new()).collect();
    let rounds = scale(500);
    let limit = rate(rounds * 3 * threads as u64, || {
        std::thread::scope(|scope| {
            for pair in &mut pairs {
                scope.spawn(move || pair.play(rounds));
            }
        });
    });
    figure(&format!("exchanges, three at a time; {threads} threads"), limit, "a second");
    limit
}

struct Pair {
    runtime: Runtime,
    front: WiremockFront,
    client: HttpTransport,
}

impl Pair {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let script = Script::new().route("/t", Route::new(Resource::new(64)));
        let (front, client) = runtime.block_on(async {
            let front = WiremockFront::start(Arc::new(RealTime::play(script).expect("a good script"))).await;
            (front, HttpTransport::new().expect("a client"))
        });
        Self { runtime, front, client }
    }

    fn play(&mut self, rounds: u64) {
        let (client, url) = (&self.client, format!("http://{}/t", self.front.addr()));
        self.runtime.block_on(async {
            for _ in 0..rounds {
                tokio::join!(fetch(client, &url), fetch(client, &url), fetch(client, &url));
            }
            // It keeps every request until told otherwise, as it does under the kit.
            self.front.forget().await;
        });
    }
}

async fn fetch(client: &HttpTransport, url: &str) {
    let request = HttpRequest {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        tls: TlsAnswers::default(),
    };
    let mut answer = client.send(request).await.expect("the server answers");
    let mut size = 0;
    while let Some(piece) = answer.body.chunk().await.expect("the body is whole") {
        size += piece.len();
    }
    assert_eq!((answer.response.status, size), (200, 64));
}

/// Requests that were sent in these histories.
fn requests(histories: &[History]) -> u64 {
    let entries = histories.iter().flat_map(|history| &history.entries);
    entries.filter(|entry| matches!(entry.event, Event::RequestSent { .. })).count() as u64
}

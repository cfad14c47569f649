//! How fast scenarios are played on real HTTP; bare requests of the same client to the same kind of server are the
//! limit.
//!
//! `cargo bench -p bgsession-conformance --bench http`

mod common;

use std::sync::Arc;

use bgsession_conformance::World;
use bgsession_conformance::contract::{HttpRequest, Method, Transport};
use bgsession_conformance::history::{Event, History};
use bgsession_conformance::mock_server::{RealTime, Resource, Route, Script, WiremockFront};
use bgsession_conformance::scenario::Scenario;
use bgsession_reference::http::HttpTransport;
use common::{
    all_threads, downloads, figure, general, histories, in_earnest, judged, rate, ratio, say, scale,
};

fn main() {
    if !in_earnest() {
        say("a test that the benchmark runs; its figures mean nothing");
    }
    let small = vec![downloads(3); usize::try_from(scale(500)).expect("few")];
    let limit = bare();
    kit("three downloads, one wake", &small, limit);
    kit("a bit of everything", &general(scale(500)), limit);
}

/// Scenarios and exchanges each second, and how much of the limit the exchanges reach.
fn kit(name: &str, given: &[Scenario], limit: f64) {
    say(&format!("{name}, in http, judged by all rules"));
    let sent = requests(&histories(World::Http, given));
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    let each = sent as f64 / given.len() as f64;
    let one = judged(World::Http, 1, given);
    figure("scenarios; 1 thread", one, "a second");
    figure(&format!("exchanges ({each:.2} for each scenario); 1 thread"), one * each, "a second");
    ratio("of the limit", one * each, limit);
    let many = all_threads();
    figure(&format!("scenarios; {many} threads"), judged(World::Http, many, given), "a second");
    say("");
}

/// Bare exchanges each second: three at a time, as in the scenario of three downloads.
fn bare() -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let script = Script::new().route("/t", Route::new(Resource::new(64)));
    let (front, client) = runtime.block_on(async {
        let front = WiremockFront::start(Arc::new(RealTime::play(script).expect("a good script"))).await;
        (front, HttpTransport::new().expect("a client"))
    });
    let url = format!("http://{}/t", front.addr());
    let rounds = scale(500);
    let limit = rate(rounds * 3, || {
        runtime.block_on(async {
            for _ in 0..rounds {
                tokio::join!(fetch(&client, &url), fetch(&client, &url), fetch(&client, &url));
            }
            // It keeps every request until told otherwise, as it does under the kit.
            front.forget().await;
        });
    });
    say("the limit: the same client and kind of server without the kit");
    figure("exchanges, three at a time; 1 thread", limit, "a second");
    say("");
    limit
}

async fn fetch(client: &HttpTransport, url: &str) {
    let request = HttpRequest { method: Method::Get, url: url.to_owned(), headers: Vec::new(), body: None };
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

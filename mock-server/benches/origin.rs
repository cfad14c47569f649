//! What the core costs. A scenario builds one origin and asks it a few times.

use bgsession_mock_server::memory::Walk;
use bgsession_mock_server::{DigestAlgorithm, Login, Origin, Request, Resource, Route, Scheme, Script, body};
use divan::Bencher;
use divan::counter::BytesCount;
use std::time::Duration;

fn main() {
    divan::main();
}

fn script(routes: usize, route: &Route) -> Script {
    (0..routes).fold(Script::new(), |script, n| script.route(format!("/file{n}"), route.clone()))
}

fn origin(route: &Route) -> Origin {
    Origin::new(script(3, route)).expect("a good script")
}

#[divan::bench(args = [1, 5], sample_size = 100)]
fn new_origin(bencher: Bencher<'_, '_>, routes: usize) {
    let route = Route::new(Resource::new(64));
    bencher.with_inputs(|| script(routes, &route)).bench_values(Origin::new);
}

#[divan::bench(sample_size = 100)]
fn plain_answer_of_64_bytes(bencher: Bencher<'_, '_>) {
    let origin = origin(&Route::new(Resource::new(64)));
    let request = Request::get("/file1");
    bencher.bench_local(|| origin.answer(&request, Duration::ZERO));
}

#[divan::bench(sample_size = 100)]
fn plain_answer_walked_in_memory(bencher: Bencher<'_, '_>) {
    let origin = origin(&Route::new(Resource::new(64)));
    let request = Request::get("/file1");
    bencher.bench_local(|| Walk::new(origin.answer(&request, Duration::ZERO)).count());
}

/// One refused request and one with the right digest, including the client's arithmetic.
#[divan::bench(args = [DigestAlgorithm::Md5, DigestAlgorithm::Sha256], sample_size = 10)]
fn challenge_and_digest(bencher: Bencher<'_, '_>, algorithm: DigestAlgorithm) {
    let origin = origin(
        &Route::new(Resource::new(64))
            .login(Login::new("ann", "pw").scheme(Scheme::digest("home", algorithm))),
    );
    let request = Request::get("/file1");
    bencher.bench_local(|| {
        let refused = origin.answer(&request, Duration::ZERO);
        let head = refused.head.expect("a 401");
        let (_, challenge) =
            head.headers.iter().find(|(name, _)| name == "www-authenticate").expect("a challenge");
        let mut client = http_auth::PasswordClient::try_from(challenge.as_str()).expect("readable");
        let parameters = http_auth::PasswordParams {
            username: "ann",
            password: "pw",
            uri: "/file1",
            method: "GET",
            body: None,
        };
        let answer = client.respond(&parameters).expect("an answer");
        let plan = origin.answer(&request.clone().with_header("authorization", answer), Duration::ZERO);
        assert_eq!(plan.status(), Some(200));
    });
}

/// The same without the client, so that both figures tell what the server's half costs.
#[divan::bench(sample_size = 100)]
fn challenge_alone(bencher: Bencher<'_, '_>) {
    let scheme = Scheme::digest("home", DigestAlgorithm::Md5);
    let origin = origin(&Route::new(Resource::new(64)).login(Login::new("ann", "pw").scheme(scheme)));
    let request = Request::get("/file1");
    bencher.bench_local(|| origin.answer(&request, Duration::ZERO));
}

/// A 1 MiB range at an odd offset, made and read in memory.
#[divan::bench]
fn range_of_1_mib(bencher: Bencher<'_, '_>) {
    let origin = origin(&Route::new(Resource::new(4 << 20)));
    let request = Request::get("/file1").with_header("range", "bytes=1000001-2048576");
    bencher
        .counter(BytesCount::new(1_usize << 20))
        .bench_local(|| Walk::new(origin.answer(&request, Duration::ZERO)).count());
}

#[divan::bench]
fn fill_1_mib(bencher: Bencher<'_, '_>) {
    let mut buffer = vec![0; 1 << 20];
    bencher.counter(BytesCount::of_slice(&buffer)).bench_local(|| body::fill(7, 1, &mut buffer));
}

#[divan::bench]
fn hash_1_mib(bencher: Bencher<'_, '_>) {
    let buffer = vec![1; 1 << 20];
    bencher.counter(BytesCount::of_slice(&buffer)).bench_local(|| body::hash(&buffer));
}

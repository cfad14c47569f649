//! Where a scenario's transfers lead, and what its origin has to say there.

use bgsession_mock_server as origin;
use bgsession_mock_server::{
    Answer, DigestAlgorithm, Fault, Login, Ranges, Resource, RetryAfter, Scheme, Script, Tls,
};

use super::delayed::INSTEAD;
use crate::scenario::{Download, Route, Scenario, Step};

/// The user that every login of a scenario lets in.
pub(crate) const USER: &str = "user";
/// And the password.
pub(crate) const PASSWORD: &str = "secret";

/// An identity of the device's that no server lets in.
pub(crate) const NOBODY: &str = "nobody";

const HOST: &str = "http://origin.test";
/// Bytes of what a server says to somebody who has not logged in: no part of what was asked for.
const LOGIN_PAGE: u64 = 24;
/// Servers of somebody else's, as [`Route`]s lead to them: another host, another port, and the same without TLS.
const AWAY: &str = "http://elsewhere.test";
const OTHER_PORT: &str = "http://origin.test:8080";
const IN_THE_CLEAR: &str = "http://vault.test";

/// The hosts that are served over TLS, and how.
pub(crate) fn tls_hosts() -> [(&'static str, Tls); 4] {
    [
        ("stranger.test", Tls::stranger()),
        ("members.test", Tls::trusted().asks_for(USER)),
        ("strange-members.test", Tls::stranger().asks_for(USER)),
        ("vault.test", Tls::trusted()),
    ]
}

/// The address of the transfer that a step creates.
pub(crate) fn step_url(index: usize, step: &Step) -> String {
    match step.download().map(|download| download.route) {
        Some(Route::Untrusted) => format!("https://stranger.test/t/{index}"),
        Some(Route::WantsCertificate) => format!("https://members.test/t/{index}"),
        Some(Route::UntrustedWantsCertificate) => format!("https://strange-members.test/t/{index}"),
        Some(Route::LoginThenPlain) => format!("https://vault.test/t/{index}"),
        _ => format!("{HOST}/t/{index}"),
    }
}

/// The address of a chained transfer.
pub(crate) fn chain_url(number: u8) -> String {
    format!("{HOST}/c/{number}")
}

/// What a transfer's addresses have in common: `/t/3` of `http://origin.test/t/3/hop/1`.
pub(crate) fn place(url: &str) -> &str {
    let path = url.splitn(4, '/').nth(3).unwrap_or("");
    let end = path.match_indices(['/', '?']).nth(1).map_or(path.len(), |(at, _)| at);
    &path[..end]
}

/// The server that a login leads to, if it does.
const fn leads_to(route: Route) -> Option<&'static str> {
    match route {
        Route::LoginThenAway | Route::LoginTwice => Some(AWAY),
        Route::LoginThenPort => Some(OTHER_PORT),
        Route::LoginThenPlain => Some(IN_THE_CLEAR),
        _ => None,
    }
}

/// The script of a scenario's origin: a route for each transfer that may be created.
pub(crate) fn script(scenario: &Scenario) -> Script {
    let mut script = Script::new();
    let routes = scenario.steps.iter().filter_map(Step::download).map(|download| download.route);
    if routes.into_iter().any(Route::is_over_tls) {
        script = tls_hosts().into_iter().fold(script, |script, (host, tls)| script.tls(host, tls));
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        match step {
            Step::Download(Download { route, size, .. })
            | Step::Create(Download { route, size, .. })
            | Step::Data(Download { route, size, .. }) => {
                let path = format!("/t/{index}");
                let resource = Resource::new(u64::from(*size)).seed(index as u64 + 1);
                if step.download().is_some_and(|it| it.not_before.is_some())
                    && !scenario.setup.begins.is_empty()
                {
                    // The same bytes lie where the app may ask for them instead.
                    script = script.route(format!("{path}{INSTEAD}"), answers(*route, resource.clone()));
                }
                if matches!(route, Route::Redirect | Route::RedirectSlow) {
                    let (first, second) = (format!("{path}/hop/1"), format!("{path}/hop/2"));
                    let hop = |to: &str, code| origin::Route::default().answer(Answer::redirect(code, to));
                    script = script.route(path, hop(&first, 302)).route(first, hop(&second, 307));
                    let body = if *route == Route::Redirect { Route::Plain } else { Route::Slow };
                    script = script.route(second, answers(body, resource));
                } else if *route == Route::LoginElsewhere {
                    let login = |realm| Login::new(USER, PASSWORD).scheme(Scheme::basic(realm));
                    let second = format!("{path}/hop/2");
                    let gate = origin::Route::default().login(login("the gate"));
                    script = script.route(path, gate.answer(Answer::redirect(302, &second)));
                    script = script.route(second, origin::Route::new(resource).login(login("the vault")));
                } else if let Some(server) = leads_to(*route) {
                    let second = format!("{path}/hop/2");
                    let there = Answer::redirect(302, format!("{server}{second}"));
                    let gate = || Login::new(USER, PASSWORD).scheme(Scheme::basic("the gate"));
                    script = script.route(path, origin::Route::default().login(gate()).answer(there));
                    let body = origin::Route::new(resource);
                    let asks = *route == Route::LoginTwice;
                    script = script.route(second, if asks { body.login(gate()) } else { body });
                } else {
                    script = script.route(path, answers(*route, resource));
                }
            }
            Step::Upload { route: Route::Redirect, .. } => {
                let path = format!("/t/{index}");
                let (first, second) = (format!("{path}/hop/1"), format!("{path}/hop/2"));
                let hop = |to: &str, code| origin::Route::default().answer(Answer::redirect(code, to));
                script = script.route(path, hop(&first, 308)).route(first, hop(&second, 307));
                script = script.route(second, origin::Route::default().answer(Answer::status(201)));
            }
            Step::Upload { route, .. } if !matches!(route, Route::Plain) => {
                let answer = answers(*route, Resource::new(16).seed(index as u64 + 1));
                script = script.route(format!("/t/{index}"), answer);
            }
            Step::Upload { .. } | Step::Attempt { .. } => {
                script =
                    script.route(format!("/t/{index}"), origin::Route::default().answer(Answer::status(201)));
            }
            _ => {}
        }
    }
    for number in 1..=scenario.setup.chain {
        script = script
            .route(format!("/c/{number}"), origin::Route::new(Resource::new(16).seed(u64::from(number))));
    }
    script
}

fn answers(route: Route, resource: Resource) -> origin::Route {
    let size = resource.size;
    let with = origin::Route::new(resource);
    let status = |code, retry_after| Answer::Status { code, body_size: size, retry_after };
    let login = |scheme| Login::new(USER, PASSWORD).page(LOGIN_PAGE).scheme(scheme);
    let cut = Answer::fault(Fault::CutAfter(size / 2));
    let slow = Answer::fault(Fault::Drip { piece: size.div_ceil(3).max(1), every_ms: 20_000 });
    match route {
        Route::Plain
        | Route::Redirect
        | Route::RedirectSlow
        | Route::LoginElsewhere
        | Route::LoginThenAway
        | Route::LoginThenPort
        | Route::LoginThenPlain
        | Route::LoginTwice
        | Route::Untrusted
        | Route::WantsCertificate
        | Route::UntrustedWantsCertificate => with,
        Route::NotFound => with.answer(status(404, None)),
        Route::ServerError => with.answer(status(500, None)),
        Route::Unavailable => with.answer(status(503, Some(RetryAfter::Secs(120)))),
        Route::Slow => with.answer(slow),
        Route::SlowChanged => {
            with.answer(slow).answer(Answer::new_version(Answer::serve())).answer(Answer::serve())
        }
        Route::Cut => with.answer(cut).answer(Answer::serve()),
        Route::CutNoRanges => with.ranges(Ranges::Ignored).answer(cut).answer(Answer::serve()),
        Route::Drop => {
            with.answer(Answer::DropBeforeHead).answer(Answer::DropBeforeHead).answer(Answer::serve())
        }
        Route::Stall => with.answer(Answer::fault(Fault::StallAfter(size / 2))).answer(Answer::serve()),
        Route::NeverServed => with.answer(Answer::DropBeforeHead),
        Route::LoginBasic => with.login(login(Scheme::basic("the vault"))),
        Route::LoginDigest => with.login(login(Scheme::digest("the vault", DigestAlgorithm::Sha256))),
        Route::LoginNtlm => with.login(login(Scheme::Ntlm)),
        Route::LoginNegotiate => with.login(login(Scheme::Negotiate)),
        Route::LoginEither => with.login(login(Scheme::Negotiate).scheme(Scheme::basic("the vault"))),
        Route::LoginTwoWays => with.login(
            login(Scheme::digest("the vault", DigestAlgorithm::Sha256)).scheme(Scheme::basic("the cellar")),
        ),
        Route::LoginStubborn => with.login(login(Scheme::basic("the vault")).refuse_first(2)),
        Route::LoginNever => with.login(login(Scheme::basic("the vault")).never()),
        Route::Drip => {
            with.answer(Answer::fault(Fault::Drip { piece: size.div_ceil(8).max(1), every_ms: 50_000 }))
        }
        Route::Silent => with.answer(Answer::StallBeforeHead).answer(Answer::serve()),
        Route::CutChanged => {
            with.answer(cut).answer(Answer::new_version(Answer::serve())).answer(Answer::serve())
        }
        Route::CutChangedUnasked => with
            .ranges(Ranges::Httpbin)
            .answer(cut)
            .answer(Answer::new_version(Answer::serve()))
            .answer(Answer::serve()),
        Route::CutRefused => with.ranges(Ranges::Refused).answer(cut).answer(Answer::serve()),
        Route::CutThenHalves => with.ranges(Ranges::Half).answer(cut).answer(Answer::serve()),
        Route::CutFromStart => with.ranges(Ranges::FromStart).answer(cut).answer(Answer::serve()),
        Route::CutWeak => origin::Route { resource: with.resource.weak(), ..with }
            .ranges(Ranges::Httpbin)
            .answer(cut)
            .answer(Answer::new_version(Answer::serve()))
            .answer(Answer::serve()),
        Route::CutUntagged => with
            .ranges(Ranges::NoValidator)
            .answer(cut)
            .answer(Answer::new_version(Answer::serve()))
            .answer(Answer::serve()),
    }
}

/// The host of an absolute address, without its port.
pub(crate) fn host_of(url: &str) -> &str {
    let server = url.split('/').nth(2).unwrap_or("");
    server.split(':').next().unwrap_or(server)
}

/// Scheme and server of an absolute address.
pub(crate) fn server_of(url: &str) -> &str {
    let end = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    &url[..end]
}

pub(crate) fn path_of(url: &str) -> &str {
    url.splitn(4, '/').nth(3).unwrap_or("")
}

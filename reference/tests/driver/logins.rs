//! Logins: which credential goes where, and how often the app is asked.

use bgsession_reference::contract::*;

use crate::origin::{Plan, ok, status};
use crate::world::World;

const A: &str = "http://a.test/x";
const B: &str = "http://a.test/y";
/// `u:p` and `v:w` as Basic sends them.
const U: &str = "authorization=Basic dTpw";
const V: &str = "authorization=Basic djp3";

/// An app in front that gives these credentials, one after the other.
fn world(credentials: &[(&str, &str)]) -> World {
    let world = World::new(Policy::default());
    let give = |(user, password): &(&str, &str)| {
        ChallengeDisposition::UseCredential(Some(Credential::password(*user, *password)))
    };
    world.app.behaviour.lock().unwrap().answers = credentials.iter().map(give).collect();
    world.change(AppChange::Foregrounded);
    world.seen();
    world
}

fn who(offers: &str) -> Plan {
    status(401, &[("www-authenticate", offers)], b"who?")
}

fn basic(realm: &str) -> Plan {
    who(&format!("Basic realm=\"{realm}\""))
}

fn digest(rest: &str) -> Plan {
    who(&format!("Digest realm=\"d\", qop=\"auth\", algorithm=SHA-256, {rest}"))
}

fn questions(world: &World) -> usize {
    world.seen().lines().filter(|line| line.contains("challenge")).count()
}

#[test]
fn a_stale_nonce_is_no_refusal() {
    let world = world(&[("u", "p")]);
    world.origin.plan(A, [digest("nonce=\"1\""), digest("nonce=\"2\", stale=true"), ok(b"in")]);
    world.downloads("s", &[A]);
    assert_eq!(questions(&world), 1);
    let log = world.origin.log();
    assert_eq!(log.len(), 3);
    assert!(log[1].contains("nonce=\"1\"") && log[2].contains("nonce=\"2\""), "{log:?}");
    let client_nonce = |line: &str| line.split_once("cnonce=\"").unwrap().1[..16].to_owned();
    assert_ne!(client_nonce(&log[1]), client_nonce(&log[2]));
}

#[test]
fn a_new_nonce_alone_does_not_make_a_refusal_stale() {
    let world = world(&[("u", "p"), ("v", "w")]);
    world.origin.plan(A, [digest("nonce=\"1\""), digest("nonce=\"2\""), ok(b"in")]);
    world.downloads("s", &[A]);
    assert_eq!((questions(&world), world.origin.log().len()), (2, 3));
}

#[test]
fn a_server_whose_nonces_are_always_stale_is_asked_about_in_the_end() {
    let world = world(&[("u", "p")]);
    world.origin.plan(A, [digest("nonce=\"1\""), digest("nonce=\"2\", stale=true")]);
    world.downloads("s", &[A]);
    assert_eq!(world.origin.log().len(), 2 + 8, "one request, one with a login, and eight in silence");
    let seen = world.seen();
    assert!(seen.lines().nth(1).is_some_and(|line| line.ends_with("Some(Password(\"u\", …)) 1")), "{seen}");
}

#[test]
fn a_realm_that_the_session_knows_is_not_asked_about_again() {
    let world = world(&[("u", "p"), ("v", "w")]);
    let again = "http://a.test/z";
    world.origin.plan(A, [basic("r"), ok(b"1")]);
    world.origin.plan(B, [basic("q"), ok(b"2")]);
    world.origin.plan(again, [basic("r"), ok(b"3")]);
    for url in [A, B, again] {
        world.downloads("s", &[url]);
    }
    let sent = [
        format!("GET {A}"),
        format!("GET {A} {U}"),
        format!("GET {B} {U}"),
        format!("GET {B} {V}"),
        format!("GET {again} {V}"),
        format!("GET {again} {U}"),
    ];
    assert_eq!(world.origin.log(), sent);
    assert_eq!(questions(&world), 2);
}

#[test]
fn a_server_that_changes_its_realm_with_every_answer_is_asked_about_in_the_end() {
    let world = world(&[("u", "p"), ("v", "w")]);
    let games = "http://a.test/z";
    world.origin.plan(A, [basic("r"), ok(b"1")]);
    world.origin.plan(B, [basic("q"), ok(b"2")]);
    world.origin.plan(games, (0..20).map(|turn| basic(if turn % 2 == 0 { "r" } else { "q" })));
    for url in [A, B, games] {
        world.downloads("s", &[url]);
    }
    assert_eq!(world.origin.log().len(), 4 + 1 + 8, "eight in silence");
    assert_eq!(questions(&world), 3);
}

#[test]
fn a_known_login_is_renewed_with_the_nonce_of_the_offer() {
    let world = world(&[("u", "p"), ("v", "w")]);
    let again = "http://a.test/z";
    world.origin.plan(A, [digest("nonce=\"1\""), ok(b"1")]);
    world.origin.plan(B, [basic("q"), ok(b"2")]);
    world.origin.plan(again, [digest("nonce=\"2\""), ok(b"3")]);
    for url in [A, B, again] {
        world.downloads("s", &[url]);
    }
    let log = world.origin.log();
    assert!(log.last().is_some_and(|line| line.contains("nonce=\"2\"")), "{log:?}");
    assert_eq!(questions(&world), 2);
}

#[test]
fn behind_a_redirect_a_login_is_for_the_server_that_asked() {
    let world = world(&[("u", "p")]);
    let there = "http://b.test/y";
    world.origin.plan(A, [status(302, &[("location", there)], b"")]);
    world.origin.plan(there, [basic("r"), ok(b"in")]);
    world.origin.plan(B, [ok(b"no login")]);
    world.downloads("s", &[A, B]);
    let sent = [format!("GET {A}"), format!("GET {there}"), format!("GET {there} {U}"), format!("GET {B}")];
    let mut log = world.origin.log();
    log.sort();
    let mut sent = sent.to_vec();
    sent.sort();
    assert_eq!(log, sent);
    world.downloads("s", &[B]);
    assert_eq!(world.origin.log().last(), Some(&format!("GET {B}")));
}

#[test]
fn a_login_takes_the_place_of_the_field_that_the_app_wrote_itself() {
    let world = world(&[("u", "p")]);
    world.origin.plan(A, [basic("r"), ok(b"in")]);
    let app = std::sync::Arc::clone(&world.app);
    world.run(async move {
        let session = app.open(Configuration::background(SessionId::new("s").unwrap())).await;
        let headers = vec![("authorization".to_owned(), "mine".to_owned())];
        let request = Request { headers, ..Request::get(A) };
        let id = session.download(request, TransferOptions::default()).await.unwrap();
        session.resume(id).await.unwrap();
    });
    assert_eq!(world.origin.log(), [format!("GET {A} authorization=mine"), format!("GET {A} {U}")]);
}

#[test]
fn what_a_process_left_unanswered_is_asked_again_as_the_policy_says() {
    for (unanswered_challenge, expected) in
        [(UnansweredChallenge::OfferAgain, 1), (UnansweredChallenge::LeaveToTimeout, 0)]
    {
        let world = World::new(Policy { unanswered_challenge, ..Policy::default() });
        world.change(AppChange::Foregrounded);
        world.origin.plan(A, [basic("r")]);
        world.downloads("s", &[A]);
        assert_eq!(questions(&world), 1);
        world.change(AppChange::Crashed);
        world.change(AppChange::Foregrounded);
        world.run(std::sync::Arc::clone(&world.app).reopen());
        assert_eq!(questions(&world), expected);
    }
}

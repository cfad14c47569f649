//! Transfers: interruptions, conditions, redirects and logins, as the origin sees them.

use std::sync::Arc;
use std::time::Duration;

use bgsession_reference::contract::*;

use crate::origin::{Plan, ok, status};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const A: &str = "http://a.test/x";

fn world() -> World {
    let world = World::new(Policy::default());
    world.change(AppChange::Foregrounded);
    world.seen();
    world
}

fn tagged() -> Vec<(&'static str, String)> {
    vec![("etag", "\"v1\"".to_owned()), ("accept-ranges", "bytes".to_owned())]
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let world = world();
    let rest = [("content-range", "bytes 4-9/10"), ("etag", "\"v1\"")];
    world.origin.plan(A, [Plan::Cut(tagged(), b"0123456789".to_vec(), 4), status(206, &rest, b"456789")]);
    world.downloads("s", &[A]);
    world.pass(5 * SECOND);
    assert_eq!(world.origin.log(), [format!("GET {A}"), format!("GET {A} range=bytes=4- if-range=\"v1\"")]);
    assert_eq!(world.seen(), "00:01.000 t1 file 206 \"0123456789\"\n00:01.000 t1 complete Some(206) None");
}

#[test]
fn whatever_a_server_makes_of_a_range_the_bytes_are_right() {
    let whole = status(200, &[("etag", "\"v2\"")], b"abc");
    let merged = status(206, &[("content-range", "bytes 0-9/10"), ("etag", "\"v1\"")], b"0123456789");
    let other = status(206, &[("content-range", "bytes 4-9/10"), ("etag", "\"v2\"")], b"efghij");
    let beyond = status(416, &[], b"no");
    for (answers, expected) in [
        (vec![whole.clone()], "abc"),
        (vec![merged, whole.clone()], "abc"),
        (vec![other, whole.clone()], "abc"),
        (vec![beyond, whole], "abc"),
    ] {
        let world = world();
        let mut plans = vec![Plan::Cut(tagged(), b"0123456789".to_vec(), 4)];
        plans.extend(answers);
        world.origin.plan(A, plans);
        world.downloads("s", &[A]);
        world.pass(5 * SECOND);
        let file = format!("00:01.000 t1 file 200 {expected:?}\n00:01.000 t1 complete Some(200) None");
        assert_eq!(world.seen(), file);
    }
}

#[test]
fn without_a_validator_it_begins_again_from_zero() {
    let world = world();
    world.origin.plan(A, [Plan::Cut(Vec::new(), b"0123456789".to_vec(), 4), ok(b"0123456789")]);
    world.downloads("s", &[A]);
    world.pass(5 * SECOND);
    assert_eq!(world.origin.log(), [format!("GET {A}"), format!("GET {A}")]);
    assert!(world.seen().contains("\"0123456789\""));
}

#[test]
fn a_stalled_exchange_is_tried_again_and_the_resource_timeout_is_exact() {
    let world = world();
    world.origin.plan(A, [Plan::Stall]);
    let configuration = Configuration {
        resource_timeout: 200 * SECOND,
        ..Configuration::background(SessionId::new("s").unwrap())
    };
    world.downloads_with(configuration, &[A]);
    world.pass(600 * SECOND);
    // At 0 s, 61 s (60 + 1), 123 s (60 + 2), 187 s (60 + 4).
    assert_eq!(world.origin.log().len(), 4);
    assert_eq!(world.seen(), "03:20.000 t1 complete None Some(TimedOut)");
}

#[test]
fn offline_it_waits_and_a_lost_link_is_no_error() {
    let world = world();
    let link = |link| {
        let mut conditions = Conditions::default();
        conditions.link = link;
        world.conditions(conditions);
    };
    world.origin.plan(A, [Plan::Stall, ok(b"x")]);
    let wifi_only = Configuration {
        allows_cellular_access: false,
        ..Configuration::background(SessionId::new("s").unwrap())
    };
    link(Link::Cellular);
    world.downloads_with(wifi_only, &[A]);
    world.pass(100 * SECOND);
    assert_eq!(world.origin.log().len(), 0, "the forbidden link was used");
    link(Link::Wifi);
    assert_eq!(world.origin.log().len(), 1);
    world.pass(SECOND);
    link(Link::Offline);
    world.pass(100 * SECOND);
    assert_eq!(world.origin.log().len(), 1);
    link(Link::Wifi);
    assert_eq!(world.seen(), "03:21.000 t1 file 200 \"x\"\n03:21.000 t1 complete Some(200) None");
}

#[test]
fn nothing_goes_out_before_the_earliest_begin_date() {
    let world = world();
    world.origin.plan(A, [ok(b"x")]);
    let app = Arc::clone(&world.app);
    world.run(async move {
        let session = app.open(Configuration::background(SessionId::new("s").unwrap())).await;
        let date = Time::ZERO + 900 * SECOND;
        let options = TransferOptions { earliest_begin_date: Some(date), ..TransferOptions::default() };
        let id = session.download(Request::get(A), options).await.unwrap();
        session.resume(id).await.unwrap();
    });
    world.change(AppChange::Crashed);
    world.pass(899 * SECOND);
    assert_eq!(world.origin.log().len(), 0);
    world.pass(SECOND);
    // The delegate had a say, so this is a wake of its own.
    let seen = world.seen();
    assert!(seen.contains("15:00.000 handle [#1 URL session s]"), "{seen}");
    assert_eq!(world.origin.log().len(), 1);
}

#[test]
fn http_errors_are_answers() {
    let world = world();
    world.origin.plan(A, [status(503, &[], b"busy")]);
    world.downloads("s", &[A]);
    assert_eq!(world.seen(), "00:00.000 t1 file 503 \"busy\"\n00:00.000 t1 complete Some(503) None");
}

#[test]
fn redirects_are_followed_and_secrets_stay_at_home() {
    let world = world();
    let (b, c) = ("http://b.test/y", "http://a.test/z");
    world.origin.plan(A, [status(302, &[("location", "/z")], b"")]);
    world.origin.plan(c, [status(307, &[("location", b)], b"")]);
    world.origin.plan(b, [ok(b"there")]);
    let app = Arc::clone(&world.app);
    world.run(async move {
        let session = app.open(Configuration::background(SessionId::new("s").unwrap())).await;
        let headers =
            vec![("authorization".to_owned(), "Bearer 1".to_owned()), ("x".to_owned(), "y".to_owned())];
        let request = Request { headers, ..Request::get(A) };
        let id = session.download(request, TransferOptions::default()).await.unwrap();
        session.resume(id).await.unwrap();
    });
    let secret = "authorization=Bearer 1 x=y";
    assert_eq!(
        world.origin.log(),
        [format!("GET {A} {secret}"), format!("GET {c} {secret}"), format!("GET {b} x=y")]
    );
    assert_eq!(world.seen(), "00:00.000 t1 file 200 \"there\"\n00:00.000 t1 complete Some(200) None");
}

#[test]
fn endless_and_impossible_redirects_end_the_transfer() {
    for location in [A, "ftp://a.test/", "http://["] {
        let world = world();
        world.origin.plan(A, [status(302, &[("location", location)], b"")]);
        world.downloads("s", &[A]);
        assert!(world.seen().starts_with("00:00.000 t1 complete None Some(BadRedirect"));
        assert!(world.origin.log().len() <= 17);
    }
}

#[test]
fn a_credential_is_used_again_for_its_origin_and_no_other() {
    let world = world();
    let credential = Credential::password("u", "p");
    world.app.behaviour.lock().unwrap().answers = vec![
        ChallengeDisposition::UseCredential(Some(credential)),
        ChallengeDisposition::PerformDefaultHandling,
    ];
    let basic = status(401, &[("www-authenticate", "Basic realm=\"r\"")], b"who?");
    let (second, other) = ("http://a.test/2", "http://a.test:81/3");
    world.origin.plan(A, [basic.clone(), ok(b"1")]);
    world.origin.plan(second, [ok(b"2")]);
    world.origin.plan(other, [basic]);
    let session = world.downloads("s", &[A]);
    world.run(async move {
        for url in [second, other] {
            let id = session.download(Request::get(url), TransferOptions::default()).await.unwrap();
            session.resume(id).await.unwrap();
        }
    });
    let login = "authorization=Basic dTpw";
    assert_eq!(
        world.origin.log(),
        [
            format!("GET {A}"),
            format!("GET {A} {login}"),
            format!("GET {second} {login}"),
            format!("GET {other}")
        ]
    );
    assert!(world.seen().ends_with("t3 file 401 \"who?\"\n00:00.000 t3 complete Some(401) None"));
}

#[test]
fn every_disposition_does_what_it_says() {
    let world = world();
    let wrong = Credential::password("u", "wrong");
    world.app.behaviour.lock().unwrap().answers = vec![
        ChallengeDisposition::RejectProtectionSpace,
        ChallengeDisposition::UseCredential(Some(wrong)),
        ChallengeDisposition::CancelAuthenticationChallenge,
    ];
    let both = "Basic realm=\"b\", Digest realm=\"d\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    world.origin.plan(A, [status(401, &[("www-authenticate", both)], b"who?")]);
    world.downloads("s", &[A]);
    assert_eq!(
        world.seen(),
        "00:00.000 t1 challenge HttpDigest Some(\"d\") None 0
00:00.000 t1 challenge HttpBasic Some(\"b\") None 0
00:00.000 t1 challenge HttpDigest Some(\"d\") Some(Password(\"u\", …)) 1
00:00.000 t1 complete None Some(UserCancelledAuthentication)"
    );
}

#[test]
fn an_unanswered_challenge_fails_at_the_resource_timeout_and_blocks_nobody() {
    let world = world();
    let basic = status(401, &[("www-authenticate", "Basic realm=\"r\"")], b"who?");
    let second = "http://a.test/2";
    world.origin.plan(A, [basic]);
    world.origin.plan(second, [ok(b"2")]);
    let configuration = Configuration {
        resource_timeout: 100 * SECOND,
        maximum_connections_per_host: 1,
        ..Configuration::background(SessionId::new("s").unwrap())
    };
    world.downloads_with(configuration, &[A, second]);
    world.pass(200 * SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 t1 challenge HttpBasic Some(\"r\") None 0
00:00.000 t2 file 200 \"2\"
00:00.000 t2 complete Some(200) None
01:40.000 t1 complete None Some(TimedOut)"
    );
}

#[test]
fn a_cancelled_download_can_be_taken_up_again_once() {
    let world = world();
    let rest = [("content-range", "bytes 4-9/10"), ("etag", "\"v1\"")];
    world.origin.plan(A, [Plan::Cut(tagged(), b"0123456789".to_vec(), 4), status(206, &rest, b"456789")]);
    let session = world.downloads("s", &[A]);
    world.run(async move {
        let id = session.transfers().await.unwrap()[0].id;
        let data = session.cancel_by_producing_resume_data(id).await.unwrap().expect("it can be resumed");
        let again = session.download_resuming(data.clone(), TransferOptions::default()).await.unwrap();
        session.resume(again).await.unwrap();
        let twice = session.download_resuming(data, TransferOptions::default()).await;
        assert!(matches!(twice, Err(SessionError::BadResumeData { .. })));
    });
    let seen = world.seen();
    let tail: Vec<&str> = seen.lines().skip(1).collect();
    assert_eq!(
        tail,
        [
            "00:00.000 t2 resumed at 4 of Some(10)",
            "00:00.000 t2 file 206 \"0123456789\"",
            "00:00.000 t2 complete Some(206) None"
        ]
    );
}

#[test]
fn invalidation_says_goodbye_once_and_last_and_frees_the_name() {
    let world = world();
    world.origin.plan(A, [Plan::Stall]);
    let session = world.downloads("s", &[A]);
    world.run(async move {
        session.invalidate_and_cancel().await;
        let refused = session.download(Request::get(A), TransferOptions::default()).await;
        assert_eq!(refused.unwrap_err(), SessionError::Invalidated);
    });
    assert_eq!(
        world.seen(),
        "00:00.000 t1 complete None Some(Cancelled { reason: App, resume_data: None })\n00:00.000 s invalid"
    );
    world.origin.plan(A, [ok(b"fresh")]);
    world.downloads("s", &[A]);
    assert!(world.seen().contains("t1 file 200 \"fresh\""));
}

#[test]
fn an_upload_sends_its_file_again_after_a_temporary_redirect() {
    let world = world();
    let to = "http://a.test/to";
    world.origin.plan(A, [status(307, &[("location", "/to")], b"")]);
    world.origin.plan(to, [status(201, &[], b"thanks")]);
    let file = FilePath::new("mine/out");
    world.storage.append(&file, b"12345").unwrap();
    let app = Arc::clone(&world.app);
    world.run(async move {
        let session = app.open(Configuration::background(SessionId::new("s").unwrap())).await;
        let request = Request { method: Method::Put, ..Request::get(A) };
        let id = session.upload(request, &file, TransferOptions::default()).await.unwrap();
        session.resume(id).await.unwrap();
        let gone = FilePath::new("gone");
        let refused = session.upload(Request::post(A), &gone, TransferOptions::default()).await;
        assert!(matches!(refused, Err(SessionError::NoSuchFile { .. })));
    });
    assert_eq!(world.origin.log(), [format!("PUT {A} body=5"), format!("PUT {to} body=5")]);
    assert_eq!(world.seen(), "00:00.000 t1 complete Some(201) None");
}

#[test]
fn what_is_started_behind_the_users_back_waits_for_better_conditions() {
    let world = world();
    let (own, foreign) = ("http://a.test/own", "http://a.test/foreign");
    world.origin.plan(own, [ok(b"x")]);
    world.origin.plan(foreign, [ok(b"x")]);
    let mut conditions = Conditions::default();
    conditions.favourable = false;
    world.conditions(conditions);
    let session = world.downloads("s", &[own]);
    assert_eq!(world.origin.log().len(), 1, "started in front: not held");
    let hold = |seconds: u32| {
        *world.app.state.lock().unwrap() = AppState::Background;
        world.service.device_changed(&DeviceChange::App(AppChange::Backgrounded));
        let session = Arc::clone(&session);
        world.run(async move {
            let id = session.download(Request::get(foreign), TransferOptions::default()).await.unwrap();
            session.resume(id).await.unwrap();
        });
        world.pass(seconds * SECOND);
    };
    hold(3_599);
    assert_eq!(world.origin.log().len(), 1);
    world.pass(SECOND);
    assert_eq!(world.origin.log().len(), 2, "held no longer than the policy says");
    hold(10);
    assert_eq!(world.origin.log().len(), 2);
    world.service.device_changed(&DeviceChange::App(AppChange::Foregrounded));
    world.run(async {});
    assert_eq!(world.origin.log().len(), 3, "the user came: no reason to hold it any more");
}

#[test]
fn no_file_is_left_behind() {
    let world = world();
    world.origin.plan(A, [Plan::Cut(tagged(), b"0123456789".to_vec(), 4), Plan::Stall]);
    let session = world.downloads("s", &[A]);
    let part = FilePath::new("bgsession/0/1.part");
    assert_eq!(world.storage.len(&part).unwrap(), 4);
    world.run(async move { session.cancel(TransferId::new(1)).await.unwrap() });
    assert!(world.storage.len(&part).is_err());
    world.origin.plan(A, [ok(b"x")]);
    world.downloads("s", &[A]);
    assert!(world.seen().contains("t2 file 200"));
    assert!(world.storage.len(&FilePath::new("bgsession/0/2.part")).is_err());
}

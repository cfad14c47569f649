//! Who waits for what, and what an exchange begins with.

use std::sync::Arc;
use std::time::Duration;

use bgsession_reference::contract::*;

use crate::origin::{Plan, ok, status};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const A: &str = "http://a.test/x";
const B: &str = "http://b.test/y";
const C: &str = "http://a.test/z";

fn world() -> World {
    let world = World::new(Policy::default());
    world.change(AppChange::Foregrounded);
    world.seen();
    world
}

fn background() -> Configuration {
    Configuration::background(SessionId::new("s").unwrap())
}

fn tagged() -> Vec<(&'static str, String)> {
    vec![("etag", "\"v1\"".to_owned()), ("accept-ranges", "bytes".to_owned())]
}

#[test]
fn all_that_wait_for_one_connection_get_it_in_their_order() {
    let world = world();
    let (two, three) = ("http://a.test/2", "http://a.test/3");
    world.origin.plan(A, [Plan::Stall]);
    world.origin.plan(two, [ok(b"2")]);
    world.origin.plan(three, [ok(b"3")]);
    let session = world
        .downloads_with(Configuration { maximum_connections_per_host: 1, ..background() }, &[A, two, three]);
    assert_eq!(world.origin.log().len(), 1);
    world.run(async move { session.cancel(TransferId::new(1)).await.unwrap() });
    assert_eq!(world.origin.log()[1..], [format!("GET {two}"), format!("GET {three}")]);
}

#[test]
fn after_a_loss_a_redirected_transfer_begins_at_the_address_that_the_app_gave() {
    let world = world();
    world.origin.plan(A, [status(302, &[("location", B)], b"")]);
    world.origin.plan(B, [Plan::Refuse, ok(b"x")]);
    world.downloads("s", &[A]);
    world.pass(5 * SECOND);
    assert_eq!(world.origin.log(), [A, B, A, B].map(|url| format!("GET {url}")));
}

#[test]
fn a_body_that_a_redirect_has_left_behind_does_not_come_back() {
    let world = world();
    world.origin.plan(A, [status(303, &[("location", C)], b"")]);
    world.origin.plan(C, [status(307, &[("location", "/w")], b"")]);
    world.origin.plan("http://a.test/w", [ok(b"x")]);
    let file = FilePath::new("mine/out");
    world.storage.append(&file, b"12345").unwrap();
    let app = Arc::clone(&world.app);
    world.run(async move {
        let session = app.open(background()).await;
        let headers = [("content-type", "text/plain"), ("x", "y")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let request = Request { headers, ..Request::post(A) };
        let id = session.upload(request, &file, TransferOptions::default()).await.unwrap();
        session.resume(id).await.unwrap();
    });
    assert_eq!(
        world.origin.log(),
        [
            format!("POST {A} content-type=text/plain x=y body=5"),
            format!("GET {C} x=y"),
            "GET http://a.test/w x=y".to_owned()
        ]
    );
    assert!(world.storage.len(&FilePath::new("bgsession/0/1.part")).is_err(), "its answer is for nobody");
}

#[test]
fn so_many_redirects_and_not_one_more() {
    for (limit, ends) in [(2, "Some(BadRedirect"), (3, "None")] {
        let world = World::new(Policy { redirect_limit: limit, ..Policy::default() });
        world.change(AppChange::Foregrounded);
        let hop = |to| status(302, &[("location", to)], b"");
        let chain = [(A, hop("/1")), ("http://a.test/1", hop("/2")), ("http://a.test/2", hop("/3"))];
        for (url, plan) in chain.into_iter().chain([("http://a.test/3", ok(b"x"))]) {
            world.origin.plan(url, [plan]);
        }
        world.downloads("s", &[A]);
        assert!(world.seen().lines().last().is_some_and(|line| line.contains(ends)), "{limit}");
        assert_eq!(world.origin.log().len(), 1 + limit as usize);
    }
}

#[test]
fn a_server_that_gives_less_of_a_range_than_was_asked_for_is_asked_for_the_rest() {
    let world = world();
    let part = |range, bytes| status(206, &[("content-range", range), ("etag", "\"v1\"")], bytes);
    let rest = [part("bytes 4-6/10", &b"456"[..]), part("bytes 7-9/10", &b"789"[..])];
    world.origin.plan(A, [Plan::Cut(tagged(), b"0123456789".to_vec(), 4)].into_iter().chain(rest));
    world.downloads("s", &[A]);
    world.pass(5 * SECOND);
    assert!(world.origin.log()[2].ends_with("range=bytes=7- if-range=\"v1\""));
    assert!(world.seen().contains("t1 file 206 \"0123456789\""));
}

#[test]
fn a_range_of_the_apps_own_is_not_mixed_with_another() {
    let world = world();
    world.origin.plan(A, [Plan::Cut(tagged(), b"0123456789".to_vec(), 4), ok(b"0123456789")]);
    let app = Arc::clone(&world.app);
    world.run(async move {
        let session = app.open(background()).await;
        let request =
            Request { headers: vec![("range".to_owned(), "bytes=5-".to_owned())], ..Request::get(A) };
        let id = session.download(request, TransferOptions::default()).await.unwrap();
        session.resume(id).await.unwrap();
    });
    world.pass(5 * SECOND);
    assert_eq!(world.origin.log(), [format!("GET {A} range=bytes=5-"), format!("GET {A} range=bytes=5-")]);
}

#[test]
fn held_for_better_conditions_once_and_not_for_a_retry() {
    let world = world();
    world.origin.plan(A, [Plan::Refuse, ok(b"x")]);
    let mut conditions = Conditions::default();
    conditions.favourable = false;
    world.conditions(conditions);
    world.downloads_with(Configuration { is_discretionary: true, ..background() }, &[A]);
    world.pass(3_601 * SECOND);
    assert_eq!(world.origin.log().len(), 2, "an hour, and a second for the retry");
}

#[test]
fn what_is_the_apps_own_is_not_held_at_all() {
    let world = world();
    world.origin.plan(A, [ok(b"x")]);
    let mut conditions = Conditions::default();
    conditions.favourable = false;
    world.conditions(conditions);
    let own = Configuration::in_process(SessionId::new("own").unwrap());
    world.downloads_with(Configuration { is_discretionary: true, ..own }, &[A]);
    assert_eq!(world.origin.log().len(), 1);
}

#[test]
fn a_newborn_that_was_suspended_besides_needs_two_resumes_and_its_time_does_not_run_before() {
    let world = world();
    world.origin.plan(A, [ok(b"x")]);
    let app = Arc::clone(&world.app);
    let session = world.run(async move {
        let session = app.open(Configuration { resource_timeout: 100 * SECOND, ..background() }).await;
        let id = session.download(Request::get(A), TransferOptions::default()).await.unwrap();
        session.suspend(id).await.unwrap();
        session.resume(id).await.unwrap();
        session
    });
    world.pass(200 * SECOND);
    assert_eq!((world.seen(), world.origin.log().len()), (String::new(), 0));
    let listed = Arc::clone(&session);
    let states = world.run(async move {
        let before = listed.transfers().await.unwrap()[0].state;
        listed.suspend(TransferId::new(1)).await.unwrap();
        listed.resume(TransferId::new(1)).await.unwrap();
        (before, listed.transfers().await.unwrap()[0].state)
    });
    assert_eq!(states, (TransferState::Suspended, TransferState::Suspended));
    world.run(async move { session.resume(TransferId::new(1)).await.unwrap() });
    assert!(world.seen().ends_with("t1 complete Some(200) None"));
}

#[test]
fn the_state_of_what_is_under_way_is_running() {
    let world = world();
    world.origin.plan(A, [Plan::Stall]);
    let session = world.downloads("s", &[A]);
    let state = world.run(async move { session.transfers().await.unwrap()[0].state });
    assert_eq!(state, TransferState::Running);
}

#[test]
fn progress_is_told_to_an_app_that_runs_and_kept_for_none_that_does_not() {
    let world = world();
    world.app.behaviour.lock().unwrap().tells_progress = true;
    world.origin.plan(A, [ok(b"0123456789")]);
    world.downloads("s", &[A]);
    assert!(world.seen().starts_with("00:00.000 t1 wrote 10, 10 of Some(10)\n"));
    let file = FilePath::new("mine/out");
    world.storage.append(&file, b"12345").unwrap();
    world.origin.plan(B, [status(201, &[], b"thanks")]);
    let app = Arc::clone(&world.app);
    world.run(async move {
        let session = app.open(background()).await;
        let id = session.upload(Request::post(B), &file, TransferOptions::default()).await.unwrap();
        session.resume(id).await.unwrap();
    });
    assert_eq!(world.seen(), "00:00.000 t2 sent 5, 5 of 5\n00:00.000 t2 complete Some(201) None");
    world.origin.plan(C, [Plan::Cut(tagged(), b"0123456789".to_vec(), 4), Plan::Stall]);
    world.app.behaviour.lock().unwrap().hangs_at = Some(6);
    world.downloads("s", &[C]);
    assert_eq!(world.seen(), "00:00.000 t3 wrote 4, 4 of Some(10)");
    world.change(AppChange::Crashed);
    world.change(AppChange::Foregrounded);
    world.run(Arc::clone(&world.app).reopen());
    assert_eq!(world.seen(), "00:00.000 app Crashed\n00:00.000 app Foregrounded");
}

#[test]
fn the_scheduler_begins_to_work_with_whatever_it_is_asked_first() {
    let world = World::new(Policy::default());
    let scheduler = Arc::clone(&world.scheduler);
    world.run(async move {
        let date = Time::ZERO + 20 * SECOND;
        scheduler.schedule_background_refresh(date, None).await.unwrap();
    });
    let tasks = world.executor.tasks();
    world.conditions(Conditions::default());
    assert_eq!(world.executor.tasks(), tasks, "and once");
    world.pass(60 * SECOND);
    assert!(world.seen().contains("00:20.000 handle [#1 application refresh]"));
}

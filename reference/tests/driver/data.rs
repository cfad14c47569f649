//! Data transfers, which last as long as the app's time, and what becomes of those that the app turns into downloads.

use std::time::Duration;

use bgsession_reference::contract::*;

use crate::origin::{Plan, ok};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const A: &str = "http://a.test/x";

fn world(disposition: Option<ResponseDisposition>) -> World {
    let world = World::new(Policy::default());
    world.app.behaviour.lock().unwrap().disposition = disposition;
    world.change(AppChange::Foregrounded);
    world.seen();
    world
}

fn tagged() -> Vec<(&'static str, String)> {
    vec![("etag", "\"v1\"".to_owned()), ("accept-ranges", "bytes".to_owned())]
}

#[test]
fn a_running_app_is_given_the_bytes() {
    let world = world(Some(ResponseDisposition::Allow));
    world.origin.plan(A, [ok(b"0123")]);
    world.data("s", A);
    world.pass(SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 t1 response 200\n00:00.000 t1 data \"0123\"\n00:00.000 t1 complete Some(200) None"
    );
    assert_eq!(world.storage.len(&FilePath::new("bgsession/0/1.part")).ok(), None, "nothing is left behind");
}

#[test]
fn it_fails_with_the_apps_time_and_nobody_is_woken_for_it() {
    let world = world(Some(ResponseDisposition::Allow));
    world.origin.plan(A, [Plan::Stall]);
    world.data("s", A);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    assert_eq!(world.seen(), "00:00.000 app Backgrounded\n00:00.000 app Suspended");
    world.change(AppChange::Foregrounded);
    world.pass(SECOND);
    assert_eq!(world.seen(), "01:00.000 app Foregrounded\n01:00.000 t1 complete None Some(Disconnected)");
}

#[test]
fn turned_into_a_download_it_goes_on_with_all_that_had_arrived() {
    let world = world(Some(ResponseDisposition::BecomeDownload));
    let rest = [("content-range", "bytes 4-9/10"), ("etag", "\"v1\"")];
    let rest = crate::origin::status(206, &rest, b"456789");
    world.origin.plan(A, [Plan::Cut(tagged(), b"0123456789".to_vec(), 4), rest]);
    world.data("s", A);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 t1 response 200
00:00.000 t1 became a download
00:00.000 app Backgrounded
00:00.000 app Suspended
00:01.000 app Resumed
00:01.000 handle [#1 URL session s]
00:01.000 t1 file 206 \"0123456789\"
00:01.000 t1 complete Some(206) None
00:01.000 s events finished
00:01.000 app Suspended"
    );
}

#[test]
fn bytes_that_were_given_can_not_be_taken_back() {
    let world = world(Some(ResponseDisposition::Allow));
    world.origin.plan(A, [Plan::Cut(Vec::new(), b"0123456789".to_vec(), 4), ok(b"0123456789")]);
    world.data("s", A);
    world.pass(5 * SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 t1 response 200
00:00.000 t1 data \"0123\"
00:01.000 t1 complete Some(200) Some(ConnectionLost)"
    );
}

#[test]
fn without_a_word_from_the_app_it_waits() {
    let world = world(None);
    world.origin.plan(A, [ok(b"0123")]);
    world.data("s", A);
    world.pass(60 * SECOND);
    assert_eq!(world.seen(), "00:00.000 t1 response 200");
}

#[test]
fn bytes_that_went_with_a_process_are_not_told_as_a_success_to_the_next() {
    let world = world(Some(ResponseDisposition::Allow));
    world.origin.plan(A, [ok(b"0123")]);
    world.app.behaviour.lock().unwrap().hangs_at = Some(2);
    world.data("s", A);
    assert_eq!(world.seen(), "00:00.000 t1 response 200\n00:00.000 t1 data \"0123\"");
    world.change(AppChange::Crashed);
    world.change(AppChange::Foregrounded);
    world.run(std::sync::Arc::clone(&world.app).reopen());
    let seen = world.seen();
    assert!(seen.contains("t1 complete Some(200) Some(Disconnected)"), "{seen}");
    assert!(!seen.contains("data"), "what is left of them is of no use to it: {seen}");
}

#[test]
fn what_waits_for_the_app_is_told_when_the_last_data_transfer_has_gone_with_its_time() {
    let world = world(None);
    world.origin.plan(A, [ok(b"0123")]);
    let other = "http://a.test/y";
    world.origin.plan(other, [Plan::Stall]);
    world.app.behaviour.lock().unwrap().hangs_at = Some(1);
    world.data("s", other);
    world.downloads("s", &[A]);
    world.change(AppChange::Backgrounded);
    world.pass(SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 t2 file 200 \"0123\"
00:00.000 app Backgrounded
00:00.000 app Suspended
00:00.000 app Resumed
00:00.000 handle [#1 URL session s]"
    );
}

/// Opens an in-process session and starts a download in it.
fn own_download(world: &World) -> std::sync::Arc<dyn Session> {
    world.downloads_with(Configuration::in_process(SessionId::new("own").unwrap()), &[A])
}

#[test]
fn what_is_the_apps_own_stops_with_it_and_wakes_nobody() {
    let world = world(None);
    world.origin.plan(A, [Plan::Refuse, ok(b"0123")]);
    own_download(&world);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    assert_eq!(world.seen(), "00:00.000 app Backgrounded\n00:00.000 app Suspended");
    assert_eq!(world.origin.log().len(), 1, "no request while it is suspended");
    world.change(AppChange::Foregrounded);
    world.pass(SECOND);
    assert_eq!(
        world.seen(),
        "01:00.000 app Foregrounded\n01:00.000 t1 file 200 \"0123\"\n01:00.000 t1 complete Some(200) None"
    );
}

#[test]
fn what_is_the_apps_own_ends_with_its_process() {
    let world = world(None);
    world.origin.plan(A, [Plan::Refuse, ok(b"0123")]);
    own_download(&world);
    world.change(AppChange::Crashed);
    world.pass(60 * SECOND);
    world.change(AppChange::Foregrounded);
    world.pass(60 * SECOND);
    assert_eq!(world.origin.log().len(), 1, "nobody goes on with it");
    assert!(!world.seen().contains("t1"), "and nobody is told");
    own_download(&world);
    world.pass(SECOND);
    assert!(world.seen().contains("t1 complete Some(200) None"), "the name is used afresh");
}

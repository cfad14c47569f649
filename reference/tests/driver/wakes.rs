//! Wakes: when the app is woken, what it hears then, and when it is suspended.

use std::time::Duration;

use bgsession_reference::contract::*;

use crate::origin::{Plan, ok, status};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const A: &str = "http://a.test/1";
const B: &str = "http://a.test/2";

fn world() -> World {
    let world = World::new(Policy::default());
    world.change(AppChange::Foregrounded);
    world
}

#[test]
fn the_plain_path_is_one_wake_after_the_last_of_two_downloads() {
    let world = world();
    world.origin.plan(A, [Plan::Refuse, ok(b"one")]);
    world.origin.plan(B, [Plan::Refuse, Plan::Refuse, ok(b"two")]);
    world.downloads("s", &[A, B]);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 app Foregrounded
00:00.000 app Backgrounded
00:00.000 app Suspended
00:03.000 app Resumed
00:03.000 handle [#1 URL session s]
00:03.000 t1 file 200 \"one\"
00:03.000 t1 complete Some(200) None
00:03.000 t2 file 200 \"two\"
00:03.000 t2 complete Some(200) None
00:03.000 s events finished
00:03.000 app Suspended"
    );
}

#[test]
fn a_login_wakes_the_app_and_ends_its_own_drain() {
    let world = world();
    world.app.behaviour.lock().unwrap().answers =
        vec![ChallengeDisposition::UseCredential(Some(Credential::password("user", "open sesame")))];
    let basic = status(401, &[("www-authenticate", "Basic realm=\"r\"")], b"who?");
    world.origin.plan(A, [Plan::Refuse, basic, ok(b"secret")]);
    world.origin.plan(B, [Plan::Refuse, Plan::Refuse, ok(b"late")]);
    world.downloads("s", &[A, B]);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 app Foregrounded
00:00.000 app Backgrounded
00:00.000 app Suspended
00:01.000 app Resumed
00:01.000 handle [#1 URL session s]
00:01.000 t1 challenge HttpBasic Some(\"r\") None 0
00:01.000 s events finished
00:01.000 app Suspended
00:03.000 app Resumed
00:03.000 handle [#2 URL session s]
00:03.000 t1 file 200 \"secret\"
00:03.000 t1 complete Some(200) None
00:03.000 t2 file 200 \"late\"
00:03.000 t2 complete Some(200) None
00:03.000 s events finished
00:03.000 app Suspended"
    );
    let requests = world.origin.log();
    assert!(
        requests.contains(&format!("GET {A} authorization=Basic dXNlcjpvcGVuIHNlc2FtZQ==")),
        "{requests:?}"
    );
}

#[test]
fn an_app_killed_in_the_middle_of_a_drain_gets_the_rest_at_its_next_launch() {
    let world = world();
    world.origin.plan(A, [Plan::Refuse, ok(b"one")]);
    world.downloads("s", &[A]);
    world.change(AppChange::Backgrounded);
    world.app.behaviour.lock().unwrap().hangs_at = Some(2);
    world.pass(5 * SECOND);
    world.change(AppChange::Crashed);
    world.pass(60 * SECOND);
    world.change(AppChange::Foregrounded);
    world.run(std::sync::Arc::clone(&world.app).reopen());
    assert_eq!(
        world.seen(),
        "00:00.000 app Foregrounded
00:00.000 app Backgrounded
00:00.000 app Suspended
00:01.000 app Resumed
00:01.000 handle [#1 URL session s]
00:01.000 t1 file 200 \"one\"
00:01.000 t1 complete Some(200) None
00:05.000 app Crashed
01:05.000 app Foregrounded
01:05.000 t1 complete Some(200) None"
    );
}

#[test]
fn a_running_app_is_told_directly_and_not_woken() {
    let world = world();
    world.origin.plan(A, [ok(b"one")]);
    world.downloads("s", &[A]);
    world.change(AppChange::Backgrounded);
    assert_eq!(
        world.seen(),
        "00:00.000 app Foregrounded
00:00.000 t1 file 200 \"one\"
00:00.000 t1 complete Some(200) None
00:00.000 app Backgrounded
00:00.000 app Suspended"
    );
}

#[test]
fn the_fifth_wake_of_an_hour_waits_and_is_not_lost() {
    let world = world();
    for session in ["1", "2", "3", "4", "5"] {
        world.origin.plan(&format!("http://a.test/{session}"), [Plan::Refuse, ok(b"x")]);
        world.downloads(session, &[&format!("http://a.test/{session}")]);
    }
    world.change(AppChange::Backgrounded);
    world.pass(2 * 3600 * SECOND);
    let seen = world.seen();
    let handles: Vec<&str> = seen.lines().filter(|line| line.contains("handle")).collect();
    assert_eq!(
        handles,
        [
            "00:01.000 handle [#1 URL session 1, #2 URL session 2, #3 URL session 3, #4 URL session 4]",
            "1:00:01.000 handle [#5 URL session 5]"
        ]
    );
    assert_eq!(seen.lines().filter(|line| line.contains("events finished")).count(), 5);
}

#[test]
fn a_task_that_is_never_completed_expires_and_ends_the_app() {
    let world = world();
    world.app.behaviour.lock().unwrap().hoards = true;
    world.origin.plan(A, [Plan::Refuse, ok(b"one")]);
    world.downloads("s", &[A]);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    let seen = world.seen();
    let tail: Vec<&str> = seen.lines().skip(7).collect();
    assert_eq!(
        tail,
        ["00:01.000 s events finished", "00:14.000 expiring Some(\"s\")", "00:16.000 app Terminated(Wall)"]
    );
}

#[test]
fn in_front_no_allowance_counts() {
    let world = world();
    world.app.behaviour.lock().unwrap().hoards = true;
    world.origin.plan(A, [Plan::Refuse, ok(b"one")]);
    world.downloads("s", &[A]);
    world.change(AppChange::Backgrounded);
    world.pass(5 * SECOND);
    world.change(AppChange::Foregrounded);
    world.pass(60 * SECOND);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    let seen = world.seen();
    let tail: Vec<&str> = seen.lines().skip(8).collect();
    let expected = [
        "00:05.000 app Foregrounded",
        "01:05.000 app Backgrounded",
        "01:05.000 expiring Some(\"s\")",
        "01:07.000 app Terminated(Wall)",
    ];
    assert_eq!(tail, expected);
}

#[test]
fn without_launch_events_the_messages_wait_for_the_user() {
    let world = world();
    world.origin.plan(A, [Plan::Refuse, ok(b"one")]);
    let quiet = Configuration {
        sends_launch_events: false,
        ..Configuration::background(SessionId::new("s").unwrap())
    };
    world.downloads_with(quiet, &[A]);
    world.change(AppChange::Backgrounded);
    world.pass(60 * SECOND);
    world.change(AppChange::Purged);
    world.change(AppChange::Foregrounded);
    world.run(std::sync::Arc::clone(&world.app).reopen());
    assert_eq!(
        world.seen(),
        "00:00.000 app Foregrounded
00:00.000 app Backgrounded
00:00.000 app Suspended
01:00.000 app Purged
01:00.000 app Foregrounded
01:00.000 t1 file 200 \"one\"
01:00.000 t1 complete Some(200) None"
    );
}

#[test]
fn a_force_quit_cancels_everything_and_wakes_nobody() {
    let world = world();
    world.origin.plan(A, [Plan::Stall]);
    world.downloads("s", &[A]);
    world.change(AppChange::ForceQuit);
    world.pass(3600 * SECOND);
    world.change(AppChange::Foregrounded);
    world.run(std::sync::Arc::clone(&world.app).reopen());
    assert_eq!(
        world.seen(),
        "00:00.000 app Foregrounded
00:00.000 app ForceQuit
1:00:00.000 app Foregrounded
1:00:00.000 t1 complete None Some(Cancelled { reason: ForceQuit, resume_data: None })"
    );
}

#[test]
fn a_refresh_comes_once_not_before_its_date_with_its_user_info() {
    let world = world();
    let scheduler = std::sync::Arc::clone(&world.scheduler);
    world.run(async move {
        let later = |seconds| Time::ZERO + seconds * SECOND;
        scheduler.schedule_background_refresh(later(20), Some(UserInfo::new("old"))).await.unwrap();
        scheduler.schedule_background_refresh(later(30), Some(UserInfo::new("new"))).await.unwrap();
        let never = scheduler.schedule_background_refresh(Time::DISTANT_FUTURE, None).await;
        assert!(matches!(never, Err(ScheduleError::BadDate { .. })));
    });
    world.change(AppChange::Backgrounded);
    world.pass(3600 * SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 app Foregrounded
00:00.000 app Backgrounded
00:00.000 app Suspended
00:30.000 app Resumed
00:30.000 handle [#1 application refresh]
00:30.000 app Suspended"
    );
}

#[test]
fn everything_comes_to_rest_and_dropping_it_ends_the_tasks() {
    let world = world();
    world.origin.plan(A, [Plan::Stall]);
    world.downloads("s", &[A]);
    assert!(world.executor.tasks() > 0);
    let World { executor, app, scheduler, service, .. } = world;
    app.forget();
    drop((app, scheduler, service));
    executor.run();
    assert_eq!(executor.tasks(), 0);
}

#[test]
fn what_the_user_has_seen_meanwhile_wakes_nobody_when_its_turn_comes() {
    let world = world();
    world.origin.plan(A, [Plan::Refuse, ok(b"one")]);
    world.downloads("s", &[A]);
    world.change(AppChange::Backgrounded);
    let mut conditions = Conditions::default();
    conditions.busy = true;
    world.conditions(conditions);
    world.pass(60 * SECOND);
    world.change(AppChange::Foregrounded);
    assert!(world.seen().contains("t1 complete Some(200) None"), "SCH-22: it is told directly");
    world.change(AppChange::Backgrounded);
    world.conditions(Conditions::default());
    world.pass(60 * SECOND);
    assert_eq!(world.seen(), "01:00.000 app Backgrounded\n01:00.000 app Suspended");
}

#[test]
fn a_wake_that_is_not_wanted_any_more_is_not_even_asked_for() {
    let world = world();
    world.origin.plan(A, [ok(b"one")]);
    world.app.behaviour.lock().unwrap().hangs_at = Some(1);
    world.downloads("s", &[A]);
    world.seen();
    // The user is back before anything else has had its turn.
    for change in [AppChange::Backgrounded, AppChange::Suspended, AppChange::Foregrounded] {
        world.app.change(change);
    }
    world.pass(60 * SECOND);
    assert_eq!(
        world.seen(),
        "00:00.000 app Backgrounded\n00:00.000 app Suspended\n00:00.000 app Foregrounded"
    );
}

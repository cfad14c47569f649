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

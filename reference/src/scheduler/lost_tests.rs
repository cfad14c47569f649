//! The machine when deliveries do not arrive, when it stops, and when the app sleeps with tasks in its hands.

use super::machine::{Order, Output};
use super::machine_tests::{Bench, SECOND, session};
use crate::contract::*;

/// A delivery is begun; its orders.
fn begin(bench: &mut Bench) -> Vec<Order> {
    let Some(Output::Deliver(orders)) = bench.machine.poll(bench.now) else { panic!("a wake is due") };
    let tasks = bench.mint(orders.clone());
    bench.machine.minted(&tasks);
    orders
}

#[test]
fn a_lost_wake_that_was_taken_back_is_not_tried_again_and_the_others_are() {
    let mut bench = Bench::new(Policy::default());
    let (a, b) = (bench.machine.request_wake(&session("a")), bench.machine.request_wake(&session("b")));
    assert_eq!(begin(&mut bench).len(), 2);
    bench.machine.withdraw_wake(&session("a"));
    bench.machine.delivered(false, bench.now);
    assert_eq!(bench.pass(5 * SECOND), ["00:01.000 deliver URL session b"]);
    let handled = WakeOutcome::Handled(RefreshTaskId::new(3));
    assert_eq!(bench.answers, [(a, WakeOutcome::Withdrawn), (b, handled)]);
}

#[test]
fn a_wake_that_is_taken_back_before_its_turn_does_not_come_and_the_others_do() {
    let mut bench = Bench::new(Policy::default());
    let (a, b) = (bench.machine.request_wake(&session("a")), bench.machine.request_wake(&session("b")));
    bench.machine.withdraw_wake(&session("a"));
    assert_eq!(bench.settle(), ["deliver URL session b"]);
    let handled = WakeOutcome::Handled(RefreshTaskId::new(1));
    assert_eq!(bench.answers, [(a, WakeOutcome::Withdrawn), (b, handled)]);
}

#[test]
fn a_lost_wake_answers_who_has_asked_for_the_same_session_meanwhile_and_nobody_else() {
    let mut bench = Bench::new(Policy::default());
    let first = bench.machine.request_wake(&session("a"));
    begin(&mut bench);
    let other = bench.machine.request_wake(&session("b"));
    let second = bench.machine.request_wake(&session("a"));
    bench.machine.delivered(false, bench.now);
    assert_eq!(bench.pass(5 * SECOND), ["deliver URL session b", "00:01.000 deliver URL session a"]);
    let handled = |task| WakeOutcome::Handled(RefreshTaskId::new(task));
    assert_eq!(bench.answers, [(other, handled(2)), (first, handled(3)), (second, handled(3))]);
}

#[test]
fn what_is_lost_with_a_force_quit_is_not_tried_again() {
    let mut bench = Bench::new(Policy::default());
    let waiter = bench.machine.request_wake(&session("a"));
    begin(&mut bench);
    bench.change(AppChange::ForceQuit);
    bench.machine.delivered(false, bench.now);
    assert_eq!(bench.pass(5 * SECOND), [""; 0]);
    assert_eq!(bench.answers, [(waiter, WakeOutcome::Suppressed)]);
}

#[test]
fn whoever_waits_is_told_when_the_scheduler_stops() {
    let mut bench = Bench::new(Policy::default());
    let flying = bench.machine.request_wake(&session("a"));
    begin(&mut bench);
    let waiting = bench.machine.request_wake(&session("b"));
    bench.machine.stop();
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(bench.answers, [(waiting, WakeOutcome::Suppressed), (flying, WakeOutcome::Suppressed)]);
}

#[test]
fn triggers_are_not_for_sessions_nor_kept_after_a_force_quit() {
    let mut bench = Bench::new(Policy::default());
    let trigger = |bench: &mut Bench, kind| {
        bench.machine.device_changed(&DeviceChange::Trigger(SystemTrigger::new(kind)), bench.now);
    };
    trigger(&mut bench, RefreshKind::UrlSession(session("a")));
    bench.change(AppChange::ForceQuit);
    trigger(&mut bench, RefreshKind::WatchConnectivity);
    bench.change(AppChange::Foregrounded);
    assert_eq!(bench.settle(), [""; 0]);
}

#[test]
fn the_time_that_the_app_sleeps_is_not_taken_from_what_it_has_open() {
    let mut bench = Bench::new(Policy { at_allowance: AtAllowance::Suspend, ..Policy::default() });
    bench.machine.request_wake(&session("a"));
    bench.settle();
    bench.pass(10 * SECOND);
    bench.machine.request_wake(&session("b"));
    assert_eq!(bench.pass(60 * SECOND)[1..], ["00:13.000 expire #1", "00:15.000 suspend"]);
    bench.machine.request_wake(&session("c"));
    let seen = bench.pass(11 * SECOND);
    assert_eq!(seen[1..], ["01:18.000 expire #2", "01:20.000 suspend"], "SCH-17: 10 s of its 15 s were left");
}

#[test]
fn time_is_up_only_when_a_delivery_under_way_has_arrived() {
    let mut bench = Bench::new(Policy { at_allowance: AtAllowance::Suspend, ..Policy::default() });
    bench.machine.request_wake(&session("a"));
    bench.settle();
    bench.pass(14 * SECOND);
    bench.machine.request_wake(&session("b"));
    begin(&mut bench);
    bench.now += SECOND;
    assert!(bench.machine.poll(bench.now).is_none(), "it would be stuck in an app that sleeps");
    bench.machine.delivered(true, bench.now);
    assert_eq!(bench.settle(), ["suspend"]);
}

#[test]
fn a_visit_meanwhile_makes_up_for_it() {
    let mut bench = Bench::new(Policy { at_allowance: AtAllowance::Suspend, ..Policy::default() });
    bench.machine.request_wake(&session("a"));
    bench.settle();
    bench.pass(14 * SECOND);
    bench.machine.request_wake(&session("b"));
    begin(&mut bench);
    bench.now += SECOND;
    assert!(bench.machine.poll(bench.now).is_none());
    bench.change(AppChange::Foregrounded);
    bench.machine.delivered(true, bench.now);
    bench.change(AppChange::Backgrounded);
    assert_eq!(bench.settle(), [""; 0], "the second has its time");
}

#[test]
fn a_launch_has_the_more_of_time_that_the_policy_gives() {
    let allowances = Allowances { cold_start_extra: 10 * SECOND, ..Policy::default().allowances };
    let mut bench =
        Bench::new(Policy { allowances, at_allowance: AtAllowance::Suspend, ..Policy::default() });
    bench.machine.request_wake(&session("a"));
    bench.settle();
    assert_eq!(bench.pass(60 * SECOND), ["00:23.000 expire #1", "00:25.000 suspend"]);
    bench.machine.request_wake(&session("a"));
    assert_eq!(bench.pass(60 * SECOND)[1..], ["01:13.000 expire #2", "01:15.000 suspend"], "no launch");
}

#[test]
fn a_task_that_was_called_on_and_outlives_its_time_in_front_has_a_moment_left_behind() {
    let mut bench = Bench::new(Policy::default());
    bench.machine.request_wake(&session("a"));
    bench.settle();
    assert_eq!(bench.pass(14 * SECOND), ["00:13.000 expire #1"]);
    bench.change(AppChange::Foregrounded);
    assert_eq!(bench.pass(60 * SECOND), [""; 0]);
    bench.change(AppChange::Backgrounded);
    assert_eq!(bench.pass(60 * SECOND), ["01:16.000 terminate Wall"]);
}

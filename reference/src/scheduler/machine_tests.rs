//! The machine alone, step by step: every line is one output or one deadline.

use std::sync::Mutex;

use proptest::prelude::*;

use super::machine::{Order, Output, SchedulerMachine};
use super::wakes::WaiterId;
use crate::contract::*;
use crate::throttle::SlidingWindow;
use std::sync::Arc;
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A machine with the app end of every task it had made.
pub(super) struct Bench {
    pub(super) machine: SchedulerMachine,
    mint: TaskMint,
    reports: Arc<Mutex<Vec<(RefreshKind, CompletionReport)>>>,
    held: Vec<RefreshTask>,
    pub(super) now: Time,
    pub(super) answers: Vec<(WaiterId, WakeOutcome)>,
    app: AppState,
    /// Since when the app computes.
    computing: Option<Time>,
}

impl Bench {
    pub(super) fn new(policy: Policy) -> Self {
        let policy = Arc::new(policy);
        let budget = Box::new(SlidingWindow::new(policy.budget_window));
        Self {
            machine: SchedulerMachine::new(policy, budget, Conditions::default(), AppState::NotRunning),
            mint: TaskMint::new(Arc::new(())),
            reports: Arc::default(),
            held: Vec::new(),
            now: Time::ZERO,
            answers: Vec::new(),
            app: AppState::NotRunning,
            computing: None,
        }
    }

    /// What a driver measures before it asks the machine anything.
    fn measure(&mut self) {
        let used = self.computing.map_or(Duration::ZERO, |since| self.now.since(since));
        self.machine.measured(used);
    }

    pub(super) fn change(&mut self, change: AppChange) {
        self.app = change.state();
        if self.app == AppState::NotRunning {
            self.held.clear();
        }
        self.machine.device_changed(&DeviceChange::App(change), self.now);
    }

    pub(super) fn mint(&mut self, orders: Vec<Order>) -> Vec<SystemTask> {
        let make = |order: Order| {
            let (reports, kind) = (Arc::clone(&self.reports), order.kind.clone());
            self.mint.mint(order.kind, order.user_info, move |report| {
                reports.lock().unwrap().push((kind.clone(), report));
            })
        };
        orders.into_iter().map(make).collect()
    }

    /// Carries out everything that is due; deliveries arrive at once. What happened, one word each.
    pub(super) fn settle(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        for _ in 0..1_000 {
            let reports = std::mem::take(&mut *self.reports.lock().unwrap());
            for (kind, report) in reports {
                self.machine.completed(&kind, &report, self.now);
            }
            self.measure();
            let Some(output) = self.machine.poll(self.now) else {
                return seen;
            };
            match output {
                Output::Deliver(orders) => {
                    assert!(!orders.is_empty(), "SCH-01: a set is never empty");
                    let kinds: Vec<String> = orders.iter().map(|order| order.kind.to_string()).collect();
                    seen.push(format!("deliver {}", kinds.join(" + ")));
                    let tasks = self.mint(orders);
                    self.machine.minted(&tasks);
                    match self.app {
                        AppState::NotRunning => self.change(AppChange::Launched),
                        AppState::Suspended => self.change(AppChange::Resumed),
                        AppState::Background | AppState::Inactive | AppState::Active => {}
                    }
                    self.held.extend(tasks.iter().map(SystemTask::hand_over));
                    self.machine.delivered(true, self.now);
                }
                Output::Resolve(waiters, outcome) => {
                    self.answers.extend(waiters.into_iter().map(|waiter| (waiter, outcome)));
                }
                Output::Expire(task) => {
                    task.expire();
                    seen.push(format!("expire {}", task.id()));
                }
                Output::Suspend => {
                    seen.push("suspend".to_owned());
                    self.change(AppChange::Suspended);
                }
                Output::Terminate(how) => {
                    seen.push(format!("terminate {how:?}"));
                    self.change(AppChange::Terminated(how));
                }
            }
        }
        panic!("the machine never comes to rest");
    }

    pub(super) fn pass(&mut self, span: Duration) -> Vec<String> {
        let end = self.now + span;
        let mut seen = self.settle();
        for _ in 0..10_000 {
            let next = self.machine.deadline();
            assert!(next > self.now, "a deadline that has come would be a loop without end");
            if next > end {
                self.now = end;
                return seen;
            }
            self.now = next;
            let at = self.now;
            seen.extend(self.settle().into_iter().map(|line| format!("{at} {line}")));
        }
        panic!("time does not get on");
    }

    fn complete(&mut self, number: u64) {
        let id = RefreshTaskId::new(number);
        self.held.iter().find(|task| task.id() == id).expect("the app has it").set_task_completed();
    }
}

pub(super) fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

#[test]
fn two_sessions_share_a_set_but_never_a_task() {
    let mut bench = Bench::new(Policy::default());
    let waiters = ["a", "b", "a"].map(|name| bench.machine.request_wake(&session(name)));
    assert_eq!(bench.settle(), ["deliver URL session a + URL session b"]);
    let handled = |task| WakeOutcome::Handled(RefreshTaskId::new(task));
    assert_eq!(bench.answers, [(waiters[0], handled(1)), (waiters[2], handled(1)), (waiters[1], handled(2))]);
}

#[test]
fn queued_wakes_of_one_session_get_a_task_each_in_sets_of_their_own() {
    let policy = Policy { over_budget_wakes: OverBudgetWakes::Queue, ..Policy::default() };
    let mut bench = Bench::new(policy);
    bench.machine.request_wake(&session("a"));
    bench.machine.request_wake(&session("a"));
    assert_eq!(bench.settle(), ["deliver URL session a", "deliver URL session a"]);
}

#[test]
fn a_later_set_does_not_touch_the_tasks_of_an_earlier_one() {
    let mut bench = Bench::new(Policy::default());
    bench.machine.request_wake(&session("a"));
    bench.settle();
    bench.pass(5 * SECOND);
    bench.machine.request_wake(&session("b"));
    assert_eq!(bench.settle(), ["deliver URL session b"]);
    bench.complete(2);
    bench.complete(2);
    assert_eq!(bench.settle(), [""; 0], "SCH-05: #1 is still open");
    assert_eq!(bench.pass(8 * SECOND), ["00:13.000 expire #1"], "SCH-18: its own deadline");
    bench.complete(1);
    assert_eq!(bench.settle(), ["suspend"]);
}

#[test]
fn only_what_is_open_expires_and_the_end_is_enforced_as_the_policy_says() {
    for (at_allowance, end) in
        [(AtAllowance::Terminate, "00:15.000 terminate Wall"), (AtAllowance::Suspend, "00:15.000 suspend")]
    {
        let mut bench = Bench::new(Policy { at_allowance, ..Policy::default() });
        bench.machine.request_wake(&session("a"));
        bench.machine.request_wake(&session("b"));
        bench.settle();
        bench.complete(2);
        assert_eq!(bench.pass(60 * SECOND), ["00:13.000 expire #1", end]);
    }
}

#[test]
fn whoever_had_no_warning_in_front_gets_it_behind_with_the_time_that_belongs_to_it() {
    let mut bench = Bench::new(Policy { at_allowance: AtAllowance::Suspend, ..Policy::default() });
    bench.machine.request_wake(&session("a"));
    bench.pass(5 * SECOND);
    bench.change(AppChange::Foregrounded);
    bench.pass(9 * SECOND);
    bench.change(AppChange::Backgrounded);
    assert_eq!(bench.pass(60 * SECOND), ["expire #1", "00:16.000 suspend"], "at 14 s of its 15 s");
}

#[test]
fn held_by_conditions_it_comes_as_soon_as_they_allow() {
    let mut bench = Bench::new(Policy::default());
    let mut conditions = Conditions { busy: true, ..Conditions::default() };
    bench.machine.device_changed(&DeviceChange::Conditions(conditions), bench.now);
    bench.machine.request_wake(&session("a"));
    bench.machine.schedule_refresh(Time::ZERO + SECOND, None).unwrap();
    assert_eq!(bench.pass(3600 * SECOND), [""; 0]);
    conditions.busy = false;
    conditions.class = AppClass::Other;
    bench.machine.device_changed(&DeviceChange::Conditions(conditions), bench.now);
    assert_eq!(bench.pass(3600 * SECOND), [""; 0], "no budget at all for this class");
    conditions.class = AppClass::Dock;
    bench.machine.device_changed(&DeviceChange::Conditions(conditions), bench.now);
    assert_eq!(bench.settle(), ["deliver URL session a + application refresh"]);
}

#[test]
fn a_refresh_that_falls_due_in_front_is_disregarded_or_delivered() {
    for (foreground_refresh, expected) in [
        (ForegroundRefresh::Disregard, vec![]),
        (ForegroundRefresh::Deliver, vec!["00:01.000 deliver application refresh"]),
    ] {
        let mut bench = Bench::new(Policy { foreground_refresh, ..Policy::default() });
        bench.change(AppChange::Foregrounded);
        bench.machine.schedule_refresh(Time::ZERO + SECOND, None).unwrap();
        assert_eq!(bench.pass(10 * SECOND), expected);
    }
}

#[test]
fn a_refresh_that_was_due_before_the_app_came_to_the_front_waits_behind_it() {
    let mut bench = Bench::new(Policy::default());
    let conditions = Conditions { low_power: true, ..Conditions::default() };
    bench.machine.device_changed(&DeviceChange::Conditions(conditions), bench.now);
    bench.machine.schedule_refresh(Time::ZERO + SECOND, None).unwrap();
    assert_eq!(bench.pass(10 * SECOND), [""; 0]);
    bench.change(AppChange::Foregrounded);
    bench.machine.device_changed(&DeviceChange::Conditions(Conditions::default()), bench.now);
    assert_eq!(bench.pass(10 * SECOND), [""; 0]);
    bench.change(AppChange::Backgrounded);
    assert_eq!(bench.settle(), ["deliver application refresh"]);
}

#[test]
fn a_lost_delivery_is_repeated_with_a_new_task() {
    let mut bench = Bench::new(Policy::default());
    bench.machine.request_wake(&session("a"));
    let Some(Output::Deliver(orders)) = bench.machine.poll(bench.now) else { panic!("a wake is due") };
    let tasks = bench.mint(orders);
    bench.machine.minted(&tasks);
    bench.machine.delivered(false, bench.now);
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(bench.pass(2 * SECOND), ["00:01.000 deliver URL session a"]);
    let handled = WakeOutcome::Handled(RefreshTaskId::new(2));
    assert_eq!(bench.answers.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>(), [handled]);
}

#[test]
fn a_force_quit_suppresses_until_the_user_comes_back() {
    let mut bench = Bench::new(Policy::default());
    let held = Conditions { busy: true, ..Conditions::default() };
    bench.machine.device_changed(&DeviceChange::Conditions(held), bench.now);
    bench.machine.request_wake(&session("a"));
    bench.machine.schedule_refresh(Time::ZERO + 100 * SECOND, None).unwrap();
    bench.change(AppChange::ForceQuit);
    bench.machine.device_changed(&DeviceChange::Conditions(Conditions::default()), bench.now);
    bench.machine.request_wake(&session("b"));
    assert_eq!(bench.pass(50 * SECOND), [""; 0]);
    assert!(bench.answers.iter().all(|(_, outcome)| *outcome == WakeOutcome::Suppressed));
    assert_eq!(bench.answers.len(), 2);
    bench.change(AppChange::Foregrounded);
    bench.change(AppChange::Backgrounded);
    assert_eq!(bench.pass(51 * SECOND), ["suspend", "01:40.000 deliver application refresh"]);
}

#[test]
fn snapshots_follow_the_way_a_task_is_completed() {
    let mut bench = Bench::new(Policy::default());
    bench.machine.schedule_snapshot(Time::ZERO + 10 * SECOND, Some(UserInfo::new("mine")));
    bench.machine.device_changed(
        &DeviceChange::Trigger(SystemTrigger::new(RefreshKind::WatchConnectivity)),
        bench.now,
    );
    bench.settle();
    bench.held.pop().unwrap().set_task_completed_with_snapshot(true);
    assert_eq!(bench.settle(), ["deliver snapshot"], "SCH-23: at once, in place of the app's own");
    let later = Time::ZERO + 20 * SECOND;
    let snapshot = bench.held.pop().unwrap();
    assert_eq!(snapshot.user_info(), None);
    snapshot.set_snapshot_taken(true, later, Some(UserInfo::new("next")));
    assert_eq!(bench.pass(30 * SECOND), ["suspend", "00:20.000 deliver snapshot"]);
    let snapshot = bench.held.pop().unwrap();
    assert_eq!(snapshot.user_info(), Some(&UserInfo::new("next")));
    snapshot.set_snapshot_taken(true, Time::DISTANT_FUTURE, None);
    assert_eq!(bench.pass(7200 * SECOND), ["suspend"]);
}

#[test]
fn an_app_that_computes_is_ended_when_it_has_used_the_time_of_one_task() {
    let mut bench = Bench::new(Policy::default());
    bench.computing = Some(Time::ZERO);
    bench.pass(SECOND);
    bench.machine.request_wake(&session("a"));
    assert_eq!(bench.pass(3 * SECOND), ["deliver URL session a"]);
    bench.machine.request_wake(&session("b"));
    assert_eq!(
        bench.pass(SECOND),
        ["deliver URL session b", "00:05.000 terminate Cpu"],
        "4 s since its handle"
    );
}

#[test]
fn what_was_used_in_front_is_nobodys() {
    let mut bench = Bench::new(Policy::default());
    bench.computing = Some(Time::ZERO);
    bench.machine.request_wake(&session("a"));
    assert_eq!(bench.settle(), ["deliver URL session a"]);
    bench.change(AppChange::Foregrounded);
    bench.pass(10 * SECOND);
    bench.measure();
    bench.change(AppChange::Backgrounded);
    assert_eq!(bench.pass(5 * SECOND), ["00:13.000 expire #1", "00:14.000 terminate Cpu"]);
}

#[test]
fn bluetooth_alerts_have_a_rolling_day_of_their_own() {
    let mut bench = Bench::new(Policy::default());
    let alert = DeviceChange::Trigger(SystemTrigger::new(RefreshKind::BluetoothAlert));
    let ring = |bench: &mut Bench| {
        bench.machine.device_changed(&alert, bench.now);
        let count = bench.settle().iter().filter(|line| line.starts_with("deliver")).count();
        bench.held.drain(..).for_each(|task| task.set_task_completed());
        bench.settle();
        count
    };
    let delivered: Vec<usize> = (0..7).map(|_| ring(&mut bench)).collect();
    assert_eq!(delivered, [1, 1, 1, 1, 1, 0, 0]);
    bench.pass(Duration::from_secs(86_400));
    assert_eq!(ring(&mut bench), 1);
}

/// What a caller or a device can do.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wake(u8),
    Withdraw(u8),
    Refresh(u16),
    Complete(u8),
    Change(AppChange),
    Busy(bool),
    Pass(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u8..7, any::<u16>()).prop_map(|(what, how)| match what {
        0 => Step::Wake(how.to_le_bytes()[0] % 3),
        1 => Step::Withdraw(how.to_le_bytes()[0] % 3),
        2 => Step::Refresh(how % 1_000),
        3 => Step::Complete(how.to_le_bytes()[0]),
        4 => Step::Change(match how % 5 {
            0 => AppChange::Foregrounded,
            1 => AppChange::Backgrounded,
            2 => AppChange::Crashed,
            3 => AppChange::Purged,
            _ => AppChange::ForceQuit,
        }),
        5 => Step::Busy(how % 2 == 0),
        _ => Step::Pass(how % 2_000),
    });
    prop::collection::vec(step, 0..40)
}

proptest! {
    /// Whatever happens: the machine comes to rest, no deadline lies in the past (both asserted by the bench), every
    /// request is answered once, budgets hold, and no task is handed over twice.
    #[test]
    fn it_always_comes_to_rest_and_answers_everyone(steps in steps()) {
        let mut bench = Bench::new(Policy::default());
        let mut asked = Vec::new();
        let mut delivered: Vec<Time> = Vec::new();
        for step in steps {
            match step {
                Step::Wake(name) => asked.push(bench.machine.request_wake(&session(&name.to_string()))),
                Step::Withdraw(name) => bench.machine.withdraw_wake(&session(&name.to_string())),
                Step::Refresh(after) => {
                    let date = bench.now + u32::from(after) * SECOND;
                    prop_assert!(bench.machine.schedule_refresh(date, None).is_ok());
                }
                Step::Complete(which) => {
                    if let Some(task) = bench.held.get(usize::from(which) % bench.held.len().max(1)) {
                        task.set_task_completed();
                    }
                }
                Step::Change(change) => bench.change(change),
                Step::Busy(busy) => {
                    let conditions = Conditions { busy, ..Conditions::default() };
                    bench.machine.device_changed(&DeviceChange::Conditions(conditions), bench.now);
                }
                Step::Pass(seconds) => {
                    bench.pass(u32::from(seconds) * SECOND);
                }
            }
            let before = bench.answers.len();
            bench.settle();
            let handled = bench.answers[before..].iter().filter_map(|(_, outcome)| match outcome {
                WakeOutcome::Handled(task) => Some(*task),
                WakeOutcome::Withdrawn | WakeOutcome::Suppressed => None,
            });
            let tasks: std::collections::BTreeSet<RefreshTaskId> = handled.collect();
            delivered.extend(tasks.iter().map(|_| bench.now));
            let last_hour = delivered.iter().filter(|&&at| at + 3_600 * SECOND > bench.now).count();
            prop_assert!(last_hour <= 4, "SCH-15: {last_hour} in an hour");
        }
        bench.change(AppChange::Foregrounded);
        bench.machine.device_changed(&DeviceChange::Conditions(Conditions::default()), bench.now);
        bench.pass(24 * 3_600 * SECOND);
        let mut answered: Vec<WaiterId> = bench.answers.iter().map(|(waiter, _)| *waiter).collect();
        answered.sort_unstable();
        prop_assert_eq!(answered, asked);
        let mut ids: Vec<RefreshTaskId> = bench.held.iter().map(RefreshTask::id).collect();
        ids.dedup();
        prop_assert_eq!(ids.len(), bench.held.len(), "SCH-06: no task comes twice");
    }
}

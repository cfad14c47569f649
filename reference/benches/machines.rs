//! How much of a scenario's time the bare machines take: no runtime, no tasks, no kit.
//!
//! One scenario: a session with three downloads is opened, the app is suspended, the downloads end one after the
//! other, the app is woken once, hears seven messages, completes its task and is suspended.

use std::sync::{Arc, Mutex, PoisonError};

use bgsession_reference::contract::{
    AppChange, AppLife, AppState, CompletionReport, Conditions, Configuration, Connection, Delegate,
    DeviceChange, Policy, Request, Response, SessionId, TaskMint, Time, TransferOptions, WakeOutcome,
};
use bgsession_reference::scheduler::{self, SchedulerMachine};
use bgsession_reference::service::{self, NewTransfer, ServiceMachine, SessionKey};
use bgsession_reference::throttle::SlidingWindow;
use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

struct Silent;
impl Delegate for Silent {}

/// What every scenario shares.
struct Setting {
    policy: Arc<Policy>,
    mint: TaskMint,
    configuration: Configuration,
    delegate: Arc<dyn Delegate>,
    reports: Arc<Mutex<Vec<CompletionReport>>>,
}

fn report(setting: &Setting) -> impl Fn(CompletionReport) + Send + Sync + 'static {
    let reports = Arc::clone(&setting.reports);
    move |report| reports.lock().unwrap_or_else(PoisonError::into_inner).push(report)
}

#[divan::bench(sample_size = 1_000)]
fn three_downloads_one_wake(bencher: Bencher<'_, '_>) {
    let identifier = SessionId::new("feed").expect("it is not empty");
    let setting = Setting {
        policy: Arc::new(Policy::default()),
        mint: TaskMint::new(Arc::new(())),
        configuration: Configuration::background(identifier),
        delegate: Arc::new(Silent),
        reports: Arc::default(),
    };
    bencher.counter(ItemsCount::new(1_u32)).bench(|| scenario(divan::black_box(&setting)));
}

/// Returns the number of messages, so that nothing is optimised away.
fn scenario(setting: &Setting) -> usize {
    let policy = &setting.policy;
    let budget = Box::new(SlidingWindow::new(policy.budget_window));
    let mut scheduler =
        SchedulerMachine::new(Arc::clone(policy), budget, Conditions::default(), AppState::Active);
    let mut service = ServiceMachine::new(Arc::clone(policy), Conditions::default(), AppState::Active);
    let connection = Connection::new(Arc::clone(&setting.delegate), AppLife::new());
    let key = service.open(setting.configuration.clone(), connection).expect("the session is new");
    let exchanges = start(&mut service, key);
    tell(&mut scheduler, &mut service, AppChange::Backgrounded, Time::ZERO);
    tell(&mut scheduler, &mut service, AppChange::Suspended, Time::ZERO);

    for (at, exchange) in (1_000..).zip(exchanges) {
        service.at(Time::from_millis(at));
        let response = Response { status: 200, ..Response::default() };
        let _ = service.head(exchange, response);
        service.received(exchange, 1_000);
        service.finished(exchange);
    }
    let now = Time::from_millis(2_000);
    let mut causes = 0;
    for output in service.take_outputs() {
        if let service::Output::RequestWake(_, session, _) = output {
            scheduler.request_wake(&session);
            causes += 1;
        }
    }
    assert_eq!(causes, 1, "three ends are one cause");

    let orders = match scheduler.poll(now) {
        Some(scheduler::Output::Deliver(orders)) => orders,
        other => unreachable!("a wake is due, not {other:?}"),
    };
    let tasks: Vec<_> = orders
        .into_iter()
        .map(|order| setting.mint.mint(order.kind, order.user_info, report(setting)))
        .collect();
    scheduler.minted(&tasks);
    tell(&mut scheduler, &mut service, AppChange::Resumed, now);
    scheduler.delivered(true, now);
    assert!(matches!(scheduler.poll(now), Some(scheduler::Output::Resolve(..))));
    service.wake_resolved(key, WakeOutcome::Handled(tasks[0].id()));

    let messages = drain(&mut service, key);
    tasks[0].hand_over().set_task_completed();
    let reports = std::mem::take(&mut *setting.reports.lock().unwrap_or_else(PoisonError::into_inner));
    for report in reports {
        scheduler.completed(tasks[0].kind(), &report, now);
    }
    assert!(matches!(scheduler.poll(now), Some(scheduler::Output::Suspend)));
    tell(&mut scheduler, &mut service, AppChange::Suspended, now);
    messages
}

fn start(service: &mut ServiceMachine, key: SessionKey) -> Vec<service::ExchangeId> {
    for url in ["http://a.test/1", "http://a.test/2", "http://a.test/3"] {
        let new = NewTransfer::Download(Request::get(url));
        let id = service.create(key, new, TransferOptions::default()).expect("the session takes transfers");
        service.resume(key, id).expect("it is outstanding");
    }
    let mut exchanges = Vec::new();
    for output in service.take_outputs() {
        if let service::Output::Exchange(id, request) = output {
            divan::black_box(request);
            exchanges.push(id);
        }
    }
    exchanges
}

fn tell(scheduler: &mut SchedulerMachine, service: &mut ServiceMachine, change: AppChange, now: Time) {
    let change = DeviceChange::App(change);
    scheduler.device_changed(&change, now);
    service.at(now);
    service.device_changed(&change);
}

fn drain(service: &mut ServiceMachine, key: SessionKey) -> usize {
    let mut messages = 0;
    while let Some(delivery) = service.next_delivery(key) {
        divan::black_box(&delivery.call);
        service.delivered(key, true);
        messages += 1;
    }
    let _ = service.take_outputs();
    messages
}

//! The reference's machines by themselves: no runtime, no tasks, no kit. One session, three downloads that end while
//! the app sleeps, one wake, its messages, its end.

use std::sync::{Arc, Mutex, PoisonError};

use bgsession_conformance::contract::{
    AppChange, AppLife, AppState, CompletionReport, Conditions, Configuration, Connection, Delegate,
    DeviceChange, Policy, Request, Response, SessionId, TaskMint, Time, TransferOptions, WakeOutcome,
};
use bgsession_reference::scheduler::{self, SchedulerMachine};
use bgsession_reference::service::{self, NewTransfer, ServiceMachine, SessionKey};
use bgsession_reference::throttle::SlidingWindow;

struct Silent;
impl Delegate for Silent {}

/// What every scenario shares.
pub(crate) struct Bench {
    policy: Arc<Policy>,
    mint: TaskMint,
    configuration: Configuration,
    delegate: Arc<dyn Delegate>,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            policy: Arc::new(Policy::default()),
            mint: TaskMint::new(Arc::new(())),
            configuration: Configuration::background(SessionId::new("s").expect("it is not empty")),
            delegate: Arc::new(Silent),
        }
    }
}

struct Pair {
    scheduler: SchedulerMachine,
    service: ServiceMachine,
}

impl Pair {
    fn tell(&mut self, change: AppChange, now: Time) {
        let change = DeviceChange::App(change);
        self.scheduler.device_changed(&change, now);
        self.service.at(now);
        self.service.device_changed(&change);
    }

    /// Three downloads, each answered at once with its whole body.
    fn transfers(&mut self, key: SessionKey, while_away: impl FnOnce(&mut Self)) {
        for _ in 0..3 {
            let new = NewTransfer::Download(Request::get("http://origin.test/t"));
            let id = self
                .service
                .create(key, new, TransferOptions::default())
                .expect("the session takes transfers");
            self.service.resume(key, id).expect("it is outstanding");
        }
        let started = self.service.take_outputs();
        while_away(self);
        for output in started {
            if let service::Output::Exchange(exchange, _) = output {
                let _ = self.service.head(exchange, Response { status: 200, ..Response::default() });
                self.service.received(exchange, 64);
                self.service.finished(exchange);
            }
        }
    }
}

impl Bench {
    /// Plays it once; returns the number of messages, so that nothing is optimised away.
    pub(crate) fn scenario(&self) -> usize {
        let (conditions, app) = (Conditions::default(), AppState::Active);
        let budget = Box::new(SlidingWindow::new(self.policy.budget_window));
        let mut pair = Pair {
            scheduler: SchedulerMachine::new(Arc::clone(&self.policy), budget, conditions, app),
            service: ServiceMachine::new(Arc::clone(&self.policy), conditions, app),
        };
        let connection = Connection::new(Arc::clone(&self.delegate), AppLife::new());
        let key = pair.service.open(self.configuration.clone(), connection).expect("the session is new");
        let now = Time::from_millis(50);
        pair.transfers(key, |pair| {
            pair.tell(AppChange::Backgrounded, Time::ZERO);
            pair.tell(AppChange::Suspended, Time::ZERO);
            pair.service.at(now);
        });
        for output in pair.service.take_outputs() {
            if let service::Output::RequestWake(_, session, _) = output {
                pair.scheduler.request_wake(&session);
            }
        }
        self.wake(&mut pair, key, now)
    }

    fn wake(&self, pair: &mut Pair, key: SessionKey, now: Time) -> usize {
        let Some(scheduler::Output::Deliver(orders)) = pair.scheduler.poll(now) else {
            unreachable!("a wake is due")
        };
        let reports: Arc<Mutex<Vec<CompletionReport>>> = Arc::default();
        let mut tasks = Vec::new();
        for order in orders {
            let reports = Arc::clone(&reports);
            let report = move |report| reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
            tasks.push(self.mint.mint(order.kind, order.user_info, report));
        }
        pair.scheduler.minted(&tasks);
        pair.tell(AppChange::Resumed, now);
        pair.scheduler.delivered(true, now);
        assert!(matches!(pair.scheduler.poll(now), Some(scheduler::Output::Resolve(..))));
        pair.service.wake_resolved(key, WakeOutcome::Handled(tasks[0].id()));
        let mut messages = 0;
        while let Some(delivery) = pair.service.next_delivery(key) {
            std::hint::black_box(&delivery.call);
            pair.service.delivered(key, true);
            messages += 1;
        }
        let _ = pair.service.take_outputs();
        tasks[0].hand_over().set_task_completed();
        for report in reports.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            pair.scheduler.completed(tasks[0].kind(), &report, now);
        }
        assert!(matches!(pair.scheduler.poll(now), Some(scheduler::Output::Suspend)));
        pair.tell(AppChange::Suspended, now);
        messages
    }
}

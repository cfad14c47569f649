//! Subjects that work on threads of their own, and are right otherwise.
//!
//! Threads are started with the scenario and end when the subject is dropped: their channel is closed then.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppProcess, Clock, Configuration, Connection, Device, DeviceChange, Interrupted, RefreshTask,
    ScheduleError, Scheduler, Session, SessionError, SessionId, Time, TransferService, UserInfo, WakeOutcome,
    WakeReason, responder,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

use crate::parts::{Almost, AlmostProcess};

type Job = Box<dyn FnOnce() + Send>;

/// Does the subject keep time from passing while its thread works?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it does or it does not")]
pub enum Holds {
    /// It takes a token with every job.
    Time,
    /// It does not, and relies on the real time that the kit gives threads.
    Nothing,
}

/// A thread that does one job after the other.
struct Thread {
    jobs: Sender<Job>,
    clock: Arc<dyn Clock>,
    holds: Holds,
}

impl Thread {
    /// Starts the thread and waits until it has looked at the clock once, as any worker does: the kit gives threads
    /// that it has seen there some real time before it lets the device's time pass.
    fn start(device: &Device, holds: Holds) -> Self {
        let (sender, jobs) = channel::<Job>();
        let (ready, is_ready) = channel::<Time>();
        let clock = Arc::clone(&device.clock);
        std::thread::spawn(move || {
            // Whoever waits for this is there until it has come.
            let _ = ready.send(clock.now());
            drop(clock);
            jobs.into_iter().for_each(|job| job());
        });
        let _ = is_ready.recv();
        Self { jobs: sender, clock: Arc::clone(&device.clock), holds }
    }

    /// Leaves a job to the thread.
    fn leave(&self, job: impl FnOnce() + Send + 'static) {
        let hold = (self.holds == Holds::Time).then(|| self.clock.hold());
        let job = move || {
            job();
            drop(hold);
        };
        // The thread ends with the subject, whose calls are over then.
        let _ = self.jobs.send(Box::new(job));
    }

    /// Has a job done and waits for its result.
    async fn ask<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (sender, result) = responder();
        self.leave(move || sender.respond(job()));
        result.await
    }
}

/// The reference's scheduler, called from a thread of its own.
#[must_use]
pub fn threaded_scheduler(holds: Holds) -> Subject {
    Subject::scheduler("threaded-scheduler", move |device| {
        let thread = Arc::new(Thread::start(&device, holds));
        let app = InTurn { app: Arc::clone(&device.app), thread: Arc::clone(&thread) };
        let scheduler = ReferenceScheduler::new(Device { app: Arc::new(Almost(app)), ..device.clone() });
        Arc::new(ThreadedScheduler { device, scheduler, thread })
    })
}

/// An app whose end is heard of in its turn: that a delivery was cut off comes behind the change that did it.
struct InTurn {
    app: Arc<dyn AppProcess>,
    thread: Arc<Thread>,
}

#[async_trait]
impl AlmostProcess for InTurn {
    fn inner(&self) -> &dyn AppProcess {
        &*self.app
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let outcome = self.app.deliver(tasks).await;
        if outcome.is_err() {
            self.thread.ask(|| ()).await;
        }
        outcome
    }
}

struct ThreadedScheduler {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    thread: Arc<Thread>,
}

#[async_trait]
impl Scheduler for ThreadedScheduler {
    async fn schedule_background_refresh(
        &self,
        at: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        // Through the thread first, so that the request keeps its place behind the changes before it.
        self.thread.ask(|| ()).await;
        self.scheduler.schedule_background_refresh(at, info).await
    }

    async fn schedule_snapshot_refresh(&self, at: Time, info: Option<UserInfo>) -> Result<(), ScheduleError> {
        self.thread.ask(|| ()).await;
        self.scheduler.schedule_snapshot_refresh(at, info).await
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let (answered, answer) = responder();
        let (device, scheduler, session) =
            (self.device.clone(), Arc::clone(&self.scheduler), session.clone());
        self.thread.leave(move || {
            device.spawn(async move { answered.respond(scheduler.request_wake(&session, reason).await) });
        });
        answer.await.unwrap_or(WakeOutcome::Suppressed)
    }

    fn withdraw_wake(&self, session: &SessionId) {
        let (scheduler, session) = (Arc::clone(&self.scheduler), session.clone());
        self.thread.leave(move || scheduler.withdraw_wake(&session));
    }

    fn device_changed(&self, change: &DeviceChange) {
        let (scheduler, change) = (Arc::clone(&self.scheduler), change.clone());
        self.thread.leave(move || scheduler.device_changed(&change));
    }
}

/// The reference's sessions, told of changes from a thread of their own.
#[must_use]
pub fn threaded_sessions(holds: Holds) -> Subject {
    Subject::sessions("threaded-sessions", move |device, scheduler| {
        let thread = Thread::start(&device, holds);
        Arc::new(ThreadedSessions { service: ReferenceService::new(device, scheduler), thread })
    })
}

struct ThreadedSessions {
    service: Arc<ReferenceService>,
    thread: Thread,
}

#[async_trait]
impl TransferService for ThreadedSessions {
    async fn session(
        &self,
        of: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        self.thread.ask(|| ()).await;
        self.service.session(of, connection).await
    }

    fn device_changed(&self, change: &DeviceChange) {
        let (service, change) = (Arc::clone(&self.service), change.clone());
        self.thread.leave(move || service.device_changed(&change));
    }
}

//! Schedulers that take their time, or do things in another order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Answer, AppState, CompletionReport, Device, Responder, ScheduleError, Scheduler, SessionId, Termination,
    Time, UserInfo, WakeOutcome, WakeReason, responder,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

use super::Variant;
use crate::parts::{
    Almost, AlmostScheduler, Either, Hands, Held, Relay, after, first, lock, relayed, step_back,
};

pub(super) const VARIANTS: &[Variant] = &[
    Variant::new("suspends-after-four-seconds", |name| relayed(name, || Leisurely)),
    Variant::new("ends-overruns-half-a-second-later", |name| relayed(name, Merciful::default)),
    Variant::new("everything-three-minutes-late", |name| late(name, |now| now + Duration::from_secs(180))),
    // So the wakes of several sessions come in one set.
    Variant::new("wakes-on-the-full-minute", |name| {
        late(name, |now| Time::from_millis(minute(now.as_millis())))
    }),
    // And so they never do.
    Variant::new("one-wake-at-a-time", |name| {
        Subject::scheduler(name, |device| {
            Arc::new(Almost(OneByOne { scheduler: ReferenceScheduler::new(device), queue: Mutex::default() }))
        })
    }),
    // So the app may be suspended again, or hear more of the same, before its session knows that it was woken.
    Variant::new("says-so-three-seconds-later", |name| {
        Subject::scheduler(name, |device| {
            let scheduler = ReferenceScheduler::new(device.clone());
            Arc::new(Almost(SaysSoLater { device, scheduler }))
        })
    }),
    Variant::new("sessions-drain-in-another-order", |name| {
        Subject::sessions(name, |device, scheduler| {
            ReferenceService::new(device, Arc::new(Almost(ShortNamesLast(scheduler))))
        })
    }),
];

const fn minute(millis: u64) -> u64 {
    millis.div_ceil(60_000) * 60_000
}

/// Suspends the app a little later, well inside the slack, and not if it has been given work meanwhile.
struct Leisurely;

impl Leisurely {
    fn later(relay: &Arc<Relay>) {
        let of = Arc::clone(relay);
        after(&relay.device, Duration::from_secs(4), move || {
            if of.open().is_empty() {
                of.device.app.suspend();
            }
        });
    }
}

impl Hands for Leisurely {
    fn suspend(&self, relay: &Arc<Relay>) {
        Self::later(relay);
    }

    fn completed(&self, relay: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        held.pass_on(report);
        // The scheduler has asked for the suspension already if this task came after that.
        if relay.open().is_empty() {
            Self::later(relay);
        }
    }
}

/// Ends the app a little late, well inside the slack, if it is still the same run of it that executes behind.
#[derive(Default)]
struct Merciful(Arc<AtomicU64>);

impl Hands for Merciful {
    fn terminate(&self, relay: &Arc<Relay>, how: Termination) {
        let (of, runs, run) = (Arc::clone(relay), Arc::clone(&self.0), self.0.load(Ordering::Relaxed));
        after(&relay.device, Duration::from_millis(500), move || {
            let same = runs.load(Ordering::Relaxed) == run;
            if same && of.device.app.state() == AppState::Background {
                of.device.app.terminate(how);
            }
        });
    }

    fn forget(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Passes everything on later: wakes when they are asked for, refreshes by their date.
fn late(name: &str, when: fn(Time) -> Time) -> Subject {
    Subject::scheduler(name, move |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        Arc::new(Almost(Late { device, scheduler, when, waiting: Mutex::default() }))
    })
}

struct Late {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    when: fn(Time) -> Time,
    /// Requests that have not been passed on, and can be withdrawn here.
    waiting: Mutex<BTreeMap<SessionId, Vec<Responder<()>>>>,
}

#[async_trait]
impl AlmostScheduler for Late {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        at: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        self.scheduler.schedule_background_refresh((self.when)(at), info).await
    }

    async fn schedule_snapshot_refresh(&self, at: Time, info: Option<UserInfo>) -> Result<(), ScheduleError> {
        self.scheduler.schedule_snapshot_refresh((self.when)(at), info).await
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let (withdraw, withdrawn) = responder();
        lock(&self.waiting).entry(session.clone()).or_default().push(withdraw);
        let due = (self.when)(self.device.clock.now());
        if let Either::Left(Some(())) = first(withdrawn, self.device.clock.sleep_until(due)).await {
            return WakeOutcome::Withdrawn;
        }
        self.scheduler.request_wake(session, reason).await
    }

    fn withdraw_wake(&self, session: &SessionId) {
        let waiting = lock(&self.waiting).remove(session).unwrap_or_default();
        waiting.into_iter().for_each(|request| request.respond(()));
        self.scheduler.withdraw_wake(session);
    }
}

/// Never has two sessions' tasks in one set: the next request is passed on when the last has been answered.
struct OneByOne {
    scheduler: Arc<ReferenceScheduler>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    busy: bool,
    /// In the order in which they asked; `true` means that it is their turn, `false` that they were withdrawn.
    waiting: Vec<(SessionId, Responder<bool>)>,
}

impl OneByOne {
    fn turn(&self, session: &SessionId) -> Option<Answer<bool>> {
        let mut queue = lock(&self.queue);
        if !std::mem::replace(&mut queue.busy, true) {
            return None;
        }
        let (turn, answer) = responder();
        queue.waiting.push((session.clone(), turn));
        Some(answer)
    }

    fn next(&self) {
        let mut queue = lock(&self.queue);
        if queue.waiting.is_empty() {
            queue.busy = false;
            return;
        }
        let (_, turn) = queue.waiting.remove(0);
        drop(queue);
        turn.respond(true);
    }
}

#[async_trait]
impl AlmostScheduler for OneByOne {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let turn = self.turn(session);
        if let Some(turn) = turn
            && turn.await != Some(true)
        {
            return WakeOutcome::Withdrawn;
        }
        let outcome = self.scheduler.request_wake(session, reason).await;
        self.next();
        outcome
    }

    fn withdraw_wake(&self, session: &SessionId) {
        let withdrawn: Vec<_> = lock(&self.queue).waiting.extract_if(.., |(of, _)| of == session).collect();
        withdrawn.into_iter().for_each(|(_, turn)| turn.respond(false));
        self.scheduler.withdraw_wake(session);
    }
}

/// Learns last that the app has been woken, if its name is short: the others' messages come first.
struct ShortNamesLast(Arc<dyn Scheduler>);

#[async_trait]
impl AlmostScheduler for ShortNamesLast {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let outcome = self.0.request_wake(session, reason).await;
        if session.as_str().len() <= 2 {
            // No time passes meanwhile.
            for _ in 0..8 {
                step_back().await;
            }
        }
        outcome
    }
}

/// Answers a request a few seconds after the `handle` that it was about.
struct SaysSoLater {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
}

#[async_trait]
impl AlmostScheduler for SaysSoLater {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let outcome = self.scheduler.request_wake(session, reason).await;
        self.device.clock.sleep_until(self.device.clock.now() + Duration::from_secs(3)).await;
        outcome
    }
}

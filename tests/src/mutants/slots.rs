//! Requests for refreshes and snapshots that are mixed up, come early or are never answered: SCH-07, SCH-09, SCH-11,
//! SCH-12.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, AppProcess, Device, DeviceChange, ForegroundRefresh, Interrupted, Policy, RefreshKind,
    RefreshTask, ScheduleError, Scheduler, Time, UserInfo,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::Mutant;
use crate::parts::{Almost, AlmostProcess, AlmostScheduler, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("keeps-the-first-request", &["SCH-07"], |name| slotted(name, Keep::First)),
    Mutant::new("keeps-the-earliest-request", &["SCH-07"], |name| slotted(name, Keep::Earliest)),
    Mutant::new("replaces-the-date-only", &["SCH-07"], |name| slotted(name, Keep::UserInfo)),
    Mutant::new("keeps-both-requests", &["SCH-07"], |name| slotted(name, Keep::Both)),
    Mutant::new("dates-by-the-minute", &["SCH-09"], |name| {
        dated(name, |_, date| Time::from_millis(date.as_millis() / 60_000 * 60_000))
    }),
    Mutant::new("a-minute-ahead", &["SCH-09"], |name| dated(name, |_, date| date.saturating_sub(MINUTE))),
    Mutant::new("long-waits-cut-to-a-minute", &["SCH-09"], |name| {
        dated(name, |now, date| date.min(now + MINUTE))
    }),
    Mutant::new("returns-when-it-is-due", &["SCH-11"], |name| {
        Subject::scheduler(name, |device| {
            let scheduler = ReferenceScheduler::new(device.clone());
            Arc::new(Almost(AnswersLate { device, scheduler }))
        })
    }),
    Mutant::new("forgets-to-answer-when-it-replaces", &["SCH-11"], |name| {
        Subject::scheduler(name, |device| {
            Arc::new(Almost(AnswersOnce {
                scheduler: ReferenceScheduler::new(device),
                until: Mutex::default(),
            }))
        })
    }),
    Mutant::new("delivers-in-front", &["SCH-12"], |name| {
        Subject::scheduler(name, |device| {
            let policy =
                Policy { foreground_refresh: ForegroundRefresh::Deliver, ..(*device.policy).clone() };
            ReferenceScheduler::new(Device { policy: Arc::new(policy), ..device })
        })
    }),
    Mutant::new("saves-it-for-when-the-user-leaves", &["SCH-12"], |name| {
        Subject::scheduler(name, |device| {
            let scheduler = ReferenceScheduler::new(device.clone());
            Arc::new(Almost(Saves { device, scheduler, last: Mutex::default(), front: Mutex::default() }))
        })
    }),
    Mutant::new("in-front-and-again-behind", &["SCH-12"], |name| {
        let policy = Policy { foreground_refresh: ForegroundRefresh::Deliver, ..Policy::default() };
        Subject::scheduler(name, |device| {
            let again = Arc::new(Mutex::default());
            let app = Arc::new(Almost(Notes { device: device.clone(), again: Arc::clone(&again) }));
            let scheduler = ReferenceScheduler::new(Device { app, ..device.clone() });
            Arc::new(Almost(Again { device, scheduler, again }))
        })
        .with_policy(policy)
    }),
];

const MINUTE: Duration = Duration::from_secs(60);

type Request = (Time, Option<UserInfo>);

/// What is left of the old request when a new one comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    First,
    Earliest,
    UserInfo,
    Both,
}

fn slotted(name: &str, keep: Keep) -> Subject {
    Subject::scheduler(name, move |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        Arc::new(Almost(Slotted { device, scheduler, keep, last: Mutex::default() }))
    })
}

struct Slotted {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    keep: Keep,
    /// The last request that was passed on; outstanding while its date lies ahead.
    last: Mutex<Option<Request>>,
}

#[async_trait]
impl AlmostScheduler for Slotted {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        let now = self.device.clock.now();
        let old = lock(&self.last).clone().filter(|(date, _)| *date > now);
        let new = (preferred, info);
        let kept = match (old, self.keep) {
            (None, _) => new,
            (Some(old), Keep::First) => old,
            (Some(old), Keep::Earliest) => {
                if old.0 < new.0 {
                    old
                } else {
                    new
                }
            }
            (Some(old), Keep::UserInfo) => (new.0, old.1),
            (Some(old), Keep::Both) => {
                let (first, second) = if old.0 < new.0 { (old, new) } else { (new, old) };
                let (scheduler, clock, until) =
                    (Arc::clone(&self.scheduler), Arc::clone(&self.device.clock), first.0);
                self.device.spawn(async move {
                    clock.sleep_until(until + Duration::from_millis(1)).await;
                    // It was accepted before.
                    let _ = scheduler.schedule_background_refresh(second.0, second.1).await;
                });
                first
            }
        };
        *lock(&self.last) = Some(kept.clone());
        self.scheduler.schedule_background_refresh(kept.0, kept.1).await
    }
}

/// Changes the date of every request, of either slot.
fn dated(name: &str, change: fn(Time, Time) -> Time) -> Subject {
    Subject::scheduler(name, move |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        Arc::new(Almost(Dated { device, scheduler, change }))
    })
}

struct Dated {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    change: fn(Time, Time) -> Time,
}

#[async_trait]
impl AlmostScheduler for Dated {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        let date = (self.change)(self.device.clock.now(), preferred);
        self.scheduler.schedule_background_refresh(date, info).await
    }

    async fn schedule_snapshot_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        let date = (self.change)(self.device.clock.now(), preferred);
        self.scheduler.schedule_snapshot_refresh(date, info).await
    }
}

/// Takes the answer for one about the task.
struct AnswersLate {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
}

#[async_trait]
impl AlmostScheduler for AnswersLate {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        let answer = self.scheduler.schedule_background_refresh(preferred, info).await;
        self.device.clock.sleep_until(preferred + Duration::from_secs(1)).await;
        answer
    }
}

/// The answer is kept with the request and goes with it.
struct AnswersOnce {
    scheduler: Arc<ReferenceScheduler>,
    until: Mutex<Option<Time>>,
}

#[async_trait]
impl AlmostScheduler for AnswersOnce {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        let replaces = lock(&self.until).replace(preferred).is_some();
        let answer = self.scheduler.schedule_background_refresh(preferred, info).await;
        if replaces { std::future::pending().await } else { answer }
    }
}

/// Takes "not now" for "later".
struct Saves {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    last: Mutex<Option<Request>>,
    front: Mutex<bool>,
}

#[async_trait]
impl AlmostScheduler for Saves {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        *lock(&self.last) = Some((preferred, info.clone()));
        self.scheduler.schedule_background_refresh(preferred, info).await
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.scheduler.device_changed(change);
        let DeviceChange::App(change) = change else { return };
        let was_in_front = std::mem::replace(&mut *lock(&self.front), *change == AppChange::Foregrounded);
        let now = self.device.clock.now();
        if was_in_front
            && *change == AppChange::Backgrounded
            && let Some((_, info)) = lock(&self.last).take_if(|(date, _)| *date <= now)
        {
            let scheduler = Arc::clone(&self.scheduler);
            self.device.spawn(async move {
                // Nothing can be wrong with the present.
                let _ = scheduler.schedule_background_refresh(now, info).await;
            });
        }
    }
}

/// What was delivered in front is still in its slot.
struct Again {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    again: Arc<Mutex<Option<UserInfo>>>,
}

#[async_trait]
impl AlmostScheduler for Again {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.scheduler.device_changed(change);
        if *change == DeviceChange::App(AppChange::Backgrounded)
            && let Some(info) = lock(&self.again).take()
        {
            let (scheduler, now) = (Arc::clone(&self.scheduler), self.device.clock.now());
            self.device.spawn(async move {
                // Nothing can be wrong with the present.
                let _ = scheduler.schedule_background_refresh(now, Some(info)).await;
            });
        }
    }
}

/// Notes the refreshes that were delivered in front.
struct Notes {
    device: Device,
    again: Arc<Mutex<Option<UserInfo>>>,
}

#[async_trait]
impl AlmostProcess for Notes {
    fn inner(&self) -> &dyn AppProcess {
        &*self.device.app
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let refresh = tasks.iter().find(|task| *task.kind() == RefreshKind::ApplicationRefresh);
        if let Some(info) = refresh.and_then(|task| task.user_info().cloned())
            && self.device.app.state().is_foreground()
        {
            *lock(&self.again) = Some(info);
        }
        self.device.app.deliver(tasks).await
    }
}

//! Tasks of the system's and of the app's that are mixed up: SCH-08, SCH-10, SCH-13.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Admission, Charge, Device, DeviceChange, RefreshKind, RefreshTask, ScheduleError, Scheduler,
    SnapshotReason, SystemTrigger, Throttle, Time, UserInfo,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::throttle::SlidingWindow;

use super::Mutant;
use crate::parts::{Almost, AlmostScheduler, Hands, Relay, lock, relayed};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("one-slot-for-refreshes-and-snapshots", &["SCH-08"], |name| mixed(name, Mix::Slots)),
    Mutant::new("system-snapshots-empty-the-slot", &["SCH-08"], |name| mixed(name, Mix::Empties)),
    Mutant::new("leaving-the-app-wipes-the-snapshot", &["SCH-08"], |name| mixed(name, Mix::Leaving)),
    Mutant::new("the-last-user-info-with-everything", &["SCH-10"], |name| relayed(name, Last::default)),
    Mutant::new("user-info-is-lost-over-a-launch", &["SCH-10"], |name| relayed(name, || InMemory)),
    Mutant::new("keeps-the-user-info-of-the-other-slot", &["SCH-10"], |name| {
        Subject::scheduler(name, |device| {
            Arc::new(Almost(OneField { scheduler: ReferenceScheduler::new(device), info: Mutex::default() }))
        })
    }),
    Mutant::new("a-system-snapshot-is-enough-for-an-hour", &["SCH-13"], |name| {
        Subject::scheduler(name, |device| {
            let window = Arc::new(Mutex::new(SlidingWindow::new(device.policy.budget_window)));
            let throttle = Box::new(Shared(Arc::clone(&window)));
            let scheduler = ReferenceScheduler::with_throttle(device.clone(), throttle);
            Arc::new(Almost(Charges { device, scheduler, window }))
        })
    }),
];

/// What does not respect the slots.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mix {
    Slots,
    Empties,
    Leaving,
}

fn mixed(name: &str, mix: Mix) -> Subject {
    Subject::scheduler(name, move |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        Arc::new(Almost(Mixed { device, scheduler, mix }))
    })
}

struct Mixed {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    mix: Mix,
}

#[async_trait]
impl AlmostScheduler for Mixed {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        if self.mix == Mix::Slots {
            self.scheduler.schedule_snapshot_refresh(Time::DISTANT_FUTURE, None).await?;
        }
        self.scheduler.schedule_background_refresh(preferred, info).await
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.scheduler.device_changed(change);
        let DeviceChange::Trigger(SystemTrigger { kind: RefreshKind::Snapshot(reason), .. }) = change else {
            return;
        };
        if self.mix == Mix::Empties
            || (self.mix == Mix::Leaving && *reason == SnapshotReason::AppBackgrounded)
        {
            let scheduler = Arc::clone(&self.scheduler);
            self.device.spawn(async move {
                // The distant future empties the slot.
                let _ = scheduler.schedule_snapshot_refresh(Time::DISTANT_FUTURE, None).await;
            });
        }
    }
}

/// Remembers one user info, and gives it to whatever comes.
#[derive(Default)]
struct Last(Mutex<Option<UserInfo>>);

impl Hands for Last {
    fn user_info(&self, _: &Relay, task: &RefreshTask) -> Option<UserInfo> {
        let mut last = lock(&self.0);
        if let Some(info) = task.user_info() {
            *last = Some(info.clone());
        }
        last.clone()
    }
}

/// Keeps user info in the memory of the app's process.
struct InMemory;

impl Hands for InMemory {
    fn user_info(&self, relay: &Relay, task: &RefreshTask) -> Option<UserInfo> {
        let alive = relay.device.app.state() != bgsession_reference::contract::AppState::NotRunning;
        task.user_info().filter(|_| alive).cloned()
    }
}

/// Has two dates, but one field for the user info.
struct OneField {
    scheduler: Arc<ReferenceScheduler>,
    info: Mutex<Option<UserInfo>>,
}

#[async_trait]
impl AlmostScheduler for OneField {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        let kept = lock(&self.info).clone().or(info);
        self.scheduler.schedule_background_refresh(preferred, kept).await
    }

    async fn schedule_snapshot_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        lock(&self.info).clone_from(&info);
        self.scheduler.schedule_snapshot_refresh(preferred, info).await
    }
}

/// A budget that others can take from.
struct Shared(Arc<Mutex<SlidingWindow>>);

impl Throttle for Shared {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        lock(&self.0).admit(charge, per_hour, now)
    }
}

/// The picture is fresh, whoever asked for it: the budget is used up.
struct Charges {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    window: Arc<Mutex<SlidingWindow>>,
}

#[async_trait]
impl AlmostScheduler for Charges {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::Trigger(SystemTrigger { kind: RefreshKind::Snapshot(_), .. }) = change {
            let (policy, now) = (&self.device.policy, self.device.clock.now());
            let all = policy.snapshots.complication_on_face;
            let mut window = lock(&self.window);
            while window.admit(Charge::Snapshot, all, now) == Admission::Admitted {}
        }
        self.scheduler.device_changed(change);
    }
}

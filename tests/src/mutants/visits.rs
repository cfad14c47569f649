//! Requests that a visit of the user's takes with it: SCH-12, SCH-14, SCH-16.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, Device, DeviceChange, ForegroundRefresh, Policy, ScheduleError, Scheduler, Time, UserInfo,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::Mutant;
use crate::parts::{Almost, AlmostScheduler, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("what-is-overdue-goes-with-a-visit", &["SCH-14", "SCH-16"], |name| {
        Subject::scheduler(name, |device| {
            let scheduler = ReferenceScheduler::new(device.clone());
            Arc::new(Almost(Clears { device, scheduler, last: Mutex::new(Time::DISTANT_FUTURE) }))
        })
    }),
    Mutant::new("disregards-what-it-should-deliver", &["SCH-12"], |name| {
        let delivers = Policy { foreground_refresh: ForegroundRefresh::Deliver, ..Policy::default() };
        Subject::scheduler(name, |device| {
            let disregards = ForegroundRefresh::Disregard;
            let policy = Policy { foreground_refresh: disregards, ..(*device.policy).clone() };
            ReferenceScheduler::new(Device { policy: Arc::new(policy), ..device })
        })
        .with_policy(delivers)
    }),
];

const YEAR: Duration = Duration::from_secs(31_536_000);

/// Asks at each visit whether the date of the refresh has come, not whether the refresh has.
struct Clears {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    last: Mutex<Time>,
}

#[async_trait]
impl AlmostScheduler for Clears {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        *lock(&self.last) = preferred;
        self.scheduler.schedule_background_refresh(preferred, info).await
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.scheduler.device_changed(change);
        let now = self.device.clock.now();
        if *change == DeviceChange::App(AppChange::Foregrounded) && *lock(&self.last) <= now {
            let scheduler = Arc::clone(&self.scheduler);
            self.device.spawn(async move {
                // In a year the scenario is over, and nothing is wrong with such a date.
                let _ = scheduler.schedule_background_refresh(now + YEAR, None).await;
            });
        }
    }
}

//! Conditions that are not looked at, or only once: SCH-16.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppClass, Conditions, Device, DeviceChange, ScheduleError, Scheduler, Time, UserInfo,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::Mutant;
use crate::parts::{Almost, AlmostScheduler, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("does-not-mind-the-battery", &["SCH-16"], |name| sees(name, |_, now| now.low_power = false)),
    Mutant::new("does-not-mind-workouts", &["SCH-16"], |name| sees(name, |_, now| now.busy = false)),
    Mutant::new("takes-every-app-for-one-on-the-face", &["SCH-16"], |name| {
        sees(name, |_, now| now.class = AppClass::ComplicationOnFace)
    }),
    Mutant::new("never-sees-a-charged-battery", &["SCH-16"], |name| {
        sees(name, |before, now| now.low_power |= before.low_power)
    }),
    Mutant::new("forgets-what-falls-due-meanwhile", &["SCH-16"], |name| {
        Subject::scheduler(name, |device| {
            let scheduler = ReferenceScheduler::new(device.clone());
            Arc::new(Almost(Forgets { device, scheduler, last: Mutex::default(), held: Mutex::default() }))
        })
    }),
];

/// A scheduler that is told of other conditions than there are.
fn sees(name: &str, what: fn(&Conditions, &mut Conditions)) -> Subject {
    Subject::scheduler(name, move |device| {
        let before = Mutex::new(device.conditions);
        Arc::new(Almost(Sees { scheduler: ReferenceScheduler::new(device), what, before }))
    })
}

struct Sees {
    scheduler: Arc<ReferenceScheduler>,
    what: fn(&Conditions, &mut Conditions),
    before: Mutex<Conditions>,
}

#[async_trait]
impl AlmostScheduler for Sees {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::Conditions(conditions) = change {
            let mut seen = *conditions;
            let mut before = lock(&self.before);
            (self.what)(&before, &mut seen);
            *before = seen;
            drop(before);
            self.scheduler.device_changed(&DeviceChange::Conditions(seen));
        } else {
            self.scheduler.device_changed(change);
        }
    }
}

/// A date that comes while nothing may be delivered has passed.
struct Forgets {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    last: Mutex<Option<Time>>,
    held: Mutex<bool>,
}

#[async_trait]
impl AlmostScheduler for Forgets {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn schedule_snapshot_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        *lock(&self.last) = Some(preferred);
        self.scheduler.schedule_snapshot_refresh(preferred, info).await
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::Conditions(conditions) = change {
            let holds = conditions.low_power || conditions.busy;
            let held = std::mem::replace(&mut *lock(&self.held), holds);
            let now = self.device.clock.now();
            let passed = lock(&self.last).take_if(|date| *date <= now).is_some();
            if held && !holds && passed {
                // The request is taken out first, then the scheduler may look at what it has.
                let (scheduler, change) = (Arc::clone(&self.scheduler), change.clone());
                self.device.spawn(async move {
                    let _ = scheduler.schedule_snapshot_refresh(Time::DISTANT_FUTURE, None).await;
                    scheduler.device_changed(&change);
                });
                return;
            }
        }
        self.scheduler.device_changed(change);
    }
}

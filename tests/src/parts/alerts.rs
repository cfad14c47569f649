//! Schedulers that count Bluetooth alerts in a way of their own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, AppState, Clock, Device, DeviceChange, Policy, RefreshKind, Scheduler, SystemTrigger, Time,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::{Almost, AlmostScheduler, lock};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Which alerts get through.
pub(crate) trait Count: Send + 'static {
    /// A device has an alert: does the app get it?
    fn admit(&mut self, most: usize, now: Time) -> bool;

    /// The user has come; `launched` if the app did not run.
    fn visit(&mut self, launched: bool) {
        let _ = launched;
    }
}

/// The reference's scheduler, to which no more alerts get through than these count.
pub(crate) fn counting<C: Count>(name: &str, count: fn() -> C) -> Subject {
    Subject::scheduler(name, move |device| {
        let most = usize::try_from(device.policy.bluetooth_alerts_per_day).unwrap_or(usize::MAX);
        let policy = Arc::new(Policy { bluetooth_alerts_per_day: u32::MAX, ..(*device.policy).clone() });
        Arc::new(Almost(Counting {
            clock: Arc::clone(&device.clock),
            most,
            state: Mutex::new((count(), AppState::NotRunning)),
            scheduler: ReferenceScheduler::new(Device { policy, ..device }),
        }))
    })
}

struct Counting<C> {
    scheduler: Arc<dyn Scheduler>,
    clock: Arc<dyn Clock>,
    most: usize,
    /// The count, and what the app's process does.
    state: Mutex<(C, AppState)>,
}

impl<C: Count> AlmostScheduler for Counting<C> {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    fn device_changed(&self, change: &DeviceChange) {
        let admitted = {
            let mut state = lock(&self.state);
            let (count, process) = &mut *state;
            if let DeviceChange::App(change) = change {
                if *change == AppChange::Foregrounded {
                    count.visit(*process == AppState::NotRunning);
                }
                *process = change.state();
            }
            let alert = |trigger: &SystemTrigger| trigger.kind == RefreshKind::BluetoothAlert;
            !matches!(change, DeviceChange::Trigger(trigger) if alert(trigger))
                || count.admit(self.most, self.clock.now())
        };
        if admitted {
            self.scheduler.device_changed(change);
        }
    }
}

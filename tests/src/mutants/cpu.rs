//! CPU time measured, charged or told in a wrong way: SCH-25.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{AppProcess, Clock, Device, Interrupted, RefreshTask, Termination, Time};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::Mutant;
use crate::parts::{Almost, AlmostProcess, Hands, Relay, after, relayed};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("never-looks-at-cpu-time", &["SCH-25"], |name| {
        measuring(name, |app, _| Arc::new(Almost(Measures { app, as_if: |_| Duration::ZERO })))
    }),
    Mutant::new("counts-cpu-time-twice", &["SCH-25"], |name| {
        measuring(name, |app, _| Arc::new(Almost(Measures { app, as_if: |used| used * 2 })))
    }),
    Mutant::new("adds-cpu-time-up-over-wakes", &["SCH-25"], |name| {
        measuring(name, |app, _| Arc::new(Almost(AddsUp { app, first: AtomicBool::new(false) })))
    }),
    // An app that has used none is ended for it, too, and that is another rule's business.
    Mutant::new("takes-the-clock-for-cpu-time", &["SCH-17"], |name| {
        measuring(name, |app, clock| Arc::new(Almost(WallClock { app, clock })))
    })
    .also(&["SCH-03", "SCH-04", "SCH-18", "SCH-25"]),
    Mutant::new("cpu-time-told-as-wall-time", &["SCH-25"], |name| {
        relayed(name, || ToldAs(Termination::Wall))
    })
    .also(&["SCH-03", "SCH-04", "SCH-17"]),
    Mutant::new("ends-it-for-cpu-time-a-minute-later", &["SCH-25"], |name| relayed(name, || Later))
        .also(&["SCH-17"]),
];

/// Makes a process that reads its meter in another way.
type Meter = fn(Arc<dyn AppProcess>, Arc<dyn Clock>) -> Arc<dyn AppProcess>;

fn measuring(name: &str, measure: Meter) -> Subject {
    Subject::scheduler(name, move |device| {
        let app = measure(Arc::clone(&device.app), Arc::clone(&device.clock));
        ReferenceScheduler::new(Device { app, ..device })
    })
}

/// Reads the meter in another way.
struct Measures {
    app: Arc<dyn AppProcess>,
    as_if: fn(Duration) -> Duration,
}

impl AlmostProcess for Measures {
    fn inner(&self) -> &dyn AppProcess {
        &*self.app
    }

    fn cpu_time(&self) -> Duration {
        (self.as_if)(self.app.cpu_time())
    }
}

/// What the process has used since its launch is charged to each task.
struct AddsUp {
    app: Arc<dyn AppProcess>,
    /// The next reading is the one that a task's own use is counted from.
    first: AtomicBool,
}

#[async_trait]
impl AlmostProcess for AddsUp {
    fn inner(&self) -> &dyn AppProcess {
        &*self.app
    }

    fn cpu_time(&self) -> Duration {
        if self.first.swap(false, Ordering::Relaxed) { Duration::ZERO } else { self.app.cpu_time() }
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let delivered = self.app.deliver(tasks).await;
        self.first.store(true, Ordering::Relaxed);
        delivered
    }
}

/// An app that waits uses it up as well.
struct WallClock {
    app: Arc<dyn AppProcess>,
    clock: Arc<dyn Clock>,
}

impl AlmostProcess for WallClock {
    fn inner(&self) -> &dyn AppProcess {
        &*self.app
    }

    fn cpu_time(&self) -> Duration {
        self.clock.now().since(Time::ZERO)
    }
}

/// Tells it with another code.
struct ToldAs(Termination);

impl Hands for ToldAs {
    fn terminate(&self, relay: &Arc<Relay>, how: Termination) {
        relay.device.app.terminate(if how == Termination::Cpu { self.0 } else { how });
    }
}

struct Later;

impl Hands for Later {
    fn terminate(&self, relay: &Arc<Relay>, how: Termination) {
        if how == Termination::Cpu {
            let of = Arc::clone(relay);
            after(&relay.device, Duration::from_secs(60), move || of.device.app.terminate(how));
        } else {
            relay.device.app.terminate(how);
        }
    }
}

//! Apps that are stopped too early, or not at all: SCH-03, SCH-04, SCH-05.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppProcess, CompletionReport, Device, Interrupted, RefreshTask, RefreshTaskId, Termination,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use super::Mutant;
use crate::parts::{Almost, AlmostProcess, Hands, Held, Relay, after, lock, relayed};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("remembers-the-last-set-only", &["SCH-03"], |name| relayed(name, LastSet::default)),
    Mutant::new("suspends-when-handle-returns", &["SCH-04"], |name| {
        process(name, |device| Arc::new(Almost(AfterHandle(Arc::clone(&device.app)))))
    }),
    Mutant::new("suspends-at-the-first-completion", &["SCH-04"], |name| relayed(name, || FirstCompletion)),
    Mutant::new("never-suspends", &["SCH-04"], |name| {
        process(name, |device| Arc::new(Almost(NeverSuspends(Arc::clone(&device.app)))))
    }),
    // Lets the app linger for a while, as a courtesy.
    Mutant::new("suspends-a-minute-late", &["SCH-04"], |name| {
        process(name, |device| Arc::new(Almost(Lingering(device.clone()))))
    }),
    Mutant::new("terminates-instead-of-suspending", &["SCH-04"], |name| {
        process(name, |device| Arc::new(Almost(Ends(Arc::clone(&device.app)))))
    }),
    Mutant::new("counts-completions", &["SCH-05"], |name| relayed(name, Counter::default)),
];

fn process(name: &str, app: fn(&Device) -> Arc<dyn AppProcess>) -> Subject {
    Subject::scheduler(name, move |device| ReferenceScheduler::new(Device { app: app(&device), ..device }))
}

/// One "current set": what was delivered before it is forgotten, and its end is the end of everything.
#[derive(Default)]
struct LastSet(Mutex<Vec<RefreshTaskId>>);

impl Hands for LastSet {
    fn delivered(&self, _: &Relay, new: &[Arc<Held>]) {
        *lock(&self.0) = new.iter().map(|held| held.task.id()).collect();
    }

    fn completed(&self, relay: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        held.pass_on(report);
        let done = {
            let mut set = lock(&self.0);
            let member = set.contains(&report.task);
            set.retain(|id| *id != report.task);
            member && set.is_empty()
        };
        if done {
            relay.device.app.suspend();
        }
    }

    fn forget(&self) {
        lock(&self.0).clear();
    }
}

/// Takes the return of `handle` for the end of the work.
struct AfterHandle(Arc<dyn AppProcess>);

#[async_trait]
impl AlmostProcess for AfterHandle {
    fn inner(&self) -> &dyn AppProcess {
        &*self.0
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let begun = self.0.deliver(tasks).await;
        self.0.suspend();
        begun
    }
}

/// Suspends whenever something is completed, whatever else is open.
struct FirstCompletion;

impl Hands for FirstCompletion {
    fn completed(&self, relay: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        held.pass_on(report);
        relay.device.app.suspend();
    }
}

/// Leaks what keeps the app alive.
struct NeverSuspends(Arc<dyn AppProcess>);

impl AlmostProcess for NeverSuspends {
    fn inner(&self) -> &dyn AppProcess {
        &*self.0
    }

    fn suspend(&self) {}
}

struct Lingering(Device);

impl AlmostProcess for Lingering {
    fn inner(&self) -> &dyn AppProcess {
        &*self.0.app
    }

    fn suspend(&self) {
        let app = Arc::clone(&self.0.app);
        after(&self.0, Duration::from_secs(60), move || app.suspend());
    }
}

/// Ends the process where it should be suspended.
struct Ends(Arc<dyn AppProcess>);

impl AlmostProcess for Ends {
    fn inner(&self) -> &dyn AppProcess {
        &*self.0
    }

    fn suspend(&self) {
        self.0.terminate(Termination::Wall);
    }
}

/// Counts open tasks with a number, down at every completion: also at repeated ones.
#[derive(Default)]
struct Counter(AtomicI64);

impl Hands for Counter {
    fn delivered(&self, _: &Relay, new: &[Arc<Held>]) {
        self.0.fetch_add(i64::try_from(new.len()).unwrap_or(0), Ordering::Relaxed);
    }

    fn completed(&self, relay: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        held.pass_on(report);
        if self.0.fetch_sub(1, Ordering::Relaxed) <= 1 {
            self.0.store(0, Ordering::Relaxed);
            relay.device.app.suspend();
        }
    }

    fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

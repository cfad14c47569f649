//! Completions that are misread: SCH-10, SCH-13, SCH-23.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bgsession_reference::contract::{
    Admission, Charge, Completion, CompletionReport, RefreshKind, Throttle, Time,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::throttle::SlidingWindow;

use super::Mutant;
use crate::parts::{Hands, Held, Relay, relayed, relayed_on};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("takes-true-for-false", &["SCH-23"], |name| {
        relayed(name, || {
            Misreads(|read| {
                if *read.completion == TRUE {
                    *read.completion = FALSE;
                }
            })
        })
    }),
    Mutant::new("false-on-a-snapshot-empties-the-slot", &["SCH-23"], |name| {
        relayed(name, || {
            Misreads(|read| {
                if read.of_snapshot && *read.completion == FALSE {
                    *read.completion = taken(Time::DISTANT_FUTURE);
                }
            })
        })
    }),
    Mutant::new("true-on-a-snapshot-asks-at-once", &["SCH-23"], |name| {
        relayed(name, || {
            Misreads(|read| {
                if read.of_snapshot && *read.completion == TRUE {
                    *read.completion = taken(read.now);
                }
            })
        })
    }),
    Mutant::new("an-hour-whatever-was-given", &["SCH-23"], |name| {
        relayed(name, || {
            Misreads(|read| {
                if matches!(read.completion, Completion::SnapshotTaken { .. }) {
                    *read.completion = TRUE;
                }
            })
        })
    }),
    Mutant::new("never-is-in-an-hour", &["SCH-23"], |name| {
        relayed(name, || {
            Misreads(|read| {
                if *read.completion == taken(Time::DISTANT_FUTURE) {
                    *read.completion = taken(read.now + Duration::from_secs(3_600));
                }
            })
        })
    }),
    Mutant::new("forgets-what-comes-with-a-completion", &["SCH-10"], |name| {
        relayed(name, || {
            Misreads(|read| {
                if let Completion::SnapshotTaken { user_info, .. } = read.completion {
                    *user_info = None;
                }
            })
        })
    }),
    Mutant::new("completions-are-free", &["SCH-13"], |name| {
        relayed_on(name, Free::default, |hands, device| {
            let window = SlidingWindow::new(device.policy.budget_window);
            let throttle = Generous { window, free: Arc::clone(&hands.0) };
            ReferenceScheduler::with_throttle(device, Box::new(throttle))
        })
    }),
];

const TRUE: Completion = Completion::Completed { snapshot: true };
const FALSE: Completion = Completion::Completed { snapshot: false };

/// As a snapshot task that is done, and has restored its default state.
const fn taken(expiration: Time) -> Completion {
    Completion::SnapshotTaken { restored_default_state: true, expiration, user_info: None }
}

/// A completion that is being read.
struct Read<'a> {
    completion: &'a mut Completion,
    of_snapshot: bool,
    now: Time,
}

/// Tells the scheduler of other completions than there were.
struct Misreads(fn(Read<'_>));

impl Hands for Misreads {
    fn completed(&self, relay: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        let mut report = report.clone();
        let of_snapshot = matches!(held.task.kind(), RefreshKind::Snapshot(_));
        let now = relay.device.clock.now();
        (self.0)(Read { completion: &mut report.completion, of_snapshot, now });
        held.pass_on(&report);
    }
}

/// Once a completion has asked for a snapshot, the charge is forgotten.
#[derive(Default)]
struct Free(Arc<AtomicBool>);

impl Hands for Free {
    fn completed(&self, _: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        if report.completion == TRUE {
            self.0.store(true, Ordering::Relaxed);
        }
        held.pass_on(report);
    }
}

struct Generous {
    window: SlidingWindow,
    free: Arc<AtomicBool>,
}

impl Throttle for Generous {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        if charge == Charge::Snapshot && self.free.load(Ordering::Relaxed) {
            return Admission::Admitted;
        }
        self.window.admit(charge, per_hour, now)
    }
}

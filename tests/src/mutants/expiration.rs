//! Expiration handlers that are called for the wrong task, at the wrong time or not at all: SCH-18.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bgsession_reference::contract::CompletionReport;

use super::Mutant;
use crate::parts::{Hands, Held, Relay, after, relayed};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("expires-every-open-task", &["SCH-18"], |name| relayed(name, || ExpiresAll)),
    Mutant::new("expires-completed-tasks", &["SCH-18"], |name| relayed(name, || KeepsTheTimer)),
    Mutant::new("expires-twice", &["SCH-18"], |name| relayed(name, || Twice)),
    Mutant::new("never-expires", &["SCH-18"], |name| relayed(name, || NeverExpires)),
    Mutant::new("expires-after-the-deadline", &["SCH-18"], |name| relayed(name, || Late)),
    Mutant::new("expires-right-after-handle", &["SCH-18"], |name| relayed(name, || AtOnce)),
    Mutant::new("punishes-completion-in-the-handler", &["SCH-18"], |name| relayed(name, Punishes::default)),
];

/// One timer for the app instead of one for each task.
struct ExpiresAll;

impl Hands for ExpiresAll {
    fn expire(&self, relay: &Relay, _: &Arc<Held>) {
        for open in relay.open() {
            open.task.expire();
        }
    }
}

/// A timer for each task that its completion does not stop.
struct KeepsTheTimer;

impl Hands for KeepsTheTimer {
    fn delivered(&self, relay: &Relay, new: &[Arc<Held>]) {
        let policy = &relay.device.policy;
        for held in new.iter().cloned() {
            let lead = policy.allowances.of(held.task.kind(), false) - policy.expiration_lead;
            after(&relay.device, lead, move || {
                held.task.expire();
            });
        }
    }

    fn expire(&self, _: &Relay, _: &Arc<Held>) {}
}

/// Calls once for the warning and once more to be sure.
struct Twice;

impl Hands for Twice {
    fn expire(&self, _: &Relay, held: &Arc<Held>) {
        held.task.expire();
        held.task.expire();
    }
}

struct NeverExpires;

impl Hands for NeverExpires {
    fn expire(&self, _: &Relay, _: &Arc<Held>) {}
}

/// Counts the lead in the wrong direction.
struct Late;

impl Hands for Late {
    fn expire(&self, relay: &Relay, held: &Arc<Held>) {
        let held = Arc::clone(held);
        after(&relay.device, relay.device.policy.expiration_lead * 2, move || {
            held.task.expire();
        });
    }
}

/// Takes the lead for the time that the app has.
struct AtOnce;

impl Hands for AtOnce {
    fn delivered(&self, relay: &Relay, new: &[Arc<Held>]) {
        for held in new.iter().cloned() {
            after(&relay.device, Duration::from_secs(2), move || {
                if held.task.is_open() {
                    held.task.expire();
                }
            });
        }
    }

    fn expire(&self, _: &Relay, _: &Arc<Held>) {}
}

/// The completion made in the handler does not cancel the deadline.
#[derive(Default)]
struct Punishes {
    inside: AtomicBool,
}

impl Hands for Punishes {
    fn completed(&self, _: &Arc<Relay>, held: &Held, report: &CompletionReport) {
        if !self.inside.load(Ordering::Relaxed) {
            held.pass_on(report);
        }
    }

    fn expire(&self, _: &Relay, held: &Arc<Held>) {
        self.inside.store(true, Ordering::Relaxed);
        held.task.expire();
        self.inside.store(false, Ordering::Relaxed);
    }
}

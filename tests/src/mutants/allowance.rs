//! Apps that are not stopped in time, stopped without a reason or for the wrong one: SCH-17.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bgsession_reference::contract::{AtAllowance, Policy, Termination, Time};

use super::Mutant;
use crate::parts::{Hands, Held, Relay, after, lock, relayed};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("never-ends-an-overrun", &["SCH-17"], |name| relayed(name, || Never)),
    Mutant::new("ends-it-a-minute-later", &["SCH-17"], |name| relayed(name, || Later)),
    Mutant::new("blames-the-starved-app", &["SCH-17"], |name| relayed(name, || Says(Termination::Wall))),
    Mutant::new("blames-the-system", &["SCH-17"], |name| relayed(name, || Says(Termination::Starved))),
    Mutant::new("takes-waiting-for-working", &["SCH-17"], |name| relayed(name, || Says(Termination::Cpu))),
    Mutant::new("completion-does-not-stop-the-clock", &["SCH-17"], |name| relayed(name, || KeepsTheClock)),
    Mutant::new("each-task-starts-the-clock-anew", &["SCH-17"], |name| relayed(name, OneClock::default)),
    Mutant::new("counts-the-time-asleep", &["SCH-17"], |name| {
        let policy = Policy { at_allowance: AtAllowance::Suspend, ..Policy::default() };
        relayed(name, CountsOn::default).with_policy(policy)
    }),
];

struct Never;

impl Hands for Never {
    fn terminate(&self, _: &Arc<Relay>, _: Termination) {}
}

struct Later;

impl Hands for Later {
    fn terminate(&self, relay: &Arc<Relay>, how: Termination) {
        let of = Arc::clone(relay);
        after(&relay.device, Duration::from_secs(60), move || of.device.app.terminate(how));
    }
}

/// Always gives the same reason.
struct Says(Termination);

impl Hands for Says {
    fn terminate(&self, relay: &Arc<Relay>, _: Termination) {
        relay.device.app.terminate(self.0);
    }
}

/// Ends the app when a task's time is over, completed or not.
struct KeepsTheClock;

impl Hands for KeepsTheClock {
    fn delivered(&self, relay: &Relay, new: &[Arc<Held>]) {
        for held in new {
            let (app, mine) = (Arc::clone(&relay.device.app), Arc::clone(held));
            let allowance = relay.device.policy.allowances.of(held.task.kind(), false);
            after(&relay.device, allowance, move || {
                if !mine.task.is_open() && app.state().is_running() && !app.state().is_foreground() {
                    app.terminate(Termination::Wall);
                }
            });
        }
    }
}

/// One timer for the app, which every delivery sets back.
#[derive(Default)]
struct OneClock(Mutex<Time>);

impl Hands for OneClock {
    fn delivered(&self, relay: &Relay, _: &[Arc<Held>]) {
        *lock(&self.0) = relay.device.clock.now() + relay.device.policy.allowances.url_session;
    }

    fn terminate(&self, relay: &Arc<Relay>, how: Termination) {
        let (of, until) = (Arc::clone(relay), *lock(&self.0));
        after(&relay.device, until.since(relay.device.clock.now()), move || of.device.app.terminate(how));
    }
}

/// A task that was open when the app was suspended is over when it is resumed later, and so is the app.
#[derive(Default)]
struct CountsOn(Mutex<Vec<(Arc<Held>, Time)>>);

impl Hands for CountsOn {
    fn delivered(&self, relay: &Relay, new: &[Arc<Held>]) {
        let now = relay.device.clock.now();
        let mut given = lock(&self.0);
        let over = given.iter().any(|(held, deadline)| held.task.is_open() && *deadline <= now);
        let deadline = |held: &Arc<Held>| now + relay.device.policy.allowances.of(held.task.kind(), false);
        given.extend(new.iter().map(|held| (Arc::clone(held), deadline(held))));
        drop(given);
        if over {
            relay.device.app.suspend();
        }
    }

    fn forget(&self) {
        lock(&self.0).clear();
    }
}

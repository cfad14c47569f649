//! Schedulers that do not expect their timers to be late, as they are when the whole device has slept: SCH-14, SCH-13.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{Admission, Charge, Clock, Device, Hold, Throttle, Time};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::throttle::SlidingWindow;

use super::Mutant;
use crate::parts::lock;

const HOUR: Duration = Duration::from_secs(3_600);
/// A timer that is later than this has been missed.
const GRACE: Duration = Duration::from_secs(30);

pub(super) const MUTANTS: &[Mutant] = &[
    // As some take the lines of a crontab.
    Mutant::new("skips-what-it-has-missed", &["SCH-14"], |name| {
        Subject::scheduler(name, |device| {
            let missed = Arc::new(Mutex::new(None));
            let clock = Arc::new(Watched { clock: Arc::clone(&device.clock), missed: Arc::clone(&missed) });
            let throttle = Skips { window: SlidingWindow::new(HOUR), missed };
            ReferenceScheduler::with_throttle(Device { clock, ..device }, Box::new(throttle))
        })
    }),
    Mutant::new("books-what-it-has-promised", &["SCH-13"], |name| {
        Subject::throttle(name, |_| Box::new(Promises::default()))
    }),
];

/// Notes when a timer was missed.
struct Watched {
    clock: Arc<dyn Clock>,
    missed: Arc<Mutex<Option<Time>>>,
}

#[async_trait]
impl Clock for Watched {
    fn now(&self) -> Time {
        self.clock.now()
    }

    async fn sleep_until(&self, deadline: Time) {
        self.clock.sleep_until(deadline).await;
        let now = self.clock.now();
        if now > deadline + GRACE {
            *lock(&self.missed) = Some(now);
        }
    }

    fn hold(&self) -> Hold {
        self.clock.hold()
    }
}

/// What was to come while the timer was late does not come any more.
struct Skips {
    window: SlidingWindow,
    missed: Arc<Mutex<Option<Time>>>,
}

impl Throttle for Skips {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        if charge != Charge::UrlSession && *lock(&self.missed) == Some(now) {
            return Admission::NotBefore(Time::DISTANT_FUTURE);
        }
        self.window.admit(charge, per_hour, now)
    }
}

/// Who comes back later than he was told to has had his place from that moment on.
#[derive(Default)]
struct Promises(BTreeMap<Charge, (Vec<Time>, Option<Time>)>);

impl Throttle for Promises {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        let limit = usize::try_from(per_hour).unwrap_or(usize::MAX);
        let (line, promised) = self.0.entry(charge).or_default();
        line.retain(|then| *then + HOUR > now);
        if limit == 0 {
            return Admission::NotBefore(Time::DISTANT_FUTURE);
        }
        if line.len() < limit {
            line.push(promised.take().unwrap_or(now).min(now));
            return Admission::Admitted;
        }
        let free = line[line.len() - limit] + HOUR;
        *promised = Some(free);
        Admission::NotBefore(free)
    }
}

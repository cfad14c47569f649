//! Budgets that let too much through, and requests that get lost in them: SCH-13, SCH-14, SCH-15.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Admission, AppClass, AppProcess, Charge, Device, DeviceChange, Interrupted, RefreshKind, RefreshTask,
    Scheduler, SessionId, Throttle, Time, WakeOutcome, WakeReason,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::throttle::SlidingWindow;

use super::Mutant;
use crate::parts::{Almost, AlmostProcess, AlmostScheduler, lock};

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("resets-on-the-hour", &["SCH-13", "SCH-15"], |name| {
        Subject::throttle(name, |_| Box::new(OnTheHour::default()))
    }),
    Mutant::new("saves-credit-up", &["SCH-13", "SCH-15"], |name| {
        Subject::throttle(name, |_| Box::new(Bucket::new()))
    }),
    Mutant::new("one-pot-for-all-kinds", &["SCH-13", "SCH-15"], |name| {
        Subject::throttle(name, |_| Box::new(OnePot(SlidingWindow::new(HOUR))))
    }),
    Mutant::new("one-too-many", &["SCH-13", "SCH-15"], |name| {
        Subject::throttle(name, |_| Box::new(OneTooMany(SlidingWindow::new(HOUR))))
    }),
    Mutant::new("half-an-hour-for-an-hour", &["SCH-13", "SCH-15"], |name| {
        Subject::throttle(name, |_| Box::new(SlidingWindow::new(HOUR / 2)))
    }),
    Mutant::new("the-class-is-that-of-the-boot", &["SCH-13", "SCH-16"], |name| {
        Subject::scheduler(name, |device| {
            Arc::new(Almost(ClassOfTheBoot {
                class: device.conditions.class,
                scheduler: ReferenceScheduler::new(device),
            }))
        })
    }),
    // A limiter is made for a limit, and made anew for another.
    Mutant::new("forgets-all-when-the-class-changes", &["SCH-13"], |name| {
        Subject::throttle(name, |_| Box::new(Rebuilt::default()))
    }),
    // One that comes back to the face finds room for what it has had.
    Mutant::new("forgets-some-while-the-class-is-small", &["SCH-13"], |name| {
        Subject::throttle(name, |_| Box::new(Short::default()))
    }),
    Mutant::new("drops-what-is-over-budget", &["SCH-14"], |name| {
        Subject::throttle(name, |_| {
            Box::new(Delays { window: SlidingWindow::new(HOUR), later: |_| Time::DISTANT_FUTURE })
        })
    }),
    Mutant::new("defers-by-three-hours", &["SCH-14"], |name| {
        Subject::throttle(name, |_| {
            Box::new(Delays { window: SlidingWindow::new(HOUR), later: |then| then + HOUR * 3 })
        })
    }),
    Mutant::new("delivers-a-refresh-again", &["SCH-14"], |name| {
        Subject::scheduler(name, |device| {
            let scheduler = Arc::new(OnceLock::new());
            let again =
                Again { device: device.clone(), scheduler: Arc::clone(&scheduler), last: Mutex::default() };
            let made = ReferenceScheduler::new(Device { app: Arc::new(Almost(again)), ..device });
            let _ = scheduler.set(Arc::downgrade(&made));
            made
        })
    }),
    Mutant::new("no-budget-for-session-wakes", &["SCH-15"], |name| {
        Subject::throttle(name, |_| Box::new(SessionsFree(SlidingWindow::new(HOUR))))
    }),
    Mutant::new("never-answers-a-wake-over-budget", &["SCH-15"], |name| over_budget(name, None)),
    Mutant::new("suppresses-a-wake-over-budget", &["SCH-15"], |name| {
        over_budget(name, Some(WakeOutcome::Suppressed))
    }),
];

/// A window for each kind of work and limit.
#[derive(Default)]
struct Rebuilt(BTreeMap<Charge, (u32, SlidingWindow)>);

impl Throttle for Rebuilt {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        let new = || (per_hour, SlidingWindow::new(HOUR));
        let known = self.0.entry(charge).or_insert_with(new);
        if known.0 != per_hour {
            *known = new();
        }
        known.1.admit(charge, per_hour, now)
    }
}

/// Remembers no more deliveries than are allowed.
#[derive(Default)]
struct Short(BTreeMap<Charge, VecDeque<Time>>);

impl Throttle for Short {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        let limit = usize::try_from(per_hour).unwrap_or(usize::MAX);
        let known = self.0.entry(charge).or_default();
        known.retain(|then| *then + HOUR > now);
        // The oldest go: those that would leave first anyway.
        known.drain(..known.len().saturating_sub(limit));
        if known.len() < limit {
            known.push_back(now);
            return Admission::Admitted;
        }
        known
            .front()
            .map_or(Admission::NotBefore(Time::DISTANT_FUTURE), |first| Admission::NotBefore(*first + HOUR))
    }
}

/// An app that gets less prominent keeps its budgets.
struct ClassOfTheBoot {
    scheduler: Arc<dyn Scheduler>,
    class: AppClass,
}

impl AlmostScheduler for ClassOfTheBoot {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::Conditions(now) = change {
            let mut kept = *now;
            kept.class = self.class;
            self.scheduler.device_changed(&DeviceChange::Conditions(kept));
        } else {
            self.scheduler.device_changed(change);
        }
    }
}

/// A counter that is set to zero on the hour.
#[derive(Default)]
struct OnTheHour {
    hour: u64,
    counts: [u32; 3],
}

impl Throttle for OnTheHour {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        let hour = now.as_millis() / 3_600_000;
        if hour != self.hour {
            *self = Self { hour, counts: [0; 3] };
        }
        let count = &mut self.counts[charge as usize];
        if *count < per_hour {
            *count += 1;
            return Admission::Admitted;
        }
        Admission::NotBefore(Time::from_millis((hour + 1) * 3_600_000))
    }
}

/// A token every quarter of an hour, and up to four in the bucket: five to seven fit into the first hour.
struct Bucket {
    last: Time,
    /// In milliseconds of saved-up time, for each charge.
    credit: [u64; 3],
}

const QUARTER: u64 = 900_000;

impl Bucket {
    const fn new() -> Self {
        Self { last: Time::ZERO, credit: [4 * QUARTER; 3] }
    }
}

impl Throttle for Bucket {
    fn admit(&mut self, charge: Charge, _: u32, now: Time) -> Admission {
        let passed = u64::try_from(now.since(self.last).as_millis()).unwrap_or(u64::MAX);
        self.last = now;
        for credit in &mut self.credit {
            *credit = credit.saturating_add(passed).min(4 * QUARTER);
        }
        let credit = &mut self.credit[charge as usize];
        if *credit >= QUARTER {
            *credit -= QUARTER;
            return Admission::Admitted;
        }
        Admission::NotBefore(now + Duration::from_millis(QUARTER - *credit))
    }
}

/// The three budgets are added up and whoever comes first takes from the sum.
struct OnePot(SlidingWindow);

impl Throttle for OnePot {
    fn admit(&mut self, _: Charge, per_hour: u32, now: Time) -> Admission {
        self.0.admit(Charge::UrlSession, per_hour * 3, now)
    }
}

/// `<=` for `<`.
struct OneTooMany(SlidingWindow);

impl Throttle for OneTooMany {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        self.0.admit(charge, per_hour + 1, now)
    }
}

/// Keeps the number, but not the promise that what is over it comes when it fits.
struct Delays {
    window: SlidingWindow,
    later: fn(Time) -> Time,
}

impl Throttle for Delays {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        match self.window.admit(charge, per_hour, now) {
            Admission::Admitted => Admission::Admitted,
            Admission::NotBefore(then) => Admission::NotBefore((self.later)(then)),
        }
    }
}

/// Leaves the slot full after its delivery, so that the same request comes a second time.
struct Again {
    device: Device,
    scheduler: Arc<OnceLock<std::sync::Weak<ReferenceScheduler>>>,
    last: Mutex<Option<String>>,
}

#[async_trait]
impl AlmostProcess for Again {
    fn inner(&self) -> &dyn AppProcess {
        &*self.device.app
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let refresh = tasks.iter().find(|task| *task.kind() == RefreshKind::ApplicationRefresh);
        let info = refresh.and_then(|task| task.user_info().cloned());
        self.device.app.deliver(tasks).await?;
        let Some(info) = info else { return Ok(()) };
        let again =
            lock(&self.last).replace(info.as_str().to_owned()).is_none_or(|last| last != info.as_str());
        if let Some(scheduler) = self.scheduler.get().and_then(std::sync::Weak::upgrade).filter(|_| again) {
            let due = self.device.clock.now() + Duration::from_secs(1);
            // Nothing can be wrong with a date that is a second away.
            let _ = scheduler.schedule_background_refresh(due, Some(info)).await;
        }
        Ok(())
    }
}

/// Session wakes are not counted.
struct SessionsFree(SlidingWindow);

impl Throttle for SessionsFree {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        if charge == Charge::UrlSession { Admission::Admitted } else { self.0.admit(charge, per_hour, now) }
    }
}

/// A wake that does not fit is answered at once, or never.
fn over_budget(name: &str, answer: Option<WakeOutcome>) -> Subject {
    Subject::scheduler(name, move |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        Arc::new(Almost(Impatient { device, scheduler, woken: Mutex::default(), answer }))
    })
}

struct Impatient {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    /// When wakes were let through in the last hour.
    woken: Mutex<VecDeque<Time>>,
    answer: Option<WakeOutcome>,
}

#[async_trait]
impl AlmostScheduler for Impatient {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let now = self.device.clock.now();
        let fits = {
            let mut woken = lock(&self.woken);
            woken.retain(|then| *then + HOUR > now);
            let fits = woken.len() < 4;
            if fits {
                woken.push_back(now);
            }
            fits
        };
        match self.answer {
            _ if fits => self.scheduler.request_wake(session, reason).await,
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

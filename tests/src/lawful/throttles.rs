//! Other ways to keep the same budget.

use std::collections::VecDeque;
use std::time::Duration;

use bgsession_conformance::Subject;
use bgsession_reference::contract::{Admission, Charge, Throttle, Time};

use super::Variant;

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) const VARIANTS: &[Variant] = &[
    Variant::new("cool-down-of-fifteen-minutes", |name| {
        Subject::throttle(name, |_| Box::<CoolDown>::default())
    }),
    Variant::new("token-bucket-of-one", |name| Subject::throttle(name, |_| Box::<Bucket>::default())),
    Variant::new("rolling-window-rounded-up-to-minutes", |name| {
        Subject::throttle(name, |_| Box::<Minutes>::default())
    }),
];

const NEVER: Admission = Admission::NotBefore(Time::DISTANT_FUTURE);

/// So long after a delivery there is no other of its kind.
#[derive(Default)]
struct CoolDown {
    last: [Option<Time>; 3],
}

impl Throttle for CoolDown {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        if per_hour == 0 {
            return NEVER;
        }
        let last = &mut self.last[charge as usize];
        match last.map(|last| last + HOUR / per_hour).filter(|free| *free > now) {
            Some(free) => Admission::NotBefore(free),
            None => {
                *last = Some(now);
                Admission::Admitted
            }
        }
    }
}

/// One token at most, which grows back continuously.
#[derive(Default)]
struct Bucket {
    /// What is missing from a full bucket, in deliveries times milliseconds, and since when.
    missing: [(u64, Time); 3],
}

const FULL: u64 = 3_600_000;

impl Throttle for Bucket {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        if per_hour == 0 {
            return NEVER;
        }
        let (missing, since) = &mut self.missing[charge as usize];
        let passed = u64::try_from(now.since(*since).as_millis()).unwrap_or(u64::MAX);
        *missing = missing.saturating_sub(passed.saturating_mul(per_hour.into()));
        *since = now;
        if *missing == 0 {
            *missing = FULL;
            return Admission::Admitted;
        }
        Admission::NotBefore(now + Duration::from_millis(missing.div_ceil(per_hour.into())))
    }
}

/// A rolling window that counts in whole minutes, always to the safe side: a delivery may wait up to a minute longer.
#[derive(Default)]
struct Minutes {
    delivered: [VecDeque<u64>; 3],
}

impl Throttle for Minutes {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        let minute = now.as_millis() / 60_000;
        let delivered = &mut self.delivered[charge as usize];
        delivered.retain(|then| then + 61 > minute);
        let limit = usize::try_from(per_hour).unwrap_or(usize::MAX);
        if limit == 0 {
            return NEVER;
        }
        if delivered.len() < limit {
            delivered.push_back(minute);
            return Admission::Admitted;
        }
        Admission::NotBefore(Time::from_millis((delivered[delivered.len() - limit] + 61) * 60_000))
    }
}

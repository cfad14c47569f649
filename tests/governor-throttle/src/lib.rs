//! Rate limits for background work: one limiter for each kind of it, on the crate `governor`.
//!
//! Time is passed in, so a limiter can be asked about any moment and is tested without waiting.
//!
//! ```
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//! use governor_throttle::{Kind, WorkThrottle};
//!
//! let four = NonZeroU32::new(4).unwrap();
//! let mut throttle = WorkThrottle::spread(four);
//! let minutes = |n: u64| Duration::from_secs(n * 60);
//! assert_eq!(throttle.ask(Kind::Refresh, minutes(0)), Ok(()));
//! assert_eq!(throttle.ask(Kind::Refresh, minutes(5)), Err(minutes(10)));
//! assert_eq!(throttle.ask(Kind::Refresh, minutes(15)), Ok(()));
//! ```

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

const HOUR: Duration = Duration::from_secs(3_600);

/// What the work is. Each kind has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every kind has its limiter")]
pub enum Kind {
    /// The application brings itself up to date.
    Refresh,
    /// Transfers have news.
    Transfers,
    /// The application draws a picture of itself.
    Snapshot,
}

type Moment = <FakeRelativeClock as Clock>::Instant;
type Limiter = RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Moment>>;

/// Says when work may be done.
#[derive(Debug)]
pub struct WorkThrottle {
    clock: FakeRelativeClock,
    /// What the clock shows, counted from its start.
    now: Duration,
    limiters: [Limiter; 3],
}

impl WorkThrottle {
    /// Each kind as the quota says.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        let clock = FakeRelativeClock::default();
        let limiter = || RateLimiter::direct_with_clock(quota, clock.clone());
        Self { limiters: [limiter(), limiter(), limiter()], now: Duration::ZERO, clock }
    }

    /// So many in an hour, at equal distances: no credit is saved up, so that no hour holds more.
    ///
    /// # Panics
    ///
    /// Never: the distance is not zero.
    #[must_use]
    pub fn spread(per_hour: NonZeroU32) -> Self {
        let once = NonZeroU32::MIN;
        let quota = Quota::with_period(HOUR / per_hour.get()).expect("an hour has enough nanoseconds");
        Self::new(quota.allow_burst(once))
    }

    /// So many in an hour, all at once if they come so: what was not used is saved up.
    #[must_use]
    pub fn burst(per_hour: NonZeroU32) -> Self {
        Self::new(Quota::per_hour(per_hour))
    }

    /// May work of this kind be done at this moment, counted from any start? If so it is charged.
    ///
    /// Moments that go back count as the latest one.
    ///
    /// # Errors
    ///
    /// How long to wait before asking again.
    pub fn ask(&mut self, kind: Kind, at: Duration) -> Result<(), Duration> {
        self.clock.advance(at.saturating_sub(self.now));
        self.now = self.now.max(at);
        let limiter = match kind {
            Kind::Refresh => &self.limiters[0],
            Kind::Transfers => &self.limiters[1],
            Kind::Snapshot => &self.limiters[2],
        };
        limiter.check().map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: NonZeroU32 = NonZeroU32::new(4).unwrap();

    #[test]
    fn a_burst_is_used_up_and_comes_back_bit_by_bit() {
        let mut throttle = WorkThrottle::burst(FOUR);
        for _ in 0..4 {
            assert_eq!(throttle.ask(Kind::Transfers, Duration::ZERO), Ok(()));
        }
        assert_eq!(throttle.ask(Kind::Transfers, Duration::ZERO), Err(HOUR / 4));
        assert_eq!(throttle.ask(Kind::Snapshot, Duration::ZERO), Ok(()));
        assert_eq!(throttle.ask(Kind::Transfers, HOUR / 4), Ok(()));
    }

    #[test]
    fn the_clock_does_not_go_back() {
        let mut throttle = WorkThrottle::spread(FOUR);
        assert_eq!(throttle.ask(Kind::Refresh, HOUR), Ok(()));
        assert_eq!(throttle.ask(Kind::Refresh, Duration::ZERO), Err(HOUR / 4));
    }
}

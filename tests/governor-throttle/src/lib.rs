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
//! let mut throttle = WorkThrottle::spread();
//! let minutes = |n: u64| Duration::from_secs(n * 60);
//! assert_eq!(throttle.ask(Kind::Refresh, four, minutes(0)), Ok(()));
//! assert_eq!(throttle.ask(Kind::Refresh, four, minutes(5)), Err(minutes(10)));
//! assert_eq!(throttle.ask(Kind::Refresh, four, minutes(15)), Ok(()));
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
    quota: fn(NonZeroU32) -> Quota,
    limits: [Option<Limit>; 3],
}

/// What holds for one kind of work.
#[derive(Debug)]
struct Limit {
    per_hour: NonZeroU32,
    limiter: Limiter,
    /// No work before this: what was done under another limit counts too.
    not_before: Duration,
    last: Option<Duration>,
}

impl WorkThrottle {
    /// Each kind as the quota for its number in an hour says.
    #[must_use]
    pub fn new(quota: fn(NonZeroU32) -> Quota) -> Self {
        Self { clock: FakeRelativeClock::default(), now: Duration::ZERO, quota, limits: [None, None, None] }
    }

    /// So many in an hour, at equal distances: no credit is saved up, so that no hour holds more.
    ///
    /// # Panics
    ///
    /// Never: the distance is not zero.
    #[must_use]
    pub fn spread() -> Self {
        Self::new(|per_hour| {
            let quota = Quota::with_period(distance(per_hour)).expect("an hour has enough nanoseconds");
            quota.allow_burst(NonZeroU32::MIN)
        })
    }

    /// So many in an hour, all at once if they come so: what was not used is saved up.
    #[must_use]
    pub fn burst() -> Self {
        Self::new(Quota::per_hour)
    }

    /// May work of this kind be done at this moment, counted from any start, if so much is allowed in an hour? If so it is
    /// charged.
    ///
    /// Moments that go back count as the latest one.
    ///
    /// # Errors
    ///
    /// How long to wait before asking again.
    pub fn ask(&mut self, kind: Kind, per_hour: NonZeroU32, at: Duration) -> Result<(), Duration> {
        self.clock.advance(at.saturating_sub(self.now));
        self.now = self.now.max(at);
        let known = &mut self.limits[kind as usize];
        let limit = match known {
            Some(limit) if limit.per_hour == per_hour => limit,
            other => {
                let last = other.as_ref().and_then(|limit| limit.last);
                other.insert(Limit {
                    per_hour,
                    limiter: RateLimiter::direct_with_clock((self.quota)(per_hour), self.clock.clone()),
                    not_before: last.map_or(Duration::ZERO, |last| last + distance(per_hour)),
                    last,
                })
            }
        };
        if self.now < limit.not_before {
            return Err(limit.not_before - self.now);
        }
        limit.limiter.check().map_err(|not_until| not_until.wait_time_from(self.clock.now()))?;
        limit.last = Some(self.now);
        Ok(())
    }
}

/// Between one piece of work and the next, if they come evenly.
fn distance(per_hour: NonZeroU32) -> Duration {
    HOUR / per_hour.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: NonZeroU32 = NonZeroU32::new(4).unwrap();

    #[test]
    fn a_burst_is_used_up_and_comes_back_bit_by_bit() {
        let mut throttle = WorkThrottle::burst();
        for _ in 0..4 {
            assert_eq!(throttle.ask(Kind::Transfers, FOUR, Duration::ZERO), Ok(()));
        }
        assert_eq!(throttle.ask(Kind::Transfers, FOUR, Duration::ZERO), Err(HOUR / 4));
        assert_eq!(throttle.ask(Kind::Snapshot, FOUR, Duration::ZERO), Ok(()));
        assert_eq!(throttle.ask(Kind::Transfers, FOUR, HOUR / 4), Ok(()));
    }

    #[test]
    fn the_clock_does_not_go_back() {
        let mut throttle = WorkThrottle::spread();
        assert_eq!(throttle.ask(Kind::Refresh, FOUR, HOUR), Ok(()));
        assert_eq!(throttle.ask(Kind::Refresh, FOUR, Duration::ZERO), Err(HOUR / 4));
    }

    #[test]
    fn another_limit_remembers_what_was_done_under_the_last() {
        let mut throttle = WorkThrottle::spread();
        assert_eq!(throttle.ask(Kind::Refresh, FOUR, Duration::ZERO), Ok(()));
        assert_eq!(throttle.ask(Kind::Refresh, NonZeroU32::MIN, HOUR / 4), Err(HOUR * 3 / 4));
        assert_eq!(throttle.ask(Kind::Refresh, NonZeroU32::MIN, HOUR), Ok(()));
        assert_eq!(throttle.ask(Kind::Refresh, FOUR, HOUR), Err(HOUR / 4));
    }
}

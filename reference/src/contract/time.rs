//! Time as the device tells it.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment on the device's clock: whole milliseconds since the device's epoch.
///
/// There is no `now()`: the moment is passed in, or read from [`Clock::now`](super::Clock::now). A millisecond is the
/// tick: two moments that differ, differ by at least that.
///
/// ```
/// use bgsession_reference::contract::Time;
/// use std::time::Duration;
///
/// let due = Time::ZERO + Duration::from_secs(15 * 60);
/// assert_eq!(due.to_string(), "15:00.000");
/// assert_eq!(due.since(Time::ZERO), Duration::from_secs(900));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Time(u64);

impl Time {
    /// The device's epoch.
    pub const ZERO: Self = Self(0);
    /// Later than everything: "never", as the platform's distant future.
    pub const DISTANT_FUTURE: Self = Self(u64::MAX);
    /// The smallest step of the clock.
    pub const TICK: Duration = Duration::from_millis(1);

    /// The moment `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This much earlier; the epoch if that would be before it.
    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }
}

/// Rounds up, so that waiting for a span never ends early.
fn millis(span: Duration) -> u64 {
    let whole = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if span.subsec_nanos().is_multiple_of(1_000_000) { whole } else { whole.saturating_add(1) }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates at [`Time::DISTANT_FUTURE`].
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub for Time {
    type Output = Duration;

    /// Same as [`Time::since`].
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Time {
    /// `6d 23:59:59.999`, without the parts that are zero at the front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DISTANT_FUTURE {
            return f.pad("never");
        }
        let (ms, s, m) = (self.0 % 1_000, self.0 / 1_000 % 60, self.0 / 60_000 % 60);
        let (h, d) = (self.0 / 3_600_000 % 24, self.0 / 86_400_000);
        let text = match (d, h) {
            (0, 0) => format!("{m:02}:{s:02}.{ms:03}"),
            (0, _) => format!("{h}:{m:02}:{s:02}.{ms:03}"),
            _ => format!("{d}d {h:02}:{m:02}:{s:02}.{ms:03}"),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_without_leading_zero_parts() {
        let at = |ms| Time::from_millis(ms).to_string();
        assert_eq!(at(1), "00:00.001");
        assert_eq!(at(3_600_000), "1:00:00.000");
        assert_eq!(at(7 * 86_400_000 - 1), "6d 23:59:59.999");
        assert_eq!(Time::DISTANT_FUTURE.to_string(), "never");
    }

    #[test]
    fn a_wait_never_ends_early_and_never_overflows() {
        assert_eq!(Time::ZERO + Duration::from_nanos(1), Time::from_millis(1));
        assert_eq!(Time::DISTANT_FUTURE + Duration::from_secs(1), Time::DISTANT_FUTURE);
        assert_eq!(Time::ZERO.since(Time::from_millis(5)), Duration::ZERO);
    }
}

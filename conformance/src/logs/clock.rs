//! The log's clock: it may begin anywhere and go back; for rules it begins at zero and never does.

use crate::contract::Time;

/// So much disorder, in milliseconds, is two threads writing at once; more is a clock that was set.
const DISORDER: i128 = 1_000;

#[derive(Debug, Default)]
pub(super) struct LogClock {
    /// What is taken off each time.
    from: Option<i128>,
    last: i128,
}

impl LogClock {
    /// The time for rules, and by how much the clock went back, in milliseconds.
    pub(super) fn read(&mut self, at: i128) -> (Time, i128) {
        let from = *self.from.get_or_insert(at);
        let now = at - from;
        let back = (self.last - now).max(0);
        if back > DISORDER {
            // It goes on from where it was: what comes later keeps its distances.
            self.from = Some(at - self.last);
        }
        self.last = self.last.max(now);
        (Time::from_millis(u64::try_from(self.last).unwrap_or(u64::MAX)), back)
    }

    /// What dates in the log are counted from.
    pub(super) fn from(&self) -> i128 {
        self.from.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_begins_at_zero_and_stands_still_when_the_clock_goes_back() {
        let mut clock = LogClock::default();
        let mut read = |at: i128| clock.read(at).0.as_millis();
        assert_eq!([1_000_000, 1_000_500, 1_000_400, 1_000_600].map(&mut read), [0, 500, 500, 600]);
        // Set back by an hour: distances stay.
        assert_eq!([1_000_600 - 3_600_000, 1_000_700 - 3_600_000].map(read), [600, 700]);
    }
}

//! The budget that looks back over exactly one window.

use std::collections::VecDeque;
use std::time::Duration;

use crate::contract::{Admission, Charge, Throttle, Time};

/// Remembers the deliveries of the last window and admits another while they are fewer than the limit.
///
/// Looking back from every delivery is what makes the promise true of *any* window, however it is placed; and because
/// the oldest delivery leaves at the very moment the window ends, nothing waits longer than it must.
///
/// ```
/// use std::time::Duration;
/// use bgsession_reference::contract::{Admission, Charge, Throttle, Time};
/// use bgsession_reference::throttle::SlidingWindow;
///
/// let hour = Duration::from_secs(3600);
/// let mut budget = SlidingWindow::new(hour);
/// assert_eq!(budget.admit(Charge::UrlSession, 1, Time::ZERO), Admission::Admitted);
/// let again = Time::ZERO + hour;
/// assert_eq!(budget.admit(Charge::UrlSession, 1, Time::from_millis(1)), Admission::NotBefore(again));
/// assert_eq!(budget.admit(Charge::UrlSession, 1, again), Admission::Admitted);
/// ```
#[derive(Debug)]
pub struct SlidingWindow {
    window: Duration,
    /// One line per charge, oldest first; never longer than the largest limit that was asked for.
    delivered: [VecDeque<Time>; 3],
}

impl SlidingWindow {
    /// A budget over windows of this length; the platform's is [`Policy::budget_window`](crate::contract::Policy),
    /// one hour.
    #[must_use]
    pub const fn new(window: Duration) -> Self {
        Self { window, delivered: [VecDeque::new(), VecDeque::new(), VecDeque::new()] }
    }

    const fn line(charge: Charge) -> usize {
        match charge {
            Charge::ApplicationRefresh => 0,
            Charge::UrlSession => 1,
            Charge::Snapshot => 2,
        }
    }
}

impl Throttle for SlidingWindow {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        let line = &mut self.delivered[Self::line(charge)];
        // SCH-13: half open, so a delivery exactly one window ago is no longer in it.
        while line.front().is_some_and(|&then| then + self.window <= now) {
            line.pop_front();
        }
        let limit = usize::try_from(per_hour).unwrap_or(usize::MAX);
        if limit == 0 {
            return Admission::NotBefore(Time::DISTANT_FUTURE);
        }
        if line.len() < limit {
            line.push_back(now);
            return Admission::Admitted;
        }
        // The limit may have shrunk since: wait until fewer than `limit` are left.
        Admission::NotBefore(line[line.len() - limit] + self.window)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn admitted(budget: &mut SlidingWindow, at: u64) -> bool {
        budget.admit(Charge::UrlSession, 4, Time::from_millis(at)) == Admission::Admitted
    }

    #[test]
    fn four_spaced_by_fifteen_minutes_are_never_late() {
        let mut budget = SlidingWindow::new(HOUR);
        for quarter in 0..100 {
            assert!(admitted(&mut budget, quarter * 900_000), "number {quarter}");
        }
    }

    #[test]
    fn the_three_budgets_are_separate_and_none_is_nothing() {
        let mut budget = SlidingWindow::new(HOUR);
        for charge in Charge::ALL {
            assert_eq!(budget.admit(charge, 1, Time::ZERO), Admission::Admitted);
            assert_eq!(budget.admit(charge, 1, Time::ZERO), Admission::NotBefore(Time::ZERO + HOUR));
            assert_eq!(budget.admit(charge, 0, Time::ZERO), Admission::NotBefore(Time::DISTANT_FUTURE));
        }
    }

    #[test]
    fn a_smaller_limit_waits_until_enough_have_left() {
        let mut budget = SlidingWindow::new(HOUR);
        for at in 0..4 {
            assert!(admitted(&mut budget, at));
        }
        let answer = budget.admit(Charge::UrlSession, 1, Time::from_millis(10));
        assert_eq!(answer, Admission::NotBefore(Time::from_millis(3) + HOUR));
    }

    proptest! {
        /// SCH-13 and SCH-14: never more than the limit in any half-open hour, and never later than needed.
        #[test]
        fn never_too_many_and_never_too_late(
            limit in 1_u32..6,
            steps in prop::collection::vec(0_u64..2_000_000, 1..60),
        ) {
            let mut budget = SlidingWindow::new(HOUR);
            let mut admitted: Vec<Time> = Vec::new();
            let mut now = Time::ZERO;
            for step in steps {
                now += Duration::from_millis(step);
                let in_window = |admitted: &[Time], end: Time| admitted.iter().filter(|&&t| t + HOUR > end).count();
                let answer = budget.admit(Charge::Snapshot, limit, now);
                if let Admission::NotBefore(later) = answer {
                    prop_assert!(in_window(&admitted, now) >= limit as usize, "held back with budget left");
                    prop_assert!(later > now);
                    prop_assert!(in_window(&admitted, later) < limit as usize, "the moment given is too early");
                    let before = later.saturating_sub(Time::TICK);
                    prop_assert!(in_window(&admitted, before) >= limit as usize, "the moment given is too late");
                } else {
                    admitted.push(now);
                    prop_assert!(in_window(&admitted, now) <= limit as usize, "too many in one hour");
                }
            }
        }
    }
}

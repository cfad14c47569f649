//! Histories in which the whole device has slept: its clock has leapt ahead, and everything is late by no fault of the subject.

use super::{Facts, Finding, Rule};

/// Rules that say by when, to the second or to the minute: a history with a leap says nothing about them. All others hold
/// however late things are: not before, no more than, once, in this order, in the end.
const BY_THE_CLOCK: &[&str] = &[
    "SCH-04", "SCH-08", "SCH-12", "SCH-17", "SCH-18", "SCH-25", "SCH-26", "SES-07", "SES-12", "SES-18",
    "SES-22", "SES-24", "SES-25", "SES-26", "SES-33", "DEL-08a",
];

/// What a rule finds, if it does not go by a clock that has leapt.
pub(super) fn judged(rule: &Rule, facts: &Facts<'_>) -> Finding {
    let beyond = !facts.leaps.is_empty() && BY_THE_CLOCK.contains(&rule.id);
    if beyond { Finding::default() } else { (rule.judge)(facts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::find;

    #[test]
    fn no_rule_that_goes_by_the_clock_has_it_leap() {
        for id in BY_THE_CLOCK {
            let rule = find(id).expect("it is a rule");
            assert_eq!(rule.focus.weights.leap, 0, "{id}");
        }
    }
}

//! The resume-rate limiter: an app that its transfers wake again and again gets the next ones later and later.
//!
//! Described for another platform, so the policy switches it on (gap U9). One state for the whole app, kept here, where
//! its process comes and goes. What the sources leave open is decided so: a delay is counted from the resumption that
//! raised it; a period is quiet if nobody waits for a wake or for the limiter in it, and counts from the moment the last
//! held transfer was begun, so that a chain of transfers does not clear what it raises.

use std::time::Duration;

use crate::contract::{Policy, Time};

/// Is anything delayed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No.
    Off,
    /// What is created behind waits until `delay` after `since`.
    Delaying { delay: Duration, since: Time, quiet: Time },
}

/// See the module.
#[derive(Debug)]
pub(super) struct Limiter {
    state: State,
    /// Where the present run of the app in the background began, as long as it has not been counted.
    run: Option<Time>,
    /// Wakes that have been asked for and not answered.
    awaited: u32,
    /// Transfers that wait for the delay to be over.
    held: u32,
}

impl Limiter {
    pub(super) const fn new() -> Self {
        Self { state: State::Off, run: None, awaited: 0, held: 0 }
    }

    /// The app was launched or resumed in the background, for whatever reason.
    pub(super) const fn ran(&mut self, now: Time) {
        self.run = Some(now);
    }

    /// A session asks for the app: a cause, so a period that is over by now was the last quiet one.
    pub(super) fn asked(&mut self, now: Time) {
        self.settle(now);
        self.awaited += 1;
    }

    /// That has been answered; `woken`: with a wake.
    ///
    /// SES-24: once for each resumption, however many sessions or transfers it is for.
    pub(super) fn answered(&mut self, woken: bool, policy: &Policy, now: Time) {
        self.awaited = self.awaited.saturating_sub(1);
        match (policy.limiter_floor, &mut self.state) {
            (Some(floor), state) if woken => {
                if let Some(since) = self.run.take() {
                    let delay = match *state {
                        State::Off => floor,
                        State::Delaying { delay, .. } => delay.saturating_mul(policy.limiter_factor),
                    };
                    *state = State::Delaying { delay, since, quiet: since };
                }
            }
            (_, State::Delaying { quiet, .. }) => *quiet = now.max(*quiet),
            (_, State::Off) => {}
        }
    }

    /// SES-25: the user has brought the app to the front. What was held is held no more.
    pub(super) const fn visited(&mut self) {
        (self.state, self.run, self.held) = (State::Off, None, 0);
    }

    /// Until when a transfer that was created behind has to wait, if it has to. It counts as held then.
    pub(super) fn hold(&mut self, now: Time) -> Option<Time> {
        self.settle(now);
        let State::Delaying { delay, since, .. } = self.state else { return None };
        let until = since + delay;
        self.held += u32::from(now < until);
        (now < until).then_some(until)
    }

    /// A transfer that was held is held no more.
    pub(super) fn released(&mut self, now: Time) {
        self.held = self.held.saturating_sub(1);
        if let State::Delaying { quiet, .. } = &mut self.state {
            *quiet = now.max(*quiet);
        }
    }

    /// SES-25: a whole period without a cause to resume the app clears it.
    fn settle(&mut self, now: Time) {
        if let State::Delaying { delay, quiet, .. } = self.state
            && self.awaited == 0
            && self.held == 0
            && now >= quiet + delay
        {
            self.state = State::Off;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u32) -> Time {
        Time::ZERO + MINUTE * minutes
    }

    fn policy() -> Policy {
        Policy { limiter_floor: Some(MINUTE), ..Policy::default() }
    }

    /// The app is woken at this minute.
    fn wake(limiter: &mut Limiter, minute: u32) {
        limiter.asked(at(minute));
        limiter.ran(at(minute));
        limiter.answered(true, &policy(), at(minute));
    }

    #[test]
    fn a_chain_of_single_transfers_meets_growing_gaps() {
        let mut limiter = Limiter::new();
        let (mut now, mut gaps) = (0, Vec::new());
        for _ in 0..4 {
            wake(&mut limiter, now);
            let until = limiter.hold(at(now)).expect("it was just raised");
            let gap = u32::try_from(until.since(at(now)).as_secs() / 60).unwrap();
            gaps.push(gap);
            now += gap;
            limiter.released(at(now));
        }
        assert_eq!(gaps, [1, 2, 4, 8]);
    }

    #[test]
    fn a_visit_or_a_quiet_period_clears_it() {
        let mut limiter = Limiter::new();
        wake(&mut limiter, 0);
        limiter.visited();
        assert_eq!(limiter.hold(at(0)), None);
        wake(&mut limiter, 10);
        wake(&mut limiter, 10);
        wake(&mut limiter, 13);
        assert_eq!(limiter.hold(at(13)), Some(at(14)), "two minutes were quiet before the last");
    }

    #[test]
    fn one_resumption_counts_once_and_a_run_for_another_reason_not_at_all() {
        let mut limiter = Limiter::new();
        limiter.ran(at(0));
        for _ in 0..3 {
            limiter.asked(at(0));
        }
        for _ in 0..3 {
            limiter.answered(true, &policy(), at(0));
        }
        assert_eq!(limiter.hold(at(0)), Some(at(1)));
        limiter.released(at(0));
        limiter.ran(at(1));
        assert_eq!(limiter.hold(at(1)), None, "the minute is over");
    }

    #[test]
    fn no_period_is_quiet_in_which_somebody_waits_for_a_wake() {
        let mut limiter = Limiter::new();
        wake(&mut limiter, 0);
        limiter.asked(at(0));
        assert_eq!(limiter.hold(at(5)), None, "the minute is over");
        limiter.ran(at(10));
        limiter.answered(true, &policy(), at(10));
        assert_eq!(limiter.hold(at(10)), Some(at(12)));
    }

    #[test]
    fn nor_one_in_which_a_transfer_is_held() {
        let mut limiter = Limiter::new();
        wake(&mut limiter, 0);
        assert_eq!(limiter.hold(at(0)), Some(at(1)));
        wake(&mut limiter, 5);
        assert_eq!(limiter.hold(at(5)), Some(at(7)));
    }

    #[test]
    fn the_quiet_begins_when_it_is_released() {
        let mut limiter = Limiter::new();
        wake(&mut limiter, 0);
        assert_eq!(limiter.hold(at(0)), Some(at(1)));
        limiter.released(at(1));
        wake(&mut limiter, 2);
        assert_eq!(limiter.hold(at(2)), Some(at(3)), "a whole period was quiet");
    }

    #[test]
    fn what_comes_when_the_delay_is_over_is_not_held_and_does_not_count_as_held() {
        let mut limiter = Limiter::new();
        wake(&mut limiter, 0);
        limiter.asked(at(0));
        assert_eq!(limiter.hold(at(1)), None);
        limiter.answered(false, &policy(), at(1));
        wake(&mut limiter, 3);
        assert_eq!(limiter.hold(at(3)), Some(at(4)), "a whole period was quiet");
    }

    #[test]
    fn an_answer_without_a_wake_raises_nothing() {
        let mut limiter = Limiter::new();
        limiter.ran(at(0));
        limiter.asked(at(0));
        limiter.answered(false, &policy(), at(0));
        assert_eq!(limiter.hold(at(0)), None);
    }

    #[test]
    fn it_is_off_unless_the_policy_says_otherwise() {
        let mut limiter = Limiter::new();
        limiter.asked(at(0));
        limiter.ran(at(0));
        limiter.answered(true, &Policy::default(), at(0));
        assert_eq!(limiter.hold(at(0)), None);
    }
}

//! The reference with other numbers, and with each switch of the policy thrown.

use std::time::Duration;

use bgsession_reference::contract::{
    Allotment, Allowances, AtAllowance, DiscretionaryStart, ForegroundRefresh, OverBudgetWakes, Policy,
    ResourceTimer, RetryPolicy, UnansweredChallenge,
};

use super::{Variant, with_policy};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The other reading of what the documents leave open.
pub(super) const SWITCHES: &[Variant] = &[
    Variant::new("suspends-at-the-allowance", |name| {
        with_policy(name, Policy { at_allowance: AtAllowance::Suspend, ..Policy::default() })
    }),
    Variant::new("refreshes-in-front", |name| {
        with_policy(name, Policy { foreground_refresh: ForegroundRefresh::Deliver, ..Policy::default() })
    }),
    Variant::new("one-task-for-each-request", |name| {
        with_policy(name, Policy { over_budget_wakes: OverBudgetWakes::Queue, ..Policy::default() })
    }),
    Variant::new("asks-once-only", |name| {
        with_policy(
            name,
            Policy { unanswered_challenge: UnansweredChallenge::LeaveToTimeout, ..Policy::default() },
        )
    }),
    Variant::new("resource-time-from-the-begin-date", |name| {
        with_policy(name, Policy { resource_timer: ResourceTimer::FromEarliestBegin, ..Policy::default() })
    }),
    Variant::new("discretionary-at-any-moment", |name| {
        let at_once = DiscretionaryStart::AtAnyMoment;
        with_policy(name, Policy { discretionary_start: at_once, ..Policy::default() })
    }),
];

/// Other numbers.
pub(super) const NUMBERS: &[Variant] = &[
    Variant::new("one-connection", |name| {
        with_policy(name, Policy { connections_per_host: 1, ..Policy::default() })
    }),
    Variant::new("slow-retries", |name| {
        let retry = RetryPolicy { floor: secs(20), factor: 5, cap: secs(1_200) };
        with_policy(name, Policy { retry, ..Policy::default() })
    }),
    Variant::new("steady-retries", |name| {
        let retry = RetryPolicy { floor: secs(5), factor: 1, cap: secs(5) };
        with_policy(name, Policy { retry, ..Policy::default() })
    }),
    Variant::new("expires-early", |name| {
        with_policy(name, Policy { expiration_lead: secs(6), ..Policy::default() })
    }),
    Variant::new("expires-in-the-last-moment", |name| {
        with_policy(name, Policy { expiration_lead: Duration::from_millis(100), ..Policy::default() })
    }),
    Variant::new("other-allowances", |name| {
        let allowances = Allowances {
            url_session: secs(30),
            application_refresh: secs(10),
            snapshot: secs(5),
            other: secs(5),
            cold_start_extra: secs(10),
        };
        with_policy(name, Policy { allowances, ..Policy::default() })
    }),
    Variant::new("two-an-hour", |name| {
        let two = Allotment { complication_on_face: 2, dock: 1, other: 0 };
        with_policy(name, Policy { refreshes: two, session_wakes: two, snapshots: two, ..Policy::default() })
    }),
    Variant::new("begins-within-a-minute", |name| {
        with_policy(name, Policy { start_slack: secs(60), ..Policy::default() })
    }),
    Variant::new("limiter-of-a-minute", |name| {
        with_policy(name, Policy { limiter_floor: Some(secs(60)), ..Policy::default() })
    }),
    Variant::new("limiter-of-twenty-minutes", |name| {
        with_policy(name, Policy { limiter_floor: Some(secs(1_200)), ..Policy::default() })
    }),
    Variant::new("limiter-that-trebles", |name| {
        let minutes = Some(secs(300));
        with_policy(name, Policy { limiter_floor: minutes, limiter_factor: 3, ..Policy::default() })
    }),
    Variant::new("holds-for-three-hours", |name| {
        with_policy(name, Policy { discretionary_hold: secs(10_800), ..Policy::default() })
    }),
    Variant::new("budget-by-the-half-hour", |name| {
        with_policy(name, Policy { budget_window: secs(1_800), ..Policy::default() })
    }),
];

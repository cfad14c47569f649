//! What the rules about the scheduler's own tasks want to see often: requests, conditions, completions, overruns.

use super::episodes;
use super::focus::Weights;
use super::{Finish, Focus, Route, Span, Trigger};

impl Focus {
    /// Requests for refreshes and snapshots that replace one another, and come within their budget.
    pub const SLOTS: Self = Self {
        weights: Weights {
            open: 0,
            download: 2,
            upload: 0,
            cancel: 0,
            refresh: 8,
            snapshot: 5,
            leave: 6,
            enter: 3,
            purge: 2,
            crash: 0,
            link: 0,
            leap: 2,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain],
        finishes: &[Finish::WhenServed],
        chained: 6,
        silent: 0,
        delayed: 0,
        spans: 15,
        ..Self::GENERAL
    };

    /// Refreshes that fall due while the user is there.
    pub const FRONT: Self = Self {
        weights: Weights {
            refresh: 8,
            snapshot: 1,
            download: 1,
            leave: 2,
            enter: 6,
            wait: 10,
            leap: 0,
            ..Self::SLOTS.weights
        },
        spans: 20,
        ..Self::SLOTS
    };

    /// Tasks that the system starts, among those that the app asks for.
    pub const SYSTEM: Self = Self {
        weights: Weights { trigger: 8, refresh: 6, snapshot: 8, leap: 0, ..Self::SLOTS.weights },
        episodes: (8, episodes::LEAVING),
        ..Self::SLOTS
    };

    /// Budgets, with snapshots that the system starts and some that completions ask for. The app's class stays as it is:
    /// many a throttle has one quota only.
    pub const CHARGES: Self = Self {
        weights: Weights {
            trigger: 8,
            refresh: 8,
            snapshot: 16,
            download: 4,
            open: 0,
            upload: 0,
            purge: 0,
            crash: 0,
            link: 0,
            leap: 8,
            ..Self::BUDGET.weights
        },
        finishes: &[Finish::WhenServed, Finish::WithSnapshot],
        episodes: (2, episodes::LESS_PROMINENT),
        steps: 20,
        ..Self::BUDGET
    };

    /// Snapshots that the app asks for when it completes its tasks.
    pub const SNAPSHOTS: Self = Self {
        weights: Weights {
            trigger: 8,
            refresh: 8,
            snapshot: 8,
            download: 3,
            purge: 1,
            leap: 0,
            ..Self::SLOTS.weights
        },
        finishes: &[
            Finish::WhenServed,
            Finish::WithSnapshot,
            Finish::WithSnapshot,
            Finish::Taken(Span(60_000)),
            Finish::Taken(Span(5_400_000)),
            Finish::TakenForGood,
        ],
        episodes: (8, episodes::LAUNCHED_FOR_IT),
        ..Self::SLOTS
    };

    /// Low batteries, workouts, and apps that are not on the face.
    pub const HELD: Self = Self {
        weights: Weights {
            hold: 12,
            prominence: 4,
            refresh: 7,
            snapshot: 9,
            leave: 4,
            enter: 1,
            wait: 10,
            download: 6,
            upload: 0,
            cancel: 0,
            crash: 0,
            purge: 1,
            link: 0,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain],
        finishes: &[Finish::WhenServed],
        chained: 0,
        silent: 0,
        delayed: 0,
        slow_callbacks: 0,
        spans: 15,
        steps: 16,
        episodes: (4, episodes::HELD),
        ..Self::GENERAL
    };

    /// Tasks that are open at the end of their time, or just not.
    pub const OVERRUN: Self = Self {
        weights: Weights {
            starve: 5,
            trigger: 3,
            refresh: 8,
            snapshot: 6,
            download: 6,
            upload: 0,
            cancel: 0,
            enter: 1,
            crash: 0,
            purge: 1,
            link: 0,
            ..Self::GENERAL.weights
        },
        finishes: &[
            Finish::Never,
            Finish::Never,
            Finish::OnExpiration,
            Finish::WhenServed,
            Finish::After(Span(14_999)),
            Finish::After(Span(15_001)),
        ],
        routes: &[Route::Plain],
        chained: 0,
        silent: 0,
        delayed: 0,
        spans: 12,
        ..Self::GENERAL
    };

    /// Alerts of Bluetooth devices, for days.
    pub const ALERTS: Self = Self {
        weights: Weights { trigger: 14, wait: 5, leave: 30, enter: 1, purge: 1, ..Weights::NONE },
        episodes: (2, episodes::DAYS_OF_ALERTS),
        triggers: &[Trigger::Bluetooth],
        waits: &[
            Span(1_000),
            Span(10_800_000),
            Span(10_800_000),
            Span(75_600_000),
            Span(75_600_000),
            Span(86_400_000),
        ],
        finishes: &[Finish::WhenServed],
        chained: 0,
        silent: 0,
        slow_callbacks: 0,
        steps: 24,
        ..Self::GENERAL
    };

    /// Apps that compute: too little to be ended for it, or too much.
    pub const COMPUTING: Self = Self {
        weights: Weights { starve: 2, refresh: 12, snapshot: 2, trigger: 1, ..Self::OVERRUN.weights },
        finishes: &[
            Finish::Computes(Span(1_000)),
            Finish::Computes(Span(3_999)),
            Finish::Computes(Span(3_000)),
            Finish::Computes(Span(5_001)),
            Finish::Computes(Span(20_000)),
            Finish::After(Span(5_000)),
        ],
        ..Self::OVERRUN
    };
}

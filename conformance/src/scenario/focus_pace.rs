//! What the rules about the moment at which transfers begin want to see often: bad conditions, visits.

use super::episodes;
use super::focus::Weights;
use super::{Finish, Focus, Route, Span};

impl Focus {
    /// Transfers that are created in bad conditions, in front and behind.
    pub const DISCRETION: Self = Self {
        weights: Weights {
            open: 0,
            upload: 2,
            cancel: 0,
            refresh: 5,
            snapshot: 0,
            crash: 0,
            link: 0,
            download: 8,
            leave: 4,
            enter: 2,
            charger: 3,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain],
        finishes: &[Finish::WhenServed],
        episodes: (8, episodes::MORE_THAN_CONNECTIONS),
        chained: 1,
        slow_callbacks: 0,
        silent: 0,
        delayed: 0,
        sessions: 2,
        discretionary: 4,
        uncharged: 1,
        steps: 16,
        ..Self::GENERAL
    };

    /// The same, with a user who comes back and stays for a while.
    pub const VISITS: Self = Self {
        weights: Weights {
            enter: 8,
            leave: 6,
            charger: 1,
            refresh: 6,
            crash: 0,
            purge: 0,
            ..Self::DISCRETION.weights
        },
        discretionary: 0,
        // What refreshes create is behind, and waits for a visit.
        fetches: 1,
        steps: 30,
        ..Self::DISCRETION
    };

    /// Transfers that wake the app one after the other, and what the app creates then.
    pub const LIMITED: Self = Self {
        weights: Weights {
            open: 0,
            upload: 1,
            cancel: 1,
            refresh: 3,
            snapshot: 0,
            crash: 1,
            link: 0,
            download: 10,
            leave: 6,
            enter: 4,
            purge: 4,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::Plain, Route::Slow],
        finishes: &[Finish::WhenServed],
        chained: 1,
        slow_callbacks: 0,
        silent: 0,
        // What is created in front and begins behind can tell whether it was held.
        delayed: 1,
        sessions: 2,
        fetches: 2,
        steps: 20,
        ..Self::GENERAL
    };

    /// The same, with visits and long waits.
    pub const CLEARED: Self = Self {
        weights: Weights {
            upload: 0,
            cancel: 0,
            enter: 3,
            purge: 1,
            refresh: 8,
            crash: 0,
            wait: 14,
            download: 8,
            ..Self::LIMITED.weights
        },
        // Whoever completes before everything is served goes on with no chain, and a quiet period may follow.
        finishes: &[Finish::WhenServed, Finish::After(Span(1_000)), Finish::After(Span(1_000))],
        fetches: 1,
        spans: 25,
        delayed: 0,
        ..Self::LIMITED
    };
}

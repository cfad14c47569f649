//! What the rules about the moment at which transfers begin want to see often: bad conditions, visits.

use super::focus::Weights;
use super::{Finish, Focus, Route};

impl Focus {
    /// Transfers that are created in bad conditions, in front and behind.
    pub const DISCRETION: Self = Self {
        weights: Weights {
            open: 0,
            upload: 0,
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
            refresh: 0,
            crash: 0,
            purge: 0,
            ..Self::DISCRETION.weights
        },
        discretionary: 0,
        steps: 20,
        ..Self::DISCRETION
    };
}

//! What the rules about questions to the delegate want to see often: logins, delayed requests, and answers of every
//! kind.

use super::episodes;
use super::focus::Weights;
use super::{Finish, Focus, Reply, Route, Span};

impl Focus {
    /// Logins of every kind, and every answer to them.
    pub const ANSWERS: Self = Self {
        weights: Weights {
            open: 0,
            upload: 0,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            link: 0,
            crash: 0,
            purge: 1,
            download: 10,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::LoginTwoWays,
            Route::LoginTwoWays,
            Route::LoginStubborn,
            Route::LoginElsewhere,
            Route::LoginBasic,
            Route::LoginNever,
            Route::UntrustedWantsCertificate,
        ],
        finishes: &[Finish::WhenServed],
        replies: &[
            Reply::Right,
            Reply::WrongFirst,
            Reply::Late(Span(1_000)),
            Reply::Late(Span(300_000)),
            Reply::Cancel,
            Reply::Default,
            Reply::Reject,
            Reply::Without,
            Reply::Insist,
            Reply::RejectFirst,
            Reply::WrongThenReject,
            Reply::WrongThenDefault,
        ],
        silent: 0,
        delayed: 0,
        chained: 0,
        steps: 8,
        ..Self::GENERAL
    };

    /// Logins, and redirects to another server after them.
    pub const AWAY: Self = Self {
        routes: &[
            Route::LoginThenAway,
            Route::LoginThenPort,
            Route::LoginThenPlain,
            Route::LoginTwice,
            Route::LoginBasic,
        ],
        replies: &[Reply::Right, Reply::Right, Reply::WrongFirst, Reply::Late(Span(1_000)), Reply::Without],
        ..Self::ANSWERS
    };

    /// Transfers with an earliest begin date, about which the app mostly has a say.
    pub const DELAYED_REQUESTS: Self = Self {
        weights: Weights {
            open: 0,
            upload: 0,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            download: 10,
            purge: 2,
            crash: 1,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::Plain, Route::Slow, Route::Drop, Route::Cut, Route::NotFound],
        finishes: &[Finish::WhenServed],
        silent: 12,
        delayed: 2,
        chained: 0,
        decides: true,
        episodes: (6, episodes::REPLACED),
        spans: 14,
        steps: 8,
        ..Self::GENERAL
    };
}

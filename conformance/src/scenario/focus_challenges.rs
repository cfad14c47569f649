//! What the rules about challenges of every kind want to see often.

use super::focus::Weights;
use super::{Focus, Reply, Route, Span};

impl Focus {
    /// Challenges of every kind, and delegates with every choice of methods for them.
    pub const CHALLENGES: Self = Self {
        weights: Weights {
            open: 0,
            download: 12,
            upload: 0,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            leave: 2,
            enter: 2,
            purge: 1,
            crash: 1,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::LoginBasic,
            Route::LoginDigest,
            Route::LoginNtlm,
            Route::LoginNegotiate,
            Route::LoginEither,
            Route::Untrusted,
            Route::Untrusted,
            Route::WantsCertificate,
            Route::UntrustedWantsCertificate,
            Route::Plain,
        ],
        replies: &[
            Reply::Right,
            Reply::Right,
            Reply::WrongFirst,
            Reply::Late(Span(1_000)),
            Reply::Cancel,
            Reply::Default,
            Reply::Reject,
            Reply::Never,
        ],
        sessions: 2,
        silent: 0,
        delayed: 0,
        chained: 0,
        challenges: 1,
        spans: 16,
        ..Self::GENERAL
    };
}

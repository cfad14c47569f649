//! What the rules about apps want to see often: wakes of every kind, in a process that may be gone in between.

use super::episodes;
use super::focus::Weights;
use super::{Focus, Return, Route, Span};

/// How long closures take: mostly what they should, sometimes for ever.
const RETURNS: &[Return] = &[
    Return::WhenServed,
    Return::WhenServed,
    Return::AtOnce,
    Return::After(Span(1_000)),
    Return::After(Span(5_000)),
    Return::After(Span(12_999)),
    Return::OnceCancelled,
    Return::Never,
];

/// The kit's own app is not there: what it would do in these steps is the subject's.
const APP_WEIGHTS: Weights = Weights {
    open: 0,
    upload: 0,
    cancel: 0,
    download: 10,
    refresh: 2,
    snapshot: 1,
    leave: 6,
    enter: 3,
    purge: 3,
    crash: 1,
    link: 1,
    wait: 8,
    trigger: 2,
    stray: 1,
    ..Focus::GENERAL.weights
};

impl Focus {
    /// Wakes of an app.
    pub const APP: Self = Self {
        weights: APP_WEIGHTS,
        routes: &[
            Route::Plain,
            Route::Plain,
            Route::NotFound,
            Route::Slow,
            Route::Cut,
            Route::Drop,
            Route::LoginBasic,
            Route::LoginNever,
        ],
        finishes: &[super::Finish::WhenServed],
        replies: &[super::Reply::Right],
        silent: 0,
        delayed: 0,
        chained: 0,
        slow_callbacks: 0,
        work: 2,
        spans: 21,
        ..Self::GENERAL
    };

    /// Wakes of several sessions, and of every other kind, at about the same time.
    pub const APP_SEVERAL: Self = Self {
        weights: Weights {
            download: 16,
            hold: 16,
            leave: 8,
            wait: 5,
            enter: 2,
            trigger: 3,
            stray: 3,
            refresh: 1,
            snapshot: 1,
            purge: 1,
            crash: 0,
            link: 0,
            ..APP_WEIGHTS
        },
        routes: &[Route::Plain, Route::Plain, Route::NotFound, Route::LoginBasic],
        several: true,
        work: 2,
        spans: 10,
        ..Self::APP
    };

    /// Wakes of one session that follow one another closely.
    pub const REPEATED: Self = Self {
        weights: Weights { stray: 8, purge: 0, crash: 0, link: 0, trigger: 0, ..APP_WEIGHTS },
        sessions: 1,
        spans: 7,
        work: 2,
        ..Self::APP
    };

    /// Messages that come before their wake's `handle`.
    pub const OVERTAKEN: Self = Self { early: 1, routes: &[Route::Plain, Route::LoginBasic], ..Self::APP };

    /// Wakes that take longer than they may.
    pub const EXPIRING: Self = Self {
        weights: Weights { stray: 4, ..APP_WEIGHTS },
        routes: &[Route::Plain, Route::Slow, Route::LoginBasic],
        work: 1,
        ..Self::APP
    };

    /// Work that goes on after the callback that began it.
    pub const WORKING: Self = Self {
        weights: Weights { purge: 1, crash: 0, stray: 0, trigger: 1, ..APP_WEIGHTS },
        work: 1,
        routes: &[Route::Plain, Route::Plain, Route::Slow, Route::NotFound],
        ..Self::APP
    };

    /// Processes that end with transfers open, and are launched for this or that.
    pub const RELAUNCHED: Self =
        Self { weights: Weights { purge: 8, crash: 3, refresh: 5, trigger: 4, ..APP_WEIGHTS }, ..Self::APP };

    /// Logins in wakes, with other transfers open.
    pub const APP_LOGINS: Self = Self {
        weights: Weights { refresh: 0, snapshot: 0, trigger: 0, link: 0, ..APP_WEIGHTS },
        routes: &[Route::LoginBasic, Route::LoginDigest, Route::LoginNever, Route::Slow, Route::Plain],
        ..Self::APP
    };

    /// Refreshes and snapshots, in which an app may ask for more.
    pub const APP_REFRESHES: Self = Self {
        weights: Weights { refresh: 10, snapshot: 4, trigger: 4, download: 6, ..APP_WEIGHTS },
        ..Self::APP
    };

    /// Tasks for which closures run.
    pub const CLOSURES: Self = Self {
        weights: Weights {
            download: 12,
            refresh: 6,
            snapshot: 1,
            leave: 6,
            enter: 3,
            purge: 1,
            crash: 1,
            link: 0,
            wait: 8,
            trigger: 3,
            ..Weights::NONE
        },
        routes: &[Route::Plain, Route::Plain, Route::NotFound, Route::Slow],
        finishes: &[super::Finish::WhenServed],
        replies: &[super::Reply::Right],
        silent: 0,
        delayed: 0,
        chained: 0,
        slow_callbacks: 0,
        several: true,
        closures: 4,
        returns: RETURNS,
        spans: 16,
        ..Self::GENERAL
    };

    /// Closures that take longer than they may.
    pub const LONG_CLOSURES: Self = Self {
        returns: &[
            Return::OnceCancelled,
            Return::OnceCancelled,
            Return::Never,
            Return::Never,
            Return::After(Span(14_999)),
            Return::After(Span(1_000)),
            Return::WhenServed,
        ],
        // Tasks that follow one another while closures still run.
        weights: Weights { trigger: 14, wait: 12, enter: 1, purge: 0, crash: 0, ..Self::CLOSURES.weights },
        closures: 8,
        spans: 9,
        episodes: (6, episodes::ONE_AFTER_ANOTHER),
        ..Self::CLOSURES
    };

    /// Tasks of all kinds, and few closures for them.
    pub const FEW_CLOSURES: Self = Self { closures: 2, several: false, ..Self::CLOSURES };

    /// Several downloads wanted at once.
    pub const APP_BATCHES: Self = Self {
        weights: Weights { download: 30, refresh: 0, snapshot: 0, trigger: 0, stray: 0, ..APP_WEIGHTS },
        sessions: 1,
        ..Self::APP
    };
}

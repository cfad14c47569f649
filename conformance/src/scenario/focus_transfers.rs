//! What the rules about single transfers want to see often: answers, cuts, pauses, links, refusals.

use super::episodes;
use super::focus::Weights;
use super::{Focus, Reply, Route, Span};

impl Focus {
    /// HTTP error statuses.
    pub const STATUSES: Self = Self {
        weights: Weights { upload: 3, ..Self::WAKES.weights },
        routes: &[Route::NotFound, Route::ServerError, Route::Unavailable, Route::Plain],
        refused_uploads: true,
        ..Self::WAKES
    };

    /// Files, and what becomes of them.
    pub const FILES: Self = Self {
        weights: Weights { upload: 0, refresh: 0, snapshot: 0, cancel: 0, ..Self::KILLS.weights },
        routes: &[Route::Plain, Route::Plain, Route::NotFound, Route::Slow, Route::Cut, Route::Redirect],
        episodes: (4, episodes::AFTER_A_LOGIN),
        slow_callbacks: 2,
        files: 1,
        chained: 0,
        ..Self::KILLS
    };

    /// Downloads that are cut off, from servers of every kind.
    pub const CUTS: Self = Self {
        weights: Weights {
            upload: 0,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            suspend: 1,
            resume: 1,
            stop: 2,
            go_on: 2,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Cut,
            Route::Cut,
            Route::CutNoRanges,
            Route::CutChanged,
            Route::CutChangedUnasked,
            Route::CutRefused,
            Route::CutFromStart,
            Route::CutWeak,
            Route::CutUntagged,
            Route::Stall,
            Route::Slow,
        ],
        episodes: (3, episodes::INTERRUPTED),
        chained: 0,
        silent: 0,
        ..Self::GENERAL
    };

    /// Connections that are lost, and silence.
    pub const RETRIES: Self = Self {
        weights: Weights { upload: 2, refresh: 0, snapshot: 0, cancel: 0, ..Self::GENERAL.weights },
        refused_uploads: true,
        routes: &[
            Route::Drop,
            Route::Stall,
            Route::Silent,
            Route::Drip,
            Route::Cut,
            Route::Slow,
            Route::NeverServed,
        ],
        chained: 0,
        silent: 0,
        delayed: 0,
        ..Self::GENERAL
    };

    /// Transfers that are created, suspended and resumed, and not in this order only.
    pub const PAUSES: Self = Self {
        weights: Weights {
            download: 4,
            upload: 0,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            create: 6,
            suspend: 5,
            resume: 6,
            link: 2,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::Slow, Route::Slow, Route::Drip, Route::Cut, Route::LoginBasic],
        replies: &[Reply::Right, Reply::Late(Span(1_000)), Reply::Late(Span(5_000))],
        sessions: 2,
        episodes: (2, episodes::PAUSED),
        chained: 0,
        silent: 0,
        delayed: 10,
        ..Self::GENERAL
    };

    /// Transfers that are cancelled, in every way and at every moment.
    pub const CANCELS: Self = Self {
        weights: Weights {
            upload: 2,
            refresh: 0,
            snapshot: 0,
            cancel: 4,
            create: 2,
            suspend: 2,
            resume: 1,
            cancel_twice: 2,
            stop: 2,
            go_on: 1,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Plain,
            Route::Slow,
            Route::Drip,
            Route::Cut,
            Route::Stall,
            Route::NeverServed,
            Route::LoginBasic,
            Route::Redirect,
        ],
        sessions: 2,
        chained: 0,
        silent: 0,
        ..Self::GENERAL
    };

    /// Links that come and go, some of which a session may not use.
    pub const LINKS: Self = Self {
        weights: Weights {
            upload: 2,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            link: 5,
            cellular: 7,
            purge: 4,
            crash: 2,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Plain,
            Route::Plain,
            Route::Slow,
            Route::Cut,
            Route::Drop,
            Route::Redirect,
            Route::LoginBasic,
        ],
        replies: &[Reply::Right, Reply::Right, Reply::Late(Span(5_000))],
        episodes: (8, episodes::LEFT_FOR_CELLULAR),
        chained: 0,
        silent: 0,
        delayed: 10,
        sessions: 2,
        wifi_only: 1,
        ..Self::GENERAL
    };

    /// More transfers than connections.
    pub const CONNECTIONS: Self = Self {
        weights: Weights {
            download: 16,
            upload: 2,
            refresh: 0,
            snapshot: 0,
            cancel: 1,
            suspend: 1,
            resume: 1,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Slow,
            Route::Slow,
            Route::Plain,
            Route::Drip,
            Route::Stall,
            Route::Cut,
            Route::Redirect,
            Route::LoginBasic,
            Route::LoginThenPort,
        ],
        sessions: 2,
        few_connections: true,
        chained: 0,
        silent: 0,
        delayed: 0,
        ..Self::GENERAL
    };

    /// Transfers that take their time, and an app that watches them.
    pub const PROGRESS: Self = Self {
        weights: Weights {
            download: 8,
            upload: 3,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            leave: 1,
            wait: 14,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Drip,
            Route::Drip,
            Route::Slow,
            Route::Plain,
            Route::Cut,
            Route::CutNoRanges,
            Route::Stall,
            Route::Redirect,
            Route::LoginBasic,
        ],
        waits: &[Span(20_000), Span(60_000), Span(600_000), Span(600_000)],
        episodes: (4, episodes::STOPPED),
        chained: 0,
        silent: 0,
        delayed: 0,
        ..Self::GENERAL
    };

    /// Redirects.
    pub const REDIRECTS: Self = Self {
        weights: Weights { upload: 0, refresh: 0, snapshot: 0, cancel: 0, list: 16, ..Self::GENERAL.weights },
        routes: &[Route::Redirect, Route::RedirectSlow, Route::RedirectSlow, Route::Plain],
        episodes: (4, episodes::REDIRECTED_UPLOADS),
        chained: 0,
        silent: 0,
        ..Self::GENERAL
    };

    /// Uploads, with logins and second tries.
    pub const UPLOADS: Self = Self {
        weights: Weights {
            upload: 12,
            download: 2,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::Cut, Route::LoginBasic, Route::LoginDigest, Route::NotFound],
        refused_uploads: true,
        replies: &[Reply::Right, Reply::Right, Reply::WrongFirst],
        delayed: 0,
        ..Self::GENERAL
    };

    /// Data transfers, and an app that does not stay for all of them.
    pub const DATA: Self = Self {
        weights: Weights {
            upload: 0,
            download: 2,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            link: 0,
            data: 12,
            suspend: 1,
            resume: 1,
            leave: 3,
            enter: 3,
            wait: 14,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Slow,
            Route::Slow,
            Route::Drip,
            Route::Stall,
            Route::Cut,
            Route::CutNoRanges,
            Route::Redirect,
            Route::LoginBasic,
            Route::Plain,
        ],
        sessions: 2,
        chained: 0,
        silent: 0,
        delayed: 0,
        slow_callbacks: 2,
        episodes: (5, episodes::DATA_IN_HAND),
        spans: 12,
        ..Self::GENERAL
    };

    /// Transfers of the app's own beside others, and an app that is suspended and ends.
    pub const IN_PROCESS: Self = Self {
        weights: Weights {
            upload: 0,
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            link: 0,
            download: 12,
            enter: 4,
            purge: 3,
            crash: 2,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Slow,
            Route::Slow,
            Route::Drip,
            Route::Stall,
            Route::Drop,
            Route::Redirect,
            Route::Plain,
        ],
        sessions: 2,
        chained: 0,
        silent: 0,
        delayed: 0,
        spans: 15,
        in_process: true,
        ..Self::GENERAL
    };

    /// What a background session must not do, among what it may.
    pub const ATTEMPTS: Self = Self {
        weights: Weights {
            refresh: 0,
            snapshot: 0,
            cancel: 0,
            download: 4,
            attempt: 6,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::NotFound, Route::Cut],
        chained: 0,
        silent: 0,
        ..Self::GENERAL
    };
}

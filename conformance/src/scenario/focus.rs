//! What a rule wants to see often: weights that make its premise common.

use super::episodes::{self, Episode};
use super::{Finish, Reply, Return, Route, Span, Trigger};

/// Relative weights of the steps; a step of weight zero never comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights {
    pub(crate) open: u8,
    pub(crate) download: u8,
    pub(crate) upload: u8,
    pub(crate) cancel: u8,
    pub(crate) refresh: u8,
    pub(crate) snapshot: u8,
    pub(crate) leave: u8,
    pub(crate) enter: u8,
    pub(crate) purge: u8,
    pub(crate) crash: u8,
    pub(crate) link: u8,
    pub(crate) wait: u8,
    pub(crate) create: u8,
    pub(crate) suspend: u8,
    pub(crate) resume: u8,
    pub(crate) cancel_twice: u8,
    pub(crate) stop: u8,
    pub(crate) go_on: u8,
    pub(crate) trigger: u8,
    pub(crate) hold: u8,
    pub(crate) prominence: u8,
    pub(crate) starve: u8,
    pub(crate) cellular: u8,
    pub(crate) attempt: u8,
    pub(crate) list: u8,
    pub(crate) force_quit: u8,
    pub(crate) invalidate: u8,
    pub(crate) reopen: u8,
    pub(crate) charger: u8,
    pub(crate) stray: u8,
    pub(crate) data: u8,
    pub(crate) leap: u8,
}

impl Weights {
    /// Nothing ever happens.
    pub(crate) const NONE: Self = Self {
        open: 0,
        download: 0,
        upload: 0,
        cancel: 0,
        refresh: 0,
        snapshot: 0,
        leave: 0,
        enter: 0,
        purge: 0,
        crash: 0,
        link: 0,
        wait: 0,
        create: 0,
        suspend: 0,
        resume: 0,
        cancel_twice: 0,
        stop: 0,
        go_on: 0,
        trigger: 0,
        hold: 0,
        prominence: 0,
        starve: 0,
        cellular: 0,
        attempt: 0,
        list: 0,
        force_quit: 0,
        invalidate: 0,
        reopen: 0,
        charger: 0,
        stray: 0,
        data: 0,
        leap: 0,
    };
}

/// What a generated scenario is likely to hold. Each rule states one; see [`Focus::GENERAL`] for what they start from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Focus {
    pub(crate) weights: Weights,
    pub(crate) routes: &'static [Route],
    pub(crate) finishes: &'static [Finish],
    pub(crate) replies: &'static [Reply],
    /// How many different sessions a scenario may use.
    pub(crate) sessions: u8,
    /// Every scenario uses more than one of them.
    pub(crate) several: bool,
    /// One in how many scenarios has a session that may not wake the app; 0 for none.
    pub(crate) silent: u8,
    /// One in how many downloads has an earliest begin date; 0 for none.
    pub(crate) delayed: u8,
    /// One in how many scenarios chains downloads or reschedules its refresh; 0 for none.
    pub(crate) chained: u8,
    /// One in how many scenarios has slow callbacks; 0 for none.
    pub(crate) slow_callbacks: u8,
    /// One in how many scenarios looks again at the files that the app was given; 0 for none.
    pub(crate) files: u8,
    /// One in how many scenarios chooses which methods for challenges the delegates have; 0 for none.
    pub(crate) challenges: u8,
    /// One in how many scenarios has a session that allows no cellular access; 0 for none.
    pub(crate) wifi_only: u8,
    /// One in how many scenarios has a discretionary session; 0 for none.
    pub(crate) discretionary: u8,
    /// One in how many scenarios downloads something at its refreshes; 0 for none. All of them have days of time.
    pub(crate) fetches: u8,
    /// One in how many scenarios begins with the device off its charger; 0 for none.
    pub(crate) uncharged: u8,
    /// One in how many scenarios has one of these in it, at any place; 0 for none.
    pub(crate) episodes: (u8, &'static [Episode]),
    /// What the system starts by itself.
    pub(crate) triggers: &'static [Trigger],
    /// How many of the generator's spans may come, from the shortest.
    pub(crate) spans: usize,
    /// What is waited for, in place of these; if empty, these.
    pub(crate) waits: &'static [Span],
    /// The most steps.
    pub(crate) steps: u8,
    /// The app lists the transfers of each session that it opens.
    pub(crate) lists: bool,
    /// The app mostly has a say about delayed requests.
    pub(crate) decides: bool,
    /// One in how many scenarios has an app that works on its results for a while; 0 for none.
    pub(crate) work: u8,
    /// Servers answer uploads as they do downloads.
    pub(crate) refused_uploads: bool,
    /// One of the sessions is not a background one.
    pub(crate) in_process: bool,
    /// The sessions allow one connection to a host, or two.
    pub(crate) few_connections: bool,
    /// One in how many scenarios has messages that come before their wake's `handle`; 0 for none.
    pub(crate) early: u8,
    /// The most closures that an app registers; 0 for none.
    pub(crate) closures: u8,
    /// When they return.
    pub(crate) returns: &'static [Return],
}

/// What origins do oftenest; the rest is for those who ask for it.
const ROUTES: &[Route] = &[
    Route::Plain,
    Route::NotFound,
    Route::ServerError,
    Route::Unavailable,
    Route::Redirect,
    Route::Slow,
    Route::Cut,
    Route::CutNoRanges,
    Route::Drop,
    Route::Stall,
    Route::NeverServed,
    Route::LoginBasic,
    Route::LoginDigest,
    Route::LoginNever,
];

const FINISHES: &[Finish] = &[
    Finish::WhenServed,
    Finish::WhenServed,
    Finish::WhenServed,
    Finish::Twice,
    Finish::AtOnce,
    Finish::After(Span(1_000)),
    Finish::After(Span(14_999)),
    Finish::OnExpiration,
    Finish::Never,
];

const REPLIES: &[Reply] = &[
    Reply::Right,
    Reply::Right,
    Reply::WrongFirst,
    Reply::Late(Span(1_000)),
    Reply::Late(Span(3_600_000)),
    Reply::Cancel,
    Reply::Default,
    Reply::Reject,
    Reply::Never,
];

impl Focus {
    /// A bit of everything.
    pub const GENERAL: Self = Self {
        weights: Weights {
            open: 1,
            download: 8,
            upload: 1,
            cancel: 1,
            refresh: 2,
            snapshot: 1,
            leave: 4,
            enter: 2,
            purge: 2,
            crash: 1,
            link: 1,
            wait: 8,
            ..Weights::NONE
        },
        routes: ROUTES,
        finishes: FINISHES,
        replies: REPLIES,
        sessions: 3,
        several: false,
        silent: 8,
        delayed: 8,
        chained: 4,
        slow_callbacks: 4,
        files: 0,
        wifi_only: 0,
        discretionary: 0,
        fetches: 0,
        uncharged: 0,
        challenges: 0,
        episodes: (0, &[]),
        triggers: &Trigger::ALL,
        spans: 21,
        waits: &[],
        steps: 12,
        lists: false,
        decides: false,
        work: 0,
        refused_uploads: false,
        in_process: false,
        few_connections: false,
        early: 0,
        closures: 0,
        returns: &[Return::WhenServed],
    };

    /// Wakes of sessions: transfers, leaving, waiting.
    pub const WAKES: Self = Self {
        weights: Weights { refresh: 1, snapshot: 0, cancel: 1, ..Self::GENERAL.weights },
        episodes: (5, episodes::NEWS_CUT_SHORT),
        ..Self::GENERAL
    };

    /// Logins.
    pub const LOGINS: Self = Self {
        routes: &[Route::LoginBasic, Route::LoginDigest, Route::LoginNever, Route::Plain],
        weights: Weights { refresh: 0, snapshot: 0, cancel: 0, ..Self::GENERAL.weights },
        ..Self::GENERAL
    };

    /// Several tasks open at once.
    pub const OVERLAP: Self = Self {
        weights: Weights {
            refresh: 10,
            snapshot: 8,
            download: 8,
            cancel: 0,
            crash: 0,
            purge: 1,
            ..Self::GENERAL.weights
        },
        finishes: &[
            Finish::WhenServed,
            Finish::After(Span(1_000)),
            Finish::After(Span(5_000)),
            Finish::After(Span(14_999)),
            Finish::Twice,
            Finish::OnExpiration,
        ],
        routes: &[Route::Plain, Route::Slow, Route::NotFound],
        silent: 0,
        spans: 10,
        slow_callbacks: 2,
        ..Self::GENERAL
    };

    /// Tasks completed twice while others are open.
    pub const TWICE: Self = Self {
        weights: Weights {
            open: 0,
            upload: 0,
            refresh: 12,
            snapshot: 10,
            download: 8,
            cancel: 0,
            enter: 1,
            crash: 0,
            purge: 0,
            link: 0,
            ..Self::GENERAL.weights
        },
        finishes: &[Finish::Twice, Finish::Twice, Finish::After(Span(5_000)), Finish::After(Span(14_999))],
        slow_callbacks: 1,
        delayed: 0,
        ..Self::OVERLAP
    };

    /// Application refreshes and snapshots, often more than the budget.
    pub const BUDGET: Self = Self {
        weights: Weights {
            refresh: 10,
            snapshot: 6,
            download: 2,
            cancel: 0,
            leap: 6,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain],
        chained: 2,
        silent: 0,
        episodes: (4, episodes::OVER_BUDGET_OR_MISSED),
        ..Self::GENERAL
    };

    /// Many session wakes in little time.
    pub const CHAINS: Self = Self {
        weights: Weights { refresh: 0, snapshot: 0, cancel: 0, download: 10, ..Self::GENERAL.weights },
        routes: &[Route::Plain, Route::Plain, Route::NotFound],
        finishes: &[Finish::WhenServed],
        chained: 2,
        sessions: 5,
        silent: 0,
        episodes: (8, episodes::FIVE_SESSIONS),
        ..Self::GENERAL
    };

    /// Many session wakes in several sessions with related names.
    pub const IDENTITIES: Self = Self { several: true, ..Self::CHAINS };

    /// Processes that end in the middle of things.
    pub const KILLS: Self = Self {
        weights: Weights { purge: 5, crash: 4, refresh: 0, snapshot: 0, ..Self::GENERAL.weights },
        slow_callbacks: 1,
        silent: 0,
        ..Self::GENERAL
    };

    /// Processes that end in the middle of a callback, oftener than elsewhere that of a login.
    pub const CUT_SHORT: Self = Self {
        weights: Weights {
            open: 0,
            upload: 0,
            cancel: 0,
            link: 0,
            leave: 3,
            purge: 3,
            crash: 14,
            enter: 5,
            ..Self::KILLS.weights
        },
        routes: &[Route::LoginBasic, Route::LoginBasic, Route::LoginDigest, Route::Plain],
        finishes: &[Finish::WhenServed, Finish::After(Span(14_999)), Finish::OnExpiration],
        episodes: (6, episodes::ASKED_AT_THE_END),
        decides: true,
        delayed: 0,
        chained: 0,
        spans: 6,
        steps: 20,
        ..Self::KILLS
    };

    /// Sessions that may not wake the app.
    pub const SILENT: Self = Self { silent: 1, sessions: 2, ..Self::WAKES };

    /// Earliest begin dates.
    pub const DELAYED: Self = Self { delayed: 1, ..Self::WAKES };

    /// Transfers looked at by the processes that come after the one that made them.
    pub const LISTS: Self = Self {
        weights: Weights {
            list: 10,
            download: 10,
            purge: 3,
            crash: 8,
            enter: 8,
            refresh: 0,
            snapshot: 0,
            ..Self::GENERAL.weights
        },
        routes: &[
            Route::Plain,
            Route::Slow,
            Route::Slow,
            Route::Drip,
            Route::Stall,
            Route::Stall,
            Route::Cut,
            Route::NeverServed,
            Route::LoginBasic,
        ],
        // A process that ends while it creates a transfer never learns its number.
        chained: 0,
        silent: 0,
        spans: 11,
        steps: 20,
        episodes: (4, episodes::LISTED_WHILE_SUSPENDED),
        lists: true,
        ..Self::GENERAL
    };

    /// Force quits, and ends of other kinds beside them.
    pub const FORCE_QUITS: Self = Self {
        weights: Weights {
            force_quit: 6,
            crash: 3,
            purge: 2,
            download: 10,
            create: 2,
            suspend: 2,
            resume: 3,
            refresh: 1,
            snapshot: 1,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::Slow, Route::NeverServed, Route::LoginBasic, Route::Stall, Route::Cut],
        several: true,
        silent: 0,
        ..Self::GENERAL
    };

    /// Force quits while a refresh is to come.
    pub const BARRED: Self = Self {
        weights: Weights {
            force_quit: 4,
            refresh: 3,
            wait: 10,
            download: 2,
            upload: 0,
            trigger: 4,
            ..Self::GENERAL.weights
        },
        episodes: (2, episodes::REFRESH_BARRED),
        ..Self::GENERAL
    };

    /// Sessions that are invalidated, and their names used again.
    pub const INVALID: Self = Self {
        weights: Weights {
            invalidate: 5,
            download: 10,
            create: 2,
            resume: 3,
            refresh: 0,
            snapshot: 0,
            purge: 1,
            crash: 1,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::Slow, Route::Slow, Route::Stall, Route::NotFound, Route::LoginBasic],
        sessions: 2,
        spans: 16,
        ..Self::GENERAL
    };

    /// Sessions that are opened twice.
    pub const SECONDS: Self = Self {
        weights: Weights {
            reopen: 10,
            download: 10,
            refresh: 0,
            snapshot: 0,
            crash: 1,
            purge: 1,
            ..Self::GENERAL.weights
        },
        routes: &[Route::Plain, Route::Slow, Route::NotFound, Route::LoginBasic, Route::NeverServed],
        sessions: 2,
        ..Self::GENERAL
    };

    /// The same, oftener with sessions that may not wake the app.
    pub const CHANGED: Self =
        Self { weights: Weights { reopen: 20, ..Self::SECONDS.weights }, silent: 2, ..Self::SECONDS };
}

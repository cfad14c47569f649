//! Sequences of steps that chance would seldom bring about in one piece.

use super::{Download, Route, Span, Step, Trigger};
use crate::contract::AppClass;

/// Some steps, one after the other.
pub(crate) type Episode = &'static [Step];

const fn download(route: Route, size: u32) -> Step {
    Step::Download(Download { session: 0, route, size, not_before: None })
}

const fn wait(millis: u64) -> Step {
    Step::Wait { span: Span(millis) }
}

const REFRESH: Step = Step::Refresh { after: Span(1) };

/// The app loses its place on the face, for a while or for good: for so long that no hour has the other class in it, or with
/// all that it may have had, and more to come.
pub(super) const LESS_PROMINENT: &[Episode] = &[
    &[Step::Prominence { class: AppClass::Dock }],
    &[
        Step::Prominence { class: AppClass::Dock },
        wait(3_700_000),
        Step::Enter,
        REFRESH,
        Step::Leave,
        wait(60_000),
        Step::Enter,
        REFRESH,
        Step::Leave,
        wait(60_000),
    ],
    &[Step::Prominence { class: AppClass::Other }],
    &[
        Step::Prominence { class: AppClass::Dock },
        wait(60_000),
        Step::Prominence { class: AppClass::ComplicationOnFace },
    ],
    &[
        Step::Enter,
        REFRESH,
        Step::Leave,
        wait(60_000),
        Step::Enter,
        REFRESH,
        Step::Leave,
        wait(60_000),
        Step::Enter,
        REFRESH,
        Step::Leave,
        wait(60_000),
        Step::Enter,
        REFRESH,
        Step::Leave,
        wait(60_000),
        Step::Prominence { class: AppClass::Dock },
        Step::Enter,
        REFRESH,
        Step::Leave,
        wait(60_000),
        Step::Prominence { class: AppClass::ComplicationOnFace },
        wait(60_000),
    ],
];

const ALERT: Step = Step::Trigger { trigger: Trigger::Bluetooth };

/// The app's process is gone, the user launches the app and leaves; or more alerts come than are allowed, and one when all
/// that were let through are a day old, or when the user has launched the app again.
pub(super) const DAYS_OF_ALERTS: &[Episode] = &[
    &[Step::Leave, wait(1_200_000), Step::Purge, Step::Enter, Step::Leave, wait(1_200_000)],
    &[
        Step::Leave,
        wait(1_200_000),
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        wait(10_800_000),
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        wait(77_000_000),
        ALERT,
    ],
    &[
        Step::Leave,
        wait(1_200_000),
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        wait(1_200_000),
        Step::Purge,
        Step::Enter,
        Step::Leave,
        wait(1_200_000),
        ALERT,
    ],
];

/// A snapshot of the app's own, and the system's when the user leaves.
pub(super) const LEAVING: &[Episode] = &[&[
    Step::Enter,
    Step::Snapshot { after: Span(60_000) },
    Step::Leave,
    Step::Trigger { trigger: Trigger::SnapshotOnLeaving },
    wait(120_000),
]];

/// A refresh for a process that is gone when it comes.
pub(super) const LAUNCHED_FOR_IT: &[Episode] = &[&[
    Step::Enter,
    Step::Refresh { after: Span(60_000) },
    Step::Leave,
    wait(1_000),
    Step::Purge,
    wait(120_000),
]];

const DELAYED: Step =
    Step::Download(Download { session: 0, route: Route::Plain, size: 64, not_before: Some(Span(1_000)) });

/// A delayed request that the app has answered for and that waits for a link, while its process ends.
pub(super) const REPLACED: &[Episode] = &[&[
    Step::Enter,
    Step::Link { up: false },
    DELAYED,
    wait(5_000),
    Step::Leave,
    Step::Purge,
    Step::Link { up: true },
    wait(60_000),
]];

/// A process that ends while its app is asked about a delayed request, for callbacks of a second and of six.
pub(super) const ASKED_AT_THE_END: &[Episode] = &[
    &[Step::Enter, DELAYED, wait(1_500), Step::Crash, Step::Enter, wait(120_000)],
    &[Step::Enter, DELAYED, wait(5_000), Step::Crash, Step::Enter, wait(120_000)],
];

/// Two tasks, the second with some time left when that of the first is over.
pub(super) const ONE_AFTER_ANOTHER: &[Episode] =
    &[&[Step::Enter, slow(0), Step::Refresh { after: Span(66_000) }, Step::Leave, wait(120_000)]];

/// Downloads that are stopped with a part of them there and gone on with, and servers that give the rest in parts.
pub(super) const INTERRUPTED: &[Episode] = &[
    &[Step::Enter, download(Route::Slow, 1_000), wait(25_000), Step::Stop { transfer: 0 }, Step::GoOn],
    &[
        Step::Enter,
        download(Route::Slow, 1_000),
        wait(25_000),
        Step::Stop { transfer: 0 },
        Step::Leave,
        wait(1_000),
        Step::Enter,
        Step::GoOn,
    ],
    &[Step::Enter, download(Route::CutThenHalves, 15)],
    &[
        Step::Enter,
        download(Route::Slow, 1_000),
        wait(25_000),
        Step::Stop { transfer: 0 },
        Step::GoOn,
        wait(25_000),
        Step::Stop { transfer: 0 },
        Step::GoOn,
    ],
];

/// A download that is stopped with a part of it there, and gone on with while the app stays; the server may have changed it.
pub(super) const STOPPED: &[Episode] = &[
    &[
        Step::Enter,
        download(Route::Slow, 1_000),
        wait(25_000),
        Step::Stop { transfer: 0 },
        Step::GoOn,
        wait(60_000),
    ],
    &[
        Step::Enter,
        download(Route::SlowChanged, 1_000),
        wait(25_000),
        Step::Stop { transfer: 0 },
        Step::GoOn,
        wait(60_000),
    ],
];

/// One more than there are connections to a server.
pub(super) const MORE_THAN_CONNECTIONS: &[Episode] = &[&[
    Step::Enter,
    download(Route::Plain, 1),
    download(Route::Plain, 1),
    download(Route::Plain, 1),
    download(Route::Plain, 1),
    download(Route::Plain, 1),
    download(Route::Plain, 1),
    download(Route::Plain, 1),
    download(Route::Plain, 1),
]];

/// A login before the file.
pub(super) const AFTER_A_LOGIN: &[Episode] = &[&[Step::Enter, download(Route::LoginBasic, 64)]];

/// Transfers that are not to be worked on, and the list.
pub(super) const LISTED_WHILE_SUSPENDED: &[Episode] = &[
    &[
        Step::Enter,
        Step::Create(Download { session: 0, route: Route::Slow, size: 64, not_before: None }),
        Step::List { session: 0 },
    ],
    &[
        Step::Enter,
        download(Route::Drip, 64),
        Step::Suspend { transfer: 0 },
        Step::List { session: 0 },
        Step::Resume { transfer: 0 },
        Step::List { session: 0 },
    ],
];

/// An upload that is sent on to another address.
pub(super) const REDIRECTED_UPLOADS: &[Episode] =
    &[&[Step::Enter, Step::Upload { session: 0, size: 64, route: Route::Redirect }]];

/// A transfer that is suspended while the app has not said what to do about its login, or while there is no link; and one
/// that is suspended twice, resumed once, and the process ends in between.
pub(super) const PAUSED: &[Episode] = &[
    &[Step::Enter, download(Route::LoginBasic, 64), wait(500), Step::Suspend { transfer: 0 }, wait(5_000)],
    &[Step::Enter, download(Route::LoginBasic, 64), wait(500), Step::Suspend { transfer: 0 }, wait(60_000)],
    &[
        Step::Enter,
        Step::Link { up: false },
        download(Route::Plain, 64),
        Step::Suspend { transfer: 0 },
        Step::Link { up: true },
        wait(60_000),
    ],
    &[
        Step::Enter,
        download(Route::Slow, 64),
        Step::Suspend { transfer: 0 },
        Step::Suspend { transfer: 0 },
        Step::Leave,
        Step::Purge,
        Step::Enter,
        Step::Open { session: 0 },
        Step::Resume { transfer: 0 },
        wait(120_000),
    ],
    // As many as there are connections, and another.
    &[
        Step::Enter,
        slow(0),
        slow(0),
        slow(0),
        slow(0),
        slow(0),
        slow(0),
        wait(1_000),
        Step::Suspend { transfer: 0 },
        Step::Suspend { transfer: 1 },
        Step::Suspend { transfer: 2 },
        Step::Suspend { transfer: 3 },
        Step::Suspend { transfer: 4 },
        Step::Suspend { transfer: 5 },
        download(Route::Plain, 1),
        wait(120_000),
    ],
];

/// A server that drops the connection, or wants a login, and no link but a forbidden one when it is time to ask again.
pub(super) const LEFT_FOR_CELLULAR: &[Episode] = &[
    &[Step::Enter, download(Route::Drop, 64), wait(500), Step::Cellular, wait(60_000)],
    &[Step::Enter, download(Route::LoginBasic, 64), wait(500), Step::Cellular, wait(60_000)],
];

const DATA: Step = Step::Data(Download { session: 0, route: Route::Plain, size: 64, not_before: None });

/// A process that ends while the bytes of one transfer keep those of another waiting: for callbacks of a second, and of six.
/// Or an app that stays there until it must have been asked about an answer.
pub(super) const DATA_IN_HAND: &[Episode] = &[
    &[Step::Enter, DATA, wait(1_200_000)],
    &[Step::Enter, DATA, DATA, wait(2_500), Step::Crash, wait(1_000), Step::Enter],
    &[Step::Enter, DATA, DATA, wait(15_000), Step::Crash, wait(1_000), Step::Enter],
];

const SLOW_DATA: Step = Step::Data(Download { session: 0, route: Route::Slow, size: 64, not_before: None });

const fn slow(session: u8) -> Step {
    Step::Download(Download { session, route: Route::Slow, size: 64, not_before: None })
}

/// A process that ends with news of downloads in hand and a data transfer under way, which goes with it: the news is worth a
/// wake then. For callbacks of a second, and of six. Or one that ends while it comes up for one session's news, and
/// another's has come meanwhile.
pub(super) const NEWS_CUT_SHORT: &[Episode] = &[
    &[
        Step::Enter,
        slow(0),
        wait(50),
        slow(1),
        Step::Leave,
        wait(10_000),
        Step::Purge,
        wait(50_070),
        Step::Crash,
    ],
    &[
        Step::Enter,
        SLOW_DATA,
        download(Route::Plain, 64),
        download(Route::Plain, 1),
        wait(2_500),
        Step::Crash,
    ],
    &[
        Step::Enter,
        SLOW_DATA,
        download(Route::Plain, 64),
        download(Route::Plain, 1),
        wait(15_000),
        Step::Crash,
    ],
];

const fn plain(session: u8) -> Step {
    Step::Download(Download { session, route: Route::Plain, size: 1, not_before: None })
}

/// News of more sessions at once than may wake the app in an hour.
pub(super) const FIVE_SESSIONS: &[Episode] =
    &[&[Step::Enter, plain(0), plain(1), plain(2), plain(3), plain(4), Step::Leave, wait(600_000)]];

/// A visit while a refresh waits for its budget, which an app that asks again at each refresh has used up; and a device that
/// sleeps when one is due.
pub(super) const OVER_BUDGET_OR_MISSED: &[Episode] = &[
    &[
        Step::Enter,
        Step::Refresh { after: Span(60_000) },
        Step::Leave,
        wait(3_300_000),
        Step::Enter,
        wait(30_000),
        Step::Leave,
    ],
    &[
        Step::Enter,
        Step::Refresh { after: Span(60_000) },
        Step::Leave,
        Step::Leap { span: Span(600_000) },
        wait(60_000),
    ],
];

/// A visit while a refresh is held back; and wakes of two sessions that are.
pub(super) const HELD: &[Episode] = &[
    &[
        Step::Enter,
        Step::Refresh { after: Span(60_000) },
        Step::Leave,
        Step::Busy { on: true },
        wait(1_200_000),
        Step::Enter,
        Step::Leave,
        wait(60_000),
        Step::LowPower { on: false },
        Step::Busy { on: false },
    ],
    &[
        Step::Enter,
        plain(0),
        plain(1),
        Step::Busy { on: true },
        Step::Leave,
        wait(600_000),
        Step::LowPower { on: false },
        Step::Busy { on: false },
    ],
];

/// A refresh that falls due when the user has forced the app to quit, also after one that came, so that the scheduler
/// has shown itself.
pub(super) const REFRESH_BARRED: &[Episode] = &[
    &[Step::Enter, Step::Refresh { after: Span(60_000) }, Step::ForceQuit, wait(180_000), Step::Enter],
    &[
        Step::Enter,
        Step::Refresh { after: Span(1_000) },
        Step::Leave,
        wait(5_000),
        Step::Enter,
        Step::Refresh { after: Span(60_000) },
        Step::ForceQuit,
        wait(180_000),
    ],
];

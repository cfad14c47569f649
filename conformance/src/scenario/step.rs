//! What happens in a scenario, step by step.

use serde::{Deserialize, Serialize};

use super::Span;
use crate::contract::{AppClass, RefreshKind, SnapshotReason};

/// How an origin treats one transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Route {
    /// 200 and the body.
    #[default]
    Plain,
    /// 404 with a body.
    NotFound,
    /// 500 with a body.
    ServerError,
    /// 503 with `Retry-After`.
    Unavailable,
    /// Two redirects, then the body.
    Redirect,
    /// The body takes its time.
    Slow,
    /// The connection is cut in the middle of the body, once; ranges are served.
    Cut,
    /// The same, but ranges are ignored.
    CutNoRanges,
    /// The connection is dropped before the head, twice.
    Drop,
    /// Silence in the middle of the body, once.
    Stall,
    /// Dropped every time: only the resource timeout ends it.
    NeverServed,
    /// Basic login.
    LoginBasic,
    /// Digest login (SHA-256).
    LoginDigest,
    /// A login that no credential satisfies.
    LoginNever,
    /// A piece every 50 seconds, eight in all.
    Drip,
    /// Silence instead of an answer, once.
    Silent,
    /// Cut in the middle of the body, once; meanwhile the resource changes, and its tags say so.
    CutChanged,
    /// The same, but the server looks at no `If-Range`: it sends the tail of the new one.
    CutChangedUnasked,
    /// Cut in the middle; ranges are refused with 416.
    CutRefused,
    /// Cut in the middle; a range is answered with another, which starts at the beginning.
    CutFromStart,
    /// Cut in the middle; the resource changes, and its tag, which is a weak one, does not.
    CutWeak,
    /// Cut in the middle; the resource changes, and nothing that the server sends would tell.
    CutUntagged,
    /// A login that takes Digest or Basic.
    LoginTwoWays,
    /// Basic login, which refuses the right credential twice.
    LoginStubborn,
    /// Basic login, then a redirect to where another realm asks for one.
    LoginElsewhere,
    /// NTLM login, which nobody gets through.
    LoginNtlm,
    /// Negotiate login, which nobody gets through.
    LoginNegotiate,
    /// Negotiate or Basic; the latter lets in.
    LoginEither,
    /// Over TLS, with a certificate from an authority that the device does not know.
    Untrusted,
    /// Over TLS; the server asks for a client certificate, and answers with 400 without the right one.
    WantsCertificate,
    /// Both.
    UntrustedWantsCertificate,
    /// Two redirects, then the body, which takes its time.
    RedirectSlow,
    /// Basic login, then a redirect to another server, which asks for nothing.
    LoginThenAway,
    /// Cut in the middle; the server gives half of each range that it is asked for.
    CutThenHalves,
    /// Basic login, then a redirect to the same host at another port, which asks for nothing.
    LoginThenPort,
    /// Basic login over TLS, then a redirect to the same host without TLS, which asks for nothing.
    LoginThenPlain,
    /// Basic login, then a redirect to another server, which asks for one, too, in the same words.
    LoginTwice,
    /// The body takes its time, once; whoever asks again gets a new version, and its tags say so.
    SlowChanged,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 38] = [
        Self::Plain,
        Self::NotFound,
        Self::ServerError,
        Self::Unavailable,
        Self::Redirect,
        Self::Slow,
        Self::Cut,
        Self::CutNoRanges,
        Self::Drop,
        Self::Stall,
        Self::NeverServed,
        Self::LoginBasic,
        Self::LoginDigest,
        Self::LoginNever,
        Self::Drip,
        Self::Silent,
        Self::CutChanged,
        Self::CutChangedUnasked,
        Self::CutRefused,
        Self::CutFromStart,
        Self::CutWeak,
        Self::CutUntagged,
        Self::LoginTwoWays,
        Self::LoginStubborn,
        Self::LoginElsewhere,
        Self::LoginNtlm,
        Self::LoginNegotiate,
        Self::LoginEither,
        Self::Untrusted,
        Self::WantsCertificate,
        Self::UntrustedWantsCertificate,
        Self::RedirectSlow,
        Self::LoginThenAway,
        Self::CutThenHalves,
        Self::LoginThenPort,
        Self::LoginThenPlain,
        Self::LoginTwice,
        Self::SlowChanged,
    ];

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// Does the server ask for a login?
    #[must_use]
    pub const fn is_login(self) -> bool {
        matches!(
            self,
            Self::LoginBasic
                | Self::LoginDigest
                | Self::LoginNever
                | Self::LoginTwoWays
                | Self::LoginStubborn
                | Self::LoginElsewhere
                | Self::LoginThenAway
                | Self::LoginThenPort
                | Self::LoginThenPlain
                | Self::LoginTwice
                | Self::LoginNtlm
                | Self::LoginNegotiate
                | Self::LoginEither
        )
    }

    /// Does the connection itself raise a question, of trust or for a client certificate?
    #[must_use]
    pub const fn asks_over_tls(self) -> bool {
        matches!(self, Self::Untrusted | Self::WantsCertificate | Self::UntrustedWantsCertificate)
    }

    /// Is the server reached over TLS?
    #[must_use]
    pub const fn is_over_tls(self) -> bool {
        self.asks_over_tls() || matches!(self, Self::LoginThenPlain)
    }
}

/// A download as a step makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "scenario files build these")]
pub struct Download {
    /// Which of the identifiers.
    pub session: u8,
    /// How the origin treats it.
    pub route: Route,
    /// Bytes of the body.
    pub size: u32,
    /// Earliest begin date, from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Span>,
}

impl Default for Download {
    /// The plainest: a byte of the first session.
    fn default() -> Self {
        Self { session: 0, route: Route::Plain, size: 1, not_before: None }
    }
}

/// A task that the system starts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trigger {
    /// A snapshot: an hour has passed since the last use.
    SnapshotOfDefault,
    /// A snapshot: the complication's timeline was updated.
    SnapshotForComplication,
    /// A snapshot: after a boot.
    SnapshotBeforeLaunch,
    /// A snapshot: the user has left the app.
    SnapshotOnLeaving,
    /// Data from the paired phone.
    Connectivity,
    /// A Bluetooth device has an alert.
    Bluetooth,
    /// An intent has run.
    Intent,
    /// Time to donate shortcuts.
    Shortcut,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SnapshotOfDefault,
        Self::SnapshotForComplication,
        Self::SnapshotBeforeLaunch,
        Self::SnapshotOnLeaving,
        Self::Connectivity,
        Self::Bluetooth,
        Self::Intent,
        Self::Shortcut,
    ];

    /// The kind of its task.
    #[must_use]
    pub const fn kind(self) -> RefreshKind {
        match self {
            Self::SnapshotOfDefault => RefreshKind::Snapshot(SnapshotReason::ReturnToDefaultState),
            Self::SnapshotForComplication => RefreshKind::Snapshot(SnapshotReason::ComplicationUpdate),
            Self::SnapshotBeforeLaunch => RefreshKind::Snapshot(SnapshotReason::Prelaunch),
            Self::SnapshotOnLeaving => RefreshKind::Snapshot(SnapshotReason::AppBackgrounded),
            Self::Connectivity => RefreshKind::WatchConnectivity,
            Self::Bluetooth => RefreshKind::BluetoothAlert,
            Self::Intent => RefreshKind::IntentDidRun,
            Self::Shortcut => RefreshKind::RelevantShortcut,
        }
    }
}

/// What a background session must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Attempt {
    /// A download from an `ftp` address.
    Ftp,
    /// A download from a `file` address.
    File,
    /// A download from an address without a scheme.
    Relative,
    /// An upload of a file that is not there.
    MissingFile,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Step {
    /// The app opens a session, if it has not.
    Open {
        /// Which of the identifiers.
        session: u8,
    },
    /// The app creates a download and resumes it; opens the session if it has not.
    Download(Download),
    /// The app creates an upload from a file and resumes it.
    Upload {
        /// Which of the identifiers.
        session: u8,
        /// Bytes of the file.
        size: u32,
        /// How the origin answers; those that are about bodies are as good as the plain one.
        #[serde(default, skip_serializing_if = "Route::is_plain")]
        route: Route,
    },
    /// The app cancels one of its unfinished transfers, counted from the oldest.
    Cancel {
        /// Which.
        transfer: u8,
    },
    /// The app asks for an application refresh.
    Refresh {
        /// From now.
        after: Span,
    },
    /// The app asks for a snapshot.
    Snapshot {
        /// From now.
        after: Span,
    },
    /// The user leaves the app.
    Leave,
    /// The user opens the app.
    Enter,
    /// The system removes the suspended app from memory.
    Purge,
    /// The app crashes.
    Crash,
    /// The network goes or comes back.
    Link {
        /// Is there one?
        up: bool,
    },
    /// The app lists a session's outstanding transfers; opens the session if it has not.
    List {
        /// Which of the identifiers.
        session: u8,
    },
    /// The user force-quits the app.
    ForceQuit,
    /// The app invalidates a session that it has open.
    Invalidate {
        /// Which of the identifiers.
        session: u8,
        /// Its transfers are cancelled; else they are let end.
        cancel: bool,
    },
    /// A session that the app has open is opened a second time.
    Reopen {
        /// Which of the identifiers.
        session: u8,
        /// By another process.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        elsewhere: bool,
        /// With another configuration: launch events the other way round, and a shorter resource timeout.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        changed: bool,
    },
    /// Time passes.
    Wait {
        /// How much.
        span: Span,
    },
    /// The app creates a download and does not resume it.
    Create(Download),
    /// The app suspends one of its unfinished transfers, counted from the oldest.
    Suspend {
        /// Which.
        transfer: u8,
    },
    /// The app resumes one of them, whether that takes a suspend back or not.
    Resume {
        /// Which.
        transfer: u8,
    },
    /// The app cancels one of them, and once more at once.
    CancelTwice {
        /// Which.
        transfer: u8,
    },
    /// The app cancels one of them by producing resume data, which it keeps.
    Stop {
        /// Which.
        transfer: u8,
    },
    /// The app goes on with the download that it stopped first, from the resume data that it has kept.
    GoOn,
    /// The system wants a task of its own delivered.
    Trigger {
        /// Which.
        trigger: Trigger,
    },
    /// The battery gets low, or is charged again.
    LowPower {
        /// Is it low?
        on: bool,
    },
    /// A workout or navigation begins or ends.
    Busy {
        /// Does one run?
        on: bool,
    },
    /// The app gets more or less prominent.
    Prominence {
        /// Now it is this.
        class: AppClass,
    },
    /// So much else runs that the app gets little CPU time, or not any more.
    Starve {
        /// Does it?
        on: bool,
    },
    /// The device is put on its charger, with Wi-Fi at hand, or taken off: good or bad conditions for what is
    /// discretionary.
    Charger {
        /// Is it on?
        on: bool,
    },
    /// Only a cellular link is at hand.
    Cellular,
    /// The device's clock leaps ahead, as over a sleep of the whole device: nothing happens in that time, and whatever was
    /// to happen in it does so at once, later.
    Leap {
        /// How far.
        span: Span,
    },
    /// The system wakes the app for a session for which nothing waits.
    Stray {
        /// Which of the identifiers; one that the app has never had, if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u8>,
    },
    /// The app creates a data transfer and resumes it; opens the session if it has not. It has no earliest begin date.
    Data(Download),
    /// The app tries what a background session must not do.
    Attempt {
        /// In which of the sessions.
        session: u8,
        /// What.
        what: Attempt,
    },
}

impl Step {
    /// The download, or the data transfer, that this step creates.
    #[must_use]
    pub const fn download(&self) -> Option<&Download> {
        match self {
            Self::Download(download) | Self::Create(download) | Self::Data(download) => Some(download),
            _ => None,
        }
    }

    /// How the origin treats the transfer that this step creates, if it creates any.
    pub(crate) fn route(&self) -> Option<Route> {
        match self {
            Self::Upload { route, .. } => Some(*route),
            _ => self.download().map(|download| download.route),
        }
    }
}

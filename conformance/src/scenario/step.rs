//! What happens in a scenario, step by step.

use serde::{Deserialize, Serialize};

use super::Span;

/// How an origin treats one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Route {
    /// 200 and the body.
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
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 22] = [
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
    ];

    /// Does the server ask for a login?
    #[must_use]
    pub const fn is_login(self) -> bool {
        matches!(self, Self::LoginBasic | Self::LoginDigest | Self::LoginNever)
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
}

impl Step {
    /// The download that this step creates.
    #[must_use]
    pub const fn download(&self) -> Option<&Download> {
        match self {
            Self::Download(download) | Self::Create(download) => Some(download),
            _ => None,
        }
    }
}

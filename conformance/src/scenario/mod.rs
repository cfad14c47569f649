//! Scenarios: what the app, the user and the device do, as symbolic steps.
//!
//! A step names things by position ("the third session", "the second open transfer") and is resolved while the scenario
//! runs; one that makes no sense at its moment does nothing. So every subsequence of a scenario is a scenario, and
//! shrinking needs no preconditions.

mod file;
mod focus;
mod strategy;
mod tree;

pub use file::ScenarioError;
pub use focus::Focus;
pub use strategy::{Scenarios, scenarios};
pub use tree::ScenarioTree;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A span of virtual time in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "a number with a unit")]
pub struct Span(pub u64);

impl Span {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

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
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 14] = [
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
    ];

    /// Does the server ask for a login?
    #[must_use]
    pub const fn is_login(self) -> bool {
        matches!(self, Self::LoginBasic | Self::LoginDigest | Self::LoginNever)
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
    Download {
        /// Which of the identifiers.
        session: u8,
        /// How the origin treats it.
        route: Route,
        /// Bytes of the body.
        size: u32,
        /// Earliest begin date, from now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Span>,
    },
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
}

/// When the app completes a refresh task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finish {
    /// As it should: once the session's events are served; other kinds after a moment of work.
    WhenServed,
    /// As it should, but then once more.
    Twice,
    /// In `handle`, at once.
    AtOnce,
    /// This long after `handle`, whatever has been served.
    After(Span),
    /// In its expiration handler.
    OnExpiration,
    /// Never; its expiration handler does nothing.
    Never,
}

/// How the app answers a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// With the right credential; cancels if even that has been refused.
    Right,
    /// With a wrong one first, then the right one.
    WrongFirst,
    /// With the right one, this much later than the callback returns.
    Late(Span),
    /// Cancels.
    Cancel,
    /// Default handling.
    Default,
    /// Rejects the protection space.
    Reject,
    /// Not at all.
    Never,
}

/// When the app opens its sessions again after a background launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reopen {
    /// All it knows, at every launch, before `handle`.
    AtLaunch,
    /// The one that the task names, in `handle`.
    InHandle,
}

/// What holds for a whole scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "scenario files build these")]
pub struct Setup {
    /// From a request to its answer's head.
    pub latency: Span,
    /// From the wake to `handle`.
    pub launch: Span,
    /// When sessions are opened again.
    pub reopen: Reopen,
    /// How the app finishes its tasks, one after the other, round and round.
    pub finishes: Vec<Finish>,
    /// How long each session callback takes.
    pub callback: Span,
    /// How the app answers the challenges of each transfer, round and round.
    pub replies: Vec<Reply>,
    /// Handling an application refresh, the app asks for the next one after this long.
    pub reschedule: Option<Span>,
    /// Served a session's events, the app starts another download, this many times in all.
    pub chain: u8,
    /// The sessions that may not wake the app (`sends_launch_events` false), by identifier.
    pub silent: Vec<u8>,
    /// The sessions' resource timeout.
    pub resource_timeout: Span,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            latency: Span(50),
            launch: Span(100),
            reopen: Reopen::InHandle,
            finishes: vec![Finish::WhenServed],
            callback: Span(0),
            replies: vec![Reply::Right],
            reschedule: None,
            chain: 0,
            silent: Vec::new(),
            // The shortest that is generated: what never ends by itself ends soon.
            resource_timeout: Span(600_000),
        }
    }
}

/// A scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "scenario files build these")]
pub struct Scenario {
    /// What holds throughout.
    #[serde(default)]
    pub setup: Setup,
    /// What happens.
    pub steps: Vec<Step>,
}

/// The identifiers that sessions have: each is a trap for code that cuts, folds or compares by prefix.
pub const IDENTIFIERS: [&str; 5] = [
    "s",
    "s2",
    "S",
    "Ünï ☕ #1",
    "com.example.a-very-long-identifier-that-nobody-would-choose-but-that-the-documents-allow-0123456789",
];

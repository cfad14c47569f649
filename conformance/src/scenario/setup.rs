//! What holds for a whole scenario: how the app behaves, and how fast things are.

use serde::{Deserialize, Serialize};

use super::Span;

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
    /// As it should, and asks for a snapshot (`setTaskCompletedWithSnapshot(true)`).
    WithSnapshot,
    /// As it should; a snapshot task with a date for the next, this much later, and user info for it.
    Taken(Span),
    /// As it should; a snapshot task with the wish for no further one.
    TakenForGood,
    /// When it has computed for this long.
    Computes(Span),
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
    /// Goes on without a credential.
    Without,
    /// With the right credential, again and again: four times.
    Insist,
    /// Rejects the first protection space, then with the right credential.
    RejectFirst,
    /// With a wrong credential first; rejects the space that is asked about next; then with the right one.
    WrongThenReject,
    /// With a wrong credential first, then default handling.
    WrongThenDefault,
}

/// What the app says when a transfer's earliest begin date has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Begin {
    /// It goes on as it is.
    Continue,
    /// Another request in its place.
    Instead,
    /// It is cancelled.
    Cancel,
    /// It goes on as it is; said this much later than the callback returns.
    Late(Span),
    /// Another request in its place, said this much later.
    LateInstead(Span),
    /// Nothing, ever.
    Never,
}

/// What the app says to the response of a data transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Disposition {
    /// It goes on.
    Allow,
    /// It goes on as a download.
    Download,
    /// It is cancelled.
    Cancel,
    /// It goes on; said this much later than the callback returns.
    LateAllow(Span),
    /// It goes on as a download, said this much later.
    LateDownload(Span),
    /// Nothing, ever.
    Never,
}

impl Disposition {
    /// The same, said in the callback.
    pub(crate) const fn at_once(self) -> Self {
        match self {
            Self::LateAllow(_) => Self::Allow,
            Self::LateDownload(_) => Self::Download,
            other => other,
        }
    }
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

/// Which of the two methods for challenges the app's delegates have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Challenges {
    /// The task-level one.
    #[default]
    Task,
    /// The session-level one.
    Session,
    /// Both.
    Both,
    /// Neither.
    Neither,
}

impl Challenges {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Task, Self::Session, Self::Both, Self::Neither];

    /// Is there a session-level method?
    #[must_use]
    pub const fn of_session(self) -> bool {
        matches!(self, Self::Session | Self::Both)
    }

    /// Is there a task-level method?
    #[must_use]
    pub const fn of_task(self) -> bool {
        matches!(self, Self::Task | Self::Both)
    }

    fn is_default(&self) -> bool {
        *self == Self::Task
    }
}

/// What the app does with a file that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Keep {
    /// Reads it in the callback and leaves it where it is.
    Leave,
    /// Reads it and moves it, in the callback.
    Move,
}

/// Which refresh tasks one of the app's closures is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum For {
    /// Those of every session.
    AnySession,
    /// Those of this session, by identifier.
    Session(u8),
    /// Those of every session whose identifier starts with this one.
    SessionsThatStartWith(u8),
    /// Every application refresh.
    AnyRefresh,
    /// Application refreshes with this user info, by its place in [`USER_INFOS`](super::USER_INFOS).
    Refresh(u8),
    /// Snapshots.
    Snapshots,
    /// Data from the paired phone.
    Connectivity,
    /// Bluetooth alerts.
    Bluetooth,
    /// Intents that have run.
    Intents,
    /// Shortcuts to donate.
    Shortcuts,
}

/// When a closure of the app's returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Return {
    /// As it should: once the session's events are served, or it is cancelled; other kinds after a moment of work.
    WhenServed,
    /// At once.
    AtOnce,
    /// This long after it began, cancelled or not.
    After(Span),
    /// Only when it is cancelled.
    OnceCancelled,
    /// Never, cancelled or not.
    Never,
}

/// One of the app's closures, where what runs them is the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "scenario files build these")]
pub struct Closure {
    /// Which tasks it is for.
    pub of: For,
    /// When it returns.
    pub returns: Return,
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
    /// What the app does with its files, one after the other, round and round; it looks at each of them again later.
    /// If empty, it reads them and never looks again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Keep>,
    /// The sessions that allow no cellular access, by identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wifi_only: Vec<u8>,
    /// Handling an application refresh, the app starts a download: one of its [`Setup::chain`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fetches: bool,
    /// The sessions that are discretionary, by identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discretionary: Vec<u8>,
    /// The app lists a session's transfers whenever a process of its opens it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lists: bool,
    /// Which methods for challenges its delegates have.
    #[serde(skip_serializing_if = "Challenges::is_default")]
    pub challenges: Challenges,
    /// What the app says to the delayed request of each transfer, round and round; if empty, its delegate has no method
    /// for that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub begins: Vec<Begin>,
    /// How long an app that is the subject works on its results, one after the other, round and round; no time at all if
    /// empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<Span>,
    /// A wake's messages may come before its `handle`, as developers report.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
    /// The sessions that are not background ones, by identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_process: Vec<u8>,
    /// The most connections to one host that its sessions allow, if not six.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// What the app says to the response of each data transfer, round and round; if empty, it lets all of them go on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dispositions: Vec<Disposition>,
    /// The closures that the app registers, where what runs them is the subject.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closures: Vec<Closure>,
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
            files: Vec::new(),
            wifi_only: Vec::new(),
            fetches: false,
            discretionary: Vec::new(),
            lists: false,
            challenges: Challenges::Task,
            begins: Vec::new(),
            work: Vec::new(),
            early: false,
            dispositions: Vec::new(),
            closures: Vec::new(),
            in_process: Vec::new(),
            connections: None,
        }
    }
}

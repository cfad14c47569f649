//! What events are made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contract::{
    RefreshKind, RefreshTaskId, SessionId, Time, TransferId, TransferKind, TransferState, UserInfo,
};

/// A transfer is named by its session and its number there: two sessions may use the same numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "hand-written histories build these")]
pub struct TransferKey {
    /// The session.
    pub session: SessionId,
    /// The number within it.
    pub transfer: TransferId,
}

impl fmt::Display for TransferKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", crate::history::short(self.session.as_str()), self.transfer)
    }
}

/// A refresh task as the app was given it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "hand-written histories build these")]
pub struct TaskRef {
    /// Its identity.
    pub id: RefreshTaskId,
    /// Its kind, with the session's identifier for the URL-session kind.
    pub kind: RefreshKind,
    /// What the app had passed when scheduling it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_info: Option<UserInfo>,
    /// How long, in milliseconds from here, the app may keep it open.
    pub allowance: u64,
}

/// Which refresh tasks a closure is for, as the app registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pattern {
    /// Those of every session.
    AnySession,
    /// Those of this session.
    Session(SessionId),
    /// Those of every session whose identifier starts so.
    SessionsThatStartWith(String),
    /// Every application refresh.
    AnyRefresh,
    /// Application refreshes with this user info.
    Refresh(UserInfo),
    /// Snapshots.
    Snapshots,
    /// Data from the paired phone.
    WatchConnectivity,
    /// Bluetooth alerts.
    BluetoothAlerts,
    /// Intents that have run.
    Intents,
    /// Shortcuts to donate.
    Shortcuts,
}

impl Pattern {
    /// Does it match a task of this kind, with this user info? Names are compared byte for byte.
    #[must_use]
    pub fn matches(&self, kind: &RefreshKind, info: Option<&UserInfo>) -> bool {
        match (self, kind) {
            (Self::AnySession, RefreshKind::UrlSession(_))
            | (Self::AnyRefresh, RefreshKind::ApplicationRefresh)
            | (Self::Snapshots, RefreshKind::Snapshot(_))
            | (Self::WatchConnectivity, RefreshKind::WatchConnectivity)
            | (Self::BluetoothAlerts, RefreshKind::BluetoothAlert)
            | (Self::Intents, RefreshKind::IntentDidRun)
            | (Self::Shortcuts, RefreshKind::RelevantShortcut) => true,
            (Self::Session(named), RefreshKind::UrlSession(session)) => named == session,
            (Self::SessionsThatStartWith(start), RefreshKind::UrlSession(session)) => {
                session.as_str().starts_with(start.as_str())
            }
            (Self::Refresh(named), RefreshKind::ApplicationRefresh) => info == Some(named),
            _ => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnySession => f.write_str("any session"),
            Self::Session(session) => write!(f, "session {:?}", crate::history::short(session.as_str())),
            Self::SessionsThatStartWith(start) => {
                write!(f, "sessions that start with {:?}", crate::history::short(start))
            }
            Self::AnyRefresh => f.write_str("any refresh"),
            Self::Refresh(info) => write!(f, "refreshes with {:?}", info.as_str()),
            Self::Snapshots => f.write_str("snapshots"),
            Self::WatchConnectivity => f.write_str("connectivity"),
            Self::BluetoothAlerts => f.write_str("Bluetooth alerts"),
            Self::Intents => f.write_str("intents"),
            Self::Shortcuts => f.write_str("shortcuts"),
        }
    }
}

/// One delivery of a delegate message; redelivery after an interruption is another.
pub type MessageId = u32;

/// One transfer as a session listed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "hand-written histories build these")]
pub struct Listed {
    /// Its number.
    pub transfer: TransferId,
    /// What it does.
    pub kind: TransferKind,
    /// Where it is in its life.
    pub state: TransferState,
    /// The app's own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Body bytes received so far.
    #[serde(default)]
    pub received: u64,
    /// Method and address of its original request, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// What came of opening a session that is open already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reopening {
    /// A second session object.
    Opened,
    /// The in-use error.
    InUse,
    /// Another error.
    Refused,
}

/// How one exchange on the wire ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExchangeOutcome {
    /// The answer arrived to its proper end.
    Complete,
    /// The connection broke, or the bytes made no sense.
    Lost,
    /// There was no link, or nobody listened.
    NotConnected,
    /// The client gave it up.
    Abandoned,
    /// The server's certificate is not trusted: no request went out.
    Untrusted,
    /// The server asked for a client certificate, and nobody had decided about that: no request went out.
    CertificateWanted,
}

/// What a request had for a server that asks for a client certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ShownIdentity {
    /// Nobody had decided.
    #[default]
    Undecided,
    /// It was to go on without one.
    Nothing,
    /// One of the device's identities.
    Identity,
}

impl ShownIdentity {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    pub(super) fn is_undecided(&self) -> bool {
        *self == Self::Undecided
    }
}

/// How the app completed a refresh task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Completed {
    /// `setTaskCompletedWithSnapshot(false)`.
    #[default]
    Plainly,
    /// `setTaskCompletedWithSnapshot(true)`.
    WithSnapshot,
    /// A snapshot task, with what is wanted next.
    SnapshotTaken {
        /// When; the distant future for never.
        expiration: Time,
        /// To come back with the next.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_info: Option<UserInfo>,
    },
}

impl Completed {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::Plainly
    }
}

/// What a subject did that no rule is about but that no subject may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "hand-written histories build these")]
pub struct SubjectFault {
    /// What kind of misbehaviour.
    pub kind: FaultKind,
    /// In which call, and what it said.
    pub detail: String,
}

impl SubjectFault {
    pub(crate) fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Kinds of misbehaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// It panicked.
    Panic,
    /// A call that must return promptly had not returned after a virtual minute.
    Hang,
    /// It refused what it must accept.
    Refusal,
    /// It kept asking to be woken so often that the scenario never came to an end.
    Runaway,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "panicked",
            Self::Hang => "did not return",
            Self::Refusal => "refused",
            Self::Runaway => "never came to rest",
        })
    }
}

/// The parts of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// The scenario's steps are done and every fault of the device is healed; from here on what is owed must come.
    Healed,
    /// What must come by itself has had its time; now the user opens the app and every session is opened.
    Collected,
    /// The end. What has not come by now never came.
    Ended,
}

//! What events are made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contract::{
    AuthenticationMethod, RefreshKind, RefreshTaskId, SessionId, Time, TransferId, TransferKind,
    TransferState, UserInfo,
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

/// How a transfer ended, as its last message said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndKind {
    /// Without error.
    Success,
    /// Cancelled by the app.
    Cancelled,
    /// Cancelled because the user force-quit the app.
    ForceQuit,
    /// Cancelled by another decision of the system.
    CancelledBySystem,
    /// The resource timeout passed.
    TimedOut,
    /// The delegate cancelled the login.
    LoginCancelled,
    /// The app was suspended or ended, and the transfer could not outlive that.
    Disconnected,
    /// Any other error.
    Failed,
}

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

/// A delegate message, without the session and the transfer it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "message", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// `did_receive_challenge`, or the session-level one.
    DidReceiveChallenge {
        /// How the server wants to be convinced.
        method: AuthenticationMethod,
        /// The realm that it named, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        realm: Option<String>,
        /// How many credentials were refused so far.
        failures: u32,
        /// A credential was proposed.
        proposed: bool,
        /// Which, without its secret: the user's name, `token` or `trust`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<String>,
        /// It was the session-level method.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        session_level: bool,
    },
    /// `will_begin_delayed_request`
    WillBeginDelayedRequest,
    /// `did_receive_response`
    DidReceiveResponse {
        /// The server's status.
        status: u16,
    },
    /// `did_become_download`
    DidBecomeDownload,
    /// `did_receive_data`
    DidReceiveData {
        /// Bytes that this process of the app has been given so far, these included.
        total: u64,
        /// A 64-bit digest of all of them, in the order in which they came.
        digest: u64,
    },
    /// `did_write_data`
    DidWriteData {
        /// Bytes so far.
        total: u64,
        /// Those of them that are new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written: Option<u64>,
        /// Bytes in all, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    },
    /// `did_send_body_data`
    DidSendBodyData {
        /// Bytes so far.
        total: u64,
        /// Those of them that are new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent: Option<u64>,
        /// Bytes in all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    },
    /// `did_resume_at_offset`
    DidResumeAtOffset {
        /// Where.
        offset: u64,
    },
    /// `did_finish_downloading`
    DidFinishDownloading {
        /// The server's status.
        status: u16,
        /// Bytes in the file; `None` if it could not be read.
        size: Option<u64>,
        /// A 64-bit digest of the file's bytes, not a cryptographic one.
        digest: Option<u64>,
    },
    /// `did_complete`
    DidComplete {
        /// How it ended.
        end: EndKind,
        /// The server's status, if it answered.
        status: Option<u16>,
    },
    /// `did_finish_events`
    DidFinishEvents,
    /// `did_become_invalid`
    DidBecomeInvalid,
}

impl Message {
    /// The method's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DidReceiveChallenge { session_level: true, .. } => "did_receive_session_challenge",
            Self::DidReceiveChallenge { .. } => "did_receive_challenge",
            Self::WillBeginDelayedRequest => "will_begin_delayed_request",
            Self::DidReceiveResponse { .. } => "did_receive_response",
            Self::DidBecomeDownload => "did_become_download",
            Self::DidReceiveData { .. } => "did_receive_data",
            Self::DidWriteData { .. } => "did_write_data",
            Self::DidSendBodyData { .. } => "did_send_body_data",
            Self::DidResumeAtOffset { .. } => "did_resume_at_offset",
            Self::DidFinishDownloading { .. } => "did_finish_downloading",
            Self::DidComplete { .. } => "did_complete",
            Self::DidFinishEvents => "did_finish_events",
            Self::DidBecomeInvalid => "did_become_invalid",
        }
    }
}

/// One way to log in that an answer offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "hand-written histories build these")]
pub struct Space {
    /// How the server wants to be convinced.
    pub method: AuthenticationMethod,
    /// The realm that it named, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

/// What the app said to a challenge, to a delayed request, or to the response of a data transfer.
///
/// Written as one word. The first logs had the reference's own text in its place (`UseCredential(Some(…))`), which is
/// still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum Answer {
    /// `use_credential`: with a credential.
    UseCredential,
    /// `use_no_credential`: the same disposition without one, to go on without a login.
    UseNoCredential,
    /// `perform_default_handling`: as if the delegate had no such method.
    PerformDefaultHandling,
    /// `cancel_authentication_challenge`: cancel the whole transfer.
    CancelAuthenticationChallenge,
    /// `reject_protection_space`: ask about the next one.
    RejectProtectionSpace,
    /// `continue_loading`: a delayed request goes on as it is.
    ContinueLoading,
    /// `use_new_request`: another request goes out in its place.
    UseNewRequest,
    /// `cancel`: the delayed transfer, or the data transfer, is cancelled.
    Cancel,
    /// `allow`: a data transfer goes on.
    Allow,
    /// `become_download`: a data transfer goes on as a download.
    BecomeDownload,
}

impl Answer {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::UseCredential,
        Self::UseNoCredential,
        Self::PerformDefaultHandling,
        Self::CancelAuthenticationChallenge,
        Self::RejectProtectionSpace,
        Self::ContinueLoading,
        Self::UseNewRequest,
        Self::Cancel,
        Self::Allow,
        Self::BecomeDownload,
    ];

    /// Its word in a log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UseCredential => "use_credential",
            Self::UseNoCredential => "use_no_credential",
            Self::PerformDefaultHandling => "perform_default_handling",
            Self::CancelAuthenticationChallenge => "cancel_authentication_challenge",
            Self::RejectProtectionSpace => "reject_protection_space",
            Self::ContinueLoading => "continue_loading",
            Self::UseNewRequest => "use_new_request",
            Self::Cancel => "cancel",
            Self::Allow => "allow",
            Self::BecomeDownload => "become_download",
        }
    }
}

impl From<Answer> for &'static str {
    fn from(answer: Answer) -> Self {
        answer.name()
    }
}

impl TryFrom<String> for Answer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|answer| answer.name() == text);
        let old = || match text.as_str() {
            "UseCredential(None)" => Some(Self::UseNoCredential),
            "PerformDefaultHandling" => Some(Self::PerformDefaultHandling),
            "CancelAuthenticationChallenge" => Some(Self::CancelAuthenticationChallenge),
            "RejectProtectionSpace" => Some(Self::RejectProtectionSpace),
            text => text.starts_with("UseCredential").then_some(Self::UseCredential),
        };
        known.or_else(old).ok_or_else(|| format!("{text:?} is no answer of a delegate's"))
    }
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

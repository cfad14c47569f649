//! What the app is told, and what it answers.

use serde::{Deserialize, Serialize};

use crate::contract::AuthenticationMethod;

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

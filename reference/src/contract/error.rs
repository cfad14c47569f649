//! Errors: each variant says whose doing it was.

use super::{ResumeData, ServerCertificate, Time};

/// The app's process ended, or never came up, before its callback returned.
///
/// The message was not acknowledged: it is delivered again at the next launch that opens the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the app's process ended before the call returned")]
#[non_exhaustive]
pub struct Interrupted;

impl Interrupted {
    /// For implementers of [`AppProcess`](super::AppProcess).
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Default for Interrupted {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a refresh or a snapshot was not scheduled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The preferred date cannot be used.
    #[error("the preferred date {preferred} can not be scheduled: {reason}")]
    BadDate {
        /// The date that was asked for.
        preferred: Time,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Background refresh is switched off for this app.
    #[error("background refresh is switched off for this app")]
    Disabled,
    /// The scheduler has stopped.
    #[error("the scheduler has stopped")]
    Stopped,
}

/// Why a session, or a call on it, was refused. Nothing has happened when this comes back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The session has been invalidated and takes no new transfers.
    #[error("the session has been invalidated")]
    Invalidated,
    /// Another process is connected to this session (−996).
    #[error("the session is in use by another process")]
    InUse,
    /// No transfer with this number is outstanding.
    #[error("no such transfer is outstanding")]
    NoSuchTransfer,
    /// Background sessions speak HTTP and HTTPS only.
    #[error("{url:?} is not an http or https address")]
    UnsupportedUrl {
        /// The address given.
        url: String,
    },
    /// The file to upload does not exist.
    #[error("there is no file {path:?} to upload")]
    NoSuchFile {
        /// The path given.
        path: String,
    },
    /// Resume data that this service can not use.
    #[error("unusable resume data: {reason}")]
    BadResumeData {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// This service does not do such a thing at all.
    #[error("this service has no {what}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// The service has stopped.
    #[error("the transfer service has stopped")]
    Stopped,
}

/// Why a transfer was cancelled when the app did not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CancelReason {
    /// The app called cancel, or its delegate chose it.
    App,
    /// The user force-quit the app (reason 0).
    ForceQuit,
    /// Background updates are switched off (reason 1).
    BackgroundUpdatesDisabled,
    /// The system lacks resources (reason 2).
    InsufficientResources,
}

/// How a transfer ended when it did not end well. An HTTP error status is *not* one of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// Cancelled (`NSURLErrorCancelled`).
    #[error("cancelled ({reason:?})")]
    Cancelled {
        /// By whom.
        reason: CancelReason,
        /// Where to continue, if the app asked for it and the server allows it.
        resume_data: Option<ResumeData>,
    },
    /// The resource timeout passed (`NSURLErrorTimedOut`).
    #[error("timed out")]
    TimedOut,
    /// A login was needed and the delegate cancelled it (`NSURLErrorUserCancelledAuthentication`).
    #[error("the delegate cancelled the login")]
    UserCancelledAuthentication,
    /// The app was suspended, or its process went away, and the transfer could not outlive that (−997).
    #[error("the session was disconnected")]
    Disconnected,
    /// The connection broke after the app had been given bytes that can not be taken back (−1005).
    #[error("the connection was lost")]
    ConnectionLost,
    /// The chain of redirects was longer than the service follows, or led out of HTTP.
    #[error("unusable redirect: {reason}")]
    BadRedirect {
        /// What was wrong with it.
        reason: &'static str,
    },
    /// The server's bytes were not HTTP.
    #[error("the server's answer was not understood")]
    BadServerResponse,
    /// The device's storage refused.
    #[error("the file could not be written or read")]
    Storage,
    /// The server's certificate is not trusted, and nobody said that it is to be
    /// (`NSURLErrorServerCertificateUntrusted`). Trying again would change nothing, so it is not tried again.
    #[error("the server's certificate is not trusted")]
    UntrustedServer,
}

/// What went wrong with one exchange on the wire. A background session retries most of these by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no permitted link, nobody listens at the address, or who listens breaks the handshake off.
    #[error("not connected")]
    NotConnected,
    /// The connection broke: closed or reset before the answer was complete.
    #[error("the connection was lost")]
    ConnectionLost,
    /// The peer's bytes were not HTTP.
    #[error("the answer was not HTTP")]
    BadResponse,
    /// The request itself is unusable.
    #[error("unusable request: {reason}")]
    BadRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// The server shows a certificate that the device does not trust, and the request does not say to accept it. No
    /// request has gone out.
    #[error("the server's certificate is not known to be trusted")]
    UntrustedServer {
        /// The certificate it shows.
        certificate: ServerCertificate,
    },
    /// The server asks for a client certificate, and the request does not say what to do. No request has gone out.
    #[error("the server asks for a client certificate")]
    CertificateWanted,
}

//! What arrived, in order, fit for printing: credentials are named, never shown.

use crate::request::Request;
use std::fmt;
use std::time::Duration;

/// One request and what became of it. `Display` prints it on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// When it arrived, since the origin's start.
    pub at: Duration,
    /// Method as sent.
    pub method: String,
    /// Host as sent.
    pub host: String,
    /// Path and query as sent.
    pub target: String,
    /// `Range` as sent.
    pub range: Option<String>,
    /// What kind of credentials came along.
    pub credentials: Option<Credentials>,
    /// Why the login did not let it in.
    pub refusal: Option<Refusal>,
    /// Status of the answer; `None` when there was no head.
    pub status: Option<u16>,
    /// Length of the request's body in bytes.
    pub body_size: u64,
    /// [`Digest`](crate::body::Digest) of the request's body.
    pub body_hash: u64,
}

/// Credentials without their secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Credentials {
    /// `Basic`, `Digest`, `Bearer`, or `other` (an unknown scheme may itself be a misplaced secret).
    pub scheme: &'static str,
    /// User name, where the scheme has one that could be read.
    pub user: Option<String>,
}

impl Credentials {
    /// What a request's `Authorization` header says about its sender.
    ///
    /// ```
    /// use bgsession_mock_server::{Credentials, Request};
    ///
    /// let request = Request::get("/").with_header("authorization", "Basic YW5uOnNlY3JldA==");
    /// assert_eq!(Credentials::of(&request).unwrap().to_string(), "Basic user=ann");
    /// ```
    pub fn of(request: &Request) -> Option<Self> {
        request.header("authorization").map(crate::auth::credentials)
    }
}

/// Why the login refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// There was no `Authorization` header.
    NoCredentials,
    /// A scheme, realm or algorithm that was not offered.
    NotOffered,
    /// The header could not be read, or a parameter is missing or there twice.
    Malformed,
    /// Wrong user, password or token.
    Wrong,
    /// Digest: right password, but the nonce is not one of this origin's.
    UnknownNonce,
    /// Digest: right password, but the nonce has been used too often.
    StaleNonce,
    /// Digest: right password, but the nonce count did not grow. A replay looks like this.
    ReplayedCount,
    /// Digest: the `uri` is not the one of the request line. Answered with 400.
    UriMismatch,
    /// Right credentials, refused because the script says so.
    Scripted,
    /// The host wants a client certificate, and the right one was not shown. Answered with 400.
    NoIdentity,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredentials => "no credentials",
            Self::NotOffered => "scheme, realm or algorithm not offered",
            Self::Malformed => "malformed credentials",
            Self::Wrong => "wrong credentials",
            Self::UnknownNonce => "unknown nonce",
            Self::StaleNonce => "stale nonce",
            Self::ReplayedCount => "nonce count did not grow",
            Self::UriMismatch => "digest of another uri",
            Self::Scripted => "right credentials, refused by script",
            Self::NoIdentity => "no client certificate, or another's",
        })
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme)?;
        match &self.user {
            Some(user) => write!(f, " user={}", user.escape_debug()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for LogEntry {
    /// `12.345 GET localhost /file range=bytes=5- (Basic user=ann) -> 206`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, host, target) =
            (self.method.escape_debug(), self.host.escape_debug(), self.target.escape_debug());
        write!(f, "{}.{:03} {method} {host} {target}", self.at.as_secs(), self.at.subsec_millis())?;
        if let Some(range) = &self.range {
            write!(f, " range={}", range.escape_debug())?;
        }
        if self.body_size > 0 {
            write!(f, " body={}", self.body_size)?;
        }
        if let Some(credentials) = &self.credentials {
            write!(f, " ({credentials})")?;
        }
        match self.status {
            Some(status) => write!(f, " -> {status}")?,
            None => f.write_str(" -> no answer")?,
        }
        match self.refusal {
            Some(refusal) => write!(f, " ({refusal})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line() {
        let mut entry = LogEntry {
            at: Duration::from_millis(12_345),
            method: "GET".into(),
            host: "localhost:80".into(),
            target: "/file".into(),
            range: Some("bytes=5-".into()),
            credentials: Some(Credentials { scheme: "Basic", user: Some("ann".into()) }),
            refusal: None,
            status: Some(206),
            body_size: 0,
            body_hash: 0,
        };
        assert_eq!(entry.to_string(), "12.345 GET localhost:80 /file range=bytes=5- (Basic user=ann) -> 206");
        (entry.status, entry.refusal, entry.range) = (None, Some(Refusal::Scripted), None);
        entry.target = "/a\r\nb".into();
        entry.body_size = 9;
        assert_eq!(
            entry.to_string(),
            "12.345 GET localhost:80 /a\\r\\nb body=9 (Basic user=ann) -> no answer (right credentials, \
             refused by script)"
        );
    }
}

//! What happens to one request that the login let in.

use serde::{Deserialize, Serialize};

/// What the origin does with one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The resource, whole or the range asked for.
    Serve(Delivery),
    /// A bare status.
    Status {
        /// 200 to 599.
        code: u16,
        /// Length of the made-up body in bytes; 0 where the status allows none.
        #[serde(default)]
        body_size: u64,
        /// `Retry-After`, if any.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// A redirect without a body.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        code: u16,
        /// `Location` as it is sent, except that `{port}` becomes the port of the request's `Host`: a script
        /// cannot know the port it will be served on. A `:{port}` goes away when the `Host` has no port.
        location: String,
    },
    /// The connection is closed in an orderly way before any byte of the answer.
    DropBeforeHead,
    /// The connection is reset before any byte of the answer.
    ResetBeforeHead,
    /// Nothing is ever sent and the connection stays open.
    StallBeforeHead,
    /// This text instead of an answer, then the connection is closed.
    Garbage(String),
    /// The resource changes to its next version, then that answer.
    NewVersion(Box<Self>),
    /// Nobody is there. In memory the connection is refused; on a real socket, which had to be accepted to see
    /// the request, it is reset at once (wiremock can only close it).
    Offline,
}

impl Default for Answer {
    fn default() -> Self {
        Self::serve()
    }
}

impl Answer {
    /// The resource, at once and whole.
    pub fn serve() -> Self {
        Self::Serve(Delivery::default())
    }

    /// The resource, its head `delay_ms` milliseconds late.
    pub fn delayed(delay_ms: u64) -> Self {
        Self::Serve(Delivery { delay_ms, fault: None })
    }

    /// The resource, with a fault in its body.
    pub fn fault(fault: Fault) -> Self {
        Self::Serve(Delivery { delay_ms: 0, fault: Some(fault) })
    }

    /// A bare status without a body.
    pub fn status(code: u16) -> Self {
        Self::Status { code, body_size: 0, retry_after: None }
    }

    /// A status that says when to come back.
    pub fn retry_after(code: u16, retry_after: RetryAfter) -> Self {
        Self::Status { code, body_size: 0, retry_after: Some(retry_after) }
    }

    /// A redirect.
    pub fn redirect(code: u16, location: impl Into<String>) -> Self {
        Self::Redirect { code, location: location.into() }
    }

    /// The resource changes, then `answer`.
    pub fn new_version(answer: Self) -> Self {
        Self::NewVersion(Box::new(answer))
    }
}

/// How the resource is delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Wait before the head, in milliseconds.
    pub delay_ms: u64,
    /// What goes wrong, or otherwise than plainly, with the body.
    pub fault: Option<Fault>,
}

/// What happens to a body on its way.
///
/// Counts are bytes of this answer's body, so of the range asked for. A `CutAfter`, `ResetAfter` or `StallAfter`
/// at or behind the end of the body never comes to pass, and no fault touches a 416 or the answer to HEAD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The connection is closed in an orderly way after that many bytes, short of the announced length.
    CutAfter(u64),
    /// The connection is reset after that many bytes.
    ResetAfter(u64),
    /// Silence after that many bytes; the connection stays open.
    StallAfter(u64),
    /// Small pieces, with a pause before each of them.
    Drip {
        /// Bytes in a piece, at least 1.
        piece: u64,
        /// Pause before each piece in milliseconds.
        every_ms: u64,
    },
    /// `Content-Length` says that many bytes; the true body follows and the connection is closed.
    LyingLength(u64),
    /// Chunked coding whose second chunk has a size that is not a number, after half of the body.
    BadChunk,
    /// No fault: chunked coding, so that the length is not known beforehand.
    Chunked,
    /// No fault: the end of the connection ends the body, so that neither the length nor a cut can be seen.
    UntilClose,
}

/// The value of a `Retry-After` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// That many seconds, as a number.
    Secs(u64),
    /// An HTTP date that lies that many seconds after the answer.
    DateIn(u64),
}

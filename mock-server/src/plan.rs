//! What an answer consists of, step by step, before anybody has a socket in hand.
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "a front must handle every step, and tests write plans down"
)]

use crate::body::Slice;
use std::time::Duration;

/// The most body bytes that are ever held in memory as one answer; more needs the wire.
pub(crate) const LARGEST_IN_ONE_PIECE: u64 = 64 << 20;

/// One answer: a head, if there is one, and the steps that a front takes in order.
///
/// A plan whose steps end with the body complete leaves the connection open for the next request; a plan that
/// ends short of what the framing promises closes it, as if [`Step::Close`] were its last step.
///
/// ```
/// use bgsession_mock_server::{Origin, Request, Resource, Route, Script, Step};
/// use std::time::Duration;
///
/// let origin = Origin::new(Script::new().route("/file", Route::new(Resource::new(3)))).unwrap();
/// let plan = origin.answer(&Request::get("/file"), Duration::ZERO);
/// assert_eq!(plan.status(), Some(200));
/// assert_eq!(plan.body_bytes(), 3);
/// assert!(matches!(plan.steps[..], [Step::Head, Step::Body(_)]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What [`Step::Head`] sends.
    pub head: Option<Head>,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

/// Status line and headers of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Names (in small letters) and values, without the header that follows from the framing.
    pub headers: Vec<(String, String)>,
    /// How the end of the body is told.
    pub framing: Framing,
}

/// How a client learns where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`: what is announced, maybe a lie.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection; `Connection: close` is sent.
    UntilClose,
    /// No body follows, whatever length is announced: the answer to HEAD, and 204 and 304.
    Bodyless(Option<u64>),
}

/// One thing that a front does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Do nothing for that long. What was sent before has reached the client.
    Pause(Duration),
    /// Send the head. A plan without a head, or whose head has been sent, sends nothing here.
    Head,
    /// Send a part of the body, made from a seed.
    Body(Slice),
    /// Send a part of the body, written out.
    Inline(Vec<u8>),
    /// Send bytes past the framing, as they are.
    Raw(Vec<u8>),
    /// Nothing more is ever sent and the connection stays open.
    Stall,
    /// Close in an orderly way (FIN): a clean end only if the framing is satisfied.
    Close,
    /// Break the connection (RST).
    Reset,
    /// Be unreachable: no connection comes about. Only as the first step.
    Refuse,
}

impl Plan {
    /// A plan that only breaks off, stays silent or sends what is not HTTP.
    pub(crate) fn headless(steps: impl Into<Vec<Step>>) -> Self {
        Self { head: None, steps: steps.into() }
    }

    /// Status of the head, if there is one.
    pub fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    /// Number of body bytes in all steps, which a lying head may contradict.
    pub fn body_bytes(&self) -> u64 {
        self.steps.iter().map(Step::body_bytes).sum()
    }

    /// Whether only a front that owns the socket can take these steps.
    ///
    /// False means a complete answer of at most 64 MiB, or a connection that ends before any byte: what an
    /// HTTP library can give as well.
    pub fn needs_wire(&self) -> bool {
        let Some(head) = &self.head else {
            return !matches!(self.steps[..], [Step::Close] | [Step::Refuse]);
        };
        let plain = self.steps.split_first().is_some_and(|(first, rest)| {
            *first == Step::Head && rest.iter().all(|step| matches!(step, Step::Body(_) | Step::Inline(_)))
        });
        let bytes = self.body_bytes();
        let complete = match head.framing {
            Framing::Length(length) => length == bytes,
            Framing::Bodyless(_) => bytes == 0,
            Framing::Chunked => true,
            Framing::UntilClose => false,
        };
        !(plain && complete && bytes <= LARGEST_IN_ONE_PIECE)
    }
}

impl Head {
    /// The header that follows from the framing, if any.
    pub fn framing_header(&self) -> Option<(String, String)> {
        let (name, value) = match self.framing {
            Framing::Length(length) | Framing::Bodyless(Some(length)) => {
                ("content-length", length.to_string())
            }
            Framing::Chunked => ("transfer-encoding", "chunked".to_owned()),
            Framing::UntilClose => ("connection", "close".to_owned()),
            Framing::Bodyless(None) => return None,
        };
        Some((name.to_owned(), value))
    }
}

impl Step {
    /// Number of body bytes in this step.
    pub fn body_bytes(&self) -> u64 {
        match self {
            Self::Body(slice) => slice.len,
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Pause(_)
            | Self::Head
            | Self::Raw(_)
            | Self::Stall
            | Self::Close
            | Self::Reset
            | Self::Refuse => 0,
        }
    }

    /// The part of a body step that starts at `start`; of another step, nothing.
    pub(crate) fn part(&self, start: u64, len: u64) -> Self {
        match self {
            Self::Body(slice) => Self::Body(slice.part(start, len)),
            Self::Inline(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len() - start);
                Self::Inline(bytes[start..start + len].to_vec())
            }
            Self::Pause(_)
            | Self::Head
            | Self::Raw(_)
            | Self::Stall
            | Self::Close
            | Self::Reset
            | Self::Refuse => Self::Inline(Vec::new()),
        }
    }
}

/// Whether an answer of that status has no body by definition.
pub(crate) fn never_has_body(status: u16) -> bool {
    status < 200 || status == 204 || status == 304
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(framing: Framing, steps: &[Step]) -> Plan {
        Plan { head: Some(Head { status: 200, headers: Vec::new(), framing }), steps: steps.to_vec() }
    }

    #[test]
    fn what_needs_the_wire() {
        let body = Step::Body(Slice { seed: 0, offset: 0, len: 4 });
        assert!(!plan(Framing::Length(4), &[Step::Head, body.clone()]).needs_wire());
        assert!(!plan(Framing::Chunked, &[Step::Head, body.clone()]).needs_wire());
        assert!(!plan(Framing::Bodyless(Some(9)), &[Step::Head]).needs_wire());
        assert!(!Plan::headless([Step::Close]).needs_wire());
        assert!(!Plan::headless([Step::Refuse]).needs_wire());

        assert!(plan(Framing::Length(5), &[Step::Head, body.clone()]).needs_wire());
        assert!(plan(Framing::Length(4), &[Step::Head, body.clone(), Step::Close]).needs_wire());
        assert!(plan(Framing::UntilClose, &[Step::Head, body.clone()]).needs_wire());
        assert!(plan(Framing::Length(4), &[Step::Pause(Duration::ZERO), Step::Head, body]).needs_wire());
        assert!(Plan::headless([Step::Reset]).needs_wire());
        assert!(Plan::headless([Step::Raw(vec![1]), Step::Close]).needs_wire());
        let huge = Step::Body(Slice { seed: 0, offset: 0, len: LARGEST_IN_ONE_PIECE + 1 });
        assert!(plan(Framing::Length(LARGEST_IN_ONE_PIECE + 1), &[Step::Head, huge]).needs_wire());
    }
}

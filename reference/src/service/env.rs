//! What all sessions of a service share: the device as it is, the timers, and the outputs.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::limiter::Limiter;
use super::queue::Call;
use crate::contract::{
    AppState, Conditions, Connection, FilePath, Link, Method, Policy, SessionId, Time, TlsAnswers,
    TransferId, WakeReason,
};

/// A session within its service: never used twice, also when an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub(super) u32);

/// One exchange on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ExchangeId {
    /// The session.
    pub session: SessionKey,
    /// The transfer.
    pub transfer: TransferId,
    /// The number of the exchange within the transfer.
    pub attempt: u32,
}

/// A request to be sent. `Debug` leaves the headers out: they may carry credentials.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The absolute address.
    pub url: String,
    /// Header fields in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The file to send, and its size.
    pub upload: Option<(FilePath, u64)>,
    /// What is known of the answers to questions of TLS.
    pub tls: TlsAnswers,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({} header fields)", self.method.as_str(), self.url, self.headers.len())
    }
}

/// What is to be done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send this request and report what comes of it.
    Exchange(ExchangeId, Outgoing),
    /// End this exchange: nothing more is wanted of it.
    Abort(ExchangeId),
    /// Ask the scheduler for a wake and report its answer.
    RequestWake(SessionKey, SessionId, WakeReason),
    /// Tell the scheduler that the wake is not needed any more.
    WithdrawWake(SessionId),
    /// Messages can be delivered: take them one after the other until there are none.
    Drain(SessionKey),
    /// Remove this file, which may be gone already.
    Remove(FilePath),
}

/// A call to be made to an app.
#[derive(Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The line to the app.
    pub connection: Connection,
    /// The session it is about.
    pub session: SessionId,
    /// The call.
    pub call: Call,
}

/// The surroundings of every session.
#[derive(Debug)]
pub(super) struct Env {
    pub(super) policy: Arc<Policy>,
    pub(super) app: AppState,
    pub(super) conditions: Conditions,
    pub(super) now: Time,
    /// Every transfer's next moment: one table for all.
    pub(super) timers: BTreeSet<(Time, SessionKey, TransferId)>,
    pub(super) outputs: Vec<Output>,
    /// One for the whole app.
    pub(super) limiter: Limiter,
    /// Numbers questions and client nonces.
    pub(super) serial: u64,
}

impl Env {
    pub(super) const fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Is there a link that this session may use? A forbidden one counts as none.
    pub(super) const fn has_link(&self, allows_cellular: bool) -> bool {
        match self.conditions.link {
            Link::Offline => false,
            Link::Cellular => allows_cellular,
            Link::Wifi => true,
        }
    }
}

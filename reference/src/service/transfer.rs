//! One transfer: what is known about it.

use std::collections::VecDeque;
use std::time::Duration;

use super::address::Origin;
use super::auth::Offer;
use super::data::Disposal;
use super::logins::LoginId;
use super::phase::Phase;
use super::ranges::Partial;
use super::resume_data::ResumePoint;
use super::trust::KnownAnswers;
use crate::contract::{
    Credential, FilePath, Method, Request, Response, ResumeData, RetryPolicy, ServerCertificate, Time,
    TlsAnswers, TransferId, TransferInfo, TransferKind, TransferOptions, TransferState,
};

/// The address that is asked next, when it is not the one that the app gave: after a redirect.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) url: String,
    pub(super) method: Method,
    pub(super) with_body: bool,
    /// The chain has left the origin that the app named; what the app sent for it stays behind.
    pub(super) crossed: bool,
    pub(super) number: u32,
}

/// May the system choose the moment?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discretion {
    /// No.
    Never,
    /// As the configuration says.
    Always,
    /// Because it was created while the app was not in front.
    UntilFront,
}

/// A challenge that the delegate was asked about, or is to be asked about.
#[derive(Debug)]
pub(super) struct Question {
    /// The 401 itself: the transfer's answer if nobody logs in. `None` if it came before any answer, from TLS.
    pub(super) response: Option<Response>,
    /// The certificate that is to be trusted or not.
    pub(super) certificate: Option<ServerCertificate>,
    /// Its body, and how many bytes that has; an upload's is not kept.
    pub(super) file: Option<FilePath>,
    pub(super) received: u64,
    /// What it offered, the strongest first; those rejected so far are gone.
    pub(super) offers: VecDeque<Offer>,
    /// The number of the latest call about it; answers to earlier ones are void.
    pub(super) serial: u64,
}

/// What a transfer has been through with logins.
#[derive(Debug, Default)]
pub(super) struct LoginState {
    /// The one it was given.
    pub(super) given: Option<LoginId>,
    /// The one that the request on the wire carries.
    pub(super) sent: Option<LoginId>,
    /// Refused so far, over all protection spaces.
    pub(super) failures: u32,
    /// The one that was refused last.
    pub(super) refused: Option<Credential>,
    /// Repetitions without asking (a stale nonce, a credential known already) since the delegate was last asked.
    pub(super) silent: u32,
    /// What it answers to questions of TLS, by origin.
    pub(super) tls: KnownAnswers,
    /// What the request on the wire answers to them.
    pub(super) tls_sent: TlsAnswers,
    pub(super) question: Option<Question>,
}

/// One transfer.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    pub(super) kind: TransferKind,
    pub(super) original: Request,
    /// What the delegate put in its place.
    pub(super) replacement: Option<Request>,
    pub(super) options: TransferOptions,
    pub(super) phase: Phase,
    /// Suspends that have not been taken back; a newborn has one.
    pub(super) holds: u32,
    pub(super) first_resumed: Option<Time>,
    /// When the whole transfer must be over.
    pub(super) resource_deadline: Time,
    /// When the present phase is over by itself.
    pub(super) until: Time,
    /// Where it stands in the table of timers.
    pub(super) armed: Time,
    pub(super) discretion: Discretion,
    /// It was created while the app was not in front.
    pub(super) behind: bool,
    /// Until when the limiter holds it.
    pub(super) limited: Option<Time>,
    /// Since when it has been held for better conditions.
    pub(super) held_since: Option<Time>,
    /// The delegate has been offered its delayed request.
    pub(super) offered: bool,
    /// It has decided about it.
    pub(super) decided: bool,
    /// The number of that call; answers to others are void.
    pub(super) offer_serial: u64,
    /// Its place in the line for connections.
    pub(super) ticket: u64,
    pub(super) hop: Option<Hop>,
    /// Where the request on the wire goes.
    pub(super) origin: Origin,
    /// The number of the latest exchange; what others say is void.
    pub(super) attempt: u32,
    /// The exchange has told all it has to tell: there is nothing to abort.
    pub(super) wire_over: bool,
    /// Failures since the last byte.
    pub(super) retries: u32,
    pub(super) file: FilePath,
    /// The file exists.
    pub(super) has_file: bool,
    pub(super) partial: Partial,
    /// What the request on the wire asked to go on from.
    pub(super) asked_offset: Option<u64>,
    /// It was given resume data, and has not told the app yet how that went.
    pub(super) announces: bool,
    pub(super) response: Option<Response>,
    pub(super) login: LoginState,
    /// The file to send, and its size.
    pub(super) upload: Option<(FilePath, u64)>,
    pub(super) sent: u64,
    /// Bytes that the app has been told of.
    pub(super) reported: u64,
    pub(super) progress_waits: bool,
    /// What the app has said of a data transfer's answer.
    pub(super) disposal: Disposal,
    /// Bytes of a data transfer that the app has, or has in its hands at the moment.
    pub(super) handing: u64,
    /// It ended because somebody cancelled it.
    pub(super) cancelled: bool,
}

impl Transfer {
    /// The request that the chain of exchanges begins with.
    pub(super) fn request(&self) -> &Request {
        self.replacement.as_ref().unwrap_or(&self.original)
    }

    /// The address that is asked next.
    pub(super) fn url(&self) -> &str {
        self.hop.as_ref().map_or_else(|| self.request().url.as_str(), |hop| hop.url.as_str())
    }

    /// The method that is used next.
    pub(super) fn method(&self) -> Method {
        self.hop.as_ref().map_or_else(|| self.request().method, |hop| hop.method)
    }

    /// Has the app chosen a range of its own? Then its part can not be continued by this service.
    pub(super) fn has_own_range(&self) -> bool {
        self.request().headers.iter().any(|(name, _)| name == "range")
    }

    /// Is it to end in a file of the app's?
    pub(super) const fn is_download(&self) -> bool {
        matches!(self.kind, TransferKind::Download)
    }

    /// Is its body to go into the app's memory, for all that is known yet?
    pub(super) const fn is_data(&self) -> bool {
        matches!(self.kind, TransferKind::Data)
    }

    /// Is its body kept in a file meanwhile? That of a data transfer is, until the app has taken it.
    pub(super) const fn keeps_body(&self) -> bool {
        self.is_download() || self.is_data()
    }

    /// Back to the address that the app gave. Returns its origin, if that may be another than the present one.
    pub(super) fn rewind(&mut self) -> Option<Origin> {
        self.asked_offset = None;
        self.hop.take().and_then(|_| Origin::of(&self.request().url))
    }

    /// Where it could go on, for the app to keep. Source: `cancel(byProducingResumeData:)`.
    pub(super) fn resume_data(&self) -> Option<ResumeData> {
        let (received, validator) = self.partial.resume_point()?;
        let possible = self.is_download()
            && self.request().method == Method::Get
            && !self.has_own_range()
            && self.partial.takes_ranges == Some(true);
        let point = ResumePoint {
            url: self.request().url.clone(),
            validator: validator.clone(),
            received,
            total: self.partial.total,
            file: self.file.clone(),
        };
        possible.then(|| point.to_data())
    }

    /// When something happens by itself: the end of its phase, or of the whole transfer.
    pub(super) fn next_timer(&self) -> Time {
        self.until.min(self.resource_deadline)
    }

    /// The wait before the next try, `floor * factor^retries` and never above the cap.
    pub(super) fn backoff(&self, policy: &RetryPolicy) -> Duration {
        let times = policy.factor.saturating_pow(self.retries);
        policy.floor.saturating_mul(times).min(policy.cap)
    }

    /// As listed; `None` once it is no longer outstanding.
    pub(super) fn info(&self) -> Option<TransferInfo> {
        let state = match (self.phase == Phase::Ended, self.cancelled, self.holds > 0) {
            (true, true, _) => TransferState::Canceling,
            (true, false, _) => return None,
            (false, _, true) => TransferState::Suspended,
            (false, _, false) => TransferState::Running,
        };
        Some(TransferInfo {
            id: self.id,
            kind: self.kind,
            state,
            original_request: self.original.clone(),
            description: self.options.description.clone(),
            received: self.partial.received,
            sent: self.sent,
            earliest_begin_date: self.options.earliest_begin_date,
        })
    }
}

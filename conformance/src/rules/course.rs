//! The course of one transfer, as the network and the app's calls show it.

use std::time::Duration;

use super::facts::Place;
use crate::contract::{Time, TransferKind};
use crate::history::{Answer, ExchangeOutcome, Space, TransferKey};

/// One exchange of a transfer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) sent: Place,
    /// It asked for what the one before it had asked for.
    pub(crate) repeats: bool,
    /// Its answer names another address.
    pub(crate) redirects: bool,
    /// Its method, and the bytes that went with it.
    pub(crate) method: String,
    pub(crate) body: Option<u64>,
    /// Its answer holds a part that is not the last.
    pub(crate) short: bool,
    /// It asked for a part only: from this byte on.
    pub(crate) from: Option<u64>,
    /// It carried a credential.
    pub(crate) credential: bool,
    /// The protection spaces that its answer offered; none if that is not known.
    pub(crate) offers: Vec<Space>,
    pub(crate) head: Option<(Place, u16, bool)>,
    pub(crate) end: Option<(Place, ExchangeOutcome, u64, u64)>,
    /// When the last byte of its answer's body arrived.
    pub(crate) last_byte: Option<Time>,
    /// It went to a server that the device does not trust.
    pub(crate) trusts: bool,
    /// Somebody had decided what to show a server that asks for a client certificate.
    pub(crate) decided: bool,
}

impl Exchange {
    /// The login that it met with, or the question of TLS.
    pub(crate) fn challenge(&self) -> Option<Place> {
        let over_tls =
            |outcome| matches!(outcome, ExchangeOutcome::Untrusted | ExchangeOutcome::CertificateWanted);
        let login = self.head.filter(|(.., challenge)| *challenge).map(|(place, ..)| place);
        login.or_else(|| self.end.filter(|(_, outcome, ..)| over_tls(*outcome)).map(|(place, ..)| place))
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.head.map(|(_, status, _)| status)
    }

    /// Where its answer was the transfer's last, judged by the answer alone.
    fn concluded(&self, kind: TransferKind) -> Option<Place> {
        let (head, status, challenge) = self.head?;
        let (end, outcome, ..) = self.end?;
        let redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
        if challenge || redirect || self.short || status == 416 {
            return None;
        }
        match outcome {
            ExchangeOutcome::Complete => Some(end),
            // Whoever uploads may not care for the answer's body.
            ExchangeOutcome::Abandoned if kind == TransferKind::Upload => Some(head),
            _ => None,
        }
    }
}

/// How far a transfer was, at some place, for its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Being worked on, or waiting for its turn.
    Open,
    /// Waiting for a login.
    Login,
    /// Ended.
    Ended,
    /// It can not be told from what was seen.
    Unknown,
}

/// A time in which a transfer was not to be worked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    /// Its creation, or where the suspension was complete.
    pub(crate) from: Place,
    /// Where the last resume that it needed began.
    pub(crate) to: Option<Place>,
    /// The most resumes that it needed at any time.
    pub(crate) depth: u32,
}

/// A transfer.
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) key: &'a TransferKey,
    pub(crate) kind: TransferKind,
    pub(crate) created: Place,
    /// It was made from what another download left when it was cancelled.
    pub(crate) continues: bool,
    /// Whether the app was in front then can not be told.
    pub(crate) torn: bool,
    /// Where it was resumed first; where it was created as long as it was not.
    pub(crate) resumed: Place,
    /// From its birth on, which is the first.
    pub(crate) pauses: Vec<Pause>,
    /// Resumes that it needs.
    pub(super) holds: u32,
    /// Method and address of its latest request.
    pub(super) request: Option<&'a str>,
    /// Bytes of the file that it uploads, if that is known.
    pub(crate) bytes: Option<u64>,
    /// How long it may go without a byte.
    pub(crate) request_timeout: Duration,
    pub(crate) earliest: Option<Time>,
    pub(crate) resource_timeout: Duration,
    /// The policy's switch X14.
    pub(crate) timed_from_begin: bool,
    /// By the app, by the invalidation of its session or by a force quit.
    pub(crate) cancelled: Option<Place>,
    /// Each call that cancelled it: where it began and where it returned.
    pub(crate) cancels: Vec<(Place, Option<Place>)>,
    /// The first force quit that found it untold.
    pub(crate) quit: Option<Place>,
    pub(crate) description: Option<&'a str>,
    pub(crate) exchanges: Vec<Exchange>,
    /// What has lain at its address: length and digest, one version after the other.
    pub(crate) versions: Vec<(Place, u64, u64)>,
    /// The address that the app asked for.
    pub(crate) url: &'a str,
    /// Method and address of each exchange.
    pub(crate) requests: Vec<&'a str>,
    /// The delegate decides about it when its earliest begin date has come.
    pub(crate) delegated: bool,
    /// Where it decided that it goes on.
    pub(crate) decided: Option<Place>,
    /// Where the app gave up a login: cancelled it, left it to default handling or to none, or rejected the last space.
    pub(crate) given_up: Option<Place>,
    /// The protection spaces that it has rejected since the last request.
    pub(super) rejected: Vec<Space>,
    /// Where it first met with a challenge of which nobody can say what becomes of this transfer: one that concerns its
    /// whole session, or that the delegate has no method for.
    pub(crate) vague_login: Option<Place>,
    /// What the app said last to the response of a data transfer.
    pub(crate) disposed: Option<(Place, Answer)>,
    /// Where a data transfer became a download beyond doubt: where the app said so.
    pub(crate) converted: Option<Place>,
    /// Indices into [`Facts::deliveries`].
    pub(crate) messages: Vec<usize>,
}

impl Transfer<'_> {
    /// When its resource timeout passes, at the earliest: some pages count from the creation, some from the first resume,
    /// and a suspended transfer may be subject to no timeout at all.
    pub(crate) fn times_out(&self) -> Time {
        self.counted_from(self.created.at) + self.resource_timeout
    }

    /// The same, at the latest.
    pub(crate) fn times_out_at_last(&self) -> Time {
        let suspended = self
            .pauses
            .iter()
            .skip(1)
            .try_fold(Duration::ZERO, |sum, pause| Some(sum + pause.to?.at.since(pause.from.at)));
        match suspended {
            Some(suspended) if self.was_resumed() => {
                self.counted_from(self.resumed.at) + self.resource_timeout + suspended
            }
            _ => Time::DISTANT_FUTURE,
        }
    }

    fn counted_from(&self, moment: Time) -> Time {
        self.earliest.filter(|_| self.timed_from_begin).map_or(moment, |at| at.max(moment))
    }

    /// Has its time been up, by this place, by one way of counting and not by another, and has nothing else ended it
    /// before?
    pub(crate) fn is_vague_at(&self, place: Place) -> bool {
        let limit = self.times_out();
        let before = |end: Option<Place>| end.is_some_and(|end| end.at < limit);
        limit < self.times_out_at_last()
            && place.at >= limit
            && !before(self.concluded())
            && !before(self.cancelled)
    }

    /// Does this request (method and address) ask for what the app asked for?
    pub(crate) fn is_original(&self, request: &str) -> bool {
        request.split_once(' ').is_some_and(|(_, path)| self.url.ends_with(path))
    }

    /// Was it ever to be worked on?
    pub(crate) fn was_resumed(&self) -> bool {
        self.pauses.first().is_none_or(|birth| birth.to.is_some())
    }

    /// Was it not to be worked on at this place?
    pub(crate) fn is_paused_at(&self, place: Place) -> bool {
        self.pauses
            .iter()
            .any(|pause| pause.from.is_before(place.seq) && pause.to.is_none_or(|to| to.is_from(place.seq)))
    }

    /// Was it paused at any time between these places?
    pub(crate) fn is_paused_between(&self, from: Place, to: Place) -> bool {
        self.pauses
            .iter()
            .any(|pause| pause.from.is_by(to.seq) && pause.to.is_none_or(|end| end.is_from(from.seq)))
    }

    /// Where its service saw its last exchange end; cancelling and timing out are other ends.
    pub(crate) fn concluded(&self) -> Option<Place> {
        self.conclusion(self.exchanges.last()?)
    }

    /// The answer to a data transfer may be there before the app has said that it is to be a download.
    fn conclusion(&self, exchange: &Exchange) -> Option<Place> {
        exchange.concluded(self.kind).map(|end| self.converted.map_or(end, |converted| converted.max(end)))
    }

    /// Does its body go into a file of the app's?
    pub(crate) fn is_download(&self) -> bool {
        self.kind == TransferKind::Download || self.converted.is_some()
    }

    pub(crate) fn progress(&self, place: Place) -> Progress {
        if self.cancelled.is_some_and(|cancelled| cancelled.is_before(place.seq))
            || place.at >= self.times_out_at_last()
        {
            return Progress::Ended;
        }
        let seen = |p: Place| p.is_before(place.seq);
        // What is suspended is neither under way nor at its end, and may or may not be out of time.
        if self.is_paused_at(place) || place.at >= self.times_out() {
            let ended = self.concluded().is_some_and(seen);
            return if ended { Progress::Ended } else { Progress::Unknown };
        }
        let Some(last) = self.exchanges.iter().rev().find(|exchange| exchange.sent.is_before(place.seq))
        else {
            // SES-14: the app may be wanted for its word on it.
            let due = self.delegated && self.earliest.is_some_and(|date| date <= place.at);
            return if due && !self.decided.is_some_and(seen) { Progress::Unknown } else { Progress::Open };
        };
        if last.challenge().is_some_and(seen) {
            if self.vague_login.is_some_and(seen) {
                return Progress::Unknown;
            }
            return if self.given_up.is_some_and(seen) { Progress::Ended } else { Progress::Login };
        }
        match self.conclusion(last) {
            Some(end) if seen(end) => Progress::Ended,
            _ if last.short || last.status() == Some(416) => Progress::Unknown,
            _ => Progress::Open,
        }
    }
}

//! What the service does by itself about lost connections and silence: SES-07.

use std::time::Duration;

use super::course::{Exchange, Progress, Transfer};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS, spoken};
use crate::contract::Link;
use crate::history::{EndKind, Event, ExchangeOutcome};
use crate::scenario::Focus;

/// A timeout may be noticed so much later.
const LATE: Duration = Duration::from_secs(60);
/// Clocks of different parts may differ by so much.
const JITTER: Duration = Duration::from_secs(1);
/// The documents do not say how soon a retry comes; without one in so long there is none.
const NO_RETRY: Duration = Duration::from_secs(6 * 3_600);

pub(super) const SES_07: Rule = Rule {
    id: "SES-07",
    level: Level::Must,
    sentence: "A lost connection, or a request timeout without a byte, is tried again and the app is not told; when the \
               resource timeout has passed, and not before, the transfer fails as timed out.",
    source: "URLSessionConfiguration.timeoutIntervalForRequest, timeoutIntervalForResource (facts E17, E18, E19, X14)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that ended well after trouble on the wire, or that timed out in the end",
    hint: "start the request timer anew with every byte and retry when it fires; set the resource timer once, at the \
           first resume",
    focus: Focus::RETRIES,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in facts.transfers.iter().filter(|transfer| transfer.cancelled.is_none()) {
            ending(facts, transfer, &mut finding);
            overtime(transfer, &mut finding);
            for (index, exchange) in transfer.exchanges.iter().enumerate() {
                let next = transfer.exchanges.get(index + 1);
                impatient(facts, transfer, exchange, next, &mut finding);
                silent(facts, transfer, exchange, &mut finding);
            }
            abandoned(facts, transfer, &mut finding);
            tarried(facts, transfer, &mut finding);
        }
        finding
    },
};

/// The trouble that an exchange met with on the wire, if that is what ended it.
fn trouble(exchange: &Exchange) -> Option<&'static str> {
    // Redirects, logins and refused ranges are given up for other reasons.
    if exchange.head.is_some_and(|(_, status, challenge)| challenge || !matches!(status, 200 | 206)) {
        return None;
    }
    match exchange.end {
        Some((_, ExchangeOutcome::Lost, ..)) => Some("its connection was lost"),
        Some((_, ExchangeOutcome::NotConnected, ..)) => Some("there was no connection"),
        Some((_, ExchangeOutcome::Abandoned, ..)) => Some("its request was given up"),
        Some((
            _,
            ExchangeOutcome::Complete | ExchangeOutcome::Untrusted | ExchangeOutcome::CertificateWanted,
            ..,
        )) => None,
        None => Some("its server was silent"),
    }
}

/// How it ended, and when.
fn ending(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let last = facts.last_word(transfer);
    let Some((told, end)) = last else { return };
    // A login that nobody answers fails when its time is up; SES-28 says when.
    if transfer.given_up.is_some() || transfer.progress(told) == Progress::Login {
        return;
    }
    let before = || transfer.exchanges.iter().filter(|exchange| exchange.sent.is_before(told.seq));
    // The rest of an upload's answer may be let go when it has been accepted, or when its time is up.
    let whole = before().next_back().and_then(|last| last.end);
    let whole = whole.is_some_and(|(_, outcome, ..)| outcome == ExchangeOutcome::Complete);
    let concluded = transfer.concluded().filter(|end| end.is_before(told.seq));
    match end {
        EndKind::Failed | EndKind::TimedOut if told.at < transfer.times_out() => {
            let why = before().next_back().map_or(Some("nothing had been sent"), trouble);
            if let Some(why) = why {
                finding.broken(
                    told,
                    format!("{} tried again: it has time until {}", transfer.key, transfer.times_out()),
                    format!("an error ({end:?}): {why}"),
                );
            }
        }
        EndKind::TimedOut if whole && concluded.is_some_and(|end| end.at < transfer.times_out()) => {
            finding.broken(
                told,
                format!("{} without error: its answer was complete in time", transfer.key),
                "an error (TimedOut)",
            );
        }
        EndKind::TimedOut => finding.witness(),
        EndKind::Failed
            if concluded.is_none() && before().next_back().is_none_or(|last| trouble(last).is_some()) =>
        {
            finding.broken(
                told,
                format!("{} to fail as timed out: its time was up at {}", transfer.key, transfer.times_out()),
                "another error (Failed)",
            );
        }
        EndKind::Success => {
            finding.witnesses += u32::from(before().any(|exchange| trouble(exchange).is_some()));
        }
        _ => {}
    }
}

/// Nothing goes on after the resource timeout.
fn overtime(transfer: &Transfer<'_>, finding: &mut Finding) {
    let over = transfer.times_out_at_last() + LATE;
    if let Some(late) = transfer.exchanges.iter().find(|exchange| exchange.sent.at > over) {
        finding.broken(
            late.sent,
            format!(
                "no request for {} after its resource timeout, {}",
                transfer.key,
                transfer.times_out_at_last()
            ),
            format!("one at {}", late.sent.at),
        );
    }
}

/// When the last sign of life came.
fn last_sign(exchange: &Exchange) -> crate::contract::Time {
    let head = exchange.head.map_or(exchange.sent.at, |(head, ..)| head.at);
    exchange.last_byte.map_or(head, |byte| byte.max(head))
}

/// Does anything else explain that an exchange was given up?
fn disturbed(facts: &Facts<'_>, transfer: &Transfer<'_>, from: Place, to: Place) -> bool {
    transfer.is_paused_between(from, to)
        || facts.history.entries[from.seq..=to.seq]
            .iter()
            .any(|entry| matches!(entry.event, Event::Conditions { .. }))
}

/// Given up although bytes kept coming: a timer that was not set anew.
fn impatient(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    exchange: &Exchange,
    next: Option<&Exchange>,
    finding: &mut Finding,
) {
    let (Some((end, ExchangeOutcome::Abandoned, received, _)), Some(_), Some(200 | 206)) =
        (exchange.end, next, exchange.status())
    else {
        return;
    };
    let silence = end.at.since(last_sign(exchange));
    let whole = end.at.since(exchange.sent.at);
    let limit = transfer.request_timeout;
    if received > 0
        && whole >= limit
        && silence + JITTER < limit
        && !disturbed(facts, transfer, exchange.sent, end)
    {
        finding.broken(
            end,
            format!("the answer to {} awaited: a byte came {} before", transfer.key, spoken(silence)),
            format!("given up and asked for again, {} after the request", spoken(whole)),
        );
    }
}

/// Left alone although nothing came any more.
fn silent(facts: &Facts<'_>, transfer: &Transfer<'_>, exchange: &Exchange, finding: &mut Finding) {
    let until = exchange.end.map_or_else(|| facts.last(), |(end, ..)| end);
    let due = last_sign(exchange) + transfer.request_timeout + LATE;
    // The end may have come with the last byte itself.
    let broke = exchange.end.is_some_and(|(_, outcome, ..)| outcome == ExchangeOutcome::Complete);
    let recorded = exchange.end.is_none()
        || exchange.last_byte.is_some()
        || exchange.end.is_some_and(|(.., n, _)| n == 0);
    if broke || !recorded || until.at <= due || due >= transfer.times_out() {
        return;
    }
    if !disturbed(facts, transfer, exchange.sent, until) {
        finding.broken(
            exchange.sent,
            format!(
                "another try for {} after {} without a byte",
                transfer.key,
                spoken(transfer.request_timeout)
            ),
            format!("the same request still waited for at {due}"),
        );
    }
}

/// Never tried again, though there was time and a link.
fn abandoned(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(last) = transfer.exchanges.last() else { return };
    let (Some(why), Some((end, ..))) = (trouble(last), last.end) else { return };
    let told =
        facts.messages_of(transfer).find(|delivery| delivery.is_final()).map(|delivery| delivery.began);
    let until = told.map_or_else(|| facts.last().at, |told| told.at).min(transfer.times_out());
    let begin = linked_since(facts, end);
    let Some(begin) = begin else { return };
    if begin + NO_RETRY < until && !transfer.is_paused_between(end, facts.last()) {
        finding.broken(
            end,
            format!("{} tried again: {why}", transfer.key),
            format!("no request for it in the {} that were left", spoken(until.since(begin))),
        );
    }
}

/// Tried again, but only after so long that nothing explains it.
fn tarried(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(session) = facts.session(&transfer.key.session) else { return };
    // For what the app did not begin in front the system chooses the moment, and the limiter may hold what is begun anew.
    let prompt = !session.discretionary && super::begin::created_in_front(facts, transfer) == Some(true);
    if !prompt || facts.policy.limiter_floor.is_some() {
        return;
    }
    for pair in transfer.exchanges.windows(2) {
        let [failed, next] = pair else { continue };
        let (Some(why), Some((end, ..))) = (trouble(failed), failed.end) else { continue };
        let due = end.at + NO_RETRY;
        // Others may have had all connections.
        let busy = || {
            let others = facts.transfers_of(session.id).filter(|other| other.key != transfer.key);
            let mut others = others.flat_map(|other| &other.exchanges);
            others.any(|other| other.sent.at <= due && other.end.is_none_or(|(end, ..)| end.at >= due))
        };
        let calm = !disturbed(facts, transfer, end, next.sent)
            && facts.conditions_before(end.seq).link == Link::Wifi;
        if next.sent.at > due && calm && !busy() {
            finding.broken(
                end,
                format!("{} tried again: {why}", transfer.key),
                format!("no request for it in {}", spoken(next.sent.at.since(end.at))),
            );
        }
    }
}

/// Since when, from this place on, there has been Wi-Fi without a break until the end.
fn linked_since(facts: &Facts<'_>, from: Place) -> Option<crate::contract::Time> {
    let mut conditions = facts.history.entries.iter().filter_map(|entry| match &entry.event {
        Event::Conditions { conditions } => Some((entry.at, conditions.link)),
        _ => None,
    });
    match conditions.next_back() {
        None => Some(from.at),
        Some((at, Link::Wifi)) => Some(at.max(from.at)),
        Some(_) => None,
    }
}

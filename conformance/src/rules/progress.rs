//! What the app is told while bytes cross: SES-33.

use std::time::Duration;

use super::course::{Exchange, Transfer};
use super::facts::Delivery;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::TransferKind;
use crate::history::{EndKind, ExchangeOutcome, Message};
use crate::scenario::Focus;
use crate::subject::Capability;

/// So long may a message wait behind others: it may tell of the exchange before.
const SETTLED: Duration = Duration::from_secs(600);
/// "Periodically", the documents say; not once in so long is never.
const PERIOD: Duration = Duration::from_secs(300);
/// A message about the last bytes may come with the end.
const MOMENT: Duration = Duration::from_secs(1);

pub(super) const SES_33: Rule = Rule {
    id: "SES-33",
    level: Level::Must,
    sentence: "An app that runs is told of a transfer's progress now and then: no more bytes than have crossed, as new \
               those since the last such message, and in all as many as the whole has. A download that goes on from \
               resume data says first from which byte, and from none if the server begins anew.",
    source: "URLSessionDownloadDelegate: urlSession(_:downloadTask:didWriteData:…); URLSessionTaskDelegate: \
             urlSession(_:task:didSendBodyData:…); urlSession(_:downloadTask:didResumeAtOffset:…) (fact F18)",
    basis: Basis::Documents,
    needs: &[Capability::Progress],
    binds: SESSIONS,
    witness: "a message about progress whose number of new bytes could be checked, or about where a download goes on",
    hint: "keep what was told last with each transfer, and take the difference when the message goes out; begin anew \
           when a download begins anew",
    focus: Focus::PROGRESS,
    judge: |facts| {
        let mut finding = Finding::default();
        let reported = |kind| matches!(kind, TransferKind::Download | TransferKind::Upload);
        for transfer in facts.transfers.iter().filter(|transfer| reported(transfer.kind)) {
            let reports: Vec<Report> = facts.messages_of(transfer).filter_map(Report::of).collect();
            for (index, report) in reports.iter().enumerate() {
                crossed(transfer, report, &mut finding);
                new(facts, transfer, reports[..index].last(), report, &mut finding);
                in_all(transfer, report, &mut finding);
            }
            if transfer.continues {
                resumed(facts, transfer, &mut finding);
            }
            // What an upload is answered with is not its progress.
            for exchange in transfer.exchanges.iter().filter(|_| transfer.kind == TransferKind::Download) {
                told(facts, transfer, exchange, &reports, &mut finding);
            }
        }
        finding
    },
};

/// One message about progress.
struct Report {
    place: Place,
    name: &'static str,
    total: u64,
    more: Option<u64>,
    expected: Option<u64>,
}

impl Report {
    fn of(delivery: &Delivery<'_>) -> Option<Self> {
        match delivery.message {
            Message::DidWriteData { total, written: more, expected }
            | Message::DidSendBodyData { total, sent: more, expected } => Some(Self {
                place: delivery.began,
                name: delivery.message.name(),
                total: *total,
                more: *more,
                expected: *expected,
            }),
            _ => None,
        }
    }
}

fn before<'b>(transfer: &'b Transfer<'_>, report: &Report) -> impl Iterator<Item = &'b Exchange> + use<'b> {
    let seq = report.place.seq;
    transfer.exchanges.iter().take_while(move |exchange| exchange.sent.is_before(seq))
}

/// The exchange that a message is about beyond doubt, and whether it was the first.
fn about<'b>(transfer: &'b Transfer<'_>, report: &Report) -> Option<(&'b Exchange, bool)> {
    let mut all = before(transfer, report);
    let first = all.next()?;
    let Some(last) = all.last() else { return Some((first, true)) };
    (last.sent.at + SETTLED <= report.place.at).then_some((last, false))
}

/// The bytes that have crossed in an exchange by its end, with those that it went on from.
fn bytes(transfer: &Transfer<'_>, exchange: &Exchange) -> Option<u64> {
    if transfer.kind == TransferKind::Upload {
        return Some(exchange.body.unwrap_or(0));
    }
    // Who is asked for the rest may give the whole.
    let before = if exchange.status() == Some(206) { exchange.from.unwrap_or(0) } else { 0 };
    exchange.end.map(|(_, _, received, _)| before + received)
}

/// What has not crossed can not be told of.
fn crossed(transfer: &Transfer<'_>, report: &Report, finding: &mut Finding) {
    let most: Option<Vec<u64>> = before(transfer, report).map(|exchange| bytes(transfer, exchange)).collect();
    let Some(most) = most.map(|all| all.into_iter().max().unwrap_or(0)) else { return };
    if report.total > most {
        finding.broken(
            report.place,
            format!("no more than {most} bytes of {}: that is all that has crossed", transfer.key),
            format!("{} of {} bytes", report.name, report.total),
        );
    }
}

/// What is called new is what came since the message before.
fn new(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    last: Option<&Report>,
    report: &Report,
    finding: &mut Finding,
) {
    let Some((exchange, first)) = about(transfer, report) else { return };
    let (from, told) = match last {
        Some(last) => {
            // It may have been about the exchange before.
            let same = first || exchange.sent.at + SETTLED <= last.place.at;
            (last.place, Some(last.total).filter(|_| same))
        }
        None => (exchange.sent, Some(0).filter(|_| first && exchange.from.is_none())),
    };
    let (Some(told), Some(more)) = (told, report.more) else { return };
    // Whoever stops loses messages that were under way.
    if facts.stops_after(from.seq).is_some_and(|stop| stop.is_before(report.place.seq)) {
        return;
    }
    finding.witness();
    if report.total.checked_sub(told) != Some(more) {
        finding.broken(
            report.place,
            format!(
                "{} of {}: the bytes after the {told} that were told of before",
                report.name, transfer.key
            ),
            format!("{more} more, {} so far", report.total),
        );
    }
}

/// What is expected is what the whole has.
fn in_all(transfer: &Transfer<'_>, report: &Report, finding: &mut Finding) {
    let (Some(expected), Some((exchange, _))) = (report.expected, about(transfer, report)) else { return };
    let whole = match transfer.kind {
        TransferKind::Upload => exchange.body,
        _ if exchange.short || exchange.redirects => None,
        _ => exchange
            .end
            .filter(|(_, outcome, ..)| *outcome == ExchangeOutcome::Complete)
            .and_then(|_| bytes(transfer, exchange)),
    };
    if let Some(whole) = whole.filter(|whole| *whole != expected) {
        finding.broken(
            report.place,
            format!("{} of {}, which has {whole} bytes in all", report.name, transfer.key),
            format!("{} of {expected}", report.total),
        );
    }
}

/// An app that watches for so long hears something.
fn told(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    exchange: &Exchange,
    reports: &[Report],
    finding: &mut Finding,
) {
    let (Some((head, 200 | 206, _)), Some((end, ..)), Some(last)) =
        (exchange.head, exchange.end, exchange.last_byte)
    else {
        return;
    };
    let session = facts.session(&transfer.key.session);
    let watches = session.is_some_and(|session| facts.is_attached(session, head.seq))
        && facts.state_at(head.seq).is_running()
        && facts.stops_after(head.seq).is_none_or(|stop| stop.is_after(end.seq));
    let heard = |report: &Report| report.place.is_after(head.seq) && report.place.at <= last + MOMENT;
    if watches && last.since(head.at) >= PERIOD && !reports.iter().any(heard) {
        finding.broken(
            end,
            format!("did_write_data about {}, whose bytes came from {} to {last}", transfer.key, head.at),
            "none",
        );
    }
}

/// A server that gives the whole has not gone on from anywhere: who says so after that counts bytes that are of no use.
fn began_anew(facts: &Facts<'_>, transfer: &Transfer<'_>, head: Place, finding: &mut Finding) {
    let next = transfer.exchanges.get(1);
    for delivery in facts.messages_of(transfer) {
        let about_it = delivery.began.is_after(head.seq)
            && next.is_none_or(|next| next.sent.is_after(delivery.began.seq));
        if let Message::DidResumeAtOffset { offset: offset @ 1.. } = delivery.message
            && about_it
        {
            finding.broken(
                delivery.began,
                format!("{} to begin anew: the server has answered with the whole", transfer.key),
                format!("did_resume_at_offset ({offset})"),
            );
        }
    }
}

/// One that was made from resume data, and asks for the rest, says so before anything comes of it.
fn resumed(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(first) = transfer.exchanges.first() else { return };
    let (Some(from), Some((head, status, _))) = (first.from, first.head) else { return };
    if status == 200 {
        began_anew(facts, transfer, head, finding);
    }
    if status != 206 {
        return;
    }
    let news = facts.messages_of(transfer).find_map(|delivery| match delivery.message {
        Message::DidResumeAtOffset { offset } => Some((delivery.began, Some(*offset))),
        Message::DidWriteData { .. }
        | Message::DidFinishDownloading { .. }
        | Message::DidComplete { end: EndKind::Success, .. } => Some((delivery.began, None)),
        _ => None,
    });
    let Some((place, said)) = news else { return };
    // Of what has changed meanwhile a rest is no use.
    if transfer.exchanges.get(1).is_some_and(|next| next.sent.is_before(place.seq)) {
        return;
    }
    // An app that slept may have missed it.
    let session = facts.session(&transfer.key.session);
    let watched = session.is_some_and(|session| facts.is_attached(session, head.seq))
        && facts.state_at(first.sent.seq).is_running()
        && facts.stops_after(first.sent.seq).is_none_or(|stop| stop.is_after(place.seq));
    let expected =
        || format!("did_resume_at_offset ({from}) about {}: its request begins there", transfer.key);
    match said {
        Some(offset) if offset == from => finding.witness(),
        Some(offset) => finding.broken(place, expected(), format!("did_resume_at_offset ({offset})")),
        None if watched => finding.broken(place, expected(), "nothing before this"),
        None => {}
    }
}

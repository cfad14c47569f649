//! What the app is told of one transfer: SES-03, SES-04, SES-06, SES-13.

use std::time::Duration;

use super::course::Transfer;
use super::facts::Delivery;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::history::{EndKind, Event, ExchangeOutcome, Message};
use crate::scenario::Focus;

pub(super) const SES_03: Rule = Rule {
    id: "SES-03",
    level: Level::Must,
    sentence: "Every transfer gets exactly one did_complete, and nothing about it follows.",
    source: "urlSession(_:task:didCompleteWithError:) (fact F4)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer whose last message was delivered",
    hint: "take a message off the queue when the callback has returned, and forget the transfer after its last one",
    focus: Focus::GENERAL,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in facts.transfers.iter().chain(&facts.data) {
            let Some(last) = facts.acknowledged(transfer) else {
                if let Some(ended) = facts.ended {
                    finding.broken(ended, format!("did_complete for {}", transfer.key), "it never came");
                }
                continue;
            };
            let late = facts.messages_of(transfer).find(|delivery| delivery.began.is_after(last.seq));
            match late.filter(|_| facts.knows_returns()) {
                Some(late) => finding.broken(
                    late.began,
                    format!("nothing about {} after its did_complete at {}", transfer.key, last.at),
                    late.message.name(),
                ),
                None => finding.witness(),
            }
        }
        finding
    },
};

/// The last message and how it says that the transfer ended.
fn end<'b>(
    facts: &'b Facts<'_>,
    transfer: &'b Transfer<'_>,
) -> Option<(&'b Delivery<'b>, EndKind, Option<u16>)> {
    facts.messages_of(transfer).find_map(|delivery| match delivery.message {
        Message::DidComplete { end, status } if delivery.returned().is_some() => {
            Some((delivery, *end, *status))
        }
        _ => None,
    })
}

pub(super) const SES_04: Rule = Rule {
    id: "SES-04",
    level: Level::Must,
    sentence: "A download that ends without error gives did_finish_downloading once, before its did_complete; one \
               that ends with an error does not give it.",
    source: "urlSession(_:downloadTask:didFinishDownloadingTo:) (facts F5, X6)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a download that ended",
    hint: "queue both messages together when the body is complete, also for an empty body",
    focus: Focus::GENERAL,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in facts.transfers.iter().filter(|transfer| transfer.is_download()) {
            let Some((last, how, _)) = end(facts, transfer) else {
                continue;
            };
            let finished: Vec<&Delivery<'_>> = facts
                .messages_of(transfer)
                .filter(|delivery| matches!(delivery.message, Message::DidFinishDownloading { .. }))
                .collect();
            let delivered: Vec<_> = finished.iter().filter_map(|delivery| delivery.returned()).collect();
            match (how, delivered.as_slice()) {
                (EndKind::Success, [once]) if once.is_before(last.began.seq) => finding.witness(),
                (EndKind::Success, [_, again, ..]) => {
                    finding.broken(
                        *again,
                        format!("did_finish_downloading once for {}", transfer.key),
                        "it again",
                    );
                }
                (EndKind::Success, _) => finding.broken(
                    last.began,
                    format!("did_finish_downloading for {} before its did_complete", transfer.key),
                    if delivered.is_empty() {
                        "did_complete without error, and no file"
                    } else {
                        "the file after it"
                    },
                ),
                (_, []) => finding.witness(),
                (error, [file, ..]) => finding.broken(
                    *file,
                    format!("no file of {}, which ended with an error ({error:?})", transfer.key),
                    "did_finish_downloading",
                ),
            }
        }
        finding
    },
};

pub(super) const SES_06: Rule = Rule {
    id: "SES-06",
    level: Level::Must,
    sentence: "An HTTP error status is not reported as an error; status and body are available.",
    source: "urlSession(_:task:didCompleteWithError:) (facts F7, G8)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that a server answered with a status of 400 or more",
    hint: "treat every complete answer as success, keep its body, and do not retry because of a status",
    focus: Focus::STATUSES,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            // The first answer that is the transfer's own: no login, no redirect, no refused range.
            let refused =
                |status: Option<u16>| status.is_some_and(|s| s >= 400 && s != 401 && s != 407 && s != 416);
            // Whoever sees the head and asks again at once has not waited for the body.
            let whole = |e: &&super::course::Exchange| match (e.head, e.end) {
                (_, Some((_, ExchangeOutcome::Complete, ..))) => true,
                (Some((head, ..)), Some((end, ExchangeOutcome::Abandoned, ..))) => {
                    let retried = transfer.exchanges.iter().any(|other| other.sent.is_after(end.seq));
                    retried && end.at < head.at + HASTE && !link_changed(facts, head, end)
                }
                _ => false,
            };
            let Some(exchange) = transfer.exchanges.iter().filter(whole).find(|e| refused(e.status())) else {
                continue;
            };
            let (Some((_, status, _)), Some((_, _, received, digest))) = (exchange.head, exchange.end) else {
                continue;
            };
            if let Some(again) =
                transfer.exchanges.iter().find(|other| other.sent.is_after(exchange.sent.seq))
            {
                finding.broken(
                    again.sent,
                    format!("the answer {status} to be the end of {}", transfer.key),
                    "another request for it",
                );
                continue;
            }
            judge_end(facts, transfer, (status, received, digest), &mut finding);
        }
        finding
    },
};

/// Sooner than this no request timeout gives an answer up.
const HASTE: Duration = Duration::from_secs(30);

/// A link that is lost takes exchanges along.
fn link_changed(facts: &Facts<'_>, from: Place, to: Place) -> bool {
    facts.history.entries[from.seq..=to.seq]
        .iter()
        .any(|entry| matches!(entry.event, Event::Conditions { .. }))
}

/// The messages say what the server said.
fn judge_end(facts: &Facts<'_>, transfer: &Transfer<'_>, answer: (u16, u64, u64), finding: &mut Finding) {
    let (status, received, digest) = answer;
    let Some((last, how, told)) = end(facts, transfer) else {
        return;
    };
    // Whoever cancelled may be told so even if the answer had come.
    let called_off = matches!(how, EndKind::Cancelled | EndKind::ForceQuit | EndKind::CancelledBySystem);
    if transfer.cancelled.is_some() && called_off {
        return;
    }
    if how != EndKind::Success {
        finding.broken(
            last.began,
            format!("no error for {}: {status} is an answer", transfer.key),
            format!("{how:?}"),
        );
        return;
    }
    if told != Some(status) {
        let seen = told.map_or_else(|| "none".to_owned(), |told| told.to_string());
        finding.broken(last.began, format!("status {status} in {}'s response", transfer.key), seen);
        return;
    }
    if !transfer.is_download() {
        finding.witness();
        return;
    }
    let file = facts.messages_of(transfer).find_map(|delivery| match delivery.message {
        Message::DidFinishDownloading { size, digest, .. } => Some((delivery.began, *size, *digest)),
        _ => None,
    });
    match file {
        Some((_, size, found)) if size == Some(received) && found == Some(digest) => finding.witness(),
        Some((place, size, _)) => finding.broken(
            place,
            format!("a file with the {received} bytes that came with the {status}"),
            size.map_or_else(
                || "a file that can not be read".to_owned(),
                |size| format!("a file of {size} other bytes"),
            ),
        ),
        // SES-04's business.
        None => {}
    }
}

pub(super) const SES_13: Rule = Rule {
    id: "SES-13",
    level: Level::Must,
    sentence: "Network activity for a transfer does not start before its earliest begin date.",
    source: "URLSessionTask.earliestBeginDate (fact E21)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer with such a date whose first request came",
    hint: "keep the date with the transfer, through suspension and relaunch, and connect only when it has come",
    focus: Focus::DELAYED,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            let (Some(earliest), Some(first)) = (transfer.earliest, transfer.exchanges.first()) else {
                continue;
            };
            if first.sent.at < earliest {
                finding.broken(
                    first.sent,
                    format!("no request for {} before {earliest}", transfer.key),
                    format!(
                        "one at {}, {} ms too early",
                        first.sent.at,
                        earliest.since(first.sent.at).as_millis()
                    ),
                );
            } else {
                finding.witness();
            }
        }
        finding
    },
};

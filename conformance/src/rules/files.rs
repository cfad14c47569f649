//! What is in a downloaded file, and how long it is there: SES-05, SES-08.

use std::time::Duration;

use super::course::{Exchange, Transfer};
use super::facts::Delivery;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::history::{EndKind, Event, ExchangeOutcome, Message};
use crate::scenario::Focus;

/// A file that was not moved may be there for so long after its callback.
const LINGERS: Duration = Duration::from_secs(60);
/// What is left at the place of a shorter file may be another's that happens to be the same.
const TELLING: u64 = 8;

pub(super) const SES_05: Rule = Rule {
    id: "SES-05",
    level: Level::Must,
    sentence: "A downloaded file is complete and readable during its callback and gone after it, unless the app moved \
               it; one that was moved stays as it is.",
    source: "urlSession(_:downloadTask:didFinishDownloadingTo:), URLSessionDownloadTask (fact F6)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a file that the app looked for again after its callback",
    hint: "keep the file until its callback has returned, in a later wake too; then remove it where it was, not where \
           it is",
    focus: Focus::FILES,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            for delivery in facts.messages_of(transfer) {
                if let Message::DidFinishDownloading { size, digest, .. } = delivery.message {
                    whole(transfer, delivery, size.zip(*digest), &mut finding);
                    afterwards(transfer, delivery, size.zip(*digest), &mut finding);
                }
            }
        }
        finding
    },
};

/// The exchange that brought the end of a download's body.
fn last_of<'t>(transfer: &'t Transfer<'_>, delivery: &Delivery<'_>) -> Option<&'t Exchange> {
    let complete = |exchange: &&Exchange| {
        exchange.end.is_some_and(|(end, outcome, ..)| {
            end.is_before(delivery.began.seq) && outcome == ExchangeOutcome::Complete
        })
    };
    transfer.exchanges.iter().rev().find(complete)
}

/// In its callback a file is there, with everything that the server sent.
fn whole(transfer: &Transfer<'_>, delivery: &Delivery<'_>, file: Option<(u64, u64)>, finding: &mut Finding) {
    let Some((size, digest)) = file else {
        finding.broken(
            delivery.began,
            format!("the file of {} to be readable in its callback", transfer.key),
            "it can not be read",
        );
        return;
    };
    let Some(exchange) = last_of(transfer, delivery) else { return };
    let Some((_, _, received, sent)) = exchange.end else { return };
    if exchange.status() == Some(206) {
        // Put together from pieces: whether these are the right ones is SES-08's business.
        let lengths: Vec<u64> = transfer.versions.iter().map(|(_, length, _)| *length).collect();
        if !lengths.is_empty() && !lengths.contains(&size) {
            finding.broken(
                delivery.began,
                format!("all {} bytes of {} in its file", lengths[lengths.len() - 1], transfer.key),
                format!("{size} bytes"),
            );
        }
    } else if (size, digest) != (received, sent) {
        let other = if size == received { "other bytes" } else { "bytes" };
        finding.broken(
            delivery.began,
            format!("all {received} bytes of {} in its file", transfer.key),
            format!("{size} {other}"),
        );
    }
}

/// After its callback it is where the app put it, or nowhere.
fn afterwards(
    transfer: &Transfer<'_>,
    delivery: &Delivery<'_>,
    file: Option<(u64, u64)>,
    finding: &mut Finding,
) {
    let (Some(returned), Some(given)) = (delivery.returned(), file) else { return };
    for (look, found) in &delivery.looks {
        match found {
            found if delivery.moved.is_some() => {
                if *found == Some(given) {
                    finding.witness();
                } else {
                    finding.broken(
                        *look,
                        format!("the file of {}, {} bytes, where the app moved it", transfer.key, given.0),
                        found.map_or_else(
                            || "it is gone".to_owned(),
                            |(size, _)| format!("{size} other bytes"),
                        ),
                    );
                }
            }
            None => finding.witness(),
            Some(there) if *there == given && given.0 >= TELLING && look.at >= returned.at + LINGERS => {
                finding.broken(
                    *look,
                    format!(
                        "the file of {} gone: its callback returned at {}, and the app left it there",
                        transfer.key, returned.at
                    ),
                    "it is still there",
                );
            }
            Some(_) => {}
        }
    }
}

pub(super) const SES_08: Rule = Rule {
    id: "SES-08",
    level: Level::Must,
    sentence: "A download that was interrupted yields the same bytes as one that was not; it starts again from zero if \
               the resource has changed or the server serves no ranges. Who gave resume data goes on from it.",
    source: "URLSessionDownloadTask.cancel(byProducingResumeData:); Pausing and resuming downloads (facts E19, F17)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a download that was cut off after some bytes and came to its end",
    hint: "send If-Range with a strong validator; append only a 206 of the same resource that begins where the part \
           ends, and ask for the whole otherwise",
    focus: Focus::CUTS,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in facts.transfers.iter().filter(|transfer| transfer.is_download()) {
            same_bytes(facts, transfer, &mut finding);
            stuck(facts, transfer, &mut finding);
        }
        refused(facts, &mut finding);
        finding
    },
};

/// Resume data was refused that the service had given to this very process, of a session that still is what it was.
fn refused(facts: &Facts<'_>, finding: &mut Finding) {
    for entry in &facts.history.entries {
        let Event::ResumeRefused { key } = &entry.event else { continue };
        let place = Place::of(entry);
        let of_it = |transfer: &&Transfer<'_>| *transfer.key == *key && transfer.created.is_before(place.seq);
        let Some(stopped) = facts.transfers.iter().rev().find(of_it).and_then(|it| it.cancelled) else {
            continue;
        };
        let invalidated = facts.session(&key.session).is_some_and(|session| {
            session
                .invalidated
                .iter()
                .any(|(asked, _)| asked.is_after(stopped.seq) && asked.is_before(place.seq))
        });
        if !invalidated && !facts.ended_between(stopped, place) {
            finding.broken(
                place,
                format!("a download that goes on from the resume data of {key}, given at {}", stopped.at),
                "it was refused",
            );
        }
    }
}

/// Was it cut off with some bytes there, or did it begin where another had stopped?
fn interrupted(transfer: &Transfer<'_>) -> bool {
    let cut = |exchange: &Exchange| {
        exchange.end.is_some_and(|(_, outcome, received, _)| {
            received > 0
                && outcome != ExchangeOutcome::Complete
                && matches!(exchange.status(), Some(200 | 206))
        })
    };
    let part = |exchange: &Exchange| exchange.status() == Some(206);
    transfer.exchanges.split_last().is_some_and(|(last, before)| before.iter().any(cut) || part(last))
}

fn same_bytes(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    if !interrupted(transfer) {
        return;
    }
    for delivery in facts.messages_of(transfer) {
        let Message::DidFinishDownloading { size: Some(size), digest: Some(digest), .. } = delivery.message
        else {
            continue;
        };
        let Some(last) = last_of(transfer, delivery) else { continue };
        if last.status() == Some(416) {
            finding.broken(
                delivery.began,
                format!("{} from the beginning: the server refused to go on in the middle", transfer.key),
                "the refusal itself, given as its file",
            );
            continue;
        }
        // Another status has a body of its own, which is SES-06's business.
        if !matches!(last.status(), Some(200 | 206)) {
            continue;
        }
        let known = || transfer.versions.iter().map(|(_, size, digest)| (*size, *digest));
        if known().next().is_none() {
            continue;
        }
        if known().any(|version| version == (*size, *digest)) {
            finding.witness();
        } else {
            let lengths = known().map(|(size, _)| size).max().unwrap_or_default();
            let which = if transfer.versions.len() > 1 {
                format!("one version of {}, before or after its change, {lengths} bytes", transfer.key)
            } else {
                format!("the {lengths} bytes of {} as they are at the server", transfer.key)
            };
            let seen =
                if *size == lengths { "other bytes: pieces that do not belong together" } else { "bytes" };
            finding.broken(delivery.began, which, format!("a file of {size} {seen}"));
        }
    }
}

/// Where ranges are refused, asking for one again and again leads nowhere.
fn stuck(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let failed = facts.messages_of(transfer).find(|delivery| {
        matches!(delivery.message, Message::DidComplete { end: EndKind::TimedOut | EndKind::Failed, .. })
    });
    let refused = |exchange: &&Exchange| exchange.status() == Some(416);
    let (Some(failed), Some(first)) = (failed, transfer.exchanges.iter().position(|e| refused(&e))) else {
        return;
    };
    let later = &transfer.exchanges[first..];
    if later.iter().filter(refused).count() > 2 && later.iter().all(|exchange| exchange.from.is_some()) {
        finding.broken(
            failed.began,
            format!("{} from the beginning: the server refused to go on in the middle", transfer.key),
            format!("{} more requests for its end only, and then an error", later.len() - 1),
        );
    }
}

//! Data transfers, which end with the app's time, and those that are turned into downloads: SES-12.

use std::time::Duration;

use super::course::{Exchange, Transfer};
use super::facts::Delivery;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::{AppChange, AppState, TransferKind};
use crate::history::{Answer, EndKind, ExchangeOutcome, Message};
use crate::scenario::Focus;
use crate::subject::Capability;

/// What crosses the app's suspension on its way may have come before it.
const MOMENT: Duration = Duration::from_secs(1);
/// What is on its way when the app is suspended may still arrive for so long.
const ON_ITS_WAY: Duration = Duration::from_secs(5);

pub(super) const SES_12: Rule = Rule {
    id: "SES-12",
    level: Level::Must,
    sentence: "A data transfer asks the running app about the response, then gives it all bytes; it fails with the \
               disconnected error if the app is suspended or ends first, unless the app has turned it into a download: \
               that goes on, with all that had arrived.",
    source: "NSURLErrorBackgroundSessionWasDisconnected; urlSession(_:dataTask:didReceive:completionHandler:) (fact E11)",
    basis: Basis::Documents,
    needs: &[Capability::DataTransfers],
    binds: SESSIONS,
    witness: "a data transfer that the app's suspension or end cut off, or one that became a download and outlived it",
    hint: "when the app stops, end what is still a data transfer; keep the bytes from the head on where a download \
           keeps them, so that nothing is to be moved when it becomes one",
    focus: Focus::DATA,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.data {
            super::responses::asked(facts, transfer, &mut finding);
            in_memory(facts, transfer, &mut finding);
        }
        for transfer in facts.transfers.iter().filter(|transfer| transfer.kind == TransferKind::Data) {
            turned(facts, transfer, &mut finding);
        }
        finding
    },
};

/// Where the app said that a data transfer is to be a download, if it was heard beyond doubt: the app had run all the
/// time, and ran on for a moment or was told that it is one.
pub(super) fn converted(facts: &Facts<'_>, transfer: &Transfer<'_>) -> Option<Place> {
    let (place, answer) = transfer.disposed?;
    if transfer.kind != TransferKind::Data || answer != Answer::BecomeDownload {
        return None;
    }
    let stop = stopped(facts, transfer)?;
    let became = facts
        .messages_of(transfer)
        .find(|delivery| matches!(delivery.message, Message::DidBecomeDownload))
        .map(|delivery| delivery.began);
    let heard = stop.is_none_or(|stop| {
        place.is_before(stop.seq)
            && (stop.at > place.at + MOMENT || became.is_some_and(|became| became.is_before(stop.seq)))
    });
    heard.then_some(place)
}

/// Where the app stopped running after it had resumed the transfer, if it did; `None` if it did not run then.
fn stopped(facts: &Facts<'_>, transfer: &Transfer<'_>) -> Option<Option<Place>> {
    let began = transfer.resumed.seq;
    facts.state_at(began).is_running().then(|| facts.stops_after(began))
}

/// One that has not been turned into a download.
fn in_memory(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    begun_without_the_app(facts, transfer, finding);
    let Some(stop) = stopped(facts, transfer) else { return };
    let last = facts.last_word(transfer);
    let in_time = stop.is_none_or(|stop| last.is_some_and(|(told, _)| told.is_before(stop.seq)));
    match (stop, last) {
        (_, Some((told, EndKind::Disconnected))) if in_time => finding.broken(
            told,
            format!("{} to go on: the app has been running all the time", transfer.key),
            "did_complete (Disconnected)",
        ),
        (Some(stop), last) if !in_time && is_under_way(transfer, stop) => {
            let said_download = transfer
                .disposed
                .is_some_and(|(said, answer)| said.is_before(stop.seq) && answer == Answer::BecomeDownload);
            if !said_download {
                cut_off(facts, transfer, stop, last, finding);
            }
        }
        (_, Some((told, EndKind::Success))) => given(facts, transfer, told, finding),
        _ => {}
    }
}

/// However it stood when the app stopped, nothing begins while nobody is there to be given the bytes.
fn begun_without_the_app(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let said = |(_, answer): (Place, Answer)| answer == Answer::BecomeDownload;
    if transfer.disposed.is_some_and(said) {
        return;
    }
    for sent in transfer.exchanges.iter().map(|exchange| exchange.sent) {
        let before = facts.changes.partition_point(|(place, _)| place.is_before(sent.seq));
        let last = before.checked_sub(1).map(|index| facts.changes[index]);
        if let Some((stop, how)) = last.filter(|(_, how)| !how.state().is_running())
            && sent.at > stop.at + MOMENT
        {
            finding.broken(
                sent,
                format!(
                    "no request for {}, a data transfer: the app {} at {}",
                    transfer.key,
                    went(how),
                    stop.at
                ),
                format!("one at {}", sent.at),
            );
        }
    }
}

fn went(how: AppChange) -> &'static str {
    if how.state() == AppState::Suspended { "was suspended" } else { "ended" }
}

/// Was it on the wire, or between two tries, when the app stopped, with its end still to come?
fn is_under_way(transfer: &Transfer<'_>, stop: Place) -> bool {
    let before = |place: Option<Place>| place.is_some_and(|place| place.is_before(stop.seq));
    // An end at the very moment may have been first.
    let concluded = transfer.concluded().is_some_and(|end| end.at <= stop.at + MOMENT);
    transfer.exchanges.iter().any(|exchange| exchange.sent.is_before(stop.seq))
        && !concluded
        && !before(transfer.cancelled)
        && !before(transfer.given_up)
        && !before(transfer.vague_login)
        && !transfer.is_paused_at(stop)
        && stop.at < transfer.times_out()
}

/// The app stopped while it was under way.
fn cut_off(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    stop: Place,
    last: Option<(Place, EndKind)>,
    finding: &mut Finding,
) {
    let how = facts.changes.iter().find(|(place, _)| *place == stop).map(|(_, how)| *how);
    let what = how.map_or("ended", went);
    if let Some(late) = transfer.exchanges.iter().find(|exchange| exchange.sent.at > stop.at + MOMENT) {
        finding.broken(
            late.sent,
            format!("no request for {}, a data transfer: the app {what} at {}", transfer.key, stop.at),
            format!("one at {}", late.sent.at),
        );
    }
    let flows = |exchange: &&Exchange| exchange.last_byte.is_some_and(|byte| byte > stop.at + ON_ITS_WAY);
    if let Some((end, ..)) = transfer.exchanges.iter().find(flows).and_then(|flow| flow.end) {
        finding.broken(
            end,
            format!("no traffic for {}, a data transfer: the app {what} at {}", transfer.key, stop.at),
            "its answer went on",
        );
    }
    let expected = || {
        format!("{}, a data transfer, to fail as disconnected: the app {what} at {}", transfer.key, stop.at)
    };
    let called_off =
        |end| matches!(end, EndKind::Cancelled | EndKind::ForceQuit | EndKind::CancelledBySystem);
    // It may have failed for another reason before.
    let troubled = transfer.exchanges.iter().rev().find(|exchange| exchange.sent.is_before(stop.seq));
    let troubled =
        troubled.is_some_and(|exchange| exchange.end.is_some_and(|(end, ..)| end.is_before(stop.seq)));
    match last {
        Some((_, EndKind::Disconnected)) => finding.witness(),
        Some((_, end)) if called_off(end) && transfer.cancelled.is_some() => {}
        Some((_, EndKind::Failed)) if troubled || fell_silent(transfer, stop) => {}
        Some((told, end)) => finding.broken(told, expected(), format!("did_complete ({end:?})")),
        None if facts.ended.is_some() => finding.broken(stop, expected(), "did_complete never came"),
        None => {}
    }
}

/// Had nothing come for its request timeout at this very moment?
fn fell_silent(transfer: &Transfer<'_>, stop: Place) -> bool {
    let last = transfer.exchanges.iter().rev().find(|exchange| exchange.sent.is_before(stop.seq));
    last.is_some_and(|exchange| {
        let heard = exchange.last_byte.unwrap_or(exchange.sent.at).min(stop.at);
        let heard = exchange.head.map_or(heard, |(head, ..)| head.at.min(stop.at).max(heard));
        heard + transfer.request_timeout <= stop.at + MOMENT
    })
}

/// It ended well, for an app that has been given all that came.
fn given(facts: &Facts<'_>, transfer: &Transfer<'_>, told: Place, finding: &mut Finding) {
    let (Some((received, digest)), Some((_, Answer::Allow))) =
        (last_body(facts, transfer), transfer.disposed)
    else {
        return;
    };
    let got = facts.messages_of(transfer).filter(|delivery| delivery.began.is_before(told.seq));
    let got = got.filter_map(|delivery| match delivery.message {
        Message::DidReceiveData { total, digest } => Some((delivery.began, *total, *digest)),
        _ => None,
    });
    let got: Vec<(Place, u64, u64)> = got.collect();
    let (total, found) = got.last().map_or((0, digest), |(_, total, digest)| (*total, *digest));
    // Each process counts what it is given itself, and what was under way when one ended may come twice.
    let gone = |pair: &&[(Place, u64, u64)]| facts.ended_between(pair[0].0, pair[1].0);
    let earlier: u64 = got.windows(2).filter(gone).map(|pair| pair[0].1).sum();
    if earlier > 0 && earlier + total >= received {
        return;
    }
    // A whole answer to a second try is all that counts: what had come before it can not be taken back.
    if (total, found) != (received, digest) {
        let other = if total == received { "other bytes" } else { "bytes" };
        finding.broken(
            told,
            format!("all {received} bytes of {} given to the app before its end", transfer.key),
            format!("{total} {other}"),
        );
    }
}

/// Size and digest of its last answer, if that was whole.
fn last_body(facts: &Facts<'_>, transfer: &Transfer<'_>) -> Option<(u64, u64)> {
    let last = transfer.exchanges.last()?;
    let (_, outcome, received, digest) = last.end?;
    // What a refusal says is the answer if the app has been asked about that, and nobody logs in.
    let asked =
        |delivery: &Delivery<'_>| matches!(delivery.message, Message::DidReceiveResponse { status: 401 });
    let counts = match last.status() {
        Some(206 | 416) => false,
        Some(401) => facts.messages_of(transfer).any(asked),
        _ => !last.redirects,
    };
    (counts && outcome == ExchangeOutcome::Complete).then_some((received, digest))
}

/// The same, if nothing else had come before it.
fn only_body(facts: &Facts<'_>, transfer: &Transfer<'_>) -> Option<(u64, u64)> {
    let (_, earlier) = transfer.exchanges.split_last()?;
    // Redirects and questions have bodies of their own.
    let alone = earlier.iter().all(|exchange| {
        exchange.challenge().is_some()
            || exchange.redirects
            || exchange.end.is_none_or(|(_, _, received, _)| received == 0)
    });
    last_body(facts, transfer).filter(|_| alone)
}

/// One that the app has turned into a download.
fn turned(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(since) = transfer.converted else { return };
    let data = |delivery: &&Delivery<'_>| matches!(delivery.message, Message::DidReceiveData { .. });
    if let Some(data) = facts.messages_of(transfer).filter(data).find(|data| data.began.is_after(since.seq)) {
        finding.broken(
            data.began,
            format!("no more bytes of {} for the app: it is a download since {}", transfer.key, since.at),
            "did_receive_data",
        );
    }
    let Some((told, end)) = facts.last_word(transfer) else { return };
    if end == EndKind::Disconnected {
        finding.broken(
            told,
            format!("{} to go on: the app turned it into a download at {}", transfer.key, since.at),
            "did_complete (Disconnected)",
        );
        return;
    }
    if end != EndKind::Success {
        return;
    }
    let mut files = facts.messages_of(transfer).filter_map(|delivery| match delivery.message {
        Message::DidFinishDownloading { size, digest, .. } => Some((delivery.began, size.zip(*digest))),
        _ => None,
    });
    let expected = |bytes: u64| {
        format!("all {bytes} bytes of {} in its file, those before it became a download too", transfer.key)
    };
    match (files.next(), only_body(facts, transfer)) {
        (None, _) => finding.broken(
            told,
            format!("a file for {}: the app turned it into a download at {}", transfer.key, since.at),
            "did_complete without error, and no file",
        ),
        (Some((place, file)), Some((received, digest))) if file != Some((received, digest)) => finding
            .broken(
                place,
                expected(received),
                file.map_or_else(
                    || "it can not be read".to_owned(),
                    |(size, _)| format!("{size} {}", if size == received { "other bytes" } else { "bytes" }),
                ),
            ),
        _ => {
            let left = facts.stops_after(since.seq).is_some_and(|stop| {
                stop.is_before(told.seq) && transfer.concluded().is_none_or(|end| end.is_after(stop.seq))
            });
            finding.witnesses += u32::from(left);
        }
    }
}

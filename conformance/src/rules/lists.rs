//! Sessions found again by their identifier: SES-17.

use std::time::Duration;

use super::course::{Pause, Progress, Transfer};
use super::facts::Session;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::{AppState, TransferKind, TransferState};
use crate::history::{EndKind, Event, Listed, Message};
use crate::scenario::Focus;

/// So long a call may take: what it does may be done when it begins, or only when it returns.
const CALL: Duration = Duration::from_secs(60);

pub(super) const SES_17: Rule = Rule {
    id: "SES-17",
    level: Level::Must,
    sentence: "A session recreated with its identifier has all its transfers, with their numbers, descriptions and \
               progress; listing shows the outstanding ones only, suspended or running as they are, and no other \
               identifier's.",
    source: "URLSession.getAllTasks(completionHandler:); URLSessionTask.taskIdentifier; \
             WKURLSessionRefreshBackgroundTask (facts D8, D11, F12, E25)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "an outstanding transfer that another process than its maker's found in the list",
    hint: "keep transfers by whole identifier and number, beside the process; drop one from the list when it has ended",
    focus: Focus::LISTS,
    judge: |facts| {
        let mut finding = Finding::default();
        let mut asked = Vec::new();
        for entry in &facts.history.entries {
            let place = Place::of(entry);
            match &entry.event {
                Event::Listing { session } => asked.push((session, place)),
                Event::App { change } if change.state() == AppState::NotRunning => asked.clear(),
                Event::Listed { session, transfers } => {
                    // Of several questions the first is answered first.
                    let first = asked.iter().position(|(of, _)| *of == session);
                    let from = first.map_or(place, |index| asked.remove(index).1);
                    if let Some(session) = facts.session(session) {
                        listing(facts, session, (from, place), transfers, &mut finding);
                    }
                }
                _ => {}
            }
        }
        finding
    },
};

/// What was listed, from the question to the answer.
fn listing(
    facts: &Facts<'_>,
    session: &Session<'_>,
    (asked, told): (Place, Place),
    listed: &[Listed],
    finding: &mut Finding,
) {
    // What an invalidated session still lists is nobody's promise.
    if session.invalidated.iter().any(|(place, _)| place.is_before(told.seq)) {
        return;
    }
    for (index, found) in listed.iter().enumerate() {
        let data = facts.data.iter().filter(|transfer| transfer.key.session == *session.id);
        let mut all = facts.transfers_of(session.id).chain(data);
        let known = all.find(|transfer| transfer.key.transfer == found.transfer);
        let twice = listed[..index].iter().any(|other| other.transfer == found.transfer);
        match known {
            _ if twice => finding.broken(
                told,
                format!("each transfer of session {:?} once", session.id),
                format!("{} twice", found.transfer),
            ),
            None => finding.broken(
                told,
                format!("only transfers that were created in session {:?}", session.id),
                format!("{}, which never was", found.transfer),
            ),
            Some(transfer) => compare(facts, transfer, (asked, told), found, finding),
        }
    }
    let absent = |transfer: &&Transfer<'_>| {
        listed.iter().all(|found| found.transfer != transfer.key.transfer)
            && transfer.created.is_before(asked.seq)
            && is_outstanding(facts, transfer, told)
    };
    if let Some(transfer) = facts.transfers_of(session.id).find(absent) {
        finding.broken(
            told,
            format!("{} in the list: it is outstanding", transfer.key),
            match listed.len() {
                0 => "an empty list".to_owned(),
                n => format!("{n} others"),
            },
        );
    }
}

/// One listed transfer with what is known of it.
fn compare(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    (asked, told): (Place, Place),
    found: &Listed,
    finding: &mut Finding,
) {
    let over = facts.acknowledged(transfer).is_some_and(|end| end.is_before(asked.seq));
    if over || found.state == TransferState::Completed {
        finding.broken(
            told,
            format!("the outstanding transfers only, without {}, which has ended", transfer.key),
            "it in the list",
        );
    } else if found.description.as_deref() != transfer.description
        || (found.kind != transfer.kind && !becomes(transfer, found.kind))
    {
        let said = |text: Option<&str>| text.map_or_else(|| "no text".to_owned(), |text| format!("{text:?}"));
        finding.broken(
            told,
            format!(
                "{} as it was created: {:?}, {}",
                transfer.key,
                transfer.kind,
                said(transfer.description)
            ),
            format!("{:?}, {}", found.kind, said(found.description.as_deref())),
        );
    } else if let Some(expected) = wrong_state(facts, transfer, (asked, told), found.state) {
        finding.broken(told, expected, format!("{:?}", found.state));
    } else if let Some(bytes) = reported(facts, transfer, told).filter(|bytes| found.received < *bytes) {
        finding.broken(
            told,
            format!("{} with the {bytes} bytes that the app was told of", transfer.key),
            format!("{} bytes", found.received),
        );
    } else {
        let launched = facts.launched_before(told.seq);
        let inherited = launched.is_some_and(|run| transfer.created.is_before(run.seq));
        finding.witnesses += u32::from(inherited && is_outstanding(facts, transfer, told));
    }
}

/// What an outstanding transfer is listed as says whether it is to be worked on.
fn wrong_state(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    (asked, told): (Place, Place),
    state: TransferState,
) -> Option<String> {
    let throughout =
        |pause: &Pause| pause.from.is_before(asked.seq) && pause.to.is_none_or(|to| to.is_after(told.seq));
    let near =
        |pause: &Pause| pause.from.at <= told.at + CALL && pause.to.is_none_or(|to| to.at + CALL >= asked.at);
    let paused = transfer.pauses.iter().any(throughout);
    // What has ended in secret is listed as anything.
    let before = |place: Option<Place>| place.is_some_and(|place| place.is_before(told.seq));
    let last = facts.messages_of(transfer).find(|delivery| delivery.is_final());
    let ended = before(transfer.cancelled)
        || before(transfer.given_up)
        || before(transfer.concluded())
        || before(last.map(|delivery| delivery.began))
        || fails_unseen(facts, transfer)
        || told.at >= transfer.times_out();
    let wrong = match state {
        TransferState::Suspended => {
            !transfer.pauses.iter().any(near) && is_outstanding(facts, transfer, told)
        }
        _ => paused && !ended,
    };
    wrong.then(|| format!("{} listed as {}", transfer.key, if paused { "Suspended" } else { "Running" }))
}

/// A data transfer may be listed as what it is to become, or has become.
fn becomes(transfer: &Transfer<'_>, kind: TransferKind) -> bool {
    transfer.kind == TransferKind::Data && kind == TransferKind::Download
}

/// Is there no way in which it could have ended by then?
fn is_outstanding(facts: &Facts<'_>, transfer: &Transfer<'_>, place: Place) -> bool {
    let told = facts
        .messages_of(transfer)
        .any(|delivery| delivery.is_final() && delivery.began.is_before(place.seq));
    let given_up = transfer.given_up.is_some_and(|given_up| given_up.is_before(place.seq));
    let open = matches!(transfer.progress(place), Progress::Open | Progress::Login);
    open && !transfer.is_vague_at(place) && !fails_unseen(facts, transfer) && !told && !given_up
}

/// An error of another kind comes from what can not be seen on the network.
fn fails_unseen(facts: &Facts<'_>, transfer: &Transfer<'_>) -> bool {
    facts
        .messages_of(transfer)
        .any(|delivery| matches!(delivery.message, Message::DidComplete { end: EndKind::Failed, .. }))
}

/// The bytes that the app was told of, as long as the exchange that brought them goes on.
fn reported(facts: &Facts<'_>, transfer: &Transfer<'_>, place: Place) -> Option<u64> {
    let exchange = transfer.exchanges.iter().rev().find(|exchange| exchange.sent.is_before(place.seq))?;
    let over = exchange.end.is_some_and(|(end, ..)| end.is_before(place.seq));
    let told = facts.messages_of(transfer).filter(|delivery| {
        delivery.began.is_after(exchange.sent.seq) && delivery.began.is_before(place.seq) && !over
    });
    told.filter_map(|delivery| match delivery.message {
        Message::DidWriteData { total, .. } => Some(*total),
        _ => None,
    })
    .max()
}

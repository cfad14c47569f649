//! Sessions that are invalidated: SES-21.

use std::time::Duration;

use super::course::{Progress, Transfer};
use super::facts::{Delivery, Session};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::AppState;
use crate::history::{EndKind, Event, Message};
use crate::scenario::Focus;

pub(super) const SES_21: Rule = Rule {
    id: "SES-21",
    level: Level::Must,
    sentence: "An invalidated session takes no new transfers; did_become_invalid comes once, after all its other \
               messages; then the delegate is let go and the identifier can be used afresh.",
    source: "URLSession.finishTasksAndInvalidate(); URLSession.invalidateAndCancel() (facts F13, F14, F15, E6, X8)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a session that was invalidated and had its last message",
    hint: "queue did_become_invalid behind the last did_complete, keep it while the app is away, then drop session \
           and delegate",
    focus: Focus::INVALID,
    judge: |facts| {
        let mut finding = Finding::default();
        for session in &facts.sessions {
            for (index, (place, cancel)) in session.invalidated.iter().enumerate() {
                let next = session.invalidated.get(index + 1).map(|(place, _)| *place);
                life(facts, session, (*place, *cancel), next, &mut finding);
            }
            unasked(facts, session, &mut finding);
        }
        finding
    },
};

fn goodbyes<'b>(facts: &'b Facts<'_>, session: &'b Session<'_>) -> impl Iterator<Item = &'b Delivery<'b>> {
    facts.deliveries.iter().filter(|delivery| {
        delivery.session == session.id && matches!(delivery.message, Message::DidBecomeInvalid)
    })
}

/// Nobody invalidated it.
fn unasked(facts: &Facts<'_>, session: &Session<'_>, finding: &mut Finding) {
    let first = session.invalidated.first().map_or(usize::MAX, |(place, _)| place.seq);
    if let Some(goodbye) = goodbyes(facts, session).next().filter(|goodbye| goodbye.began.is_before(first)) {
        finding.broken(
            goodbye.began,
            format!("no did_become_invalid: the app has not invalidated session {:?}", session.id),
            "did_become_invalid",
        );
    }
}

/// From one invalidation to the next of the same name, if there is one.
fn life(
    facts: &Facts<'_>,
    session: &Session<'_>,
    (asked, cancel): (Place, bool),
    next: Option<Place>,
    finding: &mut Finding,
) {
    let until = next.map_or(usize::MAX, |next| next.seq);
    let gone = session.gone.iter().find(|gone| gone.is_after(asked.seq) && gone.is_before(until)).copied();
    // What an invalidation means to a later process is nowhere said.
    let stop = process_end(facts, asked);
    let lived = |place: Place| stop.is_none_or(|stop| stop.is_after(place.seq));
    refused(facts, session, asked, gone, lived, finding);
    if cancel {
        stopped(facts, session, asked, lived, finding);
    }
    let Some(gone) = gone else {
        // A transfer that has not ended is another rule's business.
        let data = facts.data.iter().filter(|transfer| transfer.key.session == *session.id);
        let mut all = facts.transfers_of(session.id).chain(data);
        let through = all.all(|transfer| facts.acknowledged(transfer).is_some());
        if let Some(ended) = facts.ended.filter(|ended| lived(*ended) && next.is_none() && through) {
            finding.broken(
                ended,
                format!("did_become_invalid of session {:?}: it was invalidated at {}", session.id, asked.at),
                "it never came",
            );
        }
        return;
    };
    last(facts, session, gone, finding);
    if lived(gone) {
        transfers(facts, session, (asked, cancel), finding);
        release(facts, session, (asked, gone), stop, finding);
    }
    if finding.violation.is_none() {
        finding.witness();
    }
}

/// Where the process that was running here ended.
fn process_end(facts: &Facts<'_>, from: Place) -> Option<Place> {
    let ended = facts
        .changes
        .iter()
        .find(|(place, how)| place.is_after(from.seq) && how.state() == AppState::NotRunning);
    ended.map(|(place, _)| *place)
}

/// No new transfers meanwhile; and no refusals once the name is free.
fn refused(
    facts: &Facts<'_>,
    session: &Session<'_>,
    asked: Place,
    gone: Option<Place>,
    lived: impl Fn(Place) -> bool,
    finding: &mut Finding,
) {
    let free = gone.map_or(usize::MAX, |gone| gone.seq);
    for entry in &facts.history.entries[asked.seq..] {
        let place = Place::of(entry);
        match &entry.event {
            Event::TransferCreated { key, .. }
                if key.session == *session.id && place.is_before(free) && lived(place) =>
            {
                finding.broken(
                    place,
                    format!(
                        "a new transfer refused: session {:?} was invalidated at {}",
                        session.id, asked.at
                    ),
                    format!("{key}"),
                );
            }
            Event::Invalidating { session: of, .. } if of == session.id && place.is_after(asked.seq) => {
                return;
            }
            Event::SessionRefused { session: of } if of == session.id && place.is_after(free) => finding
                .broken(
                    place,
                    format!("session {:?} opened afresh: its last message has been delivered", session.id),
                    "it was refused",
                ),
            Event::TransferRefused { session: of } if of == session.id && place.is_after(free) => finding
                .broken(
                    place,
                    format!("a transfer of session {:?}, which was opened afresh", session.id),
                    "it was refused",
                ),
            _ => {}
        }
    }
}

/// Nothing follows the last message before the name is used again, and nothing is still to come.
fn last(facts: &Facts<'_>, session: &Session<'_>, gone: Place, finding: &mut Finding) {
    let again =
        session.opened.iter().find(|open| open.is_after(gone.seq)).map_or(usize::MAX, |open| open.seq);
    let late = |delivery: &&Delivery<'_>| {
        delivery.session == session.id && delivery.began.is_after(gone.seq) && delivery.began.is_before(again)
    };
    if let Some(late) = facts.deliveries.iter().find(late) {
        finding.broken(
            late.began,
            format!("nothing of session {:?} after its did_become_invalid at {}", session.id, gone.at),
            late.message.name(),
        );
    }
    let untold = |transfer: &&Transfer<'_>| {
        transfer.created.is_before(gone.seq)
            && facts.acknowledged(transfer).is_none_or(|told| told.is_after(gone.seq))
    };
    if let Some(untold) = facts.transfers_of(session.id).find(untold) {
        finding.broken(
            gone,
            format!("the end of {} before did_become_invalid", untold.key),
            "did_become_invalid first",
        );
    }
}

/// Whatever a transfer was waiting for when it was cancelled with its session, and be it for a resume, nothing more comes of
/// it.
fn stopped(
    facts: &Facts<'_>,
    session: &Session<'_>,
    asked: Place,
    lived: impl Fn(Place) -> bool,
    finding: &mut Finding,
) {
    let late = |sent: &Place| sent.at > asked.at + MOMENT && lived(*sent);
    let cancelled =
        |transfer: &&Transfer<'_>| transfer.created.is_before(asked.seq) && transfer.cancelled == Some(asked);
    for transfer in facts.transfers_of(session.id).filter(cancelled) {
        if let Some(sent) = transfer.exchanges.iter().map(|exchange| exchange.sent).find(late) {
            finding.broken(
                sent,
                format!("no request for {}: it was cancelled with its session at {}", transfer.key, asked.at),
                "another one",
            );
        }
    }
}

/// What is under way at the call may still come to its end.
const MOMENT: Duration = Duration::from_secs(1);

/// `finish_tasks_and_invalidate` lets transfers end, `invalidate_and_cancel` does not.
fn transfers(
    facts: &Facts<'_>,
    session: &Session<'_>,
    (asked, cancel): (Place, bool),
    finding: &mut Finding,
) {
    let made = |transfer: &&Transfer<'_>| transfer.created.is_before(asked.seq);
    for transfer in facts.transfers_of(session.id).filter(made) {
        let told = facts.last_word(transfer);
        // What comes after the last message is broken anyway.
        let Some((told, end)) = told.filter(|(told, _)| told.is_after(asked.seq)) else { continue };
        let open = matches!(transfer.progress(asked), Progress::Open | Progress::Login)
            && !transfer.is_vague_at(asked)
            && transfer.given_up.is_none_or(|given_up| given_up.is_after(asked.seq));
        let ended_at_once = transfer.concluded().is_some_and(|end| end.at <= asked.at + MOMENT);
        // Told late, its time may be up by another way of counting; and the number may be one that was used before, whose
        // own end is told only now.
        let ran_out =
            end == EndKind::TimedOut && told.at < transfer.times_out() && !is_reused(facts, transfer);
        let went_on = end == EndKind::Success || ran_out;
        if cancel && open && !ended_at_once && transfer.cancelled == Some(asked) && went_on {
            finding.broken(
                told,
                format!("{} cancelled with its session at {}", transfer.key, asked.at),
                format!("did_complete ({end:?})"),
            );
        }
        let called_off = matches!(end, EndKind::Cancelled | EndKind::CancelledBySystem);
        if !cancel && called_off && transfer.cancelled.is_none() && transfer.given_up.is_none() {
            finding.broken(
                told,
                format!("{} let end: its session was to finish its transfers", transfer.key),
                format!("did_complete ({end:?})"),
            );
        }
    }
}

/// Is this the number of an earlier transfer too, of a session that had its name?
fn is_reused(facts: &Facts<'_>, transfer: &Transfer<'_>) -> bool {
    facts
        .transfers_of(&transfer.key.session)
        .any(|other| other.key == transfer.key && other.created.is_before(transfer.created.seq))
}

/// A process that goes on must see its delegate let go so soon.
const SOON: Duration = Duration::from_secs(60);

/// The delegate stays until the last message has been delivered, and not longer.
fn release(
    facts: &Facts<'_>,
    session: &Session<'_>,
    (asked, gone): (Place, Place),
    stop: Option<Place>,
    finding: &mut Finding,
) {
    let entries = facts.history.entries[asked.seq..].iter();
    let mut releases = entries.filter_map(|entry| match &entry.event {
        Event::DelegateReleased { session: of } if of == session.id => Some(Place::of(entry)),
        _ => None,
    });
    match releases.next() {
        Some(early) if early.is_before(gone.seq) => finding.broken(
            early,
            format!("the delegate of session {:?} kept until did_become_invalid", session.id),
            "it was let go",
        ),
        Some(_) => {}
        None => {
            let end = stop.or(facts.ended);
            if let Some(end) = end.filter(|end| end.at > gone.at + SOON) {
                finding.broken(
                    gone,
                    format!("the delegate of session {:?} let go after this, its last message", session.id),
                    format!("it was still held at {}", end.at),
                );
            }
        }
    }
}

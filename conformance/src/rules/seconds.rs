//! Sessions that are opened a second time: SES-15, SES-16.

use super::facts::Session;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS, wakes};
use crate::history::{EndKind, Event, Reopening};
use crate::scenario::Focus;

pub(super) const SES_15: Rule = Rule {
    id: "SES-15",
    level: Level::Must,
    sentence: "A session keeps the configuration that it was made with: one that its app changes or opens it with \
               later, while it has the session, changes nothing.",
    source: "NSURLSession.h, on the configuration: \"copied\" (facts E2, E3)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a session opened again with another configuration, and a wake or an end that the first one governs",
    hint: "copy the configuration when the session is made; opening it again finds that session as it is",
    focus: Focus::CHANGED,
    judge: |facts| {
        let mut finding = Finding::default();
        for session in &facts.sessions {
            let changed =
                session.seconds.iter().find(|(_, launch_events)| *launch_events != session.launch_events);
            if let Some((from, _)) = changed {
                unchanged(facts, session, *from, &mut finding);
            }
        }
        finding
    },
};

fn unchanged(facts: &Facts<'_>, session: &Session<'_>, from: Place, finding: &mut Finding) {
    if session.launch_events {
        let mut waking = Finding::default();
        wakes::missing(facts, session, &mut waking);
        if let Some(missing) = waking.violation.filter(|missing| from.is_before(missing.seq)) {
            let place = Place { seq: missing.seq, at: facts.history.entries[missing.seq].at };
            let expected = format!("a wake for session {:?}, as its first configuration has it", session.id);
            finding.broken(place, expected, missing.seen);
        }
        let wakes = session.wakes.iter().filter(|wake| wake.is_after(from.seq)).count();
        finding.witnesses += u32::try_from(wakes).unwrap_or(u32::MAX);
    } else {
        let asked =
            session.wakes.iter().chain(&session.requests).filter(|place| place.is_after(from.seq)).min();
        if let Some(place) = asked {
            finding.broken(
                *place,
                format!("no wake for session {:?}, as its first configuration has it", session.id),
                "a wake for it",
            );
        }
    }
    for transfer in facts.transfers_of(session.id) {
        let end = facts.last_word(transfer);
        let Some((told, end)) = end.filter(|(told, _)| told.is_after(from.seq)) else { continue };
        let behind = transfer.concluded().is_some_and(|end| !facts.state_at(end.seq).is_running());
        if end == EndKind::TimedOut && told.at < transfer.times_out() {
            finding.broken(
                told,
                format!(
                    "{} given until {}, as its first configuration has it",
                    transfer.key,
                    transfer.times_out()
                ),
                "did_complete (TimedOut)",
            );
        } else {
            finding.witnesses += u32::from(end == EndKind::TimedOut || (behind && !session.launch_events));
        }
    }
}

pub(super) const SES_16: Rule = Rule {
    id: "SES-16",
    level: Level::Must,
    sentence: "Each message of an identifier goes to exactly one delegate: a second session object in the same \
               process gets none, and a second process is refused with the in-use error.",
    source: "NSURLErrorBackgroundSessionInUseByAnotherProcess; URL Session Programming Guide (facts E3, E4, E5)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a message after the session was opened twice, or another process that was refused",
    hint: "look the identifier up before making a session; keep the first delegate as long as its process lives",
    focus: Focus::SECONDS,
    judge: |facts| {
        let mut finding = Finding::default();
        for delivery in &facts.deliveries {
            let Some(session) = facts.session(delivery.session) else { continue };
            if delivery.second {
                finding.broken(
                    delivery.began,
                    format!("{} to the first delegate of session {:?}", delivery.message.name(), session.id),
                    "it to the second",
                );
                continue;
            }
            let Some(run) = facts.launched_before(delivery.began.seq) else { continue };
            let twice = session
                .seconds
                .iter()
                .any(|(place, _)| place.is_after(run.seq) && place.is_before(delivery.began.seq));
            finding.witnesses += u32::from(twice && delivery.returned().is_some());
        }
        for entry in &facts.history.entries {
            elsewhere(facts, Place::of(entry), &entry.event, &mut finding);
        }
        finding
    },
};

/// Another process, while the app has the session open.
fn elsewhere(facts: &Facts<'_>, place: Place, event: &Event, finding: &mut Finding) {
    let Event::SessionReopened { session, elsewhere: true, outcome, .. } = event else { return };
    if !facts.session(session).is_some_and(|session| facts.is_attached(session, place.seq)) {
        return;
    }
    match outcome {
        Reopening::InUse => finding.witness(),
        other => finding.broken(
            place,
            format!("the in-use error: the app has session {session:?} open"),
            match other {
                Reopening::Opened => "a session for the other process, too",
                _ => "another error",
            },
        ),
    }
}

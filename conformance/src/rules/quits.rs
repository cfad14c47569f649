//! What ends with the user's force quit, and with no other end of the process: SCH-27, SES-23.

use std::time::Duration;

use super::course::{Progress, Transfer};
use super::requests::Slot;
use super::{Basis, Facts, Finding, Level, Place, Rule, SCHEDULERS, SESSIONS};
use crate::contract::{AppChange, Charge, RefreshKind};
use crate::history::EndKind;
use crate::scenario::Focus;
use crate::subject::Capability;

pub(super) const SES_23: Rule = Rule {
    id: "SES-23",
    level: Level::Must,
    sentence: "A force quit by the user cancels the app's outstanding transfers, with that reason in the error, and \
               no session wakes the app until the user opens it; a crash or a kill does neither.",
    source: "URLSessionConfiguration.background(withIdentifier:); URLSession background task cancellation reasons \
             (facts F20, F21, X15; written for iOS, gap U10)",
    basis: Basis::Documents,
    needs: &[Capability::ForceQuit],
    binds: SESSIONS,
    witness: "an outstanding transfer that a force quit cancelled, or that outlived another end of the process",
    hint: "tell a force quit from the other ends of a process: cancel everything, and forget the wakes that wait",
    focus: Focus::FORCE_QUITS,
    judge: |facts| {
        let mut finding = Finding::default();
        let quits = facts.changes.iter().filter(|(_, how)| *how == AppChange::ForceQuit);
        for (quit, _) in quits {
            woken(facts, *quit, &mut finding);
        }
        for transfer in &facts.transfers {
            match transfer.quit {
                Some(quit) => {
                    stopped(transfer, quit, &mut finding);
                    if found_open(facts, transfer, quit) {
                        called_off(facts, transfer, quit, &mut finding);
                    }
                }
                None => outlived(facts, transfer, &mut finding),
            }
        }
        finding
    },
};

pub(super) const SCH_27: Rule = Rule {
    id: "SCH-27",
    level: Level::Must,
    sentence: "After a force quit by the user nothing launches the app until the user opens it: no wake, no refresh, no \
               snapshot.",
    source: "URLSessionConfiguration.background(withIdentifier:): the app is not relaunched until the user does it \
             (facts F20, X15; written for iOS, gap U10)",
    basis: Basis::Documents,
    needs: &[Capability::ForceQuit],
    binds: SCHEDULERS,
    witness: "a refresh that fell due between the force quit and the user's next visit, of a scheduler that delivers any",
    hint: "keep one flag from the force quit to the user's visit, and look at it wherever something is to be delivered",
    focus: Focus::BARRED,
    judge: |facts| {
        let mut finding = Finding::default();
        for (quit, _) in facts.changes.iter().filter(|(_, how)| *how == AppChange::ForceQuit) {
            launched(facts, *quit, &mut finding);
        }
        finding
    },
};

/// Where the user opens the app again.
fn visit_after(facts: &Facts<'_>, quit: Place) -> Option<Place> {
    let mut changes = facts.changes.iter();
    changes
        .find(|(place, how)| *how == AppChange::Foregrounded && place.is_after(quit.seq))
        .map(|(place, _)| *place)
}

/// No launch between the force quit and the user's next visit.
fn launched(facts: &Facts<'_>, quit: Place, finding: &mut Finding) {
    let back = visit_after(facts, quit).unwrap_or_else(|| facts.last());
    let between = |place: Place| place.is_after(quit.seq) && place.is_by(back.seq);
    let launch = facts.changes.iter().find(|(place, how)| *how == AppChange::Launched && between(*place));
    // The news of the quit may have crossed with a delivery.
    if let Some((launch, _)) = launch.filter(|(launch, _)| launch.at > quit.at + MOMENT) {
        finding.broken(
            *launch,
            format!("no launch before the user opens the app he force-quit at {}", quit.at),
            "the app launched in the background",
        );
        return;
    }
    let slot = Slot::of(facts, Charge::ApplicationRefresh);
    let fell_due = slot.requests.iter().enumerate().any(|(at, request)| {
        let came = slot.arrival_of(at).is_some_and(|arrival| arrival.place.is_before(quit.seq));
        let due = request.due();
        !came && due > quit.at + MOMENT && due < back.at
    });
    // Of a scheduler that never does anything this says nothing.
    finding.witnesses += u32::from(fell_due && !facts.handles.is_empty());
}

/// What is under way when the user quits may still come to its end.
const MOMENT: Duration = Duration::from_secs(1);

/// Was it being worked on, or waiting for a login, when the user quit the app?
fn found_open(facts: &Facts<'_>, transfer: &Transfer<'_>, quit: Place) -> bool {
    let told =
        facts.messages_of(transfer).any(|delivery| delivery.is_final() && delivery.began.is_before(quit.seq));
    let open = matches!(transfer.progress(quit), Progress::Open | Progress::Login);
    let given_up = transfer.given_up.is_some_and(|given_up| given_up.is_before(quit.seq));
    let ended_at_once = transfer.concluded().is_some_and(|end| end.at <= quit.at + MOMENT);
    let clear = open && !transfer.is_vague_at(quit);
    clear && !told && !given_up && !ended_at_once && transfer.cancelled == Some(quit)
}

/// Whatever it was waiting for, and be it for a resume, nothing more comes of it.
fn stopped(transfer: &Transfer<'_>, quit: Place, finding: &mut Finding) {
    let late = |place: &Place| place.at > quit.at + MOMENT;
    let sent = transfer.exchanges.iter().map(|exchange| exchange.sent).find(late);
    if let Some(sent) = sent.filter(|_| transfer.cancelled == Some(quit)) {
        finding.broken(
            sent,
            format!("no request for {}: the user force-quit the app at {}", transfer.key, quit.at),
            "another one",
        );
    }
}

fn called_off(facts: &Facts<'_>, transfer: &Transfer<'_>, quit: Place, finding: &mut Finding) {
    match facts.last_word(transfer) {
        Some((_, EndKind::ForceQuit)) => finding.witness(),
        // What fails for reasons that can not be seen on the network may have failed before.
        Some((_, EndKind::Failed)) | None => {}
        Some((place, end)) => finding.broken(
            place,
            format!("{} cancelled by the force quit at {}", transfer.key, quit.at),
            format!("did_complete ({end:?})"),
        ),
    }
}

/// Nobody force-quit the app while it was outstanding.
fn outlived(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some((place, end)) = facts.last_word(transfer) else { return };
    if end == EndKind::ForceQuit {
        finding.broken(
            place,
            format!("no force quit in the error of {}: there was none", transfer.key),
            "did_complete (ForceQuit)",
        );
        return;
    }
    let ends = facts
        .changes
        .iter()
        .filter(|(_, how)| matches!(how, AppChange::Crashed | AppChange::Purged | AppChange::Terminated(_)));
    let between = |found: &Place| found.is_after(transfer.resumed.seq) && found.is_before(place.seq);
    let mut ends = ends.map(|(found, _)| *found).filter(between);
    let went_on = ends.any(|found| matches!(transfer.progress(found), Progress::Open | Progress::Login));
    let wished = transfer.cancelled.is_some() || transfer.given_up.is_some();
    if went_on && end == EndKind::CancelledBySystem && !wished {
        finding.broken(
            place,
            format!("{} to go on: the app's process ended, but not by a force quit", transfer.key),
            "did_complete (CancelledBySystem)",
        );
    } else {
        finding.witnesses += u32::from(went_on);
    }
}

/// No task of a session between the force quit and the user's next visit.
fn woken(facts: &Facts<'_>, quit: Place, finding: &mut Finding) {
    let back = visit_after(facts, quit).map_or(usize::MAX, |back| back.seq);
    let between = |place: Place| place.is_after(quit.seq) && place.is_before(back);
    for task in &facts.tasks {
        let (RefreshKind::UrlSession(session), Some(given)) =
            (task.kind, task.delivered.iter().find(|place| between(**place)))
        else {
            continue;
        };
        finding.broken(
            *given,
            format!(
                "no wake for session {session:?} before the user opens the app he force-quit at {}",
                quit.at
            ),
            "a wake for it",
        );
    }
}

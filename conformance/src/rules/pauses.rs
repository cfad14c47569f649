//! Resuming, suspending and cancelling single transfers: SES-01, SES-02.

use std::time::Duration;

use super::course::{Pause, Progress, Transfer};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS, spoken};
use crate::contract::AppChange;
use crate::history::{EndKind, Message};
use crate::scenario::Focus;

/// What was already on its way when a transfer was suspended may still arrive for so long.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// A call that returns later than this has waited for something.
const AT_ONCE: Duration = Duration::from_secs(1);

pub(super) const SES_01: Rule = Rule {
    id: "SES-01",
    level: Level::Must,
    sentence: "A transfer makes no request before its first resume and none while it is suspended; it takes as many \
               resumes as suspends; the time that it is suspended counts towards no request timeout.",
    source: "URLSessionTask.resume(), URLSessionTask.suspend() (facts F1, F2)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that was suspended for a time, and made its next request when it had been resumed",
    hint: "count suspends, from one for the newborn; stop the exchange and its timer at the first, go on at the last \
           resume",
    focus: Focus::PAUSES,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in &facts.transfers {
            for (index, pause) in transfer.pauses.iter().enumerate() {
                quiet(transfer, pause, index == 0, &mut finding);
            }
            expired(facts, transfer, &mut finding);
        }
        finding
    },
};

/// No traffic while it is paused.
fn quiet(transfer: &Transfer<'_>, pause: &Pause, newborn: bool, finding: &mut Finding) {
    let inside =
        |place: Place| place.is_after(pause.from.seq) && pause.to.is_none_or(|to| place.is_before(to.seq));
    let when = || match (newborn, pause.depth) {
        (true, 1) => "before its first resume".to_owned(),
        (_, 1) => format!("while it is suspended, since {}", pause.from.at),
        (_, depth) => format!("before it has been resumed {depth} times"),
    };
    if let Some(early) = transfer.exchanges.iter().find(|exchange| inside(exchange.sent)) {
        finding.broken(
            early.sent,
            format!("no request for {} {}", transfer.key, when()),
            format!("one at {}", early.sent.at),
        );
        return;
    }
    let over = pause.to.map(|to| to.at);
    let flows = transfer.exchanges.iter().filter(|exchange| exchange.sent.is_before(pause.from.seq)).find(
        |exchange| {
            exchange
                .last_byte
                .is_some_and(|byte| byte > pause.from.at + ON_ITS_WAY && over.is_none_or(|over| byte < over))
        },
    );
    if let Some((flow, (end, ..))) = flows.and_then(|flow| Some((flow, flow.end?))) {
        finding.broken(
            end,
            format!("no traffic for {} {}", transfer.key, when()),
            format!("its answer went on until {}", flow.last_byte.unwrap_or(end.at)),
        );
        return;
    }
    let resumed = pause.to.filter(|to| to.at > pause.from.at);
    let went_on = |to: Place| transfer.exchanges.iter().any(|exchange| exchange.sent.is_after(to.seq));
    finding.witnesses += u32::from(resumed.is_some_and(went_on));
}

/// Being suspended is no reason to time out.
fn expired(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let failed = facts.messages_of(transfer).find(|delivery| {
        matches!(delivery.message, Message::DidComplete { end: EndKind::TimedOut | EndKind::Failed, .. })
    });
    let Some(failed) = failed.filter(|failed| failed.began.at < transfer.times_out()) else { return };
    let limit = transfer.request_timeout;
    let long = transfer.pauses.iter().find(|pause| {
        let to = pause.to.map_or(failed.began.at, |to| to.at.min(failed.began.at));
        pause.from.is_before(failed.began.seq) && to >= pause.from.at + limit
    });
    let going_on = |pause: &Pause| {
        // Only an error that comes of the pause itself, not one of a login or an answer since.
        !transfer.exchanges.iter().any(|exchange| exchange.sent.is_after(pause.from.seq))
            && transfer.given_up.is_none()
            && transfer.progress(failed.began) != Progress::Login
    };
    if let Some(pause) = long.filter(|pause| going_on(pause)) {
        finding.broken(
            failed.began,
            format!(
                "{} to wait: it was suspended at {}, and has time until {}",
                transfer.key,
                pause.from.at,
                transfer.times_out()
            ),
            "an error",
        );
    }
}

pub(super) const SES_02: Rule = Rule {
    id: "SES-02",
    level: Level::Must,
    sentence: "Cancelling returns at once, also for a suspended transfer; no request follows, and there is exactly one \
               last message, with the cancelled error unless the transfer had ended.",
    source: "URLSessionTask.cancel() (facts F3, F23, X10)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that was cancelled before its end, and was told as cancelled",
    hint: "make the end of a transfer one place that can be passed once; abort its exchange there, and wait for nothing",
    focus: Focus::CANCELS,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in facts.transfers.iter().filter(|transfer| transfer.cancelled.is_some()) {
            prompt(transfer, &mut finding);
            silent_afterwards(transfer, &mut finding);
            told_as_cancelled(facts, transfer, &mut finding);
        }
        finding
    },
};

fn prompt(transfer: &Transfer<'_>, finding: &mut Finding) {
    for (called, returned) in &transfer.cancels {
        if let Some(returned) = returned.filter(|returned| returned.at > called.at + AT_ONCE) {
            finding.broken(
                returned,
                format!("the call that cancels {} to return at once", transfer.key),
                format!("it took {}", spoken(returned.at.since(called.at))),
            );
        }
    }
}

/// No request after it has been cancelled.
fn silent_afterwards(transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(returned) = transfer.cancels.first().and_then(|(_, returned)| *returned) else { return };
    if let Some(late) = transfer.exchanges.iter().find(|exchange| exchange.sent.is_after(returned.seq)) {
        finding.broken(
            late.sent,
            format!("no request for {}, which was cancelled at {}", transfer.key, returned.at),
            format!("one at {}", late.sent.at),
        );
    }
}

/// Was it begun when the user forced the app to quit, before this place?
fn forced_out(facts: &Facts<'_>, transfer: &Transfer<'_>, until: Place) -> bool {
    facts.changes.iter().any(|(place, how)| {
        *how == AppChange::ForceQuit && place.is_after(transfer.created.seq) && place.is_before(until.seq)
    })
}

fn told_as_cancelled(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some((called, returned)) = transfer.cancels.first().copied() else { return };
    let ends = || {
        facts.messages_of(transfer).filter_map(|delivery| match delivery.message {
            Message::DidComplete { end, .. } => Some((delivery, *end)),
            _ => None,
        })
    };
    let mut told = ends().filter(|(delivery, _)| delivery.returned().is_some());
    let (first, second) = (told.next(), told.next());
    if let Some((again, _)) = second {
        finding.broken(again.began, format!("one last message about {}", transfer.key), "another one");
        return;
    }
    let Some((first, end)) = first else {
        if let Some(ended) = facts.ended {
            finding.broken(
                ended,
                format!("did_complete for {}, which was cancelled at {}", transfer.key, called.at),
                "it never came",
            );
        }
        return;
    };
    // Whatever ended it before the call had returned may be told instead.
    let until = returned.unwrap_or(called);
    let answered = transfer
        .exchanges
        .iter()
        .any(|exchange| exchange.end.is_some_and(|(end, ..)| end.is_before(until.seq)))
        && transfer.concluded().is_some_and(|end| end.is_before(until.seq));
    let had_ended = first.began.is_before(called.seq)
        || answered
        || transfer.given_up.is_some_and(|place| place.is_before(until.seq))
        || until.at >= transfer.times_out();
    match end {
        EndKind::Cancelled | EndKind::CancelledBySystem => finding.witness(),
        // What a force quit has ended stays ended by that, also if a later process cancels it before it is told.
        EndKind::ForceQuit if forced_out(facts, transfer, called) => {}
        _ if had_ended => {}
        _ => finding.broken(
            first.began,
            format!("{} told as cancelled: it had not ended at {}", transfer.key, called.at),
            format!("{end:?}"),
        ),
    }
}

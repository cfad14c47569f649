//! Whose transfers they are: those of a background session go on without the app, its own do not. SES-30.

use std::time::Duration;

use super::course::{Exchange, Progress, Transfer};
use super::facts::Session;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS, spoken};
use crate::contract::{AppState, Link};
use crate::history::{Event, ExchangeOutcome, TransferKey};
use crate::scenario::Focus;
use crate::subject::Capability;

/// What crosses the app's suspension on its way may have come before it.
const MOMENT: Duration = Duration::from_secs(1);
/// What is on its way when the app is suspended may still arrive for so long.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// The documents do not say how soon a transfer goes on elsewhere; what has not in so long does not.
const NEVER: Duration = Duration::from_secs(6 * 3_600);

pub(super) const SES_30: Rule = Rule {
    id: "SES-30",
    level: Level::Must,
    sentence: "Transfers of a session that is not a background one stop while the app is suspended and end with its \
               process: they wake nobody, and the next process hears nothing of them. Those of a background session go \
               on.",
    source: "WKURLSessionRefreshBackgroundTask: \"Asynchronous uploads and downloads, on the other hand, suspend with \
             your app\" (facts D5, F20, C15)",
    basis: Basis::Documents,
    needs: &[Capability::InProcessSessions],
    binds: SESSIONS,
    witness: "a transfer of the app's own that was under way when the app was suspended or ended, and stopped",
    hint: "keep such a session with the process: stop its exchanges at the suspension, drop everything at the end",
    focus: Focus::IN_PROCESS,
    judge: |facts| {
        let mut finding = Finding::default();
        for session in &facts.own_sessions {
            woken(session, &mut finding);
        }
        for transfer in &facts.own_transfers {
            stops(facts, transfer, &mut finding);
        }
        handed_down(facts, &mut finding);
        // The contrast is of interest only beside one that stops.
        if !facts.own_sessions.is_empty() {
            for transfer in &facts.transfers {
                goes_on(facts, transfer, &mut finding);
            }
        }
        finding
    },
};

fn woken(session: &Session<'_>, finding: &mut Finding) {
    if let Some(place) = session.wakes.first().into_iter().chain(session.requests.first()).min() {
        finding.broken(
            *place,
            format!("no wake for session {:?}, which is not a background session", session.id),
            "a wake for it",
        );
    }
}

/// The times in which the app's code did not run, from this place on: where each began, where it ended.
fn breaks<'f>(facts: &'f Facts<'_>, from: Place) -> impl Iterator<Item = (Place, Option<Place>)> + use<'f> {
    let changes = &facts.changes;
    let running =
        |index: usize| index.checked_sub(1).is_some_and(|before| changes[before].1.state().is_running());
    let stops =
        (0..changes.len()).filter(move |index| running(*index) && !changes[*index].1.state().is_running());
    stops.map(move |index| (changes[index].0, index)).filter(move |(stop, _)| stop.is_after(from.seq)).map(
        move |(stop, index)| {
            let back = changes[index..].iter().find(|(_, change)| change.state().is_running());
            (stop, back.map(|(back, _)| *back))
        },
    )
}

/// Nothing of the app's own is on the wire without it.
fn stops(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    for (stop, back) in breaks(facts, transfer.resumed) {
        let what = if facts.state_at(stop.seq) == AppState::Suspended { "is suspended" } else { "has ended" };
        let inside = |place: Place| {
            place.at > stop.at + MOMENT
                && place.is_after(stop.seq)
                && back.is_none_or(|back| place.is_before(back.seq))
        };
        if let Some(sent) = transfer.exchanges.iter().map(|exchange| exchange.sent).find(|sent| inside(*sent))
        {
            finding.broken(
                sent,
                format!("no request for {}, the app's own: the app {what} since {}", transfer.key, stop.at),
                format!("one at {}", sent.at),
            );
            return;
        }
        let flows = |exchange: &&Exchange| {
            let late = |byte| byte > stop.at + ON_ITS_WAY && back.is_none_or(|back| byte < back.at);
            exchange.sent.is_before(stop.seq) && exchange.last_byte.is_some_and(late)
        };
        if let Some((end, ..)) = transfer.exchanges.iter().find(flows).and_then(|flow| flow.end) {
            finding.broken(
                end,
                format!("no traffic for {}, the app's own: the app {what} since {}", transfer.key, stop.at),
                "its answer went on",
            );
            return;
        }
        finding.witnesses += u32::from(is_under_way(facts, transfer, stop));
        if facts.state_at(stop.seq) == AppState::NotRunning {
            return;
        }
    }
}

fn is_under_way(facts: &Facts<'_>, transfer: &Transfer<'_>, stop: Place) -> bool {
    let told =
        facts.messages_of(transfer).any(|delivery| delivery.is_final() && delivery.began.is_before(stop.seq));
    let open = matches!(transfer.progress(stop), Progress::Open | Progress::Login);
    open && !told && transfer.exchanges.iter().any(|exchange| exchange.sent.is_before(stop.seq))
}

/// No process hears of what another one began.
fn handed_down(facts: &Facts<'_>, finding: &mut Finding) {
    for delivery in &facts.deliveries {
        let own = facts.own_sessions.iter().any(|session| session.id == delivery.session);
        let (true, Some(transfer)) = (own, delivery.transfer) else { continue };
        let key = TransferKey { session: delivery.session.clone(), transfer };
        let run = facts.launched_before(delivery.began.seq);
        let made_here = |known: &&Transfer<'_>| {
            *known.key == key
                && known.created.is_before(delivery.began.seq)
                && run.is_none_or(|run| known.created.is_after(run.seq))
        };
        let earlier = facts.own_transfers.iter().any(|known| *known.key == key);
        if earlier && !facts.own_transfers.iter().any(|known| made_here(&known)) {
            finding.broken(
                delivery.began,
                format!("nothing of {key}, the app's own: it ended with the process that made it"),
                format!("{} in another process", delivery.message.name()),
            );
        }
    }
}

/// A background transfer whose exchange was given up when the app stopped is taken up again before the app is back.
fn goes_on(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    for (stop, back) in breaks(facts, transfer.resumed) {
        let given_up = |exchange: &&Exchange| {
            exchange.sent.is_before(stop.seq)
                && exchange.end.is_some_and(|(end, outcome, ..)| {
                    outcome == ExchangeOutcome::Abandoned
                        && end.is_after(stop.seq)
                        && end.at <= stop.at + MOMENT
                })
        };
        if !transfer.exchanges.iter().any(|exchange| given_up(&exchange)) {
            continue;
        }
        let until = back.unwrap_or_else(|| facts.last());
        let over = transfer.times_out().min(until.at);
        let again = transfer
            .exchanges
            .iter()
            .any(|exchange| exchange.sent.is_after(stop.seq) && exchange.sent.is_before(until.seq));
        let told = facts
            .messages_of(transfer)
            .any(|delivery| delivery.is_final() && delivery.began.is_by(until.seq));
        let stays = |place: Option<Place>| place.is_none_or(|place| place.is_after(until.seq));
        let linked = facts.history.entries[..=until.seq.min(facts.last().seq)].iter().all(|entry| {
            !matches!(&entry.event, Event::Conditions { conditions } if conditions.link != Link::Wifi)
        });
        let left_alone = stays(transfer.cancelled)
            && stays(transfer.given_up)
            && stays(transfer.vague_login)
            && !transfer.is_paused_between(stop, until);
        if stop.at + NEVER < over && !again && !told && linked && left_alone {
            finding.broken(
                stop,
                format!("{} to go on without the app: its session is a background one", transfer.key),
                format!("given up, and no request for it in {}", spoken(over.since(stop.at))),
            );
        }
    }
}

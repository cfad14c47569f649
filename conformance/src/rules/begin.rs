//! When a transfer is begun, and what may keep it from being begun: for SES-22, SES-24, SES-25 and SES-29.

use std::time::Duration;

use super::course::Transfer;
use super::facts::Delivery;
use super::{Facts, Place};
use crate::contract::{Conditions, Link, Time};
use crate::history::Message;

/// So little use of the network by others keeps nobody waiting, whatever the number of connections.
const MOMENTS: Duration = Duration::from_secs(60);

/// Its first request.
pub(super) fn begun(transfer: &Transfer<'_>) -> Option<Place> {
    transfer.exchanges.first().map(|exchange| exchange.sent)
}

/// What is said of a request that did not come in time.
pub(super) fn none_before(first: Option<Place>) -> String {
    first.map_or_else(|| "none at all".to_owned(), |first| format!("none before {}", first.at))
}

/// Was it created while the app was in front? `None` if that can not be told: the app came or went meanwhile.
pub(super) fn created_in_front(facts: &Facts<'_>, transfer: &Transfer<'_>) -> Option<bool> {
    (!transfer.torn).then(|| facts.state_at(transfer.created.seq).is_foreground())
}

/// Did the session's configuration leave the moment to the system?
pub(super) fn is_flagged(facts: &Facts<'_>, transfer: &Transfer<'_>) -> bool {
    facts.session(&transfer.key.session).is_some_and(|session| session.discretionary)
}

/// The conditions at a place and all that followed up to a moment.
pub(super) fn conditions<'f>(
    facts: &'f Facts<'_>,
    from: Place,
    to: Time,
) -> impl Iterator<Item = Conditions> + use<'f> {
    let later = facts.conditions.iter().filter(move |(place, _)| place.is_from(from.seq) && place.at <= to);
    std::iter::once(facts.conditions_before(from.seq)).chain(later.map(|(_, now)| *now))
}

/// The user's visits after a place: those that found the app not in front.
pub(super) fn visits<'f>(facts: &'f Facts<'_>, after: Place) -> impl Iterator<Item = Place> + use<'f> {
    let enters = facts.changes.iter().filter(move |(place, _)| place.is_after(after.seq));
    enters.filter(|(_, change)| change.state().is_foreground()).map(|(place, _)| *place)
}

/// Was the network there from a place up to a moment, with nobody else who used it for long?
pub(super) fn can_send(facts: &Facts<'_>, transfer: &Transfer<'_>, from: Place, until: Time) -> bool {
    let others = facts
        .transfers
        .iter()
        .chain(&facts.data)
        .chain(&facts.own_transfers)
        .filter(|other| other.key != transfer.key);
    let used: Duration = others
        .flat_map(|other| &other.exchanges)
        .map(|exchange| {
            let end = exchange.end.map_or(until, |(end, ..)| end.at);
            end.min(until).since(exchange.sent.at.max(from.at))
        })
        .sum();
    let linked = |now: Conditions| now.link == Link::Wifi && !now.low_power && !now.busy;
    used < MOMENTS && conditions(facts, from, until).all(linked)
}

/// Is there nothing, from a place up to a moment, that could keep a transfer from being begun, but its being
/// discretionary? It was to be worked on, its time was not up, the network was there and nobody else used it for long.
pub(super) fn is_free(facts: &Facts<'_>, transfer: &Transfer<'_>, from: Place, due: Time) -> bool {
    let first = begun(transfer).filter(|first| first.at <= due);
    let until = first.map_or(due, |first| first.at);
    // What comes after its first request keeps it from nothing.
    let matters = |place: Place| place.at <= until && first.is_none_or(|first| place.is_before(first.seq));
    let stays = |end: Option<Place>| !end.is_some_and(matters);
    // Its delegate may take its time to say what becomes of a delayed request, or have to be woken for it first.
    let asks = |message: &Delivery<'_>| matches!(message.message, Message::WillBeginDelayedRequest);
    let asked = transfer.delegated && transfer.earliest.is_some() || facts.messages_of(transfer).any(asks);
    let told = facts.messages_of(transfer).find(|message| message.is_final()).map(|message| message.began);
    transfer.was_resumed()
        && transfer.resumed.is_by(from.seq)
        && transfer.earliest.is_none_or(|date| date <= from.at)
        && !asked
        && !transfer.pauses.iter().skip(1).any(|pause| matters(pause.from))
        && stays(transfer.cancelled)
        && stays(transfer.quit)
        && stays(told)
        && transfer.times_out() > due
        && (first.is_some() || facts.last().at > due)
        && can_send(facts, transfer, from, until)
}

//! What a data transfer does with a response until the app has said what is to become of it: a part of SES-12.

use std::time::Duration;

use super::course::{Exchange, Transfer};
use super::{Facts, Finding, Place};
use crate::history::{EndKind, ExchangeOutcome, Message};

/// So long may other messages keep the question about a response waiting.
const ASKED_BY: Duration = Duration::from_secs(600);

/// The app is asked about the answer's head, and given nothing before it has said that it wants it.
pub(super) fn asked(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let messages = || facts.messages_of(transfer);
    let first = messages().find(|delivery| matches!(delivery.message, Message::DidReceiveResponse { .. }));
    let given = messages().find_map(|delivery| match delivery.message {
        Message::DidReceiveData { .. } => Some((delivery.began, "did_receive_data")),
        Message::DidComplete { end: EndKind::Success, .. } => {
            Some((delivery.began, "did_complete (Success)"))
        }
        _ => None,
    });
    if let Some((place, seen)) = given {
        let allowed = transfer.disposed.is_some_and(|(said, _)| said.is_before(place.seq));
        if !allowed {
            let expected = match first {
                Some(asked) => format!(
                    "{} to wait: did_receive_response at {} is unanswered",
                    transfer.key, asked.began.at
                ),
                None => format!("did_receive_response about {} first", transfer.key),
            };
            finding.broken(place, expected, seen);
        }
    }
    let heads =
        transfer.exchanges.iter().filter(|exchange| exchange.status() == Some(200) && !exchange.redirects);
    // Who loses the connection before it has asked may ask about the next answer instead.
    let stays = |head: &Place, exchange: &Exchange| {
        exchange.end.is_none_or(|(end, outcome, ..)| {
            outcome == ExchangeOutcome::Complete || end.at > head.at + ASKED_BY
        })
    };
    let mut heads = heads.filter_map(|exchange| exchange.head.map(|(head, ..)| (head, exchange)));
    let Some((head, _)) = heads.find(|(head, exchange)| stays(head, exchange)) else { return };
    let due = head.at + ASKED_BY;
    let session = facts.session(&transfer.key.session);
    let listens = session.is_some_and(|session| facts.is_attached(session, head.seq))
        && facts.state_at(head.seq).is_running()
        && facts.stops_after(head.seq).is_none_or(|stop| stop.at > due);
    let over = |place: Option<Place>| place.is_some_and(|place| place.at <= due);
    let other_end = over(transfer.cancelled)
        || over(facts.last_word(transfer).map(|(told, _)| told))
        || transfer.times_out() <= due
        || transfer.is_paused_between(head, facts.last());
    if first.is_none_or(|asked| asked.began.at > due) && listens && !other_end && facts.last().at > due {
        finding.broken(
            head,
            format!(
                "did_receive_response about {}, whose answer's head arrived at {}, by {due}",
                transfer.key, head.at
            ),
            first
                .map_or_else(|| "it never came".to_owned(), |asked| format!("it came at {}", asked.began.at)),
        );
    }
}

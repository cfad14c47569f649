//! What comes of an answer to a question of TLS, which may be one transfer's or its whole session's: a part of SES-27.

use std::time::Duration;

use super::begin::can_send;
use super::course::Transfer;
use super::facts::{Delivery, Session};
use super::{Facts, Finding, Place};
use crate::contract::{AppState, AuthenticationMethod};
use crate::history::{EndKind, ExchangeOutcome, Message};

/// The documents do not say how soon; what has not in so long does not.
const GOES_ON_BY: Duration = Duration::from_secs(3_600);

/// An app that trusts a server, or names an identity to show to it, lets a transfer go on that met with the question. (What
/// another answer ends need not be told before all of the session's transfers have ended.)
pub(super) fn acted(facts: &Facts<'_>, finding: &mut Finding) {
    for delivery in &facts.deliveries {
        let Message::DidReceiveChallenge { method, .. } = delivery.message else { continue };
        let outcome = match method {
            AuthenticationMethod::ServerTrust => ExchangeOutcome::Untrusted,
            AuthenticationMethod::ClientCertificate => ExchangeOutcome::CertificateWanted,
            _ => continue,
        };
        let fits = match delivery.gave {
            Some(gave) => outcome == ExchangeOutcome::CertificateWanted || gave == "trust",
            None => false,
        };
        let of = delivery.answered.zip(facts.session(delivery.session));
        if let Some((answered, session)) = of.filter(|_| fits) {
            in_vain(facts, session, delivery, answered, outcome, finding);
        }
    }
}

fn in_vain(
    facts: &Facts<'_>,
    session: &Session<'_>,
    question: &Delivery<'_>,
    answered: Place,
    outcome: ExchangeOutcome,
    finding: &mut Finding,
) {
    let by = answered.at + GOES_ON_BY;
    let inside = |place: Place| place.is_after(answered.seq) && place.at <= by;
    // The latest exchange of each tells whether it met with such a question and has nothing else to wait for.
    let met = |transfer: &&Transfer<'_>| {
        let before = transfer.exchanges.iter().rev().find(|exchange| exchange.sent.is_before(answered.seq));
        before
            .and_then(|exchange| exchange.end)
            .is_some_and(|(end, how, ..)| how == outcome && end.is_before(question.began.seq))
    };
    let waiting: Vec<&Transfer<'_>> = facts.transfers_of(session.id).filter(met).collect();
    let [first, ..] = waiting[..] else { return };
    if waiting.iter().any(|transfer| transfer.exchanges.iter().any(|exchange| inside(exchange.sent))) {
        finding.witness();
        return;
    }
    // Of several that met with it, or several questions, one may have been left to default handling before.
    let asked = |other: &&Delivery<'_>| other.session == question.session && same_question(other, question);
    if let ([only], 1) = (&waiting[..], facts.deliveries.iter().filter(asked).count())
        && let Some(failed) = facts.messages_of(only).find(|message| fails(message) && inside(message.began))
    {
        finding.broken(
            failed.began,
            format!("{} to go on: the app has answered its challenge", first.key),
            "did_complete (Failed), and no request since",
        );
        return;
    }
    // A process may be gone that is to be told; and a session may be given up.
    let disturbed =
        facts.changes.iter().any(|(place, how)| inside(*place) && how.state() == AppState::NotRunning)
            || session
                .gone
                .iter()
                .chain(session.invalidated.iter().map(|(place, _)| place))
                .any(|place| inside(*place));
    let excused = |transfer: &&Transfer<'_>| {
        // The link, the power and others that use the network may keep it.
        !can_send(facts, transfer, answered, by)
            || facts.messages_of(transfer).any(|message| inside(message.began))
            || transfer.cancelled.is_some_and(|cancelled| cancelled.at <= by)
            || transfer.is_paused_between(answered, facts.last())
            || transfer.times_out() <= by
    };
    if !disturbed && facts.last().at > by && !waiting.iter().any(excused) {
        finding.broken(
            answered,
            format!("a request for {} by {by}: the app has answered its challenge", first.key),
            "none",
        );
    }
}

fn same_question(one: &Delivery<'_>, other: &Delivery<'_>) -> bool {
    let method = |delivery: &Delivery<'_>| match delivery.message {
        Message::DidReceiveChallenge { method, .. } => Some(*method),
        _ => None,
    };
    method(one) == method(other)
}

const fn fails(delivery: &Delivery<'_>) -> bool {
    matches!(delivery.message, Message::DidComplete { end: EndKind::Failed, .. })
}

//! Whom a challenge is put to: SES-26.

use std::time::Duration;

use super::course::{Exchange, Transfer};
use super::facts::{Delivery, Session};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::AuthenticationMethod;
use crate::history::{EndKind, Message};
use crate::scenario::Focus;

/// The app has run for so long, attached, when default handling that is due counts as missing.
const DEFAULT_BY: Duration = Duration::from_secs(60);
/// So long for a question, which other messages may keep waiting.
const ASKED_BY: Duration = Duration::from_secs(600);

pub(super) const SES_26: Rule = Rule {
    id: "SES-26",
    level: Level::Must,
    sentence: "NTLM, Negotiate, client-certificate and server-trust challenges go to the session-level method, or to the \
               task-level one if the delegate has no other; all others go to the task-level method only; with no \
               method for it, default handling applies.",
    source: "urlSession(_:didReceive:completionHandler:); urlSession(_:task:didReceive:completionHandler:) (facts G1, \
             G2)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a challenge that had more than one way to go and went the right one, or none and was left to default \
              handling",
    hint: "choose by method and by what the delegate responds to, for each challenge; what nobody is asked about ends \
           as if default handling had been chosen",
    focus: Focus::CHALLENGES,
    judge: |facts| {
        let mut finding = Finding::default();
        for delivery in &facts.deliveries {
            addressed(facts, delivery, &mut finding);
        }
        for transfer in &facts.transfers {
            settled(facts, transfer, &mut finding);
            unasked(facts, transfer, &mut finding);
        }
        finding
    },
};

/// What a delegate is asked about, and by which of its methods.
fn question(delivery: &Delivery<'_>) -> Option<(AuthenticationMethod, bool)> {
    match delivery.message {
        Message::DidReceiveChallenge { method, session_level, .. } => Some((*method, *session_level)),
        _ => None,
    }
}

const fn method_name(session_level: bool) -> &'static str {
    if session_level { "did_receive_session_challenge" } else { "did_receive_challenge" }
}

/// Does a question come by the method that it belongs to?
fn addressed(facts: &Facts<'_>, delivery: &Delivery<'_>, finding: &mut Finding) {
    let Some((method, session_level)) = question(delivery) else { return };
    let Some(session) = facts.session(delivery.session) else { return };
    let (of_session, of_task) = session.challenges;
    let wrong = match (method.is_session_level(), session_level) {
        (true, true) => !of_session && of_task,
        (true, false) => of_session,
        (false, true) => of_session || of_task,
        // To call a method that is not there is to leave it to default handling, which may be right.
        (false, false) => false,
    };
    if wrong {
        let expected = match (method.is_session_level(), of_task) {
            (false, false) => "default handling: the delegate has no did_receive_challenge".to_owned(),
            (false, true) => format!("did_receive_challenge ({method:?})"),
            (true, _) => format!("{} ({method:?})", method_name(of_session)),
        };
        finding.broken(delivery.began, expected, format!("{} ({method:?})", method_name(session_level)));
    } else {
        let choice = of_session && (of_task || method.is_session_level());
        let fallback = method.is_session_level() && !of_session && of_task;
        finding.witnesses += u32::from(choice || fallback);
    }
}

/// Which of the ways that a challenge offers the delegate can be asked about.
fn askable(session: &Session<'_>, exchange: &Exchange) -> Vec<AuthenticationMethod> {
    let (of_session, of_task) = session.challenges;
    let can = |method: &AuthenticationMethod| of_task || (of_session && method.is_session_level());
    exchange.offers.iter().map(|space| space.method).filter(can).collect()
}

/// Has the delegate of this session been asked about one of these, before this place? An answer may serve others too.
fn asked(facts: &Facts<'_>, session: &Session<'_>, about: &[AuthenticationMethod], before: Place) -> bool {
    let of_session = facts
        .deliveries
        .iter()
        .filter(|delivery| delivery.session == session.id && delivery.began.is_before(before.seq));
    of_session.filter_map(question).any(|(method, _)| about.contains(&method))
}

/// What became of a transfer whose last exchange met with a challenge.
fn settled(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(last) = transfer.exchanges.last().filter(|last| !last.offers.is_empty()) else { return };
    // Whoever tries again meets with the same question again: the clock runs from each time.
    let same = |exchange: &&Exchange| exchange.offers == last.offers;
    let challenges: Vec<Place> =
        transfer.exchanges.iter().rev().take_while(same).filter_map(Exchange::challenge).collect();
    let Some(session) = facts.session(&transfer.key.session) else { return };
    let end = facts.last_word(transfer);
    let Some((told, end)) = end else { return };
    if transfer.cancelled.is_some() {
        return;
    }
    let about = askable(session, last);
    let ended = match end {
        EndKind::Success => "the challenge itself, told as its answer".to_owned(),
        end => format!("did_complete ({end:?})"),
    };
    let ran = |patience: Duration| {
        challenges.iter().any(|challenge| {
            let due = challenge.at + patience;
            facts.state_at(challenge.seq).is_running()
                && facts.is_attached(session, challenge.seq)
                && facts.stops_after(challenge.seq).is_none_or(|stop| stop.at > due)
                && due < transfer.times_out()
                && !transfer.is_paused_between(*challenge, told)
        })
    };
    let decided = matches!(end, EndKind::Success | EndKind::Failed | EndKind::LoginCancelled);
    if about.is_empty() {
        let default = matches!(end, EndKind::Success | EndKind::Failed);
        if default {
            finding.witness();
        } else if end == EndKind::LoginCancelled || (end == EndKind::TimedOut && ran(DEFAULT_BY)) {
            finding.broken(
                told,
                format!(
                    "default handling for {}: the delegate has no method for its challenge",
                    transfer.key
                ),
                ended,
            );
        }
    // Of several ways a service may choose one that nobody can be asked about.
    } else if about.len() == last.offers.len()
        && ((decided && told.at < transfer.times_out()) || (end == EndKind::TimedOut && ran(ASKED_BY)))
        && !asked(facts, session, &about, told)
    {
        let method = about[0];
        let of_session = method.is_session_level() && session.challenges.0;
        finding.broken(
            told,
            format!("{} ({method:?}) about {}", method_name(of_session), transfer.key),
            format!("{ended}; nobody was asked"),
        );
    }
}

/// Whoever goes on to a server that is not trusted, or has decided about a certificate, has asked somebody.
fn unasked(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let Some(session) = facts.session(&transfer.key.session) else { return };
    let (of_session, of_task) = session.challenges;
    for exchange in &transfer.exchanges {
        let trust = [AuthenticationMethod::ServerTrust];
        if exchange.trusts && !asked(facts, session, &trust, exchange.sent) {
            let expected = if of_session || of_task {
                format!("{} (ServerTrust) about {} first", method_name(of_session), transfer.key)
            } else {
                format!("an error for {}: the delegate has no method for its challenge", transfer.key)
            };
            finding.broken(exchange.sent, expected, "a request that trusts the server; nobody was asked");
        }
        let certificate = [AuthenticationMethod::ClientCertificate];
        if exchange.decided && (of_session || of_task) && !asked(facts, session, &certificate, exchange.sent)
        {
            finding.broken(
                exchange.sent,
                format!("{} (ClientCertificate) about {} first", method_name(of_session), transfer.key),
                "a request that has decided about a certificate; nobody was asked",
            );
        }
    }
}

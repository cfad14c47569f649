//! What the app's answers to challenges do, and how refusals are counted: SES-27.

use super::course::{Exchange, Transfer};
use super::facts::Delivery;
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS, tls};
use crate::history::{Answer, EndKind, Message, Space};
use crate::scenario::Focus;

pub(super) const SES_27: Rule = Rule {
    id: "SES-27",
    level: Level::Must,
    sentence: "A challenged transfer does not go on before the app has answered; each answer does what its name says; \
               a refused credential is asked about again, is proposed then, and has raised the count of failures, \
               which is one for all protection spaces.",
    source: "Handling an authentication challenge; URLSession.AuthChallengeDisposition; URLAuthenticationChallenge \
             (facts G3, G4, G5, G8)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "an answer to a challenge and what came of it, or a call about a refused credential",
    hint: "keep the 401, ask, and do nothing for the transfer until the answer; count refusals at the transfer, not at \
           the protection space; only \"cancel\" ends it with an error",
    focus: Focus::ANSWERS,
    judge: |facts| {
        let mut finding = Finding::default();
        // Of a question that is the whole session's, nobody can say which transfer it was asked for: see SES-26.
        for transfer in facts.transfers.iter().filter(|transfer| transfer.vague_login.is_none()) {
            let story = Story::of(facts, transfer);
            for (index, call) in story.calls.iter().enumerate() {
                let next = story.calls.get(index + 1).copied();
                story.counted(call, &mut finding);
                if let Some(challenged) = story.challenged_before(call) {
                    story.waits(call, next, &mut finding);
                    story.acts(call, challenged, next, &mut finding);
                }
            }
            for exchange in &transfer.exchanges {
                story.asked_again(exchange, &mut finding);
            }
        }
        tls::acted(facts, &mut finding);
        finding
    },
};

/// One transfer and its challenges.
struct Story<'b, 'a> {
    facts: &'b Facts<'a>,
    transfer: &'b Transfer<'a>,
    /// The calls that asked, in turn.
    calls: Vec<&'b Delivery<'a>>,
    end: Option<(Place, EndKind, Option<u16>)>,
}

/// What came next after an answer.
enum Next<'b, 'a> {
    Sent(&'b Exchange),
    Asked(&'b Delivery<'a>),
    Ended(Place, EndKind, Option<u16>),
}

impl Next<'_, '_> {
    fn place(&self) -> Place {
        match self {
            Self::Sent(exchange) => exchange.sent,
            Self::Asked(call) => call.began,
            Self::Ended(place, ..) => *place,
        }
    }

    fn say(&self) -> String {
        match self {
            Self::Sent(exchange) if exchange.credential => "a request with a credential".to_owned(),
            Self::Sent(_) => "another request".to_owned(),
            Self::Asked(_) => "did_receive_challenge once more".to_owned(),
            Self::Ended(_, EndKind::Success, Some(status)) => format!("did_complete (status {status})"),
            Self::Ended(_, end, _) => format!("did_complete ({end:?})"),
        }
    }
}

impl<'b, 'a> Story<'b, 'a> {
    fn of(facts: &'b Facts<'a>, transfer: &'b Transfer<'a>) -> Self {
        let asks = |delivery: &&Delivery<'_>| matches!(delivery.message, Message::DidReceiveChallenge { .. });
        let end = facts.messages_of(transfer).find_map(|delivery| match delivery.message {
            Message::DidComplete { end, status } => Some((delivery.began, *end, *status)),
            _ => None,
        });
        Self { facts, transfer, calls: facts.messages_of(transfer).filter(asks).collect(), end }
    }

    /// The exchange whose 401 this call is about; `None` if the app or the network may have changed that since.
    fn challenged_before(&self, call: &Delivery<'_>) -> Option<&'b Exchange> {
        let last = self.transfer.exchanges.iter().rev().find(|e| e.sent.is_before(call.began.seq))?;
        let challenge = last.challenge().filter(|challenge| challenge.is_before(call.began.seq))?;
        (!self.transfer.is_paused_between(challenge, call.began)).then_some(last)
    }

    fn next_after(&self, place: Place) -> Option<Next<'b, 'a>> {
        let sent = self.transfer.exchanges.iter().find(|e| e.sent.is_after(place.seq)).map(Next::Sent);
        let asked =
            self.calls.iter().find(|call| call.began.is_after(place.seq)).map(|call| Next::Asked(call));
        let ended = self.end.filter(|(end, ..)| end.is_after(place.seq));
        let ended = ended.map(|(end, kind, status)| Next::Ended(end, kind, status));
        [sent, asked, ended].into_iter().flatten().min_by_key(|next| next.place().seq)
    }

    /// Did nothing else happen between these places that would explain an end or a new request?
    fn calm(&self, from: Place, to: Place) -> bool {
        let between = |place: &Place| place.is_after(from.seq) && place.is_before(to.seq);
        let died = self.facts.ended_between(from, to);
        let link = |place: Place| self.facts.conditions_before(place.seq).link;
        let lost = link(to) != link(from) || self.facts.conditions.iter().any(|(place, _)| between(place));
        let transfer = self.transfer;
        let cancelled = transfer.cancelled.is_some_and(|cancelled| cancelled.is_before(to.seq));
        !died && !lost && !cancelled && !transfer.is_paused_between(from, to) && to.at < transfer.times_out()
    }

    /// May the session know a credential by itself by now, from another answer of the app's?
    fn knows_another(&self, before: Place) -> bool {
        let given = |delivery: &&Delivery<'_>| {
            delivery.answer == Some(Answer::UseCredential)
                && delivery.answered.is_some_and(|at| at.is_before(before.seq))
                && *delivery.session == self.transfer.key.session
        };
        let own = Some(self.transfer.key.transfer);
        let taken = |e: &Exchange| {
            e.credential && e.head.is_some_and(|(at, .., asks)| !asks && at.is_before(before.seq))
        };
        self.facts.deliveries.iter().filter(given).any(|delivery| delivery.transfer != own)
            || self.transfer.exchanges.iter().any(taken)
    }

    /// Nothing happens before the answer.
    fn waits(&self, call: &Delivery<'_>, next: Option<&Delivery<'_>>, finding: &mut Finding) {
        let until = call.answered.or_else(|| next.map(|next| next.began));
        let Some(seen) = self
            .next_after(call.began)
            .filter(|seen| until.is_none_or(|until| seen.place().is_before(until.seq)))
        else {
            return;
        };
        if !self.calm(call.began, seen.place()) {
            return;
        }
        let goes_on = match &seen {
            Next::Sent(exchange) => !(exchange.credential && self.knows_another(exchange.sent)),
            Next::Ended(_, end, _) => {
                matches!(end, EndKind::Success | EndKind::Failed | EndKind::LoginCancelled)
            }
            Next::Asked(_) => false,
        };
        if goes_on {
            finding.broken(
                seen.place(),
                format!("{} to wait: the app has not answered its challenge", self.transfer.key),
                seen.say(),
            );
        }
    }

    /// The answer does what its name says.
    fn acts(
        &self,
        call: &Delivery<'_>,
        challenged: &Exchange,
        next: Option<&Delivery<'_>>,
        finding: &mut Finding,
    ) {
        let Some((answer, at)) = call.answer.zip(call.answered) else { return };
        let overtaken = next.is_some_and(|next| next.began.is_before(at.seq))
            || self.end.is_some_and(|(end, ..)| end.is_before(at.seq))
            || self
                .transfer
                .exchanges
                .iter()
                .any(|e| e.sent.is_after(call.began.seq) && e.sent.is_before(at.seq));
        let Some(seen) = self.next_after(at).filter(|_| !overtaken) else { return };
        if !self.calm(call.began, seen.place()) {
            return;
        }
        let key = self.transfer.key;
        let left = self.spaces_left(challenged, at);
        let (expected, kept) = match answer {
            Answer::UseCredential => {
                (format!("the credential that the app gave in the next request for {key}"), self.uses(&seen))
            }
            Answer::UseNoCredential => {
                (format!("no credential with {key}: the app gave none"), self.sends_none(&seen))
            }
            Answer::CancelAuthenticationChallenge => {
                let expected = format!("the cancelled error for {key}: the app cancelled its challenge");
                let cancelled = |end| matches!(end, EndKind::LoginCancelled | EndKind::Cancelled);
                (expected, Some(matches!(seen, Next::Ended(_, end, _) if cancelled(end))))
            }
            Answer::RejectProtectionSpace if !left.is_empty() => {
                let expected = format!("did_receive_challenge for {key}'s other protection space");
                (expected, self.goes_to_another(&seen, &left))
            }
            Answer::RejectProtectionSpace if challenged.offers.is_empty() => return,
            Answer::RejectProtectionSpace => {
                let why = "the last protection space was rejected";
                (format!("the 401 as {key}'s answer, no error: {why}"), self.takes_the_401(&seen))
            }
            Answer::PerformDefaultHandling => {
                let why = "default handling was the answer";
                (format!("the 401 as {key}'s answer, no error: {why}"), self.takes_the_401(&seen))
            }
            _ => return,
        };
        match kept {
            Some(true) => finding.witness(),
            Some(false) => finding.broken(seen.place(), expected, seen.say()),
            None => {}
        }
    }

    /// Those that the 401 offered and the app had not rejected up to this place.
    fn spaces_left(&self, challenged: &Exchange, until: Place) -> Vec<Space> {
        let rejected = |space: &Space| {
            self.calls.iter().any(|call| {
                call.answer == Some(Answer::RejectProtectionSpace)
                    && call.answered.is_some_and(|at| at.is_by(until.seq))
                    && call.began.is_after(challenged.sent.seq)
                    && call.space().as_ref() == Some(space)
            })
        };
        challenged.offers.iter().filter(|space| !rejected(space)).cloned().collect()
    }

    fn uses(&self, seen: &Next<'_, '_>) -> Option<bool> {
        match seen {
            // A chain of redirects may begin anew, where no login is wanted.
            Next::Sent(exchange) if !exchange.repeats => None,
            Next::Sent(exchange) => Some(exchange.credential),
            Next::Asked(_) => None,
            Next::Ended(_, end, _) => {
                (!matches!(end, EndKind::TimedOut | EndKind::CancelledBySystem)).then_some(false)
            }
        }
    }

    fn sends_none(&self, seen: &Next<'_, '_>) -> Option<bool> {
        match seen {
            Next::Sent(exchange) if exchange.credential => self.alone(exchange.sent),
            Next::Ended(_, EndKind::Success, _) => Some(true),
            _ => None,
        }
    }

    /// A fault, unless the session may know another credential.
    fn alone(&self, place: Place) -> Option<bool> {
        (!self.knows_another(place)).then_some(false)
    }

    fn takes_the_401(&self, seen: &Next<'_, '_>) -> Option<bool> {
        match seen {
            Next::Sent(exchange) if exchange.credential => self.alone(exchange.sent),
            // The answer may be fetched once more, to be read to its end.
            Next::Sent(_) => None,
            Next::Asked(_) => Some(false),
            Next::Ended(_, end, status) => Some(*end == EndKind::Success && *status == Some(401)),
        }
    }

    fn goes_to_another(&self, seen: &Next<'_, '_>, left: &[Space]) -> Option<bool> {
        match seen {
            Next::Sent(exchange) if exchange.credential => self.alone(exchange.sent),
            Next::Sent(_) => None,
            Next::Asked(call) => Some(call.space().is_some_and(|space| left.contains(&space))),
            Next::Ended(..) => Some(false),
        }
    }

    /// The answer that this exchange carried the credential of: the latest, if it is the first exchange since.
    fn carried(&self, exchange: &Exchange) -> Option<&'b Delivery<'a>> {
        let before =
            |delivery: &&&Delivery<'_>| delivery.answered.is_some_and(|at| at.is_before(exchange.sent.seq));
        let latest = self.calls.iter().filter(before).max_by_key(|call| call.answered.map(|at| at.seq))?;
        let answered = latest.answered?.seq;
        let first = self
            .transfer
            .exchanges
            .iter()
            .all(|e| e.sent.is_before(answered) || e.sent.is_from(exchange.sent.seq));
        (exchange.credential && first && latest.answer == Some(Answer::UseCredential)).then_some(*latest)
    }

    /// A refused credential is asked about again.
    fn asked_again(&self, exchange: &Exchange, finding: &mut Finding) {
        let Some(refused) = exchange.challenge().filter(|_| self.carried(exchange).is_some()) else { return };
        if let Some(seen @ Next::Ended(place, end, _)) = self.next_after(refused)
            && matches!(end, EndKind::Success | EndKind::Failed | EndKind::LoginCancelled)
            && self.calm(refused, place)
        {
            finding.broken(
                place,
                format!("did_receive_challenge for {}: the server refused its credential", self.transfer.key),
                seen.say(),
            );
        }
    }

    /// Refused credentials are counted over all spaces, and the latest is proposed.
    fn counted(&self, call: &Delivery<'_>, finding: &mut Finding) {
        let Message::DidReceiveChallenge { failures, proposed, credential, .. } = call.message else {
            return;
        };
        let key = self.transfer.key;
        let before = |e: &&Exchange| e.head.is_some_and(|(head, ..)| head.is_before(call.began.seq));
        let (mut least, mut most, mut latest) = (0, 0, None);
        for exchange in self.transfer.exchanges.iter().filter(before) {
            if exchange.challenge().is_none() {
                // Let in: whether what was refused before still counts, the documents do not say.
                (least, latest) = (0, None);
            } else if exchange.credential {
                most += 1;
                // A credential that the session knew by itself may be the one that was refused last.
                latest = self.carried(exchange);
                least += u32::from(latest.is_some());
            }
        }
        if *failures < least {
            finding.broken(
                call.began,
                format!("{key}'s count of failures at {least} or more: so many credentials were refused"),
                format!("a count of {failures}"),
            );
        } else if *failures > most {
            finding.broken(
                call.began,
                format!("{key}'s count of failures at {most} or less: no more credentials were refused"),
                format!("a count of {failures}"),
            );
        }
        let Some(latest) = latest else { return };
        finding.witness();
        // For another space another one may be proposed; and a secret may go with the process that gave it.
        let answered = latest.answered.unwrap_or(latest.began);
        if latest.space() != call.space() || self.facts.ended_between(answered, call.began) {
            return;
        }
        let of = |user: Option<&str>| user.map_or_else(String::new, |user| format!(" of {user:?}"));
        let other = credential.as_deref().zip(latest.gave).is_some_and(|(proposed, gave)| proposed != gave);
        if !proposed || other {
            let seen =
                if *proposed { format!("that{}", of(credential.as_deref())) } else { "none".to_owned() };
            finding.broken(
                call.began,
                format!("the refused credential{} proposed for {key}", of(latest.gave)),
                seen,
            );
        }
    }
}

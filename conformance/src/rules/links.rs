//! Where requests go, and over what: SES-09, SES-10, SES-11.

use std::time::Duration;

use super::course::{Exchange, Progress, Transfer};
use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS, spoken};
use crate::contract::{Link, SessionId, Time};
use crate::history::{EndKind, Event, Listed, Message};
use crate::scenario::Focus;

/// The documents do not say how soon a transfer goes on; what has not in so long never does.
const NEVER: Duration = Duration::from_secs(6 * 3_600);

pub(super) const SES_09: Rule = Rule {
    id: "SES-09",
    level: Level::Must,
    sentence: "Without a permitted link a transfer waits, and that is no error; a session that allows no cellular \
               access makes no request over such a link; transfers go on when a permitted link appears.",
    source: "URLSessionConfiguration.waitsForConnectivity, allowsCellularAccess (facts E13, E27)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that had no permitted link and made a request when there was one",
    hint: "keep the session's setting with its transfers, also when the app is gone; look at the link before each \
           request and again whenever it changes",
    focus: Focus::LINKS,
    judge: |facts| {
        let mut finding = Finding::default();
        let links = links(facts);
        for transfer in &facts.transfers {
            let cellular = facts.session(&transfer.key.session).is_none_or(|session| session.cellular);
            forbidden(transfer, &links, cellular, &mut finding);
            patient(facts, transfer, &links, cellular, &mut finding);
            goes_on(facts, transfer, &links, cellular, &mut finding);
        }
        finding
    },
};

/// The links at hand, from when on.
fn links(facts: &Facts<'_>) -> Vec<(Place, Link)> {
    let mut links = vec![(Place { seq: 0, at: Time::ZERO }, Link::Wifi)];
    links.extend(facts.history.entries.iter().filter_map(|entry| match &entry.event {
        Event::Conditions { conditions } => Some((Place::of(entry), conditions.link)),
        _ => None,
    }));
    links
}

const fn permitted(link: Link, cellular: bool) -> bool {
    matches!(link, Link::Wifi) || (cellular && matches!(link, Link::Cellular))
}

fn link_at(links: &[(Place, Link)], place: Place) -> Link {
    let before = links.partition_point(|(from, _)| from.is_before(place.seq));
    links[..before].last().map_or(Link::Wifi, |(_, link)| *link)
}

fn forbidden(transfer: &Transfer<'_>, links: &[(Place, Link)], cellular: bool, finding: &mut Finding) {
    let over = |exchange: &&Exchange| !cellular && link_at(links, exchange.sent) == Link::Cellular;
    if let Some(exchange) = transfer.exchanges.iter().find(over) {
        finding.broken(
            exchange.sent,
            format!("no request for {} over a cellular link: its session allows none", transfer.key),
            "one, with no other link at hand",
        );
    }
}

/// Waiting for a link is no error.
fn patient(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    links: &[(Place, Link)],
    cellular: bool,
    finding: &mut Finding,
) {
    let failed = facts.messages_of(transfer).find(|delivery| {
        matches!(delivery.message, Message::DidComplete { end: EndKind::TimedOut | EndKind::Failed, .. })
    });
    let Some(failed) = failed.filter(|failed| failed.began.at < transfer.times_out()) else { return };
    let last = transfer.exchanges.iter().rev().find(|exchange| exchange.sent.is_before(failed.began.seq));
    let answered = last.is_some_and(|last| last.head.is_some());
    let since = last.map_or(transfer.resumed, |last| last.sent);
    let without = |(from, link): &&(Place, Link)| {
        from.is_before(failed.began.seq) && from.is_from(since.seq) && !permitted(*link, cellular)
    };
    let gone = links.iter().find(without).map(|(from, _)| *from);
    let gone = gone.or_else(|| (!permitted(link_at(links, since), cellular)).then_some(since));
    if let Some(gone) = gone.filter(|_| !answered && transfer.given_up.is_none()) {
        finding.broken(
            failed.began,
            format!("{} to wait: it had no permitted link at {}", transfer.key, gone.at),
            "an error",
        );
    }
}

/// A permitted link appears: whoever has waited for it goes on.
fn goes_on(
    facts: &Facts<'_>,
    transfer: &Transfer<'_>,
    links: &[(Place, Link)],
    cellular: bool,
    finding: &mut Finding,
) {
    for (index, (from, link)) in links.iter().enumerate().skip(1) {
        let before = links[index - 1].1;
        if permitted(before, cellular) || !permitted(*link, cellular) || transfer.resumed.is_from(from.seq) {
            continue;
        }
        let waiting = transfer.progress(*from) == Progress::Open
            && facts.acknowledged(transfer).is_none_or(|told| told.is_after(from.seq))
            && transfer.earliest.is_none_or(|date| date <= from.at)
            // The limiter may hold it for much longer.
            && (facts.policy.limiter_floor.is_none()
                || super::begin::created_in_front(facts, transfer) == Some(true));
        if !waiting {
            continue;
        }
        let next = transfer.exchanges.iter().find(|exchange| exchange.sent.is_after(from.seq));
        let until = next.map_or_else(|| facts.last(), |next| next.sent);
        let lost = links[index..]
            .iter()
            .any(|(place, link)| place.is_before(until.seq) && !permitted(*link, cellular));
        let due = from.at + NEVER;
        let over =
            transfer.times_out().min(transfer.cancelled.map_or(Time::DISTANT_FUTURE, |place| place.at));
        if next.is_some() && until.at <= due {
            finding.witness();
        } else if !lost && due < until.at && due < over && !transfer.is_paused_between(*from, until) {
            finding.broken(
                *from,
                format!("a request for {} now that there is a permitted link", transfer.key),
                format!("none in {}", spoken(until.at.since(from.at))),
            );
        }
    }
}

pub(super) const SES_10: Rule = Rule {
    id: "SES-10",
    level: Level::Must,
    sentence: "Redirects are followed without asking the app, whether it runs or not, a 307 or 308 with the same method \
               and body; the original request can still be read in the list.",
    source: "willPerformHTTPRedirection; Downloading files in the background (fact E12); RFC 9110 section 15.4",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that was redirected, and then answered or found in a list",
    hint: "follow a 3xx with a Location at once; only the last answer is the transfer's",
    focus: Focus::REDIRECTS,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in facts.transfers.iter().filter(|transfer| transfer.cancelled.is_none()) {
            followed(facts, transfer, &mut finding);
            in_form(facts, transfer, &mut finding);
        }
        for entry in &facts.history.entries {
            if let Event::Listed { session, transfers } = &entry.event {
                let place = Place { seq: entry.seq, at: entry.at };
                transfers.iter().for_each(|listed| readable(facts, place, session, listed, &mut finding));
            }
        }
        finding
    },
};

/// A 307 and a 308 are followed with the same method and the same body.
fn in_form(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    for pair in transfer.exchanges.windows(2) {
        let [before, next] = pair else { continue };
        let strict = leads_on(before) && matches!(before.status(), Some(307 | 308));
        if !strict || next.repeats || disturbed(facts, transfer, before.sent, next.sent) {
            continue;
        }
        if (&next.method, next.body) == (&before.method, before.body) {
            finding.witnesses += u32::from(next.body.is_some());
        } else {
            let form = |exchange: &Exchange| {
                let body = exchange.body.map_or_else(|| "no body".to_owned(), |len| format!("{len} bytes"));
                format!("{} and {body}", exchange.method)
            };
            finding.broken(
                next.sent,
                format!(
                    "the redirect ({}) of {} followed with {}",
                    before.status().unwrap_or(0),
                    transfer.key,
                    form(before)
                ),
                form(next),
            );
        }
    }
}

/// A redirected transfer is listed with what the app asked for.
fn readable(facts: &Facts<'_>, place: Place, session: &SessionId, listed: &Listed, finding: &mut Finding) {
    let (Some(request), Some(known)) = (&listed.request, facts.session(session)) else { return };
    // Of a session of a dead one's name nobody can say whose number it is.
    if !known.invalidated.is_empty() {
        return;
    }
    let mut of = facts.transfers_of(session).filter(|transfer| transfer.key.transfer == listed.transfer);
    // Another request may take the original's place.
    let replaced = |transfer: &&Transfer<'_>| facts.messages_of(transfer).any(|call| call.instead.is_some());
    let Some(transfer) = of.next().filter(|transfer| !replaced(transfer)) else { return };
    let redirected = |exchange: &Exchange| {
        leads_on(exchange) && exchange.head.is_some_and(|(head, ..)| head.is_before(place.seq))
    };
    if !transfer.exchanges.iter().any(redirected) || transfer.url.is_empty() {
        return;
    }
    if request.split_once(' ').is_some_and(|(_, address)| address == transfer.url) {
        finding.witness();
    } else {
        finding.broken(
            place,
            format!("{} listed with its original request, {}", transfer.key, transfer.url),
            request.clone(),
        );
    }
}

/// The longest chain that everybody follows.
const CHAIN: usize = 5;

/// Leads its answer to another address that a background session can ask?
fn leads_on(exchange: &Exchange) -> bool {
    exchange.redirects && matches!(exchange.status(), Some(301 | 302 | 303 | 307 | 308))
}

/// Has the link changed, or was it suspended? Then it may begin again where it began.
fn disturbed(facts: &Facts<'_>, transfer: &Transfer<'_>, from: Place, to: Place) -> bool {
    transfer.is_paused_between(from, to)
        || links(facts).iter().any(|(place, _)| place.is_after(from.seq) && place.is_before(to.seq))
}

fn followed(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let told = facts.last_word(transfer);
    for (index, exchange) in transfer.exchanges.iter().enumerate().filter(|(_, exchange)| leads_on(exchange))
    {
        let Some((head, status, _)) = exchange.head else { continue };
        let next = transfer.exchanges.get(index + 1);
        let end = told.filter(|(told, _)| next.is_none_or(|next| told.is_before(next.sent.seq)));
        let chain =
            transfer.exchanges[..=index].iter().rev().take_while(|exchange| leads_on(exchange)).count();
        match end {
            Some((place, EndKind::Success)) => finding.broken(
                place,
                format!("the redirect ({status}) of {} followed to its end", transfer.key),
                "the redirect itself, told as its answer",
            ),
            Some((place, EndKind::Failed)) if chain <= CHAIN => finding.broken(
                place,
                format!("the redirect ({status}) of {} followed to its end", transfer.key),
                "an error (Failed)",
            ),
            _ if next.is_some_and(|next| next.repeats && !disturbed(facts, transfer, head, next.sent)) => {
                finding.broken(
                    next.map_or(head, |next| next.sent),
                    format!("the redirect ({status}) of {} followed", transfer.key),
                    "the same request again",
                );
            }
            _ => {
                let until = next.map_or_else(|| facts.last(), |next| next.sent);
                let over = until.at.min(transfer.times_out());
                let alone = !disturbed(facts, transfer, head, until);
                if head.at + NEVER < over && alone {
                    finding.broken(
                        head,
                        format!(
                            "the redirect ({status}) of {} followed, with the app or without",
                            transfer.key
                        ),
                        format!("no request in {}", spoken(over.since(head.at))),
                    );
                }
            }
        }
    }
    let redirected = transfer.exchanges.iter().any(leads_on);
    let answered = transfer.concluded().is_some() && told.is_some_and(|(_, end)| end == EndKind::Success);
    finding.witnesses += u32::from(redirected && answered);
}

pub(super) const SES_11: Rule = Rule {
    id: "SES-11",
    level: Level::Must,
    sentence: "A background session refuses addresses that are not HTTP or HTTPS, and refuses or fails an upload of a \
               file that is not there.",
    source: "Downloading files in the background; URLSession (facts E9, E10, X7)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "an attempt that was refused, or failed",
    hint: "look at the scheme, and for the file, when a transfer is created",
    focus: Focus::ATTEMPTS,
    judge: |facts| {
        let mut finding = Finding::default();
        for entry in &facts.history.entries {
            let Event::Attempted { session, attempt, accepted } = &entry.event else { continue };
            let place = Place::of(entry);
            let Some(transfer) = accepted else {
                finding.witness();
                continue;
            };
            if !attempt.contains("upload of") {
                finding.broken(
                    place,
                    format!("session {session:?} to refuse it: {attempt}"),
                    format!("it is accepted, as {transfer}"),
                );
                continue;
            }
            let end = facts
                .transfers_of(session)
                .filter(|known| known.key.transfer == *transfer)
                .find_map(|known| facts.last_word(known));
            match end {
                Some((told, EndKind::Success)) => finding.broken(
                    told,
                    format!("an error: {attempt}"),
                    "did_complete without error, so something else has been sent",
                ),
                Some(_) => finding.witness(),
                None => {}
            }
        }
        finding
    },
};

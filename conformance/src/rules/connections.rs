//! How many connections a session keeps open at once: SES-32.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Basis, Facts, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::{SessionId, Time};
use crate::history::{Event, TransferKey};
use crate::scenario::Focus;

/// What a configuration says if nobody has set it.
pub(super) const CONNECTIONS: u32 = 6;
/// A connection that is being closed while the next one opens is none too many.
const MOMENT: Duration = Duration::from_secs(1);

pub(super) const SES_32: Rule = Rule {
    id: "SES-32",
    level: Level::Must,
    sentence: "A session has no more connections to one host at a time than its configuration allows: six, if nothing \
               else is set; what finds none free waits.",
    source: "URLSessionConfiguration.httpMaximumConnectionsPerHost (fact E20)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that waited while its session had as many connections as it may have",
    hint: "count a session's exchanges for each server, from the request until the answer's last byte or its failure, \
           retries and redirects included",
    focus: Focus::CONNECTIONS,
    judge: |facts| {
        let mut finding = Finding::default();
        for ((session, server), line) in lines(facts) {
            let most = facts.session(session).map_or(CONNECTIONS, |session| session.connections);
            at_once(facts, session, server, &line, most, &mut finding);
        }
        finding
    },
};

/// One exchange: when it began, whose it is, and until when it had its connection.
struct Connection<'h> {
    sent: Place,
    key: &'h TransferKey,
    until: Time,
}

/// The exchanges of each session with each server, as they began.
fn lines<'h>(facts: &Facts<'h>) -> BTreeMap<(&'h SessionId, &'h str), Vec<Connection<'h>>> {
    let mut lines: BTreeMap<_, Vec<Connection<'h>>> = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut named = BTreeMap::new();
    for entry in &facts.history.entries {
        match &entry.event {
            Event::TransferCreated { key, url, .. } => drop(named.insert(key, server(url))),
            Event::RequestSent { exchange, key: Some(key), host, .. } => {
                let Some(own) = named.get(key) else { continue };
                let of = (&key.session, host.as_deref().unwrap_or(own));
                let line = lines.entry(of).or_default();
                places.insert(*exchange, (of, line.len()));
                line.push(Connection { sent: Place::of(entry), key, until: Time::DISTANT_FUTURE });
            }
            Event::ExchangeEnded { exchange, .. } => {
                let known = places.get(exchange);
                let known = known.and_then(|(of, at)| lines.get_mut(of).and_then(|line| line.get_mut(*at)));
                if let Some(connection) = known {
                    connection.until = entry.at;
                }
            }
            _ => {}
        }
    }
    lines
}

/// Scheme, host and port of an address.
fn server(url: &str) -> &str {
    url.match_indices('/').nth(2).map_or(url, |(path, _)| &url[..path])
}

fn at_once(
    facts: &Facts<'_>,
    session: &SessionId,
    server: &str,
    line: &[Connection<'_>],
    most: u32,
    finding: &mut Finding,
) {
    let mut open: Vec<&Connection<'_>> = Vec::new();
    for connection in line {
        let sent = connection.sent;
        open.retain(|other| other.until > sent.at + MOMENT);
        open.push(connection);
        let count = open.len();
        if count > most as usize {
            finding.broken(
                sent,
                format!(
                    "{} to wait: session {session:?} may have {most} at once at {server}",
                    connection.key
                ),
                format!("{count} connections"),
            );
        } else if count == most as usize
            && facts.transfers_of(session).any(|other| {
                let first = other.exchanges.first();
                other.resumed.is_before(sent.seq) && first.is_some_and(|first| first.sent.at > sent.at)
            })
        {
            finding.witness();
        }
    }
}

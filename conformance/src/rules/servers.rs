//! Whom a credential is shown to: SES-31.

use std::collections::{BTreeMap, BTreeSet};

use super::{Basis, Finding, Level, Place, Rule, SESSIONS};
use crate::contract::{SessionId, TransferId};
use crate::history::{Answer, Event, Message, TransferKey};
use crate::scenario::Focus;

pub(super) const SES_31: Rule = Rule {
    id: "SES-31",
    level: Level::Must,
    sentence: "A credential that the app gave for one server is sent to no other, wherever a redirect leads.",
    source: "URLProtectionSpace: a server, or a part of one, that requires authentication; RFC 9110 section 11.5 (fact \
             E12)",
    basis: Basis::Documents,
    needs: &[],
    binds: SESSIONS,
    witness: "a transfer that was sent to another server after it had logged in, without a credential or with one that \
              the app gave for that server",
    hint: "remember each credential with scheme, host and port, and take it off a request that is redirected to another",
    focus: Focus::AWAY,
    judge: |facts| {
        let mut finding = Finding::default();
        let mut servers = Servers::default();
        for entry in &facts.history.entries {
            match &entry.event {
                Event::RequestSent { exchange, key: Some(key), host, credential, .. } => {
                    let host = host.as_deref();
                    let before = servers.logged_in.contains(key);
                    match (host, credential.as_deref()) {
                        (Some(host), Some(scheme)) => match servers.owed(host) {
                            Some(why) => finding.broken(
                                Place::of(entry),
                                format!("no credential for {key} at {host}, {why}"),
                                format!("a request with a {scheme} login"),
                            ),
                            None => finding.witnesses += u32::from(before),
                        },
                        (Some(_), None) => finding.witnesses += u32::from(before),
                        (None, Some(_)) => drop(servers.logged_in.insert(key)),
                        (None, None) => {}
                    }
                    servers.went.insert(*exchange, (key, host));
                }
                event => servers.take(event),
            }
        }
        finding
    },
};

/// What is known so far of servers that the app did not name.
#[derive(Default)]
struct Servers<'h> {
    /// Which transfer each exchange is for, and where it went.
    went: BTreeMap<u32, (&'h TransferKey, Option<&'h str>)>,
    /// The transfers that have shown a credential to the server that the app named.
    logged_in: BTreeSet<&'h TransferKey>,
    /// Those that have asked for a login.
    asked: BTreeSet<&'h str>,
    /// The one that has asked each transfer last.
    challenger: BTreeMap<(&'h SessionId, TransferId), &'h str>,
    /// The questions that are about such a server.
    questions: BTreeMap<u32, &'h str>,
    /// Those that the app has given a credential for.
    given: BTreeSet<&'h str>,
}

impl<'h> Servers<'h> {
    fn take(&mut self, event: &'h Event) {
        match event {
            Event::ResponseHead { exchange, challenge: true, .. } => {
                let Some((key, host)) = self.went.get(exchange) else { return };
                let of = (&key.session, key.transfer);
                match host {
                    Some(host) => {
                        self.asked.insert(host);
                        self.challenger.insert(of, host);
                    }
                    None => drop(self.challenger.remove(&of)),
                }
            }
            Event::MessageBegan {
                id,
                session,
                transfer: Some(transfer),
                message: Message::DidReceiveChallenge { .. },
                ..
            } => {
                if let Some(host) = self.challenger.get(&(session, *transfer)) {
                    self.questions.insert(*id, host);
                }
            }
            Event::Answered { id, answer: Answer::UseCredential, .. } => {
                self.given.extend(self.questions.get(id));
            }
            _ => {}
        }
    }

    /// Why this server must see no credential, if it must not.
    fn owed(&self, host: &str) -> Option<&'static str> {
        if self.given.contains(host) {
            None
        } else if self.asked.contains(host) {
            Some("for which the app has given none")
        } else {
            Some("which has not asked for any")
        }
    }
}

//! Whom a credential is shown to: SES-31.

use std::collections::{BTreeMap, BTreeSet};

use super::{Basis, Finding, Level, Place, Rule, SESSIONS};
use crate::history::Event;
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
    witness: "a transfer that was sent to another server after it had logged in",
    hint: "remember each credential with scheme, host and port, and take it off a request that is redirected to another",
    focus: Focus::AWAY,
    judge: |facts| {
        let mut finding = Finding::default();
        // Which server each exchange went to, and which have asked for a login.
        let (mut went, mut asked) = (BTreeMap::new(), BTreeSet::new());
        let mut logged_in = BTreeSet::new();
        for entry in &facts.history.entries {
            match &entry.event {
                Event::RequestSent { exchange, key: Some(key), host, credential, .. } => {
                    went.insert(*exchange, host.as_deref());
                    match (host.as_deref(), credential.as_deref()) {
                        (Some(host), Some(scheme)) if !asked.contains(host) => finding.broken(
                            Place::of(entry),
                            format!("no credential for {key} at {host}, which has not asked for any"),
                            format!("a request with a {scheme} login"),
                        ),
                        (Some(_), None) => finding.witnesses += u32::from(logged_in.contains(key)),
                        (None, Some(_)) => drop(logged_in.insert(key)),
                        _ => {}
                    }
                }
                Event::ResponseHead { exchange, challenge: true, .. } => {
                    asked.extend(went.get(exchange).copied().flatten());
                }
                _ => {}
            }
        }
        finding
    },
};

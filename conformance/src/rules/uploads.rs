//! What an upload sends: SES-34.

use super::course::{Exchange, Transfer};
use super::{Basis, Facts, Finding, Level, Rule, SESSIONS};
use crate::contract::TransferKind;
use crate::history::{EndKind, ExchangeOutcome};
use crate::scenario::Focus;
use crate::subject::Capability;

pub(super) const SES_34: Rule = Rule {
    id: "SES-34",
    level: Level::Must,
    sentence: "An upload sends its file: it ends well only if all of it went with the request that the server accepted, \
               also if that was a retry or carried a login.",
    source: "URLSession.uploadTask(with:fromFile:); Downloading files in the background (facts E10, X7)",
    basis: Basis::Documents,
    needs: &[Capability::Uploads],
    binds: SESSIONS,
    witness: "an upload that a server accepted",
    hint: "give each request of an upload the file anew, from its first byte; a retry and a request with a login too",
    focus: Focus::UPLOADS,
    judge: |facts| {
        let mut finding = Finding::default();
        for transfer in facts.transfers.iter().filter(|transfer| transfer.kind == TransferKind::Upload) {
            sent_whole(facts, transfer, &mut finding);
        }
        finding
    },
};

fn sent_whole(facts: &Facts<'_>, transfer: &Transfer<'_>, finding: &mut Finding) {
    let (Some((_, EndKind::Success)), Some(last), Some(bytes)) =
        (facts.last_word(transfer), transfer.exchanges.last(), transfer.bytes)
    else {
        return;
    };
    // A redirect may take the body away: SES-10.
    let straight = !transfer.exchanges.iter().any(|exchange| exchange.redirects);
    if !straight || !accepted(last) || !matches!(last.method.as_str(), "POST" | "PUT") {
        return;
    }
    if last.body.unwrap_or(0) == bytes {
        finding.witness();
    } else {
        finding.broken(
            last.sent,
            format!("all {bytes} bytes of its file with the request for {}", transfer.key),
            last.body.map_or_else(|| "no body".to_owned(), |len| format!("{len} bytes")),
        );
    }
}

fn accepted(exchange: &Exchange) -> bool {
    let complete = exchange.end.is_some_and(|(_, outcome, ..)| outcome == ExchangeOutcome::Complete);
    complete && exchange.status().is_some_and(|status| (200..300).contains(&status))
}

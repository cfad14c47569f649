//! What the app does in its session's callbacks: files and answers, DEL-05 and DEL-07.

use super::facts::{Delivery, Facts, Place};
use super::{Basis, DELEGATES, Finding, Level, Rule, spoken};
use crate::contract::AppState;
use crate::history::{Answer, Message};
use crate::scenario::Focus;
use crate::subject::Capability;

fn about(delivery: &Delivery<'_>) -> String {
    let session = crate::history::short(delivery.session.as_str());
    delivery.transfer.map_or_else(|| format!("{session:?}"), |transfer| format!("{session}/{transfer}"))
}

pub(super) const DEL_05A: Rule = Rule {
    id: "DEL-05a",
    level: Level::Must,
    sentence: "A downloaded file is moved or read inside the callback that gives it, and not used where it was given after \
               that has returned.",
    source: "urlSession(_:downloadTask:didFinishDownloadingTo:) (facts F6, I12)",
    basis: Basis::Documents,
    needs: &[],
    binds: DELEGATES,
    witness: "a file that was moved or read inside its callback",
    hint: "loses data: move the file before the callback returns, and give asynchronous code the new place",
    focus: Focus::APP,
    judge: |facts| {
        let mut finding = Finding::default();
        for delivery in &facts.deliveries {
            let end = delivery.end.map_or(usize::MAX, |(place, _)| place.seq);
            let used = delivery.uses.iter().chain(&delivery.moved);
            finding.witnesses += u32::from(used.clone().any(|place| place.is_before(end)));
            if let Some(late) = used.filter(|place| place.is_after(end)).min() {
                finding.broken(
                    *late,
                    format!("the file of {} used before its callback returned", about(delivery)),
                    format!("used at {}, when the system may have removed it", late.at),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_05B: Rule = Rule {
    id: "DEL-05b",
    level: Level::Should,
    sentence: "No callback of a session holds its messages up for as long as a whole allowance.",
    source: "reports and a talk on apps that were ended in a callback and lost the messages behind it (facts F19, I11)",
    basis: Basis::Reports,
    needs: &[],
    binds: DELEGATES,
    witness: "a callback that returned",
    hint: "return from the callback and go on beside it; the task stays open until that is done",
    focus: Focus::WORKING,
    judge: |facts| {
        let mut finding = Finding::default();
        let limit = facts.policy.allowances.url_session;
        for delivery in &facts.deliveries {
            let Some((end, returned)) = delivery.end else { continue };
            let took = end.at.since(delivery.began.at).saturating_sub(facts.asleep(delivery.began, end));
            finding.witnesses += u32::from(returned);
            if took >= limit {
                finding.broken(
                    delivery.began,
                    format!(
                        "{} of {} back in less than {}",
                        delivery.message.name(),
                        about(delivery),
                        spoken(limit)
                    ),
                    format!("it took until {}", end.at),
                );
            }
        }
        finding
    },
};

/// Does this message ask for an answer?
fn asks(delivery: &Delivery<'_>) -> bool {
    matches!(delivery.message, Message::DidReceiveChallenge { .. } | Message::WillBeginDelayedRequest)
}

/// Where it shows that a question was not answered: the transfer ended without it, or the history did; `None` if the
/// process ended before, and the question with it.
fn left_unanswered(facts: &Facts<'_>, delivery: &Delivery<'_>) -> Option<Place> {
    let asked = delivery.returned()?;
    let ended = facts
        .changes
        .iter()
        .find(|(place, change)| place.is_after(asked.seq) && change.state() == AppState::NotRunning)
        .map_or(usize::MAX, |(place, _)| place.seq);
    let transfer = facts
        .transfers_of(delivery.session)
        .find(|transfer| Some(transfer.key.transfer) == delivery.transfer);
    let told = transfer.and_then(|transfer| {
        facts.messages_of(transfer).find(|message| message.is_final() && message.began.is_after(asked.seq))
    });
    // A log may end before the answer comes.
    let shown = told.map(|told| told.began).or_else(|| (!facts.is_log()).then(|| facts.last()))?;
    (shown.is_before(ended)).then_some(shown)
}

pub(super) const DEL_07A: Rule = Rule {
    id: "DEL-07a",
    level: Level::Must,
    sentence: "Every question that a session asks is answered: a login challenge, and whether to begin a delayed request.",
    source: "Handling an authentication challenge: the completion handler must be called (facts G5, E22)",
    basis: Basis::Documents,
    needs: &[Capability::Questions],
    binds: DELEGATES,
    witness: "a question that was answered",
    hint: "call the completion handler on every path, also for methods that are not expected",
    focus: Focus::APP_LOGINS,
    judge: |facts| {
        let mut finding = Finding::default();
        for delivery in facts.deliveries.iter().filter(|delivery| asks(delivery)) {
            if delivery.answered.is_some() {
                finding.witness();
            } else if let Some(shown) = left_unanswered(facts, delivery) {
                finding.broken(
                    shown,
                    format!(
                        "an answer to {} of {}, asked at {}",
                        delivery.message.name(),
                        about(delivery),
                        delivery.began.at
                    ),
                    "none, in a process that could have given one".to_owned(),
                );
            }
        }
        finding
    },
};

pub(super) const DEL_07B: Rule = Rule {
    id: "DEL-07b",
    level: Level::Must,
    sentence: "No question of a session's is answered twice.",
    source: "Handling an authentication challenge: the completion handler is called once (facts G5, E22)",
    basis: Basis::Documents,
    needs: &[Capability::Questions],
    // A Rust app can not break it: an answer uses its responder up. A log can.
    binds: &[],
    witness: "a question that was answered",
    hint: "return after calling the completion handler; a path that falls through calls it again",
    focus: Focus::APP_LOGINS,
    judge: |facts| {
        let mut finding = Finding::default();
        for delivery in facts.deliveries.iter().filter(|delivery| asks(delivery)) {
            finding.witnesses += u32::from(!delivery.answers.is_empty());
            if let Some((again, _)) = delivery.answers.get(1) {
                finding.broken(
                    *again,
                    format!("one answer to {} of {}", delivery.message.name(), about(delivery)),
                    format!("another after that of {}", delivery.answers[0].0.at),
                );
            }
        }
        finding
    },
};

/// So many credentials may be refused to one transfer before offering another is endless. The documents ask apps to look at
/// the count and give no number; this one is the kit's.
const TRIES: u32 = 5;

pub(super) const DEL_07C: Rule = Rule {
    id: "DEL-07c",
    level: Level::Should,
    sentence: "An app whose credentials keep being refused stops offering them.",
    source: "Handling an authentication challenge; URLAuthenticationChallenge.previousFailureCount (facts G4, G5)",
    basis: Basis::Documents,
    needs: &[Capability::Questions],
    binds: DELEGATES,
    witness: "a question that says that a credential was refused",
    hint: "look at previous_failure_count; cancel, or ask the user the next time the app is in front",
    focus: Focus::APP_LOGINS,
    judge: |facts| {
        let mut finding = Finding::default();
        for delivery in &facts.deliveries {
            let Message::DidReceiveChallenge { failures, .. } = delivery.message else { continue };
            finding.witnesses += u32::from(*failures > 0);
            let offered = delivery.answers.iter().find(|(_, answer)| *answer == Answer::UseCredential);
            if let Some((offered, _)) = offered.filter(|_| *failures >= TRIES) {
                finding.broken(
                    *offered,
                    format!("no further credential for {} after {failures} refused ones", about(delivery)),
                    "another one offered".to_owned(),
                );
            }
        }
        finding
    },
};

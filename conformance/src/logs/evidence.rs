//! What a log must tell for a rule to be judged from it.
//!
//! A rule that looks for something in vain must know that it would have been written down. Histories of the kit's own
//! worlds tell everything; of any other log a rule is judged only once the kinds of events that it goes by have occurred.

use super::words::Kinds;

/// What one rule goes by.
pub(super) struct Evidence {
    pub(super) rule: &'static str,
    /// Of each of these groups one kind must have occurred.
    pub(super) groups: &'static [&'static [&'static str]],
    /// It looks at single callbacks or tasks only, so that it can be judged with the beginning missing.
    pub(super) local: bool,
}

const fn needs(rule: &'static str, groups: &'static [&'static [&'static str]]) -> Evidence {
    Evidence { rule, groups, local: false }
}

const fn local(rule: &'static str, groups: &'static [&'static [&'static str]]) -> Evidence {
    Evidence { rule, groups, local: true }
}

/// Without them nobody knows whether the app is in front.
const SCENE: &[&str] = &["foregrounded"];
const LEFT: &[&str] = &["backgrounded"];
const HANDLE: &[&str] = &["handle_began"];
const DONE: &[&str] = &["task_completed"];
const LAUNCH: &[&str] = &["launched"];
const SIGNAL: &[&str] = &["did_finish_events"];
const END: &[&str] = &["did_complete"];
const CREATED: &[&str] = &["transfer_created"];
/// Without it nobody knows whether a session is one of the background, whose transfers keep their numbers.
const OPENED: &[&str] = &["session_opened"];
const QUESTION: &[&str] = &["did_receive_challenge", "will_begin_delayed_request"];
const ANSWER: &[&str] = &["answered"];
const SUSPENDED: &[&str] = &["suspended"];
const MINTED: &[&str] = &["task_minted"];
const SCHEDULED: &[&str] = &["scheduled"];
const WOKEN: &[&str] = &["wake_requested"];
const RESOLVED: &[&str] = &["wake_resolved"];
const RETURNED: &[&str] = &["message_returned"];
const SENT: &[&str] = &["request_sent"];
const OVER: &[&str] = &["exchange_ended"];
const HEAD: &[&str] = &["response_head"];
const RESUMED: &[&str] = &["transfer_resumed"];

/// What each rule goes by. A rule that is not here is judged from the kit's own histories only.
pub(super) static EVIDENCE: &[Evidence] = &[
    needs("SCH-01", &[MINTED, HANDLE]),
    needs("SCH-02", &[MINTED, HANDLE, SUSPENDED, RETURNED, WOKEN]),
    needs("SCH-03", &[MINTED, HANDLE, DONE, SUSPENDED]),
    needs("SCH-04", &[MINTED, HANDLE, DONE, SUSPENDED, SCENE, LEFT]),
    needs("SCH-05", &[MINTED, HANDLE, DONE, SUSPENDED]),
    needs("SCH-06", &[MINTED, HANDLE]),
    needs("SCH-07", &[MINTED, HANDLE, SCHEDULED]),
    needs("SCH-09", &[MINTED, HANDLE, SCHEDULED]),
    needs("SCH-11", &[MINTED, SCHEDULED, &["schedule_returned"]]),
    needs("SCH-13", &[MINTED, HANDLE, &["conditions"], SUSPENDED]),
    needs("SCH-15", &[MINTED, HANDLE, &["conditions"], WOKEN, RESOLVED]),
    needs("SCH-18", &[MINTED, HANDLE, DONE, SUSPENDED, SCENE, LEFT, &["expiration_called"]]),
    needs("SCH-20", &[MINTED, HANDLE, OPENED, WOKEN]),
    needs("SES-03", &[OPENED, CREATED, RESUMED, SENT, OVER, RETURNED, END]),
    needs("SES-06", &[OPENED, CREATED, RESUMED, SENT, HEAD, OVER, RETURNED, END]),
    needs("SES-18", &[OPENED, CREATED, SENT, HEAD, OVER, RETURNED, END, SUSPENDED]),
    needs("SES-19", &[CREATED, SENT, OVER, RETURNED, SIGNAL, HANDLE, WOKEN, SUSPENDED]),
    needs("SES-20", &[OPENED, CREATED, RETURNED, END, SENT, OVER]),
    local("DEL-01a", &[HANDLE, DONE]),
    needs("DEL-01b", &[HANDLE, DONE, LAUNCH]),
    needs("DEL-01c", &[HANDLE, DONE, SIGNAL, LAUNCH]),
    needs("DEL-02a", &[HANDLE, DONE, END, SIGNAL, OPENED]),
    needs("DEL-02b", &[HANDLE, DONE, SIGNAL, OPENED]),
    needs("DEL-02c", &[HANDLE, DONE, &["work_began"], &["work_ended"]]),
    needs("DEL-03a", &[HANDLE, DONE, OPENED, LAUNCH, CREATED, END]),
    needs("DEL-03b", &[OPENED, LAUNCH, SUSPENDED, CREATED, END]),
    needs("DEL-03c", &[HANDLE, OPENED, LAUNCH]),
    needs("DEL-03d", &[HANDLE, &["invalidating"], CREATED, END, LAUNCH, SCENE]),
    needs("DEL-04", &[HANDLE, DONE, LAUNCH, OPENED]),
    local("DEL-05a", &[&["did_finish_downloading"], &["file_moved", "file_used"], RETURNED]),
    needs("DEL-05b", &[RETURNED, SUSPENDED]),
    needs("DEL-06", &[HANDLE, DONE, LAUNCH, SCENE, &["scheduled", "transfer_created"]]),
    needs("DEL-07a", &[QUESTION, ANSWER, END, LAUNCH]),
    local("DEL-07b", &[QUESTION, ANSWER]),
    local("DEL-07c", &[&["did_receive_challenge"], ANSWER]),
    needs("DEL-08a", &[HANDLE, DONE, LAUNCH, SCENE]),
    needs("DEL-08b", &[HANDLE, DONE, CREATED, END]),
    needs("DEL-08c", &[&["wanted"], CREATED, HANDLE]),
    local("DEL-09", &[&["app_panicked", "suspended"]]),
];

/// What this rule goes by.
pub(super) fn of(rule: &str) -> Option<&'static Evidence> {
    EVIDENCE.iter().find(|evidence| evidence.rule == rule)
}

impl Evidence {
    /// Has a log with these kinds told enough?
    pub(super) fn is_there(&self, kinds: &Kinds) -> bool {
        self.missing(kinds).next().is_none()
    }

    /// What it has not told.
    pub(super) fn missing(&self, kinds: &Kinds) -> impl Iterator<Item = String> {
        let lacking = self.groups.iter().filter(|group| !group.iter().any(|kind| kinds.contains(kind)));
        lacking.map(|group| group.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::{CHANGES, EVENTS, MESSAGES};
    use super::*;
    use crate::rules::RULES;

    #[test]
    fn every_kind_and_every_rule_is_one_that_there_is() {
        for evidence in EVIDENCE {
            assert!(RULES.iter().any(|rule| rule.id == evidence.rule), "{}", evidence.rule);
            for kind in evidence.groups.iter().copied().flatten() {
                assert!([EVENTS, MESSAGES, CHANGES].iter().any(|words| words.contains(kind)), "{kind}");
            }
        }
    }

    #[test]
    fn every_rule_about_apps_can_be_judged_from_some_log() {
        for rule in RULES.iter().filter(|rule| rule.id.starts_with("DEL-")) {
            assert!(of(rule.id).is_some(), "{}", rule.id);
        }
    }
}

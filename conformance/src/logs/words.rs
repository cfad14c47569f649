//! The words of the format: events, and the kinds that rules ask for.

use std::collections::BTreeSet;

/// Every event of a log.
pub(super) const EVENTS: &[&str] = &[
    "action_began",
    "action_cancelled",
    "action_registered",
    "action_returned",
    "answered",
    "app",
    "app_panicked",
    "attempted",
    "cancel_returned",
    "clock_leaps",
    "computing",
    "conditions",
    "delegate_released",
    "exchange_ended",
    "expiration_called",
    "expiration_handler_set",
    "fault",
    "file_looked",
    "file_moved",
    "file_used",
    "handle_began",
    "invalidating",
    "listed",
    "listing",
    "message_began",
    "message_interrupted",
    "message_returned",
    "phase",
    "request_sent",
    "resource",
    "response_head",
    "resume_refused",
    "schedule_returned",
    "scheduled",
    "session_opened",
    "session_refused",
    "session_reopened",
    "task_completed",
    "task_minted",
    "transfer_cancelled",
    "transfer_created",
    "transfer_refused",
    "transfer_resumed",
    "transfer_suspended",
    "triggered",
    "wake_requested",
    "wake_resolved",
    "wake_withdrawn",
    "wanted",
    "work_began",
    "work_ended",
];

/// What a delegate's method is called: an event of this name is short for `message_began`.
pub(crate) const MESSAGES: &[&str] = &[
    "did_become_download",
    "did_become_invalid",
    "did_complete",
    "did_finish_downloading",
    "did_finish_events",
    "did_receive_challenge",
    "did_receive_data",
    "did_receive_response",
    "did_resume_at_offset",
    "did_send_body_data",
    "did_write_data",
    "will_begin_delayed_request",
];

/// How the app's process changes: an event of this name is short for `app`. `terminated` says more and has no short form.
pub(crate) const CHANGES: &[&str] = &[
    "backgrounded",
    "crashed",
    "force_quit",
    "foregrounded",
    "launched",
    "purged",
    "resumed",
    "suspended",
    "terminated",
];

/// Not an event, but what rules should know of a log as well: there are callbacks without an `id` in it.
pub(crate) const NAMELESS: &str = "callbacks without an id";

/// Which kinds occur in a log: events, changes and messages by their names.
pub(super) type Kinds = BTreeSet<&'static str>;

/// The word as it stands in the vocabulary.
pub(super) fn known(word: &str, words: &[&'static str]) -> Option<&'static str> {
    words.iter().find(|known| **known == word).copied()
}

/// The word that is most like this one.
pub(super) fn nearest(word: &str) -> &'static str {
    let snake = snake(word);
    let all = EVENTS.iter().chain(MESSAGES).chain(CHANGES);
    all.copied().min_by_key(|known| distance(&snake, known)).unwrap_or("app")
}

/// `handleBegan` as `handle_began`.
pub(super) fn snake(word: &str) -> String {
    let mut snake = String::new();
    for c in word.chars().take(64) {
        if c.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(if c == ' ' || c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    snake
}

/// How many characters must be put in, left out or replaced to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, c) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, d) in other.iter().enumerate() {
            let replaced = corner + usize::from(c != *d);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        for (written, meant) in [
            ("handleBegan", "handle_began"),
            ("task_complete", "task_completed"),
            ("didCompleteWithError", "did_complete"),
            ("launch", "launched"),
            ("willEnterForeground", "foregrounded"),
        ] {
            assert_eq!(nearest(written), meant, "{written}");
        }
    }
}

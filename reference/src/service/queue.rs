//! A session's messages, in the order in which they came about.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::contract::{Challenge, FilePath, Request, Response, TransferEnd, TransferId};

/// A message as it waits. Numbers that can still change are filled in when it goes out.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// Progress of a download; at most one waits for each transfer.
    Wrote(TransferId),
    /// Progress of an upload; at most one waits for each transfer.
    Sent(TransferId),
    /// The app has to say what becomes of a data transfer.
    Response(TransferId),
    /// A data transfer goes on as a download.
    BecameDownload(TransferId),
    /// Bytes of a data transfer; at most one waits for each.
    Data(TransferId),
    /// A download that was given resume data goes on.
    ResumedAt(TransferId, u64, Option<u64>),
    /// A login is needed.
    Challenge(TransferId),
    /// A delayed request is ready.
    Delayed(TransferId),
    /// A download's file is complete.
    FinishedDownloading(TransferId, Arc<TransferEnd>, FilePath),
    /// A transfer has ended.
    Completed(TransferId, Arc<TransferEnd>),
    /// Everything that waited at a wake has been delivered.
    FinishedEvents,
    /// The session is no more.
    BecameInvalid,
}

impl Message {
    /// Is it sent only while the app runs, and never kept?
    pub(super) const fn is_progress(&self) -> bool {
        matches!(self, Self::Wrote(_) | Self::Sent(_))
    }

    /// Is it a question about this transfer?
    pub(super) fn asks_about(&self, transfer: TransferId) -> bool {
        matches!(self, Self::Challenge(id) | Self::Delayed(id) | Self::Response(id) if *id == transfer)
    }

    /// Would the app be woken for it? Neither for progress nor for the end of a drain, nor, SCH-19, for a session's last
    /// message: that waits until the app runs.
    pub(super) const fn weighs(&self) -> bool {
        !self.is_progress() && !matches!(self, Self::FinishedEvents | Self::BecameInvalid)
    }
}

/// One call to the delegate, ready to be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Call {
    /// [`did_receive_session_challenge`](crate::contract::Delegate::did_receive_session_challenge); the answer goes to
    /// [`ServiceMachine::challenge_answered`](super::ServiceMachine::challenge_answered) with this number.
    SessionChallenge(TransferId, Challenge, u64),
    /// [`did_receive_challenge`](crate::contract::Delegate::did_receive_challenge), likewise.
    Challenge(TransferId, Challenge, u64),
    /// [`will_begin_delayed_request`](crate::contract::Delegate::will_begin_delayed_request); the answer goes to
    /// [`ServiceMachine::delayed_answered`](super::ServiceMachine::delayed_answered) with this number.
    Delayed(TransferId, Request, u64),
    /// [`did_write_data`](crate::contract::Delegate::did_write_data): written, total, expected.
    Wrote(TransferId, u64, u64, Option<u64>),
    /// [`did_send_body_data`](crate::contract::Delegate::did_send_body_data): sent, total, expected.
    Sent(TransferId, u64, u64, u64),
    /// [`did_receive_response`](crate::contract::Delegate::did_receive_response); the answer goes to
    /// [`ServiceMachine::disposed`](super::ServiceMachine::disposed) with this number.
    Response(TransferId, Response, u64),
    /// [`did_become_download`](crate::contract::Delegate::did_become_download).
    BecameDownload(TransferId),
    /// [`did_receive_data`](crate::contract::Delegate::did_receive_data): the file, the first byte in it, how many.
    Data(TransferId, FilePath, u64, u64),
    /// [`did_resume_at_offset`](crate::contract::Delegate::did_resume_at_offset): offset, expected.
    ResumedAt(TransferId, u64, Option<u64>),
    /// [`did_finish_downloading`](crate::contract::Delegate::did_finish_downloading).
    FinishedDownloading(TransferId, Arc<TransferEnd>, FilePath),
    /// [`did_complete`](crate::contract::Delegate::did_complete).
    Completed(TransferId, Arc<TransferEnd>),
    /// [`did_finish_events`](crate::contract::Delegate::did_finish_events).
    FinishedEvents,
    /// [`did_become_invalid`](crate::contract::Delegate::did_become_invalid).
    BecameInvalid,
}

/// The queue. Bounded by what the app asks for: a few messages for each of its transfers.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Message>,
    /// How many of them there are of each kind that is asked for often: the line may be long.
    counts: Counts,
    /// The one that the delegate has, and has not returned from.
    pub(super) in_flight: Option<Message>,
}

#[derive(Debug, Default)]
struct Counts {
    progress: usize,
    questions: usize,
    markers: usize,
    goodbyes: usize,
    data: usize,
}

impl Counts {
    const fn of(&mut self, message: &Message) -> Option<&mut usize> {
        match message {
            Message::Wrote(_) | Message::Sent(_) => Some(&mut self.progress),
            Message::Challenge(_) | Message::Delayed(_) | Message::Response(_) => Some(&mut self.questions),
            Message::FinishedEvents => Some(&mut self.markers),
            Message::BecameInvalid => Some(&mut self.goodbyes),
            Message::Data(_) => Some(&mut self.data),
            Message::BecameDownload(_)
            | Message::ResumedAt(..)
            | Message::FinishedDownloading(..)
            | Message::Completed(..) => None,
        }
    }

    fn add(&mut self, message: &Message) {
        if let Some(count) = self.of(message) {
            *count += 1;
        }
    }

    fn remove(&mut self, message: &Message) {
        if let Some(count) = self.of(message) {
            *count -= 1;
        }
    }
}

impl Queue {
    pub(super) fn push(&mut self, message: Message) {
        self.counts.add(&message);
        self.waiting.push_back(message);
    }

    /// Takes the next one out; it stays in flight until it is settled.
    pub(super) fn take(&mut self) -> Option<Message> {
        let message = self.waiting.pop_front()?;
        self.counts.remove(&message);
        self.in_flight = Some(message.clone());
        Some(message)
    }

    /// SES-18: it was not acknowledged, so it goes first when the app is there again.
    pub(super) fn put_back(&mut self, message: Message) {
        self.counts.add(&message);
        self.waiting.push_front(message);
    }

    /// Is there nothing that the app would be woken for?
    pub(super) fn owes_nothing(&self) -> bool {
        let in_flight = self.in_flight.as_ref().is_some_and(Message::weighs);
        let light = self.counts.progress + self.counts.markers + self.counts.goodbyes;
        self.waiting.len() == light && !in_flight
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Is there such a message, waiting or with the delegate?
    pub(super) fn has(&self, wanted: impl Fn(&Message) -> bool) -> bool {
        self.waiting.iter().any(&wanted) || self.in_flight.as_ref().is_some_and(wanted)
    }

    /// Is a drain going on that has not reached its end?
    pub(super) fn has_marker(&self) -> bool {
        self.counts.markers > 0 || matches!(self.in_flight, Some(Message::FinishedEvents))
    }

    /// SES-19: behind everything that waits now, and before the session's very last message.
    pub(super) fn push_marker(&mut self) {
        self.drop_markers();
        let last = matches!(self.waiting.back(), Some(Message::BecameInvalid));
        let at = self.waiting.len() - usize::from(last);
        self.counts.markers += 1;
        self.waiting.insert(at, Message::FinishedEvents);
    }

    /// A wake that is over has no end of its drain any more.
    pub(super) fn drop_markers(&mut self) {
        if self.counts.markers > 0 {
            self.drop_all(|message| matches!(message, Message::FinishedEvents));
        }
    }

    /// Progress is never kept for an app that can not receive it.
    pub(super) fn drop_progress(&mut self) {
        if self.counts.progress > 0 {
            self.drop_all(Message::is_progress);
        }
    }

    fn drop_all(&mut self, unwanted: impl Fn(&Message) -> bool) {
        let counts = &mut self.counts;
        self.waiting.retain(|message| {
            let keep = !unwanted(message);
            if !keep {
                counts.remove(message);
            }
            keep
        });
    }

    /// A transfer that has ended asks nothing any more.
    pub(super) fn drop_questions(&mut self, transfer: TransferId) {
        if self.counts.questions > 0 {
            self.drop_all(|message| message.asks_about(transfer));
        }
    }

    /// Nobody takes the bytes of this transfer any more.
    pub(super) fn drop_data(&mut self, transfer: TransferId) {
        if self.counts.data > 0 {
            self.drop_all(|message| matches!(message, Message::Data(id) if *id == transfer));
        }
    }

    /// How a transfer whose last message waits has ended.
    pub(super) fn end_of(&self, transfer: TransferId) -> Option<&TransferEnd> {
        self.waiting.iter().find_map(|message| {
            if let Message::Completed(id, end) = message { (*id == transfer).then_some(&**end) } else { None }
        })
    }

    /// It has ended otherwise than its last message was going to say.
    pub(super) fn change_end(&mut self, transfer: TransferId, to: &Arc<TransferEnd>) {
        for message in &mut self.waiting {
            if let Message::Completed(id, end) = message
                && *id == transfer
            {
                end.clone_from(to);
            }
        }
    }

    /// Does a question about this transfer wait, or is the delegate being asked?
    pub(super) fn asks_about(&self, transfer: TransferId) -> bool {
        self.has(|message| message.asks_about(transfer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TransferId = TransferId::new(1);
    const TWO: TransferId = TransferId::new(2);

    fn done(id: TransferId) -> Message {
        Message::Completed(id, Arc::new(TransferEnd { response: None, error: None }))
    }

    fn queue(messages: impl IntoIterator<Item = Message>) -> Queue {
        let mut queue = Queue::default();
        messages.into_iter().for_each(|message| queue.push(message));
        queue
    }

    fn light() -> [Message; 4] {
        [Message::Wrote(ONE), Message::Sent(TWO), Message::FinishedEvents, Message::BecameInvalid]
    }

    #[test]
    fn nobody_is_woken_for_progress_the_end_of_a_drain_or_the_last_message() {
        for message in light() {
            let mut one = queue([message]);
            assert!(one.owes_nothing());
            one.take();
            assert!(one.owes_nothing() && one.is_empty());
        }
        assert!(queue(light()).owes_nothing());
        for message in [Message::Challenge(ONE), Message::Data(ONE), done(ONE)] {
            let mut more = queue(light());
            more.put_back(message);
            assert!(!more.owes_nothing());
            more.take();
            assert!(!more.owes_nothing(), "the delegate has it, and has not returned");
        }
    }

    #[test]
    fn a_drain_ends_once_behind_what_waits_and_before_the_last_message() {
        let mut queue = queue([done(ONE), Message::BecameInvalid]);
        assert!(!queue.has_marker());
        queue.push_marker();
        queue.push_marker();
        assert!(matches!(queue.take(), Some(Message::Completed(..))));
        assert!(queue.has_marker());
        assert!(matches!(queue.take(), Some(Message::FinishedEvents)));
        assert!(queue.has_marker(), "the delegate has it");
        assert!(matches!(queue.take(), Some(Message::BecameInvalid)));
        assert!(!queue.has_marker());
    }

    #[test]
    fn what_is_dropped_is_what_was_meant() {
        let all = || {
            let mut all = queue(light());
            for id in [ONE, TWO] {
                all.push(Message::Challenge(id));
                all.push(Message::Data(id));
                all.push(done(id));
            }
            all
        };
        let left = |drop: fn(&mut Queue)| {
            let mut queue = all();
            drop(&mut queue);
            queue.waiting.len()
        };
        assert_eq!(left(|_| {}), 10);
        assert_eq!(left(Queue::drop_progress), 8);
        assert_eq!(left(Queue::drop_markers), 9);
        assert_eq!(left(|queue| queue.drop_questions(ONE)), 9);
        assert_eq!(left(|queue| queue.drop_data(ONE)), 9);
        let mut queue = all();
        queue.drop_questions(ONE);
        assert!(queue.asks_about(TWO) && !queue.asks_about(ONE));
    }

    #[test]
    fn one_end_is_changed_and_not_another() {
        let mut queue = queue([done(ONE), done(TWO)]);
        let other = TransferEnd { response: None, error: Some(crate::contract::TransferError::Disconnected) };
        queue.change_end(TWO, &Arc::new(other.clone()));
        assert_eq!(queue.end_of(TWO), Some(&other));
        assert_eq!(queue.end_of(ONE).map(|end| end.error.is_none()), Some(true));
    }
}

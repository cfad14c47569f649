//! Where a transfer is in its life: one explicit table.

/// The states of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the rows of the table")]
pub enum Phase {
    /// Newborn, or suspended by the app: not worked on.
    Suspended,
    /// Its earliest begin date has not come.
    AwaitingDate,
    /// The delegate has the say about its delayed request.
    AwaitingDelegate,
    /// No permitted link, or held for better conditions.
    AwaitingConditions,
    /// Ready; waits for a connection to be free.
    Queued,
    /// On the wire.
    Exchanging,
    /// A server wants a login that the delegate has not given.
    AwaitingAnswer,
    /// The answer of a data transfer has arrived to its end, and the delegate has not said what is to become of it.
    AwaitingDisposition,
    /// Waits before the service's own retry.
    BackingOff,
    /// Over; perhaps its last message has not been delivered yet.
    Ended,
}

/// What can happen to a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the columns of the table")]
pub enum Event {
    /// The app suspends it, or it turns out to be suspended when it could go on.
    Suspend,
    /// It could go on, but its date has not come.
    WaitForDate,
    /// It could go on, but the delegate wants a say.
    AskDelegate,
    /// It could go on, but link or conditions do not allow it.
    WaitForConditions,
    /// It can go on as soon as a connection is free.
    Enqueue,
    /// A connection is free.
    Start,
    /// The answer was a 401 that only the delegate can help with.
    Challenge,
    /// There is a whole answer, and the delegate has the say about it.
    AwaitDisposition,
    /// The exchange failed in a way that is tried again.
    Retry,
    /// It is over, well or badly.
    End,
}

impl Phase {
    /// All states, in the order of a transfer's life.
    pub const ALL: [Self; 10] = [
        Self::Suspended,
        Self::AwaitingDate,
        Self::AwaitingDelegate,
        Self::AwaitingConditions,
        Self::Queued,
        Self::Exchanging,
        Self::AwaitingAnswer,
        Self::AwaitingDisposition,
        Self::BackingOff,
        Self::Ended,
    ];

    /// The transition table: the state after `event`, or `None` where it can not happen.
    ///
    /// ```
    /// use bgsession_reference::service::{Event, Phase};
    ///
    /// assert_eq!(Phase::Queued.after(Event::Start), Some(Phase::Exchanging));
    /// assert_eq!(Phase::Ended.after(Event::Enqueue), None); // SES-03: nothing follows the end
    /// ```
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            // SES-03: nothing happens to a transfer after its end.
            (Self::Ended, _) => None,
            (_, Event::End) => Some(Self::Ended),
            (_, Event::Suspend) => Some(Self::Suspended),
            (Self::Suspended, Event::WaitForDate) => Some(Self::AwaitingDate),
            // SES-14: the delegate is asked before the first request, never between.
            (Self::Suspended | Self::AwaitingDate, Event::AskDelegate) => Some(Self::AwaitingDelegate),
            (_, Event::WaitForConditions) => Some(Self::AwaitingConditions),
            (_, Event::Enqueue) => Some(Self::Queued),
            (Self::Queued, Event::Start) => Some(Self::Exchanging),
            // SES-27: a challenged transfer does not proceed before the answer.
            (Self::Exchanging, Event::Challenge) => Some(Self::AwaitingAnswer),
            (Self::Exchanging | Self::AwaitingAnswer, Event::AwaitDisposition) => {
                Some(Self::AwaitingDisposition)
            }
            (Self::Exchanging, Event::Retry) => Some(Self::BackingOff),
            _ => None,
        }
    }
}

impl Event {
    /// All events, in the order of the enum.
    pub const ALL: [Self; 10] = [
        Self::Suspend,
        Self::WaitForDate,
        Self::AskDelegate,
        Self::WaitForConditions,
        Self::Enqueue,
        Self::Start,
        Self::Challenge,
        Self::AwaitDisposition,
        Self::Retry,
        Self::End,
    ];
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for from in Phase::ALL {
            write!(table, "{from:?}:").unwrap();
            for event in Event::ALL {
                if let Some(to) = from.after(event) {
                    write!(table, " {event:?}>{to:?}").unwrap();
                }
            }
            table.push('\n');
        }
        assert_eq!(table, include_str!("phase_table.txt"), "\n{table}");
    }
}

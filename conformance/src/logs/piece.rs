//! A part of a log between two quiet moments, with what it needs to know of what was before.

use super::words::Kinds;
use crate::contract::Time;
use crate::history::{Entry, Event, History};

/// An entry with its place in the log.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// Counts all entries of the process, those that were assumed included.
    pub(super) order: u64,
    /// The line that it comes from.
    pub(super) line: u64,
    /// That line does not say so: it follows from it.
    pub(super) assumed: bool,
    pub(super) at: Time,
    pub(super) event: Event,
}

/// A part of a log.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// From earlier parts.
    pub(super) before: Vec<Placed>,
    pub(super) entries: Vec<Placed>,
    /// It begins at a quiet moment, or at the beginning of the log.
    pub(super) whole: bool,
    /// Bytes of the lines that it is made of.
    pub(super) bytes: usize,
    /// The kinds of events that the log has shown up to its end.
    pub(super) kinds: Kinds,
}

/// A part as rules see it, and where its entries stand in the log.
pub(super) struct Joined {
    pub(super) history: History,
    /// The first entry that is not from an earlier part.
    pub(super) from: usize,
    /// The line of each, and whether it was assumed.
    pub(super) lines: Vec<(u64, bool)>,
}

impl Piece {
    pub(super) fn join(mut self, subject: &str) -> Joined {
        self.before.sort_by_key(|placed| placed.order);
        let from = self.before.len();
        let mut history =
            History { subject: subject.to_owned(), log: Some(self.kinds), ..History::default() };
        let mut lines = Vec::with_capacity(from + self.entries.len());
        history.entries.reserve(from + self.entries.len());
        for (seq, placed) in self.before.into_iter().chain(self.entries).enumerate() {
            lines.push((placed.line, placed.assumed));
            history.entries.push(Entry { seq, at: placed.at, event: placed.event });
        }
        Joined { history, from, lines }
    }
}

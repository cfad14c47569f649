//! What was observed in one scenario, in order: the only thing that rules look at.
//!
//! A [`History`] is a list of [`Entry`]s, each an [`Event`] with its sequence number and virtual time. Its JSON Lines
//! form is a header line followed by one line per entry:
//!
//! ```text
//! {"format":"bgsession-history/1","world":"sim","subject":"reference","scenario":7}
//! {"seq":0,"at":0,"event":"app","change":"foregrounded"}
//! {"seq":1,"at":0,"event":"session_opened","session":"s","launch_events":true}
//! ```
//!
//! `seq` counts from 0 without gaps, `at` is in milliseconds and never decreases. The fields of each event are those of
//! [`Event`]'s variants; unknown fields are ignored.

mod event;
mod jsonl;
mod message;
mod names;
mod parts;
mod recorder;
#[cfg(feature = "schema")]
mod schema;
#[cfg(feature = "schema")]
mod schema_page;

pub use event::Event;
pub(crate) use jsonl::without_place;
pub use jsonl::{FORMAT, HistoryError};
pub use message::{Answer, EndKind, Message, Space};
pub(crate) use names::short;
pub use parts::{
    Completed, ExchangeOutcome, FaultKind, Listed, MessageId, Pattern, Phase, Reopening, ShownIdentity,
    SubjectFault, TaskRef, TransferKey,
};
pub(crate) use recorder::Recorder;
#[cfg(feature = "schema")]
pub use schema::schema;
#[cfg(feature = "schema")]
pub use schema_page::schema_page;

use std::collections::BTreeSet;

use crate::contract::Time;
use crate::subject::Role;

/// One observation.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::exhaustive_structs, reason = "hand-written histories build these")]
pub struct Entry {
    /// Its place in the history, from 0.
    pub seq: usize,
    /// The device's clock.
    pub at: Time,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Everything that was observed in one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// Which world it was, `sim` or `http`; empty for logs from elsewhere.
    pub world: String,
    /// Who was judged.
    pub subject: String,
    /// The part that the subject plays, if the history says.
    pub role: Option<Role>,
    /// The number of the scenario in its run, if it came from one.
    pub scenario: Option<u64>,
    /// The observations.
    pub entries: Vec<Entry>,
    /// For a log that the kit has not written: the kinds of events that occur in it. It ends anywhere, and what is not
    /// in it may have happened all the same.
    pub(crate) log: Option<BTreeSet<&'static str>>,
}

impl History {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an observation; for histories written by hand.
    ///
    /// ```
    /// use bgsession_conformance::contract::{AppChange, Time};
    /// use bgsession_conformance::history::{Event, History};
    ///
    /// let history = History::new().then(Time::ZERO, Event::App { change: AppChange::Foregrounded });
    /// assert_eq!(history.entries.len(), 1);
    /// ```
    #[must_use]
    pub fn then(mut self, at: Time, event: Event) -> Self {
        self.push(at, event);
        self
    }

    pub(crate) fn push(&mut self, at: Time, event: Event) {
        let seq = self.entries.len();
        self.entries.push(Entry { seq, at, event });
    }
}

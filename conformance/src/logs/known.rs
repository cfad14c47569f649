//! What is known of a process from the log so far: identities, what is under way, and what later parts must be told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::piece::Placed;
use crate::contract::{RefreshTaskId, SessionId, Time, TransferId};
use crate::history::{MessageId, TransferKey};

/// So many tasks, callbacks, transfers and sessions are kept in mind.
pub(super) const TASKS: usize = 1_000;
pub(super) const CALLBACKS: usize = 512;
pub(super) const TRANSFERS: usize = 20_000;
pub(super) const SESSIONS: usize = 1_000;

/// A task that the running process was given.
#[derive(Debug)]
pub(super) struct KnownTask {
    pub(super) id: RefreshTaskId,
    /// The call of handle; `None` for one that was only minted.
    pub(super) given: Option<Placed>,
    pub(super) completed: Option<Placed>,
    /// In which part of the log that was.
    pub(super) piece: u64,
}

/// A callback.
#[derive(Debug)]
pub(super) struct Callback {
    pub(super) id: MessageId,
    pub(super) began: Placed,
    pub(super) session: SessionId,
    /// By the log's own number.
    pub(super) transfer: Option<TransferId>,
    pub(super) ended: Option<Placed>,
    /// The log says so itself.
    pub(super) returned: bool,
    /// It asks for an answer.
    pub(super) asks: bool,
    pub(super) gives_file: bool,
    pub(super) answered: bool,
    pub(super) piece: u64,
}

/// What ends with a process.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// By the log's own numbers.
    pub(super) tasks: BTreeMap<u64, KnownTask>,
    /// Those that were given and not completed.
    pub(super) holding: BTreeSet<u64>,
    pub(super) callbacks: VecDeque<Callback>,
    /// Those without an id that still go on.
    pub(super) nameless: BTreeMap<SessionId, MessageId>,
    /// Those with an id, by the log's own numbers.
    pub(super) named: BTreeMap<u64, MessageId>,
    pub(super) works: BTreeSet<u32>,
    /// Sessions that were opened and are not gone.
    pub(super) open: BTreeSet<SessionId>,
}

impl Run {
    /// Has it done anything that only a running app does?
    pub(super) fn has_begun(&self) -> bool {
        !(self.open.is_empty()
            && self.holding.is_empty()
            && self.callbacks.is_empty()
            && self.works.is_empty())
    }

    pub(super) fn callback(&mut self, id: MessageId) -> Option<&mut Callback> {
        self.callbacks.iter_mut().rev().find(|callback| callback.id == id)
    }

    /// Forgets the oldest callbacks; says whether one that goes on had to go.
    pub(super) fn trim_callbacks(&mut self, most: usize) -> bool {
        let many = self.callbacks.len().saturating_sub(most);
        let gone: Vec<Callback> = self.callbacks.drain(..many).collect();
        if let Some(last) = gone.last() {
            self.named.retain(|_, id| *id > last.id);
        }
        gone.iter().any(|callback| callback.ended.is_none())
    }

    /// Forgets the oldest of what is over; says whether something under way had to go.
    pub(super) fn trim(&mut self) -> bool {
        let mut lost = self.trim_callbacks(CALLBACKS);
        while self.tasks.len() > TASKS {
            let done = self.tasks.keys().find(|number| !self.holding.contains(number)).copied();
            lost |= done.is_none();
            let Some(number) = done.or_else(|| self.holding.pop_first()) else { break };
            self.tasks.remove(&number);
        }
        lost
    }
}

/// A transfer whose end the app has not been told.
#[derive(Debug)]
pub(super) struct KnownTransfer {
    pub(super) id: TransferId,
    pub(super) created: Placed,
    pub(super) told: bool,
}

/// A session that is not gone.
#[derive(Debug)]
pub(super) struct KnownSession {
    pub(super) first: Placed,
    pub(super) last: Placed,
    pub(super) invalidated: Option<Placed>,
}

/// What outlives a process.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    /// By the log's own numbers.
    pub(super) transfers: BTreeMap<TransferKey, KnownTransfer>,
    pub(super) sessions: BTreeMap<SessionId, KnownSession>,
    pub(super) conditions: Option<Placed>,
    /// Where the present process began, and its latest change.
    pub(super) launched: Option<Placed>,
    pub(super) change: Option<Placed>,
    /// Addresses that the user wants and for which there is no transfer yet.
    pub(super) wanted: BTreeSet<String>,
    /// Requests of sessions for a wake that have not been answered, and of the app for tasks that have not come.
    pub(super) asked: BTreeSet<String>,
    /// What budgets look back to, in a log of a whole system.
    pub(super) hour: VecDeque<Placed>,
}

impl Lasting {
    /// Forgets what is too much; says whether something under way had to go.
    pub(super) fn trim(&mut self, window: std::time::Duration, now: Time) -> bool {
        let mut lost = false;
        while self.transfers.len() > TRANSFERS {
            let told = self.transfers.iter().find(|(_, transfer)| transfer.told).map(|(key, _)| key.clone());
            lost |= told.is_none();
            let Some(key) = told.or_else(|| self.transfers.keys().next().cloned()) else { break };
            self.transfers.remove(&key);
        }
        while self.sessions.len() > SESSIONS {
            lost |= self.sessions.pop_first().is_some();
        }
        while self.hour.front().is_some_and(|placed| placed.at + window < now) {
            self.hour.pop_front();
        }
        lost
    }

    /// What the next part must be told.
    pub(super) fn carried(&self, with_hour: bool) -> Vec<Placed> {
        let mut before: Vec<Placed> = Vec::new();
        before.extend(self.conditions.clone());
        before.extend(self.launched.clone());
        before.extend(self.change.clone());
        for session in self.sessions.values() {
            before.push(session.first.clone());
            before.push(session.last.clone());
            before.extend(session.invalidated.clone());
        }
        let untold = self.transfers.values().filter(|transfer| !transfer.told);
        before.extend(untold.map(|transfer| transfer.created.clone()));
        if with_hour {
            before.extend(self.hour.iter().cloned());
        }
        before.sort_by_key(|placed| placed.order);
        before.dedup_by_key(|placed| placed.order);
        before
    }
}

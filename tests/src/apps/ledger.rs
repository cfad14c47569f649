//! What the app remembers of its wakes while its process lives.

use std::collections::BTreeMap;
use std::sync::Arc;

use bgsession_reference::contract::{RefreshTask, Session, SessionId};

/// One wake of one session.
pub(super) struct Wake {
    pub(super) task: Arc<RefreshTask>,
    /// Its session's messages have all come.
    pub(super) drained: bool,
}

/// What the app remembers.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) sessions: BTreeMap<SessionId, Arc<dyn Session>>,
    pub(super) wakes: BTreeMap<SessionId, Vec<Wake>>,
    /// Drain signals that came before their task.
    pub(super) early: BTreeMap<SessionId, u32>,
    /// Work that goes on.
    pub(super) working: BTreeMap<SessionId, u32>,
    /// Wanted and not begun.
    pub(super) waiting: Vec<(SessionId, bgsession_reference::contract::Request)>,
    /// Tasks that nobody thinks of any more.
    pub(super) lying: Vec<Arc<RefreshTask>>,
    /// The task that waits for the transfer of its own.
    pub(super) awaiting: Vec<Arc<RefreshTask>>,
    /// The address that was asked for last.
    pub(super) latest: Option<(SessionId, String)>,
    pub(super) follow_ups: u32,
}

impl Ledger {
    /// Tasks of this session that nothing stands in the way of; they leave the list.
    pub(super) fn done(&mut self, session: &SessionId, wait_for_work: bool) -> Vec<Arc<RefreshTask>> {
        if wait_for_work && self.working.get(session).is_some_and(|count| *count > 0) {
            return Vec::new();
        }
        let Some(wakes) = self.wakes.get_mut(session) else { return Vec::new() };
        let (done, open) = std::mem::take(wakes).into_iter().partition(|wake: &Wake| wake.drained);
        *wakes = open;
        let done: Vec<Wake> = done;
        done.into_iter().map(|wake| wake.task).collect()
    }
}

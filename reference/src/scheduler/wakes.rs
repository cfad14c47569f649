//! The sessions that want the app, in the order in which they asked.

use crate::contract::{OverBudgetWakes, SessionId, Time};

/// One call of `request_wake` that has not been answered.
pub type WaiterId = u64;

/// One wake that is wanted, and everyone it will answer.
#[derive(Clone, Debug)]
pub(super) struct PendingWake {
    pub(super) session: SessionId,
    pub(super) waiters: Vec<WaiterId>,
    /// The budget's word, or the pause after a lost delivery.
    pub(super) not_before: Time,
    /// Its session has changed its mind while the delivery was on its way.
    pub(super) withdrawn: bool,
}

/// Bounded by what sessions ask for: one entry each when merging, else one for each call that still waits.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    pub(super) pending: Vec<PendingWake>,
    next_waiter: WaiterId,
}

impl Wakes {
    /// Notes a request. U4: one task for all that wait, or one each.
    pub(super) fn request(&mut self, session: &SessionId, merge: OverBudgetWakes) -> WaiterId {
        let waiter = self.new_waiter();
        let same = self.pending.iter_mut().find(|wake| wake.session == *session);
        match (merge, same) {
            (OverBudgetWakes::Merge, Some(wake)) => wake.waiters.push(waiter),
            (OverBudgetWakes::Merge, None) | (OverBudgetWakes::Queue, _) => {
                self.pending.push(PendingWake {
                    session: session.clone(),
                    waiters: vec![waiter],
                    not_before: Time::ZERO,
                    withdrawn: false,
                });
            }
        }
        waiter
    }

    /// A waiter that is answered without waiting.
    pub(super) const fn new_waiter(&mut self) -> WaiterId {
        self.next_waiter += 1;
        self.next_waiter
    }

    /// Puts a wake back whose task was lost. It goes first: it has waited longest.
    pub(super) fn put_back(&mut self, mut wake: PendingWake, merge: OverBudgetWakes, not_before: Time) {
        let same = self.pending.iter().position(|other| other.session == wake.session);
        if let (OverBudgetWakes::Merge, Some(at)) = (merge, same) {
            wake.waiters.extend(self.pending.remove(at).waiters);
        }
        wake.not_before = not_before;
        self.pending.insert(0, wake);
    }

    /// Takes the waiters of one session.
    pub(super) fn withdraw(&mut self, session: &SessionId) -> Vec<WaiterId> {
        let mut waiters = Vec::new();
        self.pending.retain_mut(|wake| {
            let theirs = wake.session == *session;
            if theirs {
                waiters.append(&mut wake.waiters);
            }
            !theirs
        });
        waiters
    }

    /// Takes the waiters of all sessions.
    pub(super) fn withdraw_all(&mut self) -> Vec<WaiterId> {
        self.pending.drain(..).flat_map(|wake| wake.waiters).collect()
    }

    /// When one of them may be delivered next.
    pub(super) fn next(&self) -> Time {
        self.pending.iter().map(|wake| wake.not_before).min().unwrap_or(Time::DISTANT_FUTURE)
    }
}

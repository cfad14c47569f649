//! The app's own requests: one slot for the refresh, one for the snapshot.

use std::time::Duration;

use crate::contract::{Completion, RefreshKind, Time, UserInfo};

/// One outstanding request.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) preferred: Time,
    pub(super) user_info: Option<UserInfo>,
    /// The budget's word: not before this.
    pub(super) not_before: Time,
    /// It fell due while the app was not in front, and has been waiting since.
    pub(super) overdue: bool,
}

impl Slot {
    pub(super) const fn new(preferred: Time, user_info: Option<UserInfo>) -> Self {
        Self { preferred, user_info, not_before: Time::ZERO, overdue: false }
    }

    /// Has its date come?
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.preferred <= now
    }
}

/// When a slot needs attention next; `held`: once due, it waits for something other than a moment.
pub(super) fn next(slot: Option<&Slot>, held: bool) -> Time {
    match slot {
        Some(slot) if !slot.overdue => slot.preferred.max(slot.not_before),
        Some(slot) if !held => slot.not_before,
        Some(_) | None => Time::DISTANT_FUTURE,
    }
}

/// What a completion does to the snapshot slot: `None` leaves it alone, `Some` is its new content.
#[expect(clippy::option_option, reason = "outer: is it touched; inner: what is in it then")]
pub(super) fn after_completion(
    kind: &RefreshKind,
    completion: &Completion,
    interval: Duration,
    now: Time,
) -> Option<Option<Slot>> {
    let of_snapshot = matches!(kind, RefreshKind::Snapshot(_));
    match completion {
        // SCH-23: on another kind, `true` asks for one at once in place of the app's own request; on a snapshot
        // task it is the next one, an hour later. `false` leaves the slot alone.
        Completion::Completed { snapshot: false } => None,
        Completion::Completed { snapshot: true } => {
            let preferred = if of_snapshot { now + interval } else { now };
            Some(Some(Slot::new(preferred, None)))
        }
        // SCH-10: user info given here comes back with the next one. The distant future asks for none.
        Completion::SnapshotTaken { expiration, user_info, .. } => {
            Some((*expiration != Time::DISTANT_FUTURE).then(|| Slot::new(*expiration, user_info.clone())))
        }
    }
}

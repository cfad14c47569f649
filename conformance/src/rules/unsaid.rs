//! What a log that the kit has not written leaves open: what it does not say may have happened.

use std::time::Duration;

use super::{Facts, Place};
use crate::contract::{AppChange, AppState, Time};
use crate::logs::words::NAMELESS;

impl Facts<'_> {
    /// Is this a log that the kit has not written? It ends anywhere, and what it does not say may have happened.
    pub(crate) fn is_log(&self) -> bool {
        self.history.log.is_some()
    }

    /// Would it be in the history if an event of this kind had happened? Of a log that has any, so much is taken for
    /// granted.
    pub(crate) fn tells(&self, kind: &str) -> bool {
        self.history.log.as_ref().is_none_or(|kinds| kinds.contains(kind))
    }

    /// Is it certain where callbacks returned? In a log that does not number them it is inferred.
    pub(crate) fn knows_returns(&self) -> bool {
        self.history.log.as_ref().is_none_or(|kinds| !kinds.contains(NAMELESS))
    }

    /// Is every task that is open before this entry one of the history's? A log may begin when others were, until the app stops.
    pub(crate) fn knows_tasks(&self, seq: usize) -> bool {
        let fresh = |change: AppChange| change == AppChange::Launched || !change.state().is_running();
        !self.is_log() || self.changes.iter().any(|(place, change)| place.is_before(seq) && fresh(*change))
    }

    /// Is all of the time known that lies so long before this moment? A log says nothing of what was before it.
    pub(crate) fn knows_before(&self, at: Time, span: Duration) -> bool {
        !self.is_log() || self.history.entries.first().is_some_and(|first| first.at + span <= at)
    }

    /// Had this call of `handle` a wake that the log does not tell of? Nobody knows when that began.
    pub(crate) fn woke_unseen(&self, handle: Place) -> bool {
        self.is_log() && !self.state_at(handle.seq).is_running()
    }

    /// Did the process end here and the log not say where? It does not say when either.
    pub(crate) fn ended_unseen(&self, end: Place) -> bool {
        let found = self.changes.iter().position(|(place, how)| *place == end && *how == AppChange::Purged);
        let before =
            found.and_then(|index| index.checked_sub(1)).map(|before| self.changes[before].1.state());
        // Nobody purges an app that runs.
        self.is_log() && before.is_some_and(AppState::is_running)
    }

    /// May the app have been in front before anything is said of it? A log may begin then.
    pub(super) fn may_begin_in_front(&self) -> bool {
        let from_behind = |change: AppChange| {
            matches!(
                change,
                AppChange::Launched | AppChange::Foregrounded | AppChange::Resumed | AppChange::Suspended
            )
        };
        self.is_log() && !self.changes.first().is_some_and(|(_, change)| from_behind(*change))
    }

    /// Has the app gone on without a break from one place to another? The kit's own histories say so; in a log that is
    /// certain only of what follows at once.
    pub(crate) fn is_one_stretch(&self, from: Place, to: Place) -> bool {
        let broken =
            || self.changes.iter().any(|(place, _)| place.is_after(from.seq) && place.is_before(to.seq));
        !self.is_log() || (to.at.since(from.at) <= self.policy.suspension_slack && !broken())
    }
}

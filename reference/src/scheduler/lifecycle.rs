//! What each change of the app's process means to the scheduler: one explicit table.

use crate::contract::{AppChange, AppState};

/// What a change of the app's process asks of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing but the new state.
    Nothing,
    /// The user sees the app: allowances stop counting, and a force quit is forgiven.
    ComeToFront,
    /// The user has left: allowances count again.
    LeaveFront,
    /// The process is gone, and every task it had with it.
    ForgetTasks,
    /// The same by the user's wish: no wakes until the app comes to the front.
    ForgetAndSuppress,
}

/// The transition table. The state that follows is the change's own; what differs is the effect.
///
/// Every pair has an entry: a change that does not fit the state (an app that is suspended twice) is believed, since
/// whoever runs the process knows better.
///
/// ```
/// use bgsession_reference::contract::{AppChange, AppState};
/// use bgsession_reference::scheduler::{Effect, step};
///
/// assert_eq!(step(AppState::Active, AppChange::Backgrounded), (AppState::Background, Effect::LeaveFront));
/// ```
#[must_use]
pub const fn step(state: AppState, change: AppChange) -> (AppState, Effect) {
    let effect = match (state, change) {
        (_, AppChange::Foregrounded) => Effect::ComeToFront,
        (AppState::Inactive | AppState::Active, AppChange::Backgrounded) => Effect::LeaveFront,
        (AppState::NotRunning | AppState::Suspended | AppState::Background, AppChange::Backgrounded)
        | (_, AppChange::Launched | AppChange::Resumed | AppChange::Suspended) => Effect::Nothing,
        (_, AppChange::ForceQuit) => Effect::ForgetAndSuppress,
        (_, AppChange::Purged | AppChange::Crashed | AppChange::Terminated(_)) => Effect::ForgetTasks,
    };
    (change.state(), effect)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::contract::Termination;

    #[test]
    fn the_whole_table() {
        let changes = [
            AppChange::Foregrounded,
            AppChange::Backgrounded,
            AppChange::Launched,
            AppChange::Resumed,
            AppChange::Suspended,
            AppChange::Purged,
            AppChange::Crashed,
            AppChange::ForceQuit,
            AppChange::Terminated(Termination::Wall),
        ];
        let states = [
            AppState::NotRunning,
            AppState::Suspended,
            AppState::Background,
            AppState::Inactive,
            AppState::Active,
        ];
        let mut table = String::new();
        for change in changes {
            for state in states {
                let (to, effect) = step(state, change);
                assert_eq!(to, change.state());
                write!(table, "{effect:?} ").unwrap();
            }
            writeln!(table, "<- {change:?}").unwrap();
        }
        let expected = "\
ComeToFront ComeToFront ComeToFront ComeToFront ComeToFront <- Foregrounded
Nothing Nothing Nothing LeaveFront LeaveFront <- Backgrounded
Nothing Nothing Nothing Nothing Nothing <- Launched
Nothing Nothing Nothing Nothing Nothing <- Resumed
Nothing Nothing Nothing Nothing Nothing <- Suspended
ForgetTasks ForgetTasks ForgetTasks ForgetTasks ForgetTasks <- Purged
ForgetTasks ForgetTasks ForgetTasks ForgetTasks ForgetTasks <- Crashed
ForgetAndSuppress ForgetAndSuppress ForgetAndSuppress ForgetAndSuppress ForgetAndSuppress <- ForceQuit
ForgetTasks ForgetTasks ForgetTasks ForgetTasks ForgetTasks <- Terminated(Wall)
";
        assert_eq!(table, expected);
    }
}

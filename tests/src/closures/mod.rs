//! What runs closures, written on its own: in several manners, which are all right, and with one thing wrong each.

mod runner;

use std::sync::Arc;

use bgsession_conformance::Subject;

use runner::Runner;

/// What it gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    /// Nothing.
    Nothing,
    /// A task is completed when the first of its closures returns.
    FirstReturn,
    /// A task is completed whenever one of its closures returns.
    EachReturn,
    /// A task is completed when its closures have been started.
    CompletesInHandle,
    /// As many returns are waited for as closures are registered.
    CountsAll,
    /// The name of a session need only start with that of the pattern.
    ByPrefix,
    /// Capitals are small letters.
    IgnoresCase,
    /// Of several closures that match, the first is the one.
    FirstMatchOnly,
    /// A refresh is a refresh, whatever it was scheduled with.
    AnyInfo,
    /// The expiration handler completes the task, and that is all.
    NeverCancels,
    /// The expiration handler of one task cancels whatever runs.
    CancelsAll,
    /// One variable for what is to be cancelled.
    CancelsTheLast,
    /// No expiration handler.
    NoHandler,
    /// What nothing matches is let lie.
    LeavesUnmatched,
}

/// How it does what it does; all are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Tells closures that they are cancelled, and completes the task at once.
    Tells,
    /// Drops closures that have not returned in time.
    Drops,
    /// Runs the closures of a task one after the other.
    OneAfterTheOther,
    /// Keeps the time itself, and is careful.
    KeepsTime,
    /// Returns from `handle` when all closures have.
    InHandle,
    /// Waits for closures that it has cancelled, as the documents do not forbid.
    Waits,
}

/// A runner with a slip.
pub(crate) fn careless(name: &str, slip: Slip) -> Subject {
    Subject::actions(name, move |launch, actions| Arc::new(Runner::new(launch, actions, slip, Manner::Tells)))
}

/// One without, in its own manner.
pub(crate) fn careful(name: &str, manner: Manner) -> Subject {
    Subject::actions(name, move |launch, actions| {
        Arc::new(Runner::new(launch, actions, Slip::Nothing, manner))
    })
}

/// One that does everything right.
#[must_use]
pub fn runner() -> Subject {
    careful("runner", Manner::Tells)
}

//! Apps that do one thing wrong each: what developers report, as code.
//!
//! All are one app (`Careless`) that does everything right but its `Slip`; without one it passes every rule
//! about apps, so that what a slip breaks is the slip's doing.

mod careless;
mod conduct;
mod ledger;

use std::sync::Arc;

use bgsession_conformance::Subject;
use bgsession_conformance::contract::{AtAllowance, Policy};

use careless::Careless;

/// What an app gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    /// Nothing.
    Nothing,
    /// The template's code: every task is completed in `handle`.
    CompletesInHandle,
    /// A task is completed at the first `did_complete`.
    CompletesAtTheFirstEnd,
    /// A task is completed at the first file.
    CompletesAtTheFirstFile,
    /// Ends are counted, and the last one counts as the end of the drain.
    CountsEnds,
    /// Nobody waits for the work that callbacks start.
    ForgetsItsWork,
    /// One variable for the work of all sessions, and it is a flag.
    OneFlagForAllWork,
    /// The drain signal completes a task, and so does the end of the work.
    CompletesTwice,
    /// The expiration handler completes a task and leaves it in the list.
    CompletesAfterExpiration,
    /// A stored task is completed again when its session's next one comes.
    CompletesStaleTask,
    /// One variable for the tasks of all sessions.
    OneTaskForAll,
    /// Kinds that the code does not name are let lie.
    IgnoresOtherKinds,
    /// A task of a session that the app does not know is let lie.
    IgnoresStrangers,
    /// The task of a wake is completed by the next wake.
    CompletesAtTheNextWake,
    /// Sessions that are not in memory are not the app's.
    TrustsItsMemory,
    /// Sessions are opened for their own tasks only.
    OpensOnDemand,
    /// A session is made anew for each task.
    OpensEveryTime,
    /// A session that has been drained is invalidated and made anew at once.
    RemakesAtOnce,
    /// A drained session is taken for a finished one, and its transfers are cancelled.
    CleansUp,
    /// A drain signal that comes before its task is lost.
    MissesEarlySignal,
    /// The file is moved by a task that the callback starts.
    MovesLater,
    /// The path is all that is kept of the file.
    ReadsLater,
    /// The work is done inside the callback.
    WorksInTheCallback,
    /// The next refresh is scheduled after the last completion.
    SchedulesLast,
    /// The next transfer is created after the last completion.
    FetchesLast,
    /// Challenges are not answered.
    NeverAnswers,
    /// Only Basic logins are answered.
    AnswersBasicOnly,
    /// The same credential, however often it is refused.
    TriesForEver,
    /// No expiration handler.
    NoHandler,
    /// An expiration handler that looks whether all is done, which is what it is not.
    ChecksInHandler,
    /// The refresh task is kept until its transfer has ended.
    AwaitsItsTransfer,
    /// One transfer after the other.
    OneAtATime,
    /// A status other than 200 was not thought of.
    PanicsOnStatus,
    /// A task that is not a session's was not thought of.
    PanicsOnKind,
}

/// The app with this slip.
pub(crate) fn careless(name: &str, slip: Slip) -> Subject {
    let subject = Subject::delegate(name, move |launch| Arc::new(Careless::new(launch, slip)));
    if slip == Slip::CompletesAtTheNextWake {
        // Where an app that is late is ended there is no next wake for it.
        return subject.with_policy(Policy { at_allowance: AtAllowance::Suspend, ..Policy::default() });
    }
    subject
}

/// The same app without a slip: it passes every rule about apps.
#[must_use]
pub fn careful() -> Subject {
    careless("careful", Slip::Nothing)
}

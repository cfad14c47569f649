//! Closures for refresh tasks, and who runs them: the closure style of handling wakes.
//!
//! Source: SwiftUI's `backgroundTask(_:action:)` and `BackgroundTask`; *Using background tasks*.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use super::{RefreshKind, RefreshTask, RefreshTaskId, SessionId, UserInfo};

/// Which refresh tasks a closure is for.
#[derive(Clone)]
#[non_exhaustive]
pub enum TaskPattern {
    /// Those of every session (`.urlSession`).
    AnyUrlSession,
    /// Those of the session of exactly this name (`.urlSession(_:)`).
    UrlSession(SessionId),
    /// Those of the sessions whose name this holds for (`.urlSession(matching:)`).
    UrlSessionMatching(Arc<dyn Fn(&SessionId) -> bool + Send + Sync>),
    /// Every application refresh.
    AnyApplicationRefresh,
    /// Application refreshes that were scheduled with exactly this (`.appRefresh(_:)`).
    ApplicationRefresh(UserInfo),
    /// Every snapshot (`.snapshot`).
    Snapshot,
    /// Data from the paired phone (`.watchConnectivity`).
    WatchConnectivity,
    /// Alerts of Bluetooth devices (`.bluetoothAlert`).
    BluetoothAlert,
    /// Intents that have run (`.intentDidRun`).
    IntentDidRun,
    /// Time to donate shortcuts (`.relevantShortcut`).
    RelevantShortcut,
}

impl fmt::Debug for TaskPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyUrlSession => f.write_str("AnyUrlSession"),
            Self::UrlSession(session) => f.debug_tuple("UrlSession").field(session).finish(),
            Self::UrlSessionMatching(_) => f.write_str("UrlSessionMatching"),
            Self::AnyApplicationRefresh => f.write_str("AnyApplicationRefresh"),
            Self::ApplicationRefresh(info) => f.debug_tuple("ApplicationRefresh").field(info).finish(),
            Self::Snapshot => f.write_str("Snapshot"),
            Self::WatchConnectivity => f.write_str("WatchConnectivity"),
            Self::BluetoothAlert => f.write_str("BluetoothAlert"),
            Self::IntentDidRun => f.write_str("IntentDidRun"),
            Self::RelevantShortcut => f.write_str("RelevantShortcut"),
        }
    }
}

/// What a closure is told when it runs: about which task, and how it learns that it has been cancelled.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "every runner builds these")]
pub struct ActionInput {
    /// The task that it runs for. Only the runner can complete it.
    pub task: RefreshTaskId,
    /// The task's kind, with the session's identifier for the URL-session one.
    pub kind: RefreshKind,
    /// What the app passed when it scheduled the task.
    pub user_info: Option<UserInfo>,
    /// Cancelled when the task's time is nearly over.
    pub cancellation: Cancellation,
}

impl ActionInput {
    /// What a closure is told about a task.
    #[must_use]
    pub fn new(task: &RefreshTask, cancellation: Cancellation) -> Self {
        Self {
            task: task.id(),
            kind: task.kind().clone(),
            user_info: task.user_info().cloned(),
            cancellation,
        }
    }
}

/// A closure as it runs.
pub type ActionRun = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A closure, and which tasks it is for. Clones are the same closure.
///
/// ```
/// use bgsession_reference::contract::{Action, ActionInput, TaskPattern};
///
/// let action = Action::new(TaskPattern::AnyUrlSession, |input: ActionInput| async move {
///     println!("{}", input.kind);
/// });
/// assert_eq!(format!("{action:?}"), "Action(AnyUrlSession)");
/// ```
#[derive(Clone)]
pub struct Action {
    pattern: TaskPattern,
    closure: Arc<dyn Fn(ActionInput) -> ActionRun + Send + Sync>,
}

impl Action {
    /// A closure for the tasks that this pattern matches.
    pub fn new<F, R>(pattern: TaskPattern, closure: F) -> Self
    where
        F: Fn(ActionInput) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self { pattern, closure: Arc::new(move |input| Box::pin(closure(input))) }
    }

    /// Which tasks it is for.
    #[must_use]
    pub const fn pattern(&self) -> &TaskPattern {
        &self.pattern
    }

    /// Calls the closure. It runs while what this returns is polled, and has returned when that is done.
    #[must_use]
    pub fn call(&self, input: ActionInput) -> ActionRun {
        (self.closure)(input)
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({:?})", self.pattern)
    }
}

/// Runs an app's closures for the refresh tasks that it is handed: a framework's layer before the app's own code.
///
/// It has been given the closures when the process was launched. Handed a task it runs every closure whose pattern
/// matches, once each (SCH-24a), and completes the task once, when the last of them has returned (SCH-24b). When the task's time is
/// nearly over it cancels those that still run (SCH-24c). A task that nothing matches it completes (SCH-24d), and
/// it does not wait for ever for a closure that has been cancelled (SCH-24e); both of these are guesses, for the documents do not
/// say.
///
/// Cancelling is telling the closure through [`ActionInput::cancellation`]; not to poll its run any more, or to drop it, is
/// cancelling it too.
///
/// Source: SwiftUI's `backgroundTask(_:action:)`.
#[async_trait]
pub trait ActionRunner: Send + Sync {
    /// The app was woken with these tasks, at least one. May be called again while earlier tasks are open. It may return before
    /// the closures do.
    async fn handle(&self, tasks: Vec<RefreshTask>);
}

/// Whether a closure has been cancelled. Clones are the same one.
///
/// ```
/// use bgsession_reference::contract::Cancellation;
///
/// let cancellation = Cancellation::new();
/// let seen = cancellation.clone();
/// assert!(!seen.is_cancelled());
/// cancellation.cancel();
/// assert!(seen.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Cancellation(Arc<Mutex<Cancelled>>);

#[derive(Default)]
struct Cancelled {
    cancelled: bool,
    wakers: Vec<Waker>,
    handlers: Vec<Box<dyn FnOnce() + Send>>,
}

impl Cancellation {
    /// Not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Cancelled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels it; once is enough.
    pub fn cancel(&self) {
        let (wakers, handlers) = {
            let mut state = self.lock();
            state.cancelled = true;
            (std::mem::take(&mut state.wakers), std::mem::take(&mut state.handlers))
        };
        // Outside of the lock: both are foreign code.
        handlers.into_iter().for_each(|handler| handler());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Has it been cancelled?
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Runs this inside the call that cancels, as `withTaskCancellationHandler` does; at once if that has been made. It
    /// must not block.
    pub fn on_cancel(&self, handler: impl FnOnce() + Send + 'static) {
        {
            let mut state = self.lock();
            if !state.cancelled {
                state.handlers.push(Box::new(handler));
                return;
            }
        }
        handler();
    }

    /// Waits until it is cancelled.
    pub async fn cancelled(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.cancelled {
                return Poll::Ready(());
            }
            if !state.wakers.iter().any(|known| known.will_wake(cx.waker())) {
                state.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancellation({})", self.is_cancelled())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn handlers_run_once_inside_the_call_or_at_once_if_it_has_been_made() {
        let count = Arc::new(AtomicU32::new(0));
        let more = || {
            let count = Arc::clone(&count);
            move || {
                count.fetch_add(1, Ordering::Relaxed);
            }
        };
        let cancellation = Cancellation::new();
        cancellation.on_cancel(more());
        assert_eq!(count.load(Ordering::Relaxed), 0);
        cancellation.cancel();
        cancellation.cancel();
        assert_eq!(count.load(Ordering::Relaxed), 1);
        cancellation.on_cancel(more());
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let cancellation = Cancellation::new();
        let waiting = tokio::spawn({
            let cancellation = cancellation.clone();
            async move { cancellation.cancelled().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        cancellation.cancel();
        waiting.await.unwrap();
    }
}

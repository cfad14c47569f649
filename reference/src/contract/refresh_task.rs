//! Refresh tasks: the handle of one wake, in the app's hand and in the system's.
//!
//! The app gets a [`RefreshTask`] and can neither build nor clone one. The system keeps the other end, the
//! [`SystemTask`], which its [`TaskMint`] made. Both ends, and whoever observes the mint, agree on one identity.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{RefreshTaskId, SessionId, Time, UserInfo};

/// Why the system wants a snapshot. Source: `WKSnapshotRefreshBackgroundTask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SnapshotReason {
    /// The app scheduled it, or asked for it when it completed a task.
    AppScheduled,
    /// An hour has passed since the last use: show the default state.
    ReturnToDefaultState,
    /// The complication's timeline was updated.
    ComplicationUpdate,
    /// Before the app is first shown after a boot.
    Prelaunch,
    /// The app left the foreground.
    AppBackgrounded,
}

/// The kinds of refresh tasks. Source: the subclasses of `WKRefreshBackgroundTask`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RefreshKind {
    /// A background session needs the app (`WKURLSessionRefreshBackgroundTask`).
    UrlSession(SessionId),
    /// The app asked to be woken (`WKApplicationRefreshBackgroundTask`).
    ApplicationRefresh,
    /// A picture of the interface is due (`WKSnapshotRefreshBackgroundTask`).
    Snapshot(SnapshotReason),
    /// Data came from the paired phone (`WKWatchConnectivityRefreshBackgroundTask`).
    WatchConnectivity,
    /// A Bluetooth device has an alert (`WKBluetoothAlertRefreshBackgroundTask`).
    BluetoothAlert,
    /// One of the app's intents has run (`WKIntentDidRunRefreshBackgroundTask`).
    IntentDidRun,
    /// Time to donate shortcuts (`WKRelevantShortcutRefreshBackgroundTask`).
    RelevantShortcut,
}

impl fmt::Display for RefreshKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UrlSession(session) => write!(f, "URL session {session}"),
            Self::ApplicationRefresh => f.write_str("application refresh"),
            Self::Snapshot(_) => f.write_str("snapshot"),
            Self::WatchConnectivity => f.write_str("watch connectivity"),
            Self::BluetoothAlert => f.write_str("Bluetooth alert"),
            Self::IntentDidRun => f.write_str("intent did run"),
            Self::RelevantShortcut => f.write_str("relevant shortcut"),
        }
    }
}

/// How the app completed a task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Completion {
    /// `setTaskCompletedWithSnapshot(_:)`.
    Completed {
        /// Ask for an immediate snapshot; on a snapshot task: for the next one in an hour.
        snapshot: bool,
    },
    /// `setTaskCompleted(restoredDefaultState:estimatedSnapshotExpiration:userInfo:)`, for snapshot tasks.
    SnapshotTaken {
        /// The interface shows its default state again.
        restored_default_state: bool,
        /// When the next snapshot is wanted; [`Time::DISTANT_FUTURE`] for none.
        expiration: Time,
        /// Comes back with the next snapshot task.
        user_info: Option<UserInfo>,
    },
}

/// What the system is told when the app completes a task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletionReport {
    /// Which task.
    pub task: RefreshTaskId,
    /// How.
    pub completion: Completion,
    /// The task had been completed before: the app's fault, and no completion of anything.
    pub repeated: bool,
}

/// Sees what happens to every task of a mint, whoever does it. Called in order; must not block.
pub trait TaskObserver: Send + Sync {
    /// A task was made.
    fn minted(&self, id: RefreshTaskId, kind: &RefreshKind);
    /// The app completed a task, perhaps not for the first time.
    fn completed(&self, report: &CompletionReport);
    /// The app set an expiration handler on a task that it has not completed.
    fn handler_set(&self, id: RefreshTaskId) {
        let _ = id;
    }
    /// The system called for the task's expiration handler. `open`: the task had not been completed;
    /// `handler`: the app had set one and it runs now.
    fn expiration_called(&self, id: RefreshTaskId, open: bool, handler: bool);
}

impl TaskObserver for () {
    fn minted(&self, _: RefreshTaskId, _: &RefreshKind) {}
    fn completed(&self, _: &CompletionReport) {}
    fn expiration_called(&self, _: RefreshTaskId, _: bool, _: bool) {}
}

/// Makes refresh tasks. A scheduler gets one with its [`Device`](super::Device) and shows it to nobody.
///
/// ```
/// use bgsession_reference::contract::{RefreshKind, TaskMint};
/// use std::sync::Arc;
///
/// let mint = TaskMint::new(Arc::new(()));
/// let system_end = mint.mint(RefreshKind::ApplicationRefresh, None, |report| assert!(!report.repeated));
/// let app_end = system_end.hand_over();
/// app_end.set_task_completed();
/// assert!(!system_end.is_open());
/// ```
#[derive(Clone)]
pub struct TaskMint {
    observer: Arc<dyn TaskObserver>,
    next: Arc<AtomicU64>,
}

impl TaskMint {
    /// A mint whose first task is number 1.
    #[must_use]
    pub fn new(observer: Arc<dyn TaskObserver>) -> Self {
        Self { observer, next: Arc::new(AtomicU64::new(1)) }
    }

    /// Makes a task that nobody has yet. `on_completion` is called for every completion the app makes, also the
    /// repeated ones, from whatever task the app does it in; it must not block.
    pub fn mint(
        &self,
        kind: RefreshKind,
        user_info: Option<UserInfo>,
        on_completion: impl Fn(CompletionReport) + Send + Sync + 'static,
    ) -> SystemTask {
        let id = RefreshTaskId::new(self.next.fetch_add(1, Ordering::Relaxed));
        self.observer.minted(id, &kind);
        SystemTask {
            shared: Arc::new(Shared {
                id,
                kind,
                user_info,
                observer: Arc::clone(&self.observer),
                on_completion: Box::new(on_completion),
                state: Mutex::new(State::default()),
            }),
        }
    }
}

impl fmt::Debug for TaskMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskMint").finish_non_exhaustive()
    }
}

struct Shared {
    id: RefreshTaskId,
    kind: RefreshKind,
    user_info: Option<UserInfo>,
    observer: Arc<dyn TaskObserver>,
    on_completion: Box<dyn Fn(CompletionReport) + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    completed: bool,
    handler: Option<Box<dyn FnOnce() + Send>>,
}

impl Shared {
    /// A panic in a handler poisons the lock but leaves the two fields in order.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complete(&self, completion: Completion) {
        // The handler goes too, outside the lock: what it holds may complete tasks when dropped.
        let (repeated, handler) = {
            let mut state = self.state();
            (std::mem::replace(&mut state.completed, true), state.handler.take())
        };
        drop(handler);
        let report = CompletionReport { task: self.id, completion, repeated };
        self.observer.completed(&report);
        (self.on_completion)(report);
    }
}

/// The system's end of a refresh task. Clones are the same task.
#[derive(Clone)]
pub struct SystemTask {
    shared: Arc<Shared>,
}

impl SystemTask {
    /// The task's identity.
    #[must_use]
    pub fn id(&self) -> RefreshTaskId {
        self.shared.id
    }

    /// The task's kind.
    #[must_use]
    pub fn kind(&self) -> &RefreshKind {
        &self.shared.kind
    }

    /// Has the app not completed it yet?
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.shared.state().completed
    }

    /// The app's end, to be given to [`AppProcess::deliver`](super::AppProcess::deliver) once.
    #[must_use]
    pub fn hand_over(&self) -> RefreshTask {
        RefreshTask { shared: Arc::clone(&self.shared) }
    }

    /// Tells the app that this task's time is nearly over: runs its expiration handler, if it has set one and has
    /// not completed the task. Returns whether a handler ran.
    pub fn expire(&self) -> bool {
        let (open, handler) = {
            let mut state = self.shared.state();
            (!state.completed, state.handler.take())
        };
        self.shared.observer.expiration_called(self.shared.id, open, handler.is_some());
        handler.map(|run| run()).is_some()
    }
}

impl fmt::Debug for SystemTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SystemTask({} {})", self.shared.id, self.shared.kind)
    }
}

/// The app's end of a refresh task (`WKRefreshBackgroundTask` and its subclasses).
///
/// The app keeps it while it works and completes it when everything that came with the wake has been handled: for a
/// URL-session task, once `did_finish_events` has been served. Completing it lets the system suspend the app.
/// Dropping it completes nothing. Equality and hash are by identity.
///
/// ```compile_fail
/// # fn app(task: bgsession_reference::contract::RefreshTask) {
/// let two = task.clone(); // the app can not multiply its tasks
/// # }
/// ```
pub struct RefreshTask {
    shared: Arc<Shared>,
}

impl RefreshTask {
    /// The task's identity.
    #[must_use]
    pub fn id(&self) -> RefreshTaskId {
        self.shared.id
    }

    /// The task's kind.
    #[must_use]
    pub fn kind(&self) -> &RefreshKind {
        &self.shared.kind
    }

    /// The session whose events caused the wake; `None` for every kind but the URL-session one.
    #[must_use]
    pub fn session_identifier(&self) -> Option<&SessionId> {
        match &self.shared.kind {
            RefreshKind::UrlSession(session) => Some(session),
            RefreshKind::ApplicationRefresh
            | RefreshKind::Snapshot(_)
            | RefreshKind::WatchConnectivity
            | RefreshKind::BluetoothAlert
            | RefreshKind::IntentDidRun
            | RefreshKind::RelevantShortcut => None,
        }
    }

    /// What the app passed when it scheduled this; `None` if the system started it.
    #[must_use]
    pub fn user_info(&self) -> Option<&UserInfo> {
        self.shared.user_info.as_ref()
    }

    /// Has this task not been completed yet?
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.shared.state().completed
    }

    /// Sets what runs when the task's time is nearly over. The app should stop working and complete the task in it.
    /// Replaces an earlier handler; does nothing on a completed task. It must not block.
    pub fn set_expiration_handler(&self, handler: impl FnOnce() + Send + 'static) {
        let replaced = {
            let mut state = self.shared.state();
            if state.completed {
                return;
            }
            state.handler.replace(Box::new(handler))
        };
        drop(replaced);
        self.shared.observer.handler_set(self.shared.id);
    }

    /// `setTaskCompletedWithSnapshot(false)`. A second completion changes nothing and is recorded as the app's fault.
    pub fn set_task_completed(&self) {
        self.shared.complete(Completion::Completed { snapshot: false });
    }

    /// `setTaskCompletedWithSnapshot(_:)`: see [`Completion::Completed`].
    pub fn set_task_completed_with_snapshot(&self, snapshot: bool) {
        self.shared.complete(Completion::Completed { snapshot });
    }

    /// Completes a snapshot task: see [`Completion::SnapshotTaken`]. On a task of another kind it counts as
    /// `set_task_completed`.
    pub fn set_snapshot_taken(
        &self,
        restored_default_state: bool,
        expiration: Time,
        user_info: Option<UserInfo>,
    ) {
        let completion = if matches!(self.shared.kind, RefreshKind::Snapshot(_)) {
            Completion::SnapshotTaken { restored_default_state, expiration, user_info }
        } else {
            Completion::Completed { snapshot: false }
        };
        self.shared.complete(completion);
    }
}

impl PartialEq for RefreshTask {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for RefreshTask {}

impl Hash for RefreshTask {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shared.id.hash(state);
    }
}

impl fmt::Display for RefreshTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.shared.id, self.shared.kind)
    }
}

impl fmt::Debug for RefreshTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshTask({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn send_sync<T: Send + Sync>() {}

    fn mint() -> (TaskMint, Arc<Mutex<Vec<String>>>) {
        struct Log(Arc<Mutex<Vec<String>>>);
        impl TaskObserver for Log {
            fn minted(&self, id: RefreshTaskId, kind: &RefreshKind) {
                self.0.lock().unwrap().push(format!("minted {id} {kind}"));
            }
            fn completed(&self, report: &CompletionReport) {
                self.0
                    .lock()
                    .unwrap()
                    .push(format!("completed {} repeated={}", report.task, report.repeated));
            }
            fn expiration_called(&self, id: RefreshTaskId, open: bool, handler: bool) {
                self.0.lock().unwrap().push(format!("expired {id} open={open} handler={handler}"));
            }
        }
        let log = Arc::default();
        (TaskMint::new(Arc::new(Log(Arc::clone(&log)))), log)
    }

    #[test]
    fn a_second_completion_changes_nothing_and_is_reported_as_repeated() {
        send_sync::<RefreshTask>();
        let (mint, log) = mint();
        let repeats = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&repeats);
        let system = mint.mint(RefreshKind::ApplicationRefresh, None, move |report| {
            count.fetch_add(usize::from(report.repeated), Ordering::Relaxed);
        });
        let task = system.hand_over();
        task.set_task_completed();
        task.set_task_completed();
        assert_eq!(repeats.load(Ordering::Relaxed), 1);
        assert_eq!(
            *log.lock().unwrap(),
            ["minted #1 application refresh", "completed #1 repeated=false", "completed #1 repeated=true"]
        );
    }

    #[test]
    fn the_expiration_handler_runs_once_and_never_after_completion() {
        let (mint, log) = mint();
        let first = mint.mint(RefreshKind::WatchConnectivity, None, |_| {});
        let task = Arc::new(first.hand_over());
        let inside = Arc::clone(&task);
        task.set_expiration_handler(move || inside.set_task_completed());
        assert!(first.expire());
        assert!(!first.is_open());
        assert!(!first.expire());
        task.set_expiration_handler(|| unreachable!("set after completion"));
        assert!(!first.expire());
        assert_eq!(log.lock().unwrap().last().unwrap(), "expired #1 open=false handler=false");
    }

    #[test]
    fn identity_is_what_counts() {
        let (mint, _) = mint();
        let one = mint.mint(RefreshKind::IntentDidRun, None, |_| {});
        let two = mint.mint(RefreshKind::IntentDidRun, None, |_| {});
        assert_eq!(one.hand_over(), one.hand_over());
        assert_ne!(one.hand_over(), two.hand_over());
        assert_eq!(format!("{:?}", two.hand_over()), "RefreshTask(#2 intent did run)");
    }
}

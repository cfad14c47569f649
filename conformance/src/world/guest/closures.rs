//! The kit's closures, where what runs them is the subject: registered at each launch, and watched.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::{App, Own};
use crate::contract::{
    Action, ActionInput, AppLife, Charge, RefreshKind, RefreshTask, RefreshTaskId, SessionId, SnapshotReason,
    TaskPattern, UserInfo,
};
use crate::history::{Event, Pattern};
use crate::scenario::{For, IDENTIFIERS, Return, USER_INFOS};

/// What an ordinary closure takes for a task that is not a session's.
const A_MOMENT: std::time::Duration = std::time::Duration::from_millis(200);

/// What the kit knows of its closures.
#[derive(Default)]
pub(super) struct Known {
    /// How often each session has been drained.
    drains: BTreeMap<SessionId, u32>,
    /// How often the session of a task had been drained when it came.
    given: BTreeMap<RefreshTaskId, u32>,
    runs: u32,
    asked: usize,
}

impl Known {
    pub(super) fn forget_run(&mut self) {
        self.given.clear();
    }
}

impl App {
    /// Is what runs the app's closures the subject?
    pub(crate) fn has_closures(&self) -> bool {
        matches!(self.code().own, Own::Runner(_))
    }

    /// The closures of a launched process.
    pub(super) fn register(self: &Arc<Self>) -> Vec<Action> {
        let closures = self.setup.closures.iter().zip(1..);
        closures
            .map(|(closure, number)| {
                let (pattern, means) = pattern_of(closure.of);
                self.recorder.record(Event::ActionRegistered { action: number, pattern: means });
                let (app, returns) = (Arc::clone(self), closure.returns);
                Action::new(pattern, move |input| run(Arc::clone(&app), number, returns, input))
            })
            .collect()
    }

    /// `handle`: the runner's. Sessions are opened by the kit's app beside it.
    pub(crate) async fn handle_with_closures(self: &Arc<Self>, tasks: Vec<RefreshTask>) {
        for task in &tasks {
            match task.kind() {
                RefreshKind::ApplicationRefresh => self.lock().scheduled[0] = false,
                RefreshKind::Snapshot(SnapshotReason::AppScheduled) => self.lock().scheduled[1] = false,
                _ => {}
            }
            let Some(session) = task.session_identifier().cloned() else { continue };
            {
                let known = &mut self.code().closures;
                let drained = known.drains.get(&session).copied().unwrap_or_default();
                known.given.insert(task.id(), drained);
            }
            let app = Arc::clone(self);
            self.spawn(async move {
                let known = app.lock().known.iter().find(|(known, _)| *known == session).cloned();
                if let Some((session, launch_events)) = known {
                    app.open(&session, launch_events).await;
                }
            });
        }
        let Some(runner) = self.code().runner.clone() else { return };
        self.begin_handle(async move { runner.handle(tasks).await }).await;
    }

    /// What the app asks for a refresh with: its closures go by that.
    pub(crate) fn info_for_closures(&self, slot: Charge) -> Option<UserInfo> {
        if !self.has_closures() || slot == Charge::Snapshot {
            return None;
        }
        let asked = {
            let known = &mut self.code().closures;
            known.asked += 1;
            known.asked
        };
        Some(UserInfo::new(USER_INFOS[(asked - 1) % USER_INFOS.len()]))
    }

    /// A session's messages have been delivered: closures may wait for that.
    pub(crate) fn drained(&self, session: &SessionId) {
        if self.has_closures() {
            *self.code().closures.drains.entry(session.clone()).or_default() += 1;
            self.open_gate();
        }
    }

    /// Waits until the session of this task has been drained since it came.
    async fn drain_of(&self, task: RefreshTaskId, session: &SessionId) {
        poll_fn(|cx| {
            let drained = {
                let known = &self.code().closures;
                let before = known.given.get(&task).copied().unwrap_or_default();
                known.drains.get(session).is_some_and(|now| *now > before)
            };
            if drained {
                return Poll::Ready(());
            }
            self.wait_for_gate(cx.waker());
            Poll::Pending
        })
        .await;
    }
}

/// What a closure is for, to the runner and in the history.
fn pattern_of(of: For) -> (TaskPattern, Pattern) {
    let session = |index: u8| {
        let name = IDENTIFIERS[usize::from(index) % IDENTIFIERS.len()];
        SessionId::new(name).expect("none of them is empty")
    };
    match of {
        For::AnySession => (TaskPattern::AnyUrlSession, Pattern::AnySession),
        For::Session(index) => (TaskPattern::UrlSession(session(index)), Pattern::Session(session(index))),
        For::SessionsThatStartWith(index) => {
            let start = session(index).as_str().to_owned();
            let meant = Pattern::SessionsThatStartWith(start.clone());
            let holds = move |session: &SessionId| session.as_str().starts_with(&start);
            (TaskPattern::UrlSessionMatching(Arc::new(holds)), meant)
        }
        For::AnyRefresh => (TaskPattern::AnyApplicationRefresh, Pattern::AnyRefresh),
        For::Refresh(index) => {
            let info = UserInfo::new(USER_INFOS[usize::from(index) % USER_INFOS.len()]);
            (TaskPattern::ApplicationRefresh(info.clone()), Pattern::Refresh(info))
        }
        For::Snapshots => (TaskPattern::Snapshot, Pattern::Snapshots),
        For::Connectivity => (TaskPattern::WatchConnectivity, Pattern::WatchConnectivity),
        For::Bluetooth => (TaskPattern::BluetoothAlert, Pattern::BluetoothAlerts),
        For::Intents => (TaskPattern::IntentDidRun, Pattern::Intents),
        For::Shortcuts => (TaskPattern::RelevantShortcut, Pattern::Shortcuts),
    }
}

/// One run of a closure, watched from outside.
struct Run {
    app: Arc<App>,
    /// The process that it runs in.
    life: AppLife,
    run: u32,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    over: bool,
    cancelled: bool,
}

impl Run {
    fn begin(app: Arc<App>, action: u32, input: &ActionInput) -> Self {
        let run = {
            let known = &mut app.code().closures;
            known.runs += 1;
            known.runs
        };
        app.recorder.record(Event::ActionBegan { run, action, task: input.task });
        let state = Arc::<Mutex<State>>::default();
        let (of, recorder) = (Arc::clone(&state), app.recorder.clone());
        input.cancellation.on_cancel(move || {
            let mut state = lock(&of);
            if !state.over && !std::mem::replace(&mut state.cancelled, true) {
                recorder.record(Event::ActionCancelled { run, dropped: false });
            }
        });
        Self { life: app.life(), app, run, state }
    }

    fn returned(&self) {
        lock(&self.state).over = true;
        self.app.recorder.record(Event::ActionReturned { run: self.run });
    }
}

impl Drop for Run {
    /// Dropped before it has returned, in a process that goes on: that is the runner's doing.
    fn drop(&mut self) {
        let over = std::mem::replace(&mut lock(&self.state).over, true);
        // What a process held is let go when it has ended, or a little later.
        if !over && !self.life.has_ended() && self.app.process().is_running() {
            self.app.recorder.record(Event::ActionCancelled { run: self.run, dropped: true });
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A closure, as the scenario wants it.
async fn run(app: Arc<App>, action: u32, returns: Return, input: ActionInput) {
    let run = Run::begin(Arc::clone(&app), action, &input);
    match returns {
        Return::AtOnce => {}
        Return::After(span) => app.sleep(span.duration()).await,
        Return::WhenServed => {
            tokio::select! {
                biased;
                () = served(&app, &input) => {}
                () = input.cancellation.cancelled() => {}
            }
        }
        Return::OnceCancelled => input.cancellation.cancelled().await,
        Return::Never => std::future::pending().await,
    }
    run.returned();
}

/// What an ordinary closure waits for.
async fn served(app: &App, input: &ActionInput) {
    match &input.kind {
        RefreshKind::UrlSession(session) => app.drain_of(input.task, session).await,
        _ => app.sleep(A_MOMENT).await,
    }
}

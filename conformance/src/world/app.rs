//! The app's process: not running, in front, behind, suspended; and who is told of it.
//!
//! This is the truth that subjects are judged by: a subject may ask for a change (see `process.rs`), but whether the
//! app's code runs, and what it has received, is known here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::guard;
use super::guest::Own;
use super::{Clock, Spawner};
use crate::contract::{
    AppChange, AppLife, AppState, Device, DeviceChange, LaunchCause, RefreshTask, Responder, Scheduler,
    Session, SessionId, Spawn, TransferService,
};
use crate::history::{Event, Recorder, TaskRef, TransferKey};
use crate::scenario::{Finish, IDENTIFIERS, Setup};

/// How often whoever delivers lets others go first, until the system has heard what is new.
const MOST_TURNS: u32 = 64;

/// The system around the app.
pub(crate) struct System {
    pub(crate) device: Device,
    pub(crate) scheduler: Arc<dyn Scheduler>,
    pub(crate) service: Arc<dyn TransferService>,
}

/// The app of one scenario: its process and what it remembers.
pub(crate) struct App {
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
    pub(crate) spawner: Spawner,
    pub(crate) setup: Setup,
    around: Mutex<Option<Arc<System>>>,
    state: Mutex<State>,
    /// The app's own code, where that is the subject.
    code: Mutex<super::guest::Code>,
    /// Beside the rest of the state: a delegate may be let go while that is locked.
    invalid: Mutex<super::invalid::Invalid>,
    /// Whoever delivers tasks has it until the app's `handle` has begun: deliveries do not overtake each other.
    pub(super) door: tokio::sync::Mutex<()>,
}

pub(crate) struct State {
    process: AppState,
    /// The run of the process that is going on, or went on last.
    life: AppLife,
    /// Resumed for a wake whose `handle` has not begun yet.
    waking: bool,
    /// Code that waits until the process runs again.
    gate: Vec<Waker>,
    /// Changes that the system has not been told of yet.
    news: VecDeque<DeviceChange>,
    telling: bool,
    /// What it uses of the processor.
    pub(super) cpu: super::cpu::Cpu,
    /// Session objects of this run of the process.
    pub(crate) sessions: BTreeMap<SessionId, Arc<dyn Session>>,
    /// Second session objects of this run of the process.
    pub(crate) seconds: Vec<Arc<dyn Session>>,
    /// What the app has stored: the sessions it has ever opened, and whether they may wake it.
    pub(crate) known: Vec<(SessionId, bool)>,
    /// Tasks that wait for their session's events to be served, and how they are completed then.
    pub(crate) unserved: Vec<(SessionId, Arc<RefreshTask>, Finish)>,
    /// Tasks that are kept without a plan to complete them.
    pub(crate) kept: Vec<Arc<RefreshTask>>,
    /// Challenges that are never answered.
    pub(crate) unanswered: Vec<Responder<crate::contract::ChallengeDisposition>>,
    /// Delayed requests that are never decided about.
    pub(crate) undecided: Vec<Responder<crate::contract::DelayedRequestDisposition>>,
    /// Responses of data transfers about which it never says anything.
    pub(crate) undisposed: Vec<Responder<crate::contract::ResponseDisposition>>,
    /// What this process has been given of data transfers.
    pub(crate) data: BTreeMap<TransferKey, super::data::Taken>,
    /// How often it has answered challenges of each transfer.
    pub(crate) replied: BTreeMap<TransferKey, u32>,
    pub(crate) handled: usize,
    pub(crate) rescheduled: u32,
    /// Snapshots asked for with completions.
    pub(crate) snapshots: u32,
    pub(crate) chained: u8,
    /// Dates asked for by slot, as long as the task has not come: (refresh, snapshot).
    pub(crate) scheduled: [bool; 2],
    /// Transfers whose last message has not been delivered.
    pub(crate) outstanding: BTreeSet<TransferKey>,
    /// Transfers that are suspended, and how many resumes they need.
    pub(crate) holds: BTreeMap<TransferKey, u32>,
    /// What each transfer asks for.
    pub(crate) addresses: BTreeMap<TransferKey, String>,
    /// Downloads that were stopped and can be gone on with.
    pub(crate) stopped: VecDeque<super::control::Stopped>,
    /// Files that it was given and looks for again.
    pub(crate) kept_files: Vec<super::files::Kept>,
    /// Which transfer asks for which address.
    pub(crate) claims: BTreeMap<String, TransferKey>,
}

impl App {
    pub(crate) fn new(
        clock: Clock,
        recorder: Recorder,
        spawner: Spawner,
        setup: Setup,
        own: Own,
    ) -> Arc<Self> {
        Arc::new(Self {
            code: Mutex::new(super::guest::Code::new(own)),
            clock,
            recorder,
            spawner,
            setup,
            around: Mutex::new(None),
            invalid: Mutex::default(),
            door: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                process: AppState::NotRunning,
                life: AppLife::new(),
                waking: false,
                gate: Vec::new(),
                news: VecDeque::new(),
                telling: false,
                cpu: super::cpu::Cpu::default(),
                sessions: BTreeMap::new(),
                seconds: Vec::new(),
                known: Vec::new(),
                unserved: Vec::new(),
                kept: Vec::new(),
                unanswered: Vec::new(),
                undecided: Vec::new(),
                undisposed: Vec::new(),
                data: BTreeMap::new(),
                replied: BTreeMap::new(),
                handled: 0,
                rescheduled: 0,
                snapshots: 0,
                chained: 0,
                scheduled: [false; 2],
                outstanding: BTreeSet::new(),
                holds: BTreeMap::new(),
                addresses: BTreeMap::new(),
                stopped: VecDeque::new(),
                kept_files: Vec::new(),
                claims: BTreeMap::new(),
            }),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn invalid(&self) -> MutexGuard<'_, super::invalid::Invalid> {
        self.invalid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn code(&self) -> MutexGuard<'_, super::guest::Code> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn around(&self) -> MutexGuard<'_, Option<Arc<System>>> {
        self.around.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects the app with the system that it lives in.
    pub(crate) fn attach(&self, system: System) {
        *self.around() = Some(Arc::new(system));
    }

    /// The scenario is over: app and system hold each other, and let go now.
    pub(crate) fn detach(&self) {
        let gone = (self.around().take(), self.forget_guest(), self.lock().forget_run());
        drop(gone);
    }

    /// The system around the app, as long as the scenario goes on.
    pub(crate) fn system(&self) -> Option<Arc<System>> {
        self.around().clone()
    }

    pub(crate) fn process(&self) -> AppState {
        self.lock().process
    }

    /// The run of the process that is going on.
    pub(crate) fn life(&self) -> AppLife {
        self.lock().life.clone()
    }

    /// The user opens the app. True if that launched it.
    pub(crate) fn enter(self: &Arc<Self>) -> bool {
        let launched = {
            let mut state = self.lock();
            let launched = state.process == AppState::NotRunning;
            if launched {
                state.new_run();
            }
            launched
        };
        self.change(AppChange::Foregrounded);
        self.tell();
        if launched {
            self.launch_guest(LaunchCause::User);
        }
        launched
    }

    /// The user leaves the app.
    pub(crate) fn leave(&self) {
        if self.process().is_foreground() {
            self.change(AppChange::Backgrounded);
            self.tell();
        }
    }

    /// The process ends, for any reason but the scheduler's.
    pub(crate) fn end(&self, change: AppChange) {
        let possible = match change {
            AppChange::Purged => self.process() == AppState::Suspended,
            AppChange::Crashed => self.process().is_running(),
            _ => self.process() != AppState::NotRunning,
        };
        if possible {
            self.end_run(change);
            self.tell();
        }
    }

    pub(super) fn end_run(&self, change: AppChange) {
        self.change(change);
        self.invalid().watched.clear();
        let (life, gone) = {
            let mut state = self.lock();
            state.forget_own(&self.setup.in_process);
            (state.life.clone(), (state.forget_run(), self.forget_guest()))
        };
        // Outside the lock: dropping what the process held may run foreign code.
        drop(gone);
        life.end();
    }

    /// Records a change, carries it out and queues it for the system.
    pub(super) fn change(&self, change: AppChange) {
        self.recorder.record(Event::App { change });
        let woken = {
            let mut state = self.lock();
            state.process = change.state();
            state.cpu.process(change.state(), self.clock.now());
            state.waking = change == AppChange::Resumed;
            state.news.push_back(DeviceChange::App(change));
            if state.process.is_running() { std::mem::take(&mut state.gate) } else { Vec::new() }
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// The conditions have changed, or the system has a wish.
    pub(crate) fn conditions(&self, change: DeviceChange) {
        {
            let mut state = self.lock();
            if let DeviceChange::Conditions(now) = &change {
                state.cpu.starve(now.starved, self.clock.now());
            }
            state.news.push_back(change);
        }
        self.tell();
    }

    /// Tells the system what is new, in order. Changes that this causes are told too.
    pub(crate) fn tell(&self) {
        if std::mem::replace(&mut self.lock().telling, true) {
            return;
        }
        loop {
            let news = self.lock().news.pop_front();
            let Some(news) = news else { break };
            let Some(system) = self.system() else { break };
            guard::call_now(&self.recorder, "Scheduler::device_changed", || {
                system.scheduler.device_changed(&news)
            });
            guard::call_now(&self.recorder, "TransferService::device_changed", || {
                system.service.device_changed(&news);
            });
        }
        self.lock().telling = false;
    }

    /// As [`App::tell`], from a task of its own: the caller may hold locks of the subject's.
    pub(super) fn tell_soon(self: &Arc<Self>) {
        let app = Arc::clone(self);
        self.spawner.spawn(Box::pin(async move { app.tell() }));
    }

    /// Lets what [`App::tell_soon`] has begun come first.
    pub(super) async fn tell_first(&self) {
        let mut turns = MOST_TURNS;
        poll_fn(|cx| {
            turns -= 1;
            if turns == 0 || self.lock().news.is_empty() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Waits until the app's code may run.
    pub(crate) async fn running(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.process.is_running() {
                return Poll::Ready(());
            }
            state.gate.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Waits until the app can take a message. One that is sent to a running app gets through at once. One that was
    /// sent before, or was overtaken by the suspension, is received after the `handle` of the next wake has begun:
    /// whoever sent it can not know that the app was not there any more.
    pub(crate) async fn receiving(&self) {
        if self.process().is_running() {
            return;
        }
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.process.is_running() && (!state.waking || self.setup.early) {
                return Poll::Ready(());
            }
            state.gate.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// `handle` begins: what has waited for that may go on.
    pub(super) fn awake(&self) {
        self.lock().waking = false;
        self.open_gate();
    }

    /// Whoever waits at the gate looks again.
    pub(super) fn open_gate(&self) {
        let woken = std::mem::take(&mut self.lock().gate);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Wakes `waker` when the process changes or the gate is opened.
    pub(super) fn wait_for_gate(&self, waker: &Waker) {
        self.lock().gate.push(waker.clone());
    }

    /// Is the process not running? Then `waker` is woken when it runs again.
    pub(super) fn wait_if_asleep(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        let asleep = !state.process.is_running();
        if asleep {
            state.gate.push(waker.clone());
        }
        asleep
    }

    /// The app's own code waits: its time stands still while it is suspended.
    pub(crate) async fn sleep(&self, span: Duration) {
        if !span.is_zero() {
            self.clock.sleep(span).await;
            self.running().await;
        }
    }

    /// Starts a task of the app's own, which ends with the process.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let life = self.life();
        self.spawner.spawn(Box::pin(async move {
            // An app that ends takes its tasks along.
            let _ = life.interruptible(task).await;
        }));
    }

    /// Has everything come that the app can expect?
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.lock();
        state.outstanding.is_empty()
            && state.scheduled == [false; 2]
            && !state.process.is_running()
            && !state.kept.iter().any(|task| task.is_open())
    }

    pub(super) fn refs(&self, tasks: &[RefreshTask], cold: bool) -> Vec<TaskRef> {
        let Some(system) = self.system() else { return Vec::new() };
        let allowances = system.device.policy.allowances;
        tasks
            .iter()
            .map(|task| TaskRef {
                id: task.id(),
                kind: task.kind().clone(),
                user_info: task.user_info().cloned(),
                allowance: u64::try_from(allowances.of(task.kind(), cold).as_millis()).unwrap_or(u64::MAX),
            })
            .collect()
    }
}

impl State {
    pub(super) fn new_run(&mut self) {
        self.life = AppLife::new();
    }

    /// Transfers of in-process sessions end with the process, and nobody is told.
    fn forget_own(&mut self, in_process: &[u8]) {
        let own = |key: &TransferKey| {
            let name = |index: &u8| IDENTIFIERS[usize::from(*index) % IDENTIFIERS.len()];
            in_process.iter().any(|index| key.session.as_str() == name(index))
        };
        if !in_process.is_empty() {
            self.outstanding.retain(|key| !own(key));
            self.holds.retain(|key, _| !own(key));
        }
    }

    /// What the process held in memory goes with it.
    fn forget_run(&mut self) -> impl Sized + use<> {
        (
            std::mem::take(&mut self.sessions),
            std::mem::take(&mut self.seconds),
            std::mem::take(&mut self.unserved),
            std::mem::take(&mut self.kept),
            std::mem::take(&mut self.unanswered),
            std::mem::take(&mut self.undisposed),
            std::mem::take(&mut self.data),
        )
    }
}

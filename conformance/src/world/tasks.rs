//! The tasks of one scenario, polled in the order in which they were woken.
//!
//! They live inside the one future that the world's runtime blocks on. tokio could run them too, but most of them are
//! polled two or three times and are gone, and what it does to start and end a task costs more than that.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::guard;
use crate::contract::Spawn;
use crate::history::{FaultKind, Recorder};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts tasks, from whatever thread, and ends them with the scenario. Clones start tasks of the same scenario.
#[derive(Clone)]
pub(crate) struct Spawner {
    recorder: Recorder,
    queue: Arc<Queue>,
}

struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    /// Woken, in that order.
    ready: VecDeque<Arc<Task>>,
    /// The scenario itself has been woken.
    main: bool,
    /// Nothing is ready: whoever wakes a task wakes the runtime too.
    resting: Option<Waker>,
    started: Vec<Arc<Task>>,
    /// The scenario is over: nothing is started any more.
    over: bool,
}

struct Task {
    queue: Arc<Queue>,
    /// In the queue already.
    woken: AtomicBool,
    /// `None` once it is over.
    work: Mutex<Option<Work>>,
}

/// So many rounds through the ready tasks, and tokio's own tasks get a turn.
const ROUNDS: u32 = 64;

impl Spawner {
    pub(crate) fn new(recorder: Recorder) -> Self {
        let state = State { started: Vec::with_capacity(32), ..State::default() };
        Self { recorder, queue: Arc::new(Queue(Mutex::new(state))) }
    }

    /// Runs the scenario to its end, and its tasks beside it; then ends them.
    pub(crate) async fn run<T>(&self, scenario: impl Future<Output = T>) -> T {
        let mut scenario = pin!(scenario);
        let waker = Waker::from(Arc::clone(&self.queue));
        let mut round = VecDeque::with_capacity(16);
        self.queue.lock().main = true;
        let all = poll_fn(|cx| {
            for _ in 0..ROUNDS {
                let main = self.queue.take(&mut round, cx);
                if round.is_empty() && !main {
                    return Poll::Pending;
                }
                for task in round.drain(..) {
                    task.poll(&self.recorder);
                }
                if main && let Poll::Ready(output) = scenario.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return Poll::Ready(output);
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        // tokio's budget is meant for one task, and all of them share this poll.
        let output = tokio::task::unconstrained(all).await;
        self.end_all();
        output
    }

    fn end_all(&self) {
        let (started, ready) = {
            let mut state = self.queue.lock();
            state.over = true;
            (std::mem::take(&mut state.started), std::mem::take(&mut state.ready))
        };
        drop(ready);
        started.iter().for_each(|task| task.end());
    }
}

impl Spawn for Spawner {
    fn spawn(&self, work: Work) {
        let queue = Arc::clone(&self.queue);
        let task = Arc::new(Task { queue, woken: AtomicBool::new(false), work: Mutex::new(Some(work)) });
        let refused = {
            let mut state = self.queue.lock();
            // Those that are over keep some memory: they go whenever the number of tasks may have doubled.
            if state.started.len() == state.started.capacity() {
                state.started.retain(|task| !task.is_over());
            }
            if !state.over {
                state.started.push(Arc::clone(&task));
            }
            state.over
        };
        if refused { task.end() } else { task.wake() }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is ready. Returns whether the scenario is, which waits until none of its tasks has anything to do.
    fn take(&self, round: &mut VecDeque<Arc<Task>>, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        std::mem::swap(&mut state.ready, round);
        if !round.is_empty() {
            return false;
        }
        let main = std::mem::take(&mut state.main);
        state.resting = (!main).then(|| cx.waker().clone());
        main
    }

    fn note(&self, woken: impl FnOnce(&mut State)) {
        let resting = {
            let mut state = self.lock();
            if !state.over {
                woken(&mut state);
            }
            state.resting.take()
        };
        if let Some(runtime) = resting {
            runtime.wake();
        }
    }
}

/// Wakes the scenario itself.
impl Wake for Queue {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.note(|state| state.main = true);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.queue.note(|state| state.ready.push_back(Arc::clone(self)));
        }
    }
}

impl Task {
    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        // Being polled at this moment: not over.
        self.work.try_lock().is_ok_and(|work| work.is_none())
    }

    fn poll(self: Arc<Self>, recorder: &Recorder) {
        self.woken.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self));
        let mut slot = self.work();
        let Some(work) = slot.as_mut() else { return };
        let polled = guard::caught_now(|| work.as_mut().poll(&mut Context::from_waker(&waker)));
        if matches!(polled, Ok(Poll::Pending)) {
            return;
        }
        let done = slot.take();
        drop(slot);
        let dropped = guard::caught_now(|| drop(done));
        if let Some(message) = polled.err().or_else(|| dropped.err()) {
            recorder.fault(FaultKind::Panic, format!("in a task: {message}"));
        }
    }

    fn end(&self) {
        let work = self.work().take();
        // What the subject does while it is dropped is of no interest any more.
        let _ = guard::caught_now(|| drop(work));
    }
}

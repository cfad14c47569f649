//! Decides when the app is woken, and for how long: the driver around [`SchedulerMachine`].

mod allowance;
mod due;
mod lifecycle;
#[cfg(test)]
mod lost_tests;
mod machine;
#[cfg(test)]
mod machine_tests;
mod slots;
mod wakes;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;

pub use lifecycle::{Effect, step};
pub use machine::{Order, Output, SchedulerMachine};
pub use wakes::WaiterId;

use crate::contract::{
    Device, DeviceChange, Interrupted, RefreshTask, Responder, ScheduleError, Scheduler, SessionId, Throttle,
    Time, UserInfo, WakeOutcome, WakeReason, responder,
};
use crate::throttle::SlidingWindow;
use crate::timer::Timer;

/// The reference scheduler: a [`SchedulerMachine`] on a device.
///
/// One task, started by the first call, carries out what the machine decides: calls only change the machine and poke
/// that task, so nothing happens inside the caller. Dropping the scheduler ends the task.
///
/// ```
/// use bgsession_reference::contract::{Device, Scheduler};
/// use bgsession_reference::scheduler::ReferenceScheduler;
/// use std::sync::Arc;
///
/// fn boot(device: &Device) -> Arc<dyn Scheduler> {
///     ReferenceScheduler::new(device.clone())
/// }
/// ```
pub struct ReferenceScheduler {
    shared: Arc<Shared>,
}

struct Shared {
    device: Device,
    state: Mutex<State>,
}

struct State {
    machine: SchedulerMachine,
    /// One for each unanswered `request_wake`.
    waiting: Vec<(WaiterId, Responder<WakeOutcome>)>,
    /// The machine has changed since the task looked at it.
    poked: bool,
    started: bool,
    stopped: bool,
    task: Option<Waker>,
}

impl ReferenceScheduler {
    /// A scheduler for this device, with a rolling budget of [`Policy::budget_window`](crate::contract::Policy).
    #[must_use]
    pub fn new(device: Device) -> Arc<Self> {
        let window = SlidingWindow::new(device.policy.budget_window);
        Self::with_throttle(device, Box::new(window))
    }

    /// A scheduler for this device that keeps its budgets with `throttle`.
    #[must_use]
    pub fn with_throttle(device: Device, throttle: Box<dyn Throttle>) -> Arc<Self> {
        let (policy, app) = (Arc::clone(&device.policy), device.app.state());
        let state = State {
            machine: SchedulerMachine::new(policy, throttle, device.conditions, app),
            waiting: Vec::new(),
            poked: false,
            started: false,
            stopped: false,
            task: None,
        };
        Arc::new(Self { shared: Arc::new(Shared { device, state: Mutex::new(state) }) })
    }
}

impl fmt::Debug for ReferenceScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceScheduler")
            .field("machine", &self.shared.lock().machine)
            .finish_non_exhaustive()
    }
}

impl Drop for ReferenceScheduler {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        state.machine.stop();
        // Dropping a responder answers too: whoever waits learns that the scheduler has stopped.
        state.waiting.clear();
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[async_trait]
impl Scheduler for ReferenceScheduler {
    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        user_info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        // SCH-11: the answer is about the slot, so it is there when the request is.
        self.shared.input(|state, _| state.machine.schedule_refresh(preferred, user_info))
    }

    async fn schedule_snapshot_refresh(
        &self,
        preferred: Time,
        user_info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        self.shared.input(|state, _| state.machine.schedule_snapshot(preferred, user_info));
        Ok(())
    }

    async fn request_wake(&self, session: &SessionId, _reason: WakeReason) -> WakeOutcome {
        let (responder, answer) = responder();
        self.shared.input(|state, _| {
            let waiter = state.machine.request_wake(session);
            state.waiting.push((waiter, responder));
        });
        answer.await.unwrap_or(WakeOutcome::Suppressed)
    }

    fn withdraw_wake(&self, session: &SessionId) {
        self.shared.input(|state, _| state.machine.withdraw_wake(session));
    }

    fn device_changed(&self, change: &DeviceChange) {
        let cpu_time = self.shared.device.app.cpu_time();
        self.shared.input(|state, now| {
            state.machine.measured(cpu_time);
            state.machine.device_changed(change, now);
        });
    }
}

impl Shared {
    /// A panic elsewhere poisons the lock; the machine is changed by calls that do not panic half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the machine and lets the task look at it.
    fn input<T>(self: &Arc<Self>, change: impl FnOnce(&mut State, Time) -> T) -> T {
        let now = self.device.clock.now();
        let mut state = self.lock();
        let result = change(&mut state, now);
        state.poked = true;
        let task = state.task.take();
        let start = !std::mem::replace(&mut state.started, true);
        drop(state);
        if start {
            self.device.spawn(run(Arc::clone(self)));
        } else if let Some(task) = task {
            task.wake();
        }
        result
    }

    /// The next thing to do, or the moment to wait for.
    fn poll(&self) -> Step {
        let (now, cpu_time) = (self.device.clock.now(), self.device.app.cpu_time());
        let mut state = self.lock();
        if state.stopped {
            return Step::Stop;
        }
        state.machine.measured(cpu_time);
        match state.machine.poll(now) {
            Some(Output::Resolve(waiters, outcome)) => {
                // Bounded by the number of sessions that wait.
                let (answered, waiting) = std::mem::take(&mut state.waiting)
                    .into_iter()
                    .partition(|(waiter, _)| waiters.contains(waiter));
                state.waiting = waiting;
                drop(state);
                let answered: Vec<(WaiterId, Responder<WakeOutcome>)> = answered;
                answered.into_iter().for_each(|(_, responder)| responder.respond(outcome));
                Step::Again
            }
            Some(output) => Step::Do(output),
            None => {
                state.poked = false;
                Step::WaitUntil(state.machine.deadline())
            }
        }
    }

    /// Makes the tasks of one delivery, the app's ends of them.
    fn mint(self: &Arc<Self>, orders: Vec<Order>) -> Vec<RefreshTask> {
        let mut tasks = Vec::with_capacity(orders.len());
        for Order { kind, user_info } in orders {
            // The app may keep the task for ever; it must not keep the scheduler.
            let (shared, of) = (Arc::downgrade(self), kind.clone());
            tasks.push(self.device.mint.mint(kind, user_info, move |report| {
                if let Some(shared) = Weak::upgrade(&shared) {
                    shared.input(|state, now| state.machine.completed(&of, &report, now));
                }
            }));
        }
        self.lock().machine.minted(&tasks);
        tasks.iter().map(|task| task.hand_over()).collect()
    }
}

/// What the task does next.
enum Step {
    Do(Output),
    Again,
    WaitUntil(Time),
    Stop,
}

type Delivery = Pin<Box<dyn Future<Output = Result<(), Interrupted>> + Send>>;

/// The scheduler's one task: carries out outputs, waits for the app to start, and for the next deadline.
async fn run(shared: Arc<Shared>) {
    let mut delivery: Option<Delivery> = None;
    let mut timer = Timer::default();
    loop {
        match shared.poll() {
            Step::Stop => return,
            Step::Again => {}
            Step::WaitUntil(deadline) => {
                timer.set(deadline, &shared.device.clock);
                poll_fn(|cx| wait(&shared, &mut delivery, &mut timer, cx)).await;
            }
            Step::Do(Output::Deliver(orders)) => {
                let tasks = shared.mint(orders);
                let app = Arc::clone(&shared.device.app);
                delivery = Some(Box::pin(async move { app.deliver(tasks).await }));
            }
            Step::Do(Output::Expire(task)) => {
                task.expire();
            }
            Step::Do(Output::Suspend) => shared.device.app.suspend(),
            Step::Do(Output::Terminate(how)) => shared.device.app.terminate(how),
            Step::Do(Output::Resolve(..)) => unreachable!("Shared::poll answers the waiters itself"),
        }
    }
}

/// Ready when the machine should be looked at again. Always asks in the same order: stop, delivery, poke, timer.
fn wait(
    shared: &Shared,
    delivery: &mut Option<Delivery>,
    timer: &mut Timer,
    cx: &mut Context<'_>,
) -> Poll<()> {
    if let Some(arrival) = delivery
        && let Poll::Ready(result) = arrival.as_mut().poll(cx)
    {
        *delivery = None;
        let (now, cpu_time) = (shared.device.clock.now(), shared.device.app.cpu_time());
        let mut state = shared.lock();
        state.machine.measured(cpu_time);
        state.machine.delivered(result.is_ok(), now);
        return Poll::Ready(());
    }
    {
        let mut state = shared.lock();
        if state.poked || state.stopped {
            return Poll::Ready(());
        }
        state.task = Some(cx.waker().clone());
    }
    timer.poll(cx)
}

//! The virtual clock: time that stands still while anything can happen, and then jumps.
//!
//! A world runs on one current-thread runtime. tokio calls the `on_thread_park` hook exactly when nothing is runnable;
//! the hook is [`Clock::park`]. While real bytes are in flight it does nothing and the reactor waits for them. Results
//! that have landed are released one at a time, in the order of their numbers, so that the network's order cannot leak
//! into a history. Only then does time jump to the earliest timer, and one timer is woken. One wake at a time on one
//! thread makes the interleaving a function of the scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;

use crate::contract::{self, Hold, Time};

/// The clock of one scenario. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    Virtual(Arc<Virtual>),
    /// For subjects that insist on `tokio::time`: the runtime's own clock, paused.
    Tokio {
        base: tokio::time::Instant,
    },
}

struct Virtual {
    thread: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    now: Time,
    seq: u64,
    timers: BTreeMap<TimerKey, Waker>,
    /// Who waits for everything else to rest, without letting time pass.
    settling: Vec<(u64, Waker)>,
    tickets: u64,
    /// Exchanges that wait for real bytes.
    flying: BTreeSet<u64>,
    /// Those of them whose server is silent on purpose: they do not hold time back.
    stalled: BTreeSet<u64>,
    /// Who wants to know of a stall.
    on_stall: BTreeMap<u64, Waker>,
    /// Those whose result is there and waits for its turn.
    landed: BTreeMap<u64, Waker>,
    jumps: u32,
    runaway: bool,
    on_runaway: Option<Waker>,
    /// The subject works on threads of its own: give them real time before each jump.
    foreign_threads: bool,
    /// Counts the scenarios.
    scenario: u64,
    /// Its threads say when they work: time stands still exactly then, and needs no grace.
    says_holds: bool,
    /// A hold has ended since the runtime last had nothing to do.
    let_go: bool,
    /// How many tokens that keep time from passing are out.
    held: u32,
}

/// Timers that are due together fire in this order: those of servers by the number of their exchange, since the order
/// in which real servers get to set them is the network's; then all others in the order they were set.
type TimerKey = (Time, bool, u64);

/// How many timers may fire in one scenario before it counts as one that never comes to rest.
const JUMP_LIMIT: u32 = 1_000_000;

/// How long a world with foreign threads must have been quiet before time jumps.
const GRACE: Duration = Duration::from_millis(5);

impl Clock {
    /// A virtual clock for worlds on this thread.
    pub(crate) fn virtual_time() -> Self {
        Self(Kind::Virtual(Arc::new(Virtual { thread: this_thread(), state: Mutex::default() })))
    }

    /// The paused clock of the runtime that this is called on.
    pub(crate) fn tokio() -> Self {
        Self(Kind::Tokio { base: tokio::time::Instant::now() })
    }

    /// Back to zero, for the next scenario. Tasks of the last one that still wait will never be woken by this clock.
    pub(crate) fn reset(&self) {
        if let Kind::Virtual(clock) = &self.0 {
            let old = {
                let mut state = clock.lock();
                let fresh = State {
                    foreign_threads: state.foreign_threads,
                    says_holds: state.says_holds,
                    scenario: state.scenario + 1,
                    ..State::default()
                };
                std::mem::replace(&mut *state, fresh)
            };
            drop(old);
        }
    }

    pub(crate) fn now(&self) -> Time {
        match &self.0 {
            Kind::Virtual(clock) => {
                let mut state = clock.lock();
                if !state.foreign_threads && this_thread() != clock.thread {
                    state.foreign_threads = true;
                }
                state.now
            }
            Kind::Tokio { base } => {
                Time::from_millis(u64::try_from(base.elapsed().as_millis()).unwrap_or(u64::MAX))
            }
        }
    }

    /// The time as a server on another thread sees it; does not count as a foreign thread of the subject's.
    pub(crate) fn peek(&self) -> Time {
        match &self.0 {
            Kind::Virtual(clock) => clock.lock().now,
            Kind::Tokio { .. } => self.now(),
        }
    }

    pub(crate) async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now() + span).await;
    }

    pub(crate) async fn sleep_until(&self, due: Time) {
        match &self.0 {
            Kind::Virtual(clock) => Sleep { clock, due, key: None }.await,
            Kind::Tokio { base } => {
                tokio::time::sleep_until(*base + Duration::from_millis(due.as_millis())).await
            }
        }
    }

    /// The server of an exchange takes its time.
    pub(crate) async fn server_sleep(&self, exchange: u64, span: Duration) {
        let due = self.peek() + span;
        match &self.0 {
            Kind::Virtual(clock) => Sleep { clock, due, key: Some((due, false, exchange)) }.await,
            Kind::Tokio { .. } => self.sleep_until(due).await,
        }
    }

    /// Time leaps ahead, to the moment before the span is over: timers that would have fired meanwhile are late, and do so
    /// before it is.
    pub(crate) async fn leap(&self, span: Duration) {
        let ahead = span.saturating_sub(Time::TICK);
        match &self.0 {
            Kind::Virtual(clock) => {
                let mut state = clock.lock();
                state.now += ahead;
            }
            Kind::Tokio { .. } => tokio::time::advance(ahead).await,
        }
        self.sleep(Time::TICK).await;
    }

    /// Waits until nothing else can happen at this moment; no time passes.
    pub(crate) async fn settle(&self) {
        let Kind::Virtual(clock) = &self.0 else {
            for _ in 0..32 {
                tokio::task::yield_now().await;
            }
            return;
        };
        let mut ticket = None;
        poll_fn(|cx| {
            let mut state = clock.lock();
            let Some(ticket) = ticket else {
                state.tickets += 1;
                ticket = Some(state.tickets);
                let entry = (state.tickets, cx.waker().clone());
                state.settling.push(entry);
                return Poll::Pending;
            };
            // Whoever waits may be polled for other reasons: it has its turn when its ticket has been taken.
            match state.settling.iter_mut().find(|(waiting, _)| *waiting == ticket) {
                Some((_, waker)) => {
                    waker.clone_from(cx.waker());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            }
        })
        .await;
    }

    /// The `on_thread_park` hook: nothing is runnable.
    pub(crate) fn park(&self) {
        let Kind::Virtual(clock) = &self.0 else { return };
        let mut state = clock.lock();
        let waiting = state.flying.iter().any(|id| !state.stalled.contains(id));
        if waiting || state.held > 0 || state.runaway {
            return;
        }
        if std::mem::take(&mut state.let_go) {
            // What a thread has woken before it let go may not have got through to the runtime yet: once more round.
            let waker = state.on_runaway.take();
            drop(state);
            return waker.into_iter().for_each(Waker::wake);
        }
        let due_now = state
            .landed
            .pop_first()
            .map(|(_, waker)| waker)
            .or_else(|| state.settling.pop().map(|(_, waker)| waker));
        if let Some(waker) = due_now {
            drop(state);
            return waker.wake();
        }
        if state.foreign_threads && !state.says_holds {
            drop(state);
            rest();
            state = clock.lock();
        }
        if state.jumps >= JUMP_LIMIT {
            state.runaway = true;
            let waker = state.on_runaway.take();
            drop(state);
            return waker.into_iter().for_each(Waker::wake);
        }
        // A timer that waits for the distant future waits for ever.
        let next = state.timers.first_key_value().map(|(key, _)| *key);
        if let Some(key) = next.filter(|(due, ..)| *due != Time::DISTANT_FUTURE) {
            state.jumps += 1;
            state.now = state.now.max(key.0);
            let waker = state.timers.remove(&key);
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// The subject works on threads of its own: they get real time before each jump.
    pub(crate) fn allow_threads(&self) {
        if let Kind::Virtual(clock) = &self.0 {
            clock.lock().foreign_threads = true;
        }
    }

    /// Resolves if the scenario turns out never to come to rest.
    pub(crate) async fn runaway(&self) {
        let Kind::Virtual(clock) = &self.0 else {
            return std::future::pending().await;
        };
        poll_fn(|cx| {
            let mut state = clock.lock();
            if state.runaway {
                return Poll::Ready(());
            }
            state.on_runaway = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs IO for exchange `id`: time stands still until it is ready, and then it waits for its turn to land.
    pub(crate) async fn io<F: Future>(&self, id: u64, io: F) -> F::Output {
        let Kind::Virtual(clock) = &self.0 else {
            return io.await;
        };
        let mut flight = Flight { clock, id, landed: false };
        clock.lock().flying.insert(id);
        let output = io.await;
        flight.land().await;
        output
    }

    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only real servers stall the clock"))]
    /// The server of exchange `id` has gone silent on purpose (`true`) or speaks again.
    pub(crate) fn stall(&self, id: u64, silent: bool) {
        let Kind::Virtual(clock) = &self.0 else { return };
        let waker = {
            let mut state = clock.lock();
            if silent {
                state.stalled.insert(id);
                state.on_stall.remove(&id)
            } else {
                state.stalled.remove(&id);
                None
            }
        };
        waker.into_iter().for_each(Waker::wake);
    }

    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only real servers stall the clock"))]
    /// Resolves when the server of exchange `id` is silent on purpose: whoever reads can land with what it has.
    pub(crate) async fn stalled(&self, id: u64) {
        let Kind::Virtual(clock) = &self.0 else {
            return std::future::pending().await;
        };
        poll_fn(|cx| {
            let mut state = clock.lock();
            if state.stalled.contains(&id) {
                return Poll::Ready(());
            }
            state.on_stall.insert(id, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Has the subject been seen on a thread of its own that does not say when it works?
    pub(crate) fn has_foreign_threads(&self) -> bool {
        let Kind::Virtual(clock) = &self.0 else { return false };
        let state = clock.lock();
        state.foreign_threads && !state.says_holds
    }

    /// Time stands still until the token is dropped.
    pub(crate) fn hold(&self) -> Hold {
        let Kind::Virtual(clock) = &self.0 else { return Hold::default() };
        let mut state = clock.lock();
        state.says_holds = true;
        state.held += 1;
        Hold::new(Held { clock: Arc::downgrade(clock), scenario: state.scenario })
    }
}

/// Tells this thread from all others, much faster than its [`ThreadId`](std::thread::ThreadId): it is asked with every
/// look at the clock.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a subject's own threads live in real time; nothing can signal their rest"
)]
fn rest() {
    std::thread::sleep(GRACE);
}

impl Virtual {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What keeps time from passing. One that outlives its scenario has no say in the next.
struct Held {
    clock: Weak<Virtual>,
    scenario: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(clock) = self.clock.upgrade() else { return };
        let waker = {
            let mut state = clock.lock();
            if state.scenario != self.scenario {
                return;
            }
            state.held -= 1;
            state.let_go = true;
            // The runtime sleeps without a timer: wake somebody, so that it parks again and time can jump.
            if state.held == 0 { state.on_runaway.take() } else { None }
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

struct Sleep<'a> {
    clock: &'a Virtual,
    due: Time,
    key: Option<TimerKey>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.now >= self.due && self.due != Time::DISTANT_FUTURE {
            return Poll::Ready(());
        }
        let due = self.due;
        let key = self.key.unwrap_or_else(|| {
            state.seq += 1;
            (due, true, state.seq)
        });
        state.timers.insert(key, cx.waker().clone());
        drop(state);
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.clock.lock().timers.remove(&key);
            drop(waker);
        }
    }
}

/// Takes an exchange out of the books however its future ends.
struct Flight<'a> {
    clock: &'a Virtual,
    id: u64,
    landed: bool,
}

impl Flight<'_> {
    async fn land(&mut self) {
        poll_fn(|cx| {
            let mut state = self.clock.lock();
            if self.landed {
                // Woken by anything but `park`: the turn has not come.
                if let Some(waker) = state.landed.get_mut(&self.id) {
                    *waker = cx.waker().clone();
                    return Poll::Pending;
                }
                return Poll::Ready(());
            }
            self.landed = true;
            state.flying.remove(&self.id);
            state.landed.insert(self.id, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.lock();
        state.flying.remove(&self.id);
        state.on_stall.remove(&self.id);
        state.landed.remove(&self.id);
    }
}

#[async_trait]
impl contract::Clock for Clock {
    fn now(&self) -> Time {
        Self::now(self)
    }

    async fn sleep_until(&self, deadline: Time) {
        Self::sleep_until(self, deadline).await;
    }

    fn hold(&self) -> Hold {
        Self::hold(self)
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;

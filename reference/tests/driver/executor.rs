//! Runs tasks one at a time in the order in which they became ready: idle is exact, and so is the order.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bgsession_reference::contract::{Clock, Spawn, Time};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
pub(crate) struct Executor {
    tasks: Mutex<BTreeMap<u64, Option<Task>>>,
    ready: Arc<Mutex<VecDeque<u64>>>,
    next: Mutex<u64>,
}

struct Ready(u64, Arc<Mutex<VecDeque<u64>>>);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        let mut ready = self.1.lock().unwrap();
        if !ready.contains(&self.0) {
            ready.push_back(self.0);
        }
    }
}

impl Executor {
    /// Runs until nothing is ready.
    pub(crate) fn run(&self) {
        for _ in 0..100_000 {
            let Some(id) = self.ready.lock().unwrap().pop_front() else {
                return;
            };
            let Some(mut task) = self.tasks.lock().unwrap().get_mut(&id).and_then(Option::take) else {
                continue;
            };
            let waker = Waker::from(Arc::new(Ready(id, Arc::clone(&self.ready))));
            let done = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            let mut tasks = self.tasks.lock().unwrap();
            if done {
                tasks.remove(&id);
            } else {
                tasks.insert(id, Some(task));
            }
        }
        panic!("the tasks never come to rest");
    }

    pub(crate) fn tasks(&self) -> usize {
        self.tasks.lock().unwrap().len()
    }
}

impl Spawn for Executor {
    fn spawn(&self, task: Task) {
        let mut next = self.next.lock().unwrap();
        *next += 1;
        self.tasks.lock().unwrap().insert(*next, Some(task));
        self.ready.lock().unwrap().push_back(*next);
    }
}

/// A clock that only the test moves.
#[derive(Default)]
pub(crate) struct HandClock {
    now: Mutex<Time>,
    sleepers: Mutex<Vec<(Time, Waker)>>,
}

impl HandClock {
    /// The earliest moment that anybody sleeps for.
    pub(crate) fn next(&self) -> Option<Time> {
        self.sleepers.lock().unwrap().iter().map(|(due, _)| *due).min()
    }

    pub(crate) fn set(&self, now: Time) {
        *self.now.lock().unwrap() = now;
        let mut sleepers = self.sleepers.lock().unwrap();
        let (due, later) = sleepers.drain(..).partition(|(due, _)| *due <= now);
        *sleepers = later;
        let due: Vec<(Time, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

#[async_trait::async_trait]
impl Clock for HandClock {
    fn now(&self) -> Time {
        *self.now.lock().unwrap()
    }

    async fn sleep_until(&self, deadline: Time) {
        std::future::poll_fn(|cx| {
            if self.now() >= deadline {
                return Poll::Ready(());
            }
            let mut sleepers = self.sleepers.lock().unwrap();
            sleepers.retain(|(_, waker)| !waker.will_wake(cx.waker()));
            sleepers.push((deadline, cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

//! A question to the app whose answer may come later: the platform's completion handlers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The app's end: answers once (DEL-07b), now or later, from anywhere. Dropping it means that no answer will ever come.
pub struct Responder<T>(Option<Arc<Slot<T>>>);

/// The asker's end: a future of the answer, `None` once the [`Responder`] has gone without one.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (responder, answer) = bgsession_reference::contract::responder();
/// responder.respond("yes");
/// assert_eq!(answer.await, Some("yes"));
/// # });
/// ```
#[must_use = "the answer must be awaited"]
pub struct Answer<T>(Arc<Slot<T>>);

struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    value: Option<T>,
    closed: bool,
    waker: Option<Waker>,
}

/// A question: give the responder to the app and await the answer.
pub fn responder<T>() -> (Responder<T>, Answer<T>) {
    let slot = Arc::new(Slot(Mutex::new(State { value: None, closed: false, waker: None })));
    (Responder(Some(Arc::clone(&slot))), Answer(slot))
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, value: Option<T>) {
        let waker = {
            let mut state = self.lock();
            state.value = value;
            state.closed = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Responder<T> {
    /// Gives the answer.
    pub fn respond(mut self, answer: T) {
        if let Some(slot) = self.0.take() {
            slot.close(Some(answer));
        }
    }
}

impl<T> Drop for Responder<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.close(None);
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock();
        if state.closed {
            return Poll::Ready(state.value.take());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> fmt::Debug for Responder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

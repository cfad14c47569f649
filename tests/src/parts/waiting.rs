//! Waiting and locking, in the few forms that wrappers need.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bgsession_reference::contract::Device;

/// What came first.
pub(crate) enum Either<A, B> {
    /// The one.
    Left(A),
    /// The other.
    Right(B),
}

/// Waits for whichever is ready first and drops the other; the left one is asked first.
pub(crate) async fn first<A, B>(
    left: impl Future<Output = A>,
    right: impl Future<Output = B>,
) -> Either<A, B> {
    let (mut left, mut right) = (pin!(left), pin!(right));
    poll_fn(|cx| {
        if let Poll::Ready(value) = left.as_mut().poll(cx) {
            return Poll::Ready(Either::Left(value));
        }
        right.as_mut().poll(cx).map(Either::Right)
    })
    .await
}

/// Lets everybody else who could go on do so first.
pub(crate) async fn step_back() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Does something when this much of the device's time has passed.
pub(crate) fn after(device: &Device, span: Duration, act: impl FnOnce() + Send + 'static) {
    let clock = device.clock.clone();
    let due = clock.now() + span;
    device.spawn(async move {
        clock.sleep_until(due).await;
        act();
    });
}

/// A panic of another subject must not spread to this one through a lock.
pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Calls into foreign code: they may panic or never return, and the scenario goes on.

use std::any::Any;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;
use std::time::Duration;

use super::Clock;
use crate::history::{FaultKind, Recorder};

/// Calls that must return promptly get this much virtual time.
const PROMPT: Duration = Duration::from_secs(60);

/// Awaits a call into the subject. `None` if it panicked or did not return in a virtual minute; that is recorded.
pub(crate) async fn call<T>(
    clock: &Clock,
    recorder: &Recorder,
    what: &str,
    call: impl Future<Output = T>,
) -> Option<T> {
    let mut call = pin!(caught(call));
    // Most calls return at once; only the others pay for a timer.
    let first = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
    let outcome = match first {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => {
            tokio::select! {
                biased;
                outcome = call => outcome,
                () = clock.sleep(PROMPT) => {
                    recorder.fault(FaultKind::Hang, format!("{what} had not returned after {} s", PROMPT.as_secs()));
                    return None;
                }
            }
        }
    };
    outcome.map_err(|message| recorder.fault(FaultKind::Panic, format!("in {what}: {message}"))).ok()
}

/// Makes a synchronous call into the subject.
pub(crate) fn call_now<T>(recorder: &Recorder, what: &str, call: impl FnOnce() -> T) -> Option<T> {
    caught_now(call).map_err(|message| recorder.fault(FaultKind::Panic, format!("in {what}: {message}"))).ok()
}

/// Does something that may panic; the error is what the panic said.
pub(crate) fn caught_now<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence_panics();
    let quiet = Quiet::enter();
    let outcome = catch_unwind(AssertUnwindSafe(work));
    drop(quiet);
    outcome.map_err(|panic| message(&*panic))
}

pub(super) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    silence_panics();
    let mut future = pin!(future);
    poll_fn(|cx| {
        let quiet = Quiet::enter();
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        drop(quiet);
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(message(&*panic))),
        }
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(a panic without a text)".to_owned());
    let place = PLACE.with_borrow_mut(Option::take).map_or_else(String::new, |place| format!(" ({place})"));
    format!("{text}{place}")
}

thread_local! {
    /// How deep this thread is inside guarded calls.
    static DEPTH: RefCell<u32> = const { RefCell::new(0) };
    /// Where the last guarded panic happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

struct Quiet;

impl Quiet {
    fn enter() -> Self {
        DEPTH.with_borrow_mut(|depth| *depth += 1);
        Self
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        DEPTH.with_borrow_mut(|depth| *depth -= 1);
    }
}

/// A subject that panics does so in every scenario of a shrink: printing each, perhaps with a backtrace, would cost
/// more than the scenarios. The text and the place are in the history. Panics elsewhere go to the hook that was there.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.with_borrow(|depth| *depth > 0) {
                let place = info.location().map(ToString::to_string);
                PLACE.with_borrow_mut(|slot| *slot = place);
            } else {
                others(info);
            }
        }));
    });
}

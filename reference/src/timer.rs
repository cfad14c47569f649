//! A sleep that can be set anew: what both drivers wait with.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::contract::{Clock, Time};

/// A sleep that is kept while its deadline stays the same.
#[derive(Default)]
pub(crate) struct Timer {
    deadline: Option<Time>,
    sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Timer {
    /// Sleeps until `deadline` from now on; not at all if that never comes.
    pub(crate) fn set(&mut self, deadline: Time, clock: &Arc<dyn Clock>) {
        if self.deadline == Some(deadline) {
            return;
        }
        self.deadline = Some(deadline);
        self.sleep = (deadline != Time::DISTANT_FUTURE).then(|| {
            let clock = Arc::clone(clock);
            let sleep: Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(async move { clock.sleep_until(deadline).await });
            sleep
        });
    }

    /// Ready once the deadline has come; then it must be set again.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else {
            return Poll::Pending;
        };
        let ready = sleep.as_mut().poll(cx);
        if ready.is_ready() {
            self.deadline = None;
            self.sleep = None;
        }
        ready
    }
}

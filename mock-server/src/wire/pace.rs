//! How long the socket front waits where a plan says to wait.

use crate::request::Request;
use async_trait::async_trait;
use std::time::Duration;

/// The clock of a [`TcpFront`](super::TcpFront).
///
/// While a pause or a stall lasts the front also watches the socket: if the client closes it, the future is
/// dropped and the connection with it.
///
/// ```
/// use bgsession_mock_server::{Pace, Request};
/// use std::time::Duration;
///
/// /// Never waits, and ends a stall at once.
/// struct Hasty;
///
/// #[async_trait::async_trait]
/// impl Pace for Hasty {
///     async fn pause(&self, _request: &Request, _wait: Duration) {}
///     async fn stall(&self, _request: &Request) {}
///     async fn flushed(&self, _request: &Request) {}
/// }
/// ```
#[async_trait]
pub trait Pace: Send + Sync {
    /// Returns when a pause of the plan is over.
    async fn pause(&self, request: &Request, wait: Duration);

    /// The plan is silent for ever. Returns when the connection may be dropped.
    async fn stall(&self, request: &Request);

    /// Bytes have been handed to the socket, and a pause, a stall or a reset comes next. A world with a virtual
    /// clock lets the client read them here, before time moves on.
    async fn flushed(&self, request: &Request);
}

/// Waits by the clock of the tokio runtime.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RealPace {
    /// The longest a connection is kept that has been silent by script.
    pub longest_stall: Duration,
}

impl Default for RealPace {
    /// Stalls end after a day: whatever a client's patience is, it should run out first.
    fn default() -> Self {
        Self { longest_stall: Duration::from_secs(24 * 60 * 60) }
    }
}

#[async_trait]
impl Pace for RealPace {
    async fn pause(&self, _request: &Request, wait: Duration) {
        tokio::time::sleep(wait).await;
    }

    async fn stall(&self, _request: &Request) {
        tokio::time::sleep(self.longest_stall).await;
    }

    async fn flushed(&self, _request: &Request) {
        tokio::task::yield_now().await;
    }
}

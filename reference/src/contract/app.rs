//! An app as a whole: what its process does once it has been launched, and what it finds there.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    AppLife, Clock, Connection, Credential, Delegate, Request, Scheduler, SessionId, Spawn, Storage,
    TransferId, TransferService,
};

/// An app: a [`Delegate`] that can be asked to start transfers.
///
/// Each launch makes a new one from a [`Launch`]; what it does not put into [`Launch::storage`] is gone with the process.
/// It is given no refresh task, message or question that a real app would not get, and every one of them goes to
/// its delegate's methods.
#[async_trait]
pub trait App: Delegate {
    /// The user wants these downloads, all of them together, in the session of this name. The app creates them in that
    /// session, opening it if it has not, and resumes them. It is called while the app runs, in front or behind.
    ///
    /// Source: *Downloading files in the background*: transfers that belong together are created together.
    async fn fetch(&self, session: &SessionId, requests: Vec<Request>);
}

/// Why a process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the user or the system")]
pub enum LaunchCause {
    /// The user opened the app.
    User,
    /// The system needs it in the background: its `handle` is about to be called.
    Background,
}

/// What an app does with a result beside keeping it: parses it, stores it in a database, draws it. The world decides how
/// long that takes, and sees when it begins and ends.
pub trait Workload: Send + Sync {
    /// Begins to work on the result of a transfer; the future is the rest of it. It is part of the wake that brought the
    /// result: the app's refresh task is to stay open until the future is done.
    fn process(&self, session: &SessionId, transfer: TransferId) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// What an app's process finds when it is launched: all it may use. Its time stands still while the app is suspended,
/// and so does every task started here; they end with the process.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "parts are replaced with struct update syntax")]
pub struct Launch {
    /// Why the process was started.
    pub cause: LaunchCause,
    /// The clock; a sleeping app does not see it pass.
    pub clock: Arc<dyn Clock>,
    /// The app's own files, which outlive its process.
    pub storage: Arc<dyn Storage>,
    /// Where the app starts tasks of its own.
    pub tasks: Arc<dyn Spawn>,
    /// Where it asks for application refreshes and snapshots. The rest of the trait is the sessions' business.
    pub scheduler: Arc<dyn Scheduler>,
    /// Where it opens its sessions.
    pub service: Arc<dyn TransferService>,
    /// What it does with results.
    pub work: Arc<dyn Workload>,
    /// What the user has entered for servers that ask for a login.
    pub credential: Credential,
    /// This run of its process.
    pub life: AppLife,
}

impl Launch {
    /// Connects a delegate that lives in this process with a session that is to be opened.
    #[must_use]
    pub fn connection(&self, delegate: Arc<dyn Delegate>) -> Connection {
        Connection::new(delegate, self.life.clone())
    }

    /// Starts a task of the app's own: short for `self.tasks.spawn(Box::pin(task))`.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(Box::pin(task));
    }

    /// Waits for a span of the app's own time.
    pub async fn sleep(&self, span: Duration) {
        self.clock.sleep_until(self.clock.now() + span).await;
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("cause", &self.cause).finish_non_exhaustive()
    }
}

//! The other reading of where a wake ends: with the last message about the last outstanding transfer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::common::{self, Pending, Sessions};
use crate::contract::{
    App, Challenge, ChallengeDisposition, Delegate, FilePath, Launch, OptionalMethod, RefreshTask, Request,
    Responder, Response, SessionId, TransferEnd, TransferId,
};

/// The transfers that have been created and have not ended.
const OUTSTANDING: &str = "app/outstanding";

/// Counts the outstanding transfers of each session and completes a URL-session task with the last `did_complete`; after a
/// wake with transfers still open, in `did_finish_events`. Every other task it completes at once.
///
/// Some pages and talks do so, others wait for the signal always (contradiction X3): see
/// [`WakeEnd`](crate::contract::WakeEnd). The count outlives the process; the app itself must keep it, since a session lists only what is outstanding
/// for the *service*, whose messages may still be queued.
///
/// ```
/// use bgsession_reference::app::OutstandingCount;
/// use bgsession_reference::contract::{App, Launch};
/// use std::sync::Arc;
///
/// fn launch(found: Launch) -> Arc<dyn App> {
///     Arc::new(OutstandingCount::new(found))
/// }
/// ```
#[derive(Clone)]
pub struct OutstandingCount(Arc<Shared>);

struct Shared {
    launch: Launch,
    sessions: Sessions,
    outstanding: Pending,
    wakes: Mutex<BTreeMap<SessionId, Wakes>>,
}

/// What has come and what is to come of a session.
#[derive(Default)]
struct Wakes {
    open: Vec<Arc<RefreshTask>>,
    /// Signals that came before the task that they belong to.
    early: u32,
    /// Signals of wakes that ended without them.
    owed: u32,
}

impl OutstandingCount {
    /// A launched process.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        let sessions = Sessions::new(launch.clone());
        let outstanding = Pending::new(launch.clone(), OUTSTANDING);
        let app = Self(Arc::new(Shared { launch, sessions, outstanding, wakes: Mutex::default() }));
        let again = app.clone();
        app.0.launch.spawn(async move { again.0.sessions.reattach(again.delegate()).await });
        app
    }

    fn delegate(&self) -> Arc<dyn Delegate> {
        Arc::new(self.clone())
    }

    fn with<T>(&self, session: &SessionId, what: impl FnOnce(&mut Wakes) -> T) -> T {
        let mut wakes: MutexGuard<'_, _> = self.0.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        what(wakes.entry(session.clone()).or_default())
    }

    async fn serve(&self, session: SessionId, task: RefreshTask) {
        let task = Arc::new(task);
        common::complete_on_expiration(&task);
        let done = !self.0.sessions.known().contains(&session)
            || self.with(&session, |wakes| {
                // DEL-04: its messages may have come before it.
                let early = wakes.early > 0;
                if early {
                    wakes.early -= 1;
                } else {
                    wakes.open.push(Arc::clone(&task));
                }
                early
            });
        if done {
            // DEL-01b: not a session of ours, or there is nothing to wait for any more.
            common::complete(&task);
            return;
        }
        // DEL-03a: after it has been kept, for the messages come as soon as the session is open.
        self.0.sessions.open(&session, self.delegate()).await;
    }

    fn has_outstanding(&self, session: &SessionId) -> bool {
        self.0.outstanding.left().iter().any(|(of, _)| of == session)
    }
}

impl std::fmt::Debug for OutstandingCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OutstandingCount")
    }
}

#[async_trait]
impl App for OutstandingCount {
    async fn fetch(&self, session: &SessionId, requests: Vec<Request>) {
        let created = |transfer| self.0.outstanding.add(session, transfer);
        self.0.sessions.fetch(session, requests, self.delegate(), created).await;
    }
}

#[async_trait]
impl Delegate for OutstandingCount {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        method == OptionalMethod::TaskChallenge
    }

    async fn handle(&self, tasks: Vec<RefreshTask>) {
        for task in tasks {
            match task.session_identifier().cloned() {
                Some(session) => self.serve(session, task).await,
                None => task.set_task_completed(),
            }
        }
    }

    async fn did_receive_challenge(
        &self,
        _: &SessionId,
        _: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        responder.respond(common::answer(&self.0.launch, &challenge));
    }

    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        _: &Response,
        location: &FilePath,
    ) {
        common::keep(&self.0.launch, session, transfer, location);
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, _: &TransferEnd) {
        self.0.outstanding.done(session, transfer);
        if self.has_outstanding(session) {
            return;
        }
        let done = self.with(session, |wakes| {
            let done = std::mem::take(&mut wakes.open);
            // The app may be suspended before the signal: then it comes in the next wake, and is not about that.
            wakes.owed += u32::from(!done.is_empty());
            done
        });
        done.iter().for_each(|task| common::complete(task));
    }

    /// The end of a wake for something else: a login, or nothing at all.
    async fn did_finish_events(&self, session: &SessionId) {
        let done = self.with(session, |wakes| {
            if wakes.owed > 0 {
                wakes.owed -= 1;
                return Vec::new();
            }
            if wakes.open.is_empty() {
                wakes.early += 1;
            }
            std::mem::take(&mut wakes.open)
        });
        done.iter().for_each(|task| common::complete(task));
    }
}

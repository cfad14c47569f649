//! Results that take their time: callbacks only keep them, and the wake stays open until the work is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::common::{self, Pending, Sessions};
use crate::contract::{
    App, Challenge, ChallengeDisposition, Delegate, FilePath, Launch, OptionalMethod, RefreshTask, Request,
    Responder, Response, SessionId, TransferId,
};

/// Results that have been kept and not worked on.
const INBOX: &str = "app/inbox";

/// Works on each result beside the callback that brought it; completes a URL-session task when its session has been drained
/// and no work on its results is left. Work that a process did not finish is done by the next.
///
/// ```
/// use bgsession_reference::app::Processing;
/// use bgsession_reference::contract::{App, Launch};
/// use std::sync::Arc;
///
/// fn launch(found: Launch) -> Arc<dyn App> {
///     Arc::new(Processing::new(found))
/// }
/// ```
#[derive(Clone)]
pub struct Processing(Arc<Shared>);

struct Shared {
    launch: Launch,
    sessions: Sessions,
    inbox: Pending,
    wakes: Mutex<BTreeMap<SessionId, Wakes>>,
}

/// What a session's tasks wait for.
#[derive(Default)]
struct Wakes {
    /// Those whose drain signal has not come.
    waiting: Vec<Arc<RefreshTask>>,
    /// Those whose drain signal has come.
    drained: Vec<Arc<RefreshTask>>,
    /// Signals that came before their task.
    early: u32,
    /// Results that are being worked on.
    working: u32,
}

impl Processing {
    /// A launched process.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        let (sessions, inbox) = (Sessions::new(launch.clone()), Pending::new(launch.clone(), INBOX));
        let app = Self(Arc::new(Shared { launch, sessions, inbox, wakes: Mutex::default() }));
        for (session, transfer) in app.0.inbox.left() {
            app.work(&session, transfer);
        }
        let again = app.clone();
        app.0.launch.spawn(async move { again.0.sessions.reattach(again.delegate()).await });
        app
    }

    fn delegate(&self) -> Arc<dyn Delegate> {
        Arc::new(self.clone())
    }

    fn wakes(&self) -> MutexGuard<'_, BTreeMap<SessionId, Wakes>> {
        self.0.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// DEL-05b: beside the callback, which returns at once.
    fn work(&self, session: &SessionId, transfer: TransferId) {
        self.wakes().entry(session.clone()).or_default().working += 1;
        let work = self.0.launch.work.process(session, transfer);
        let (app, session) = (self.clone(), session.clone());
        self.0.launch.spawn(async move {
            work.await;
            app.0.inbox.done(&session, transfer);
            app.wakes().entry(session.clone()).or_default().working -= 1;
            app.finish(&session);
        });
    }

    /// DEL-02c: drained, and nothing worked on.
    fn finish(&self, session: &SessionId) {
        let done = match self.wakes().get_mut(session) {
            Some(wakes) if wakes.working == 0 => std::mem::take(&mut wakes.drained),
            _ => Vec::new(),
        };
        done.iter().for_each(|task| common::complete(task));
    }

    async fn serve(&self, session: SessionId, task: RefreshTask) {
        let task = Arc::new(task);
        common::complete_on_expiration(&task);
        if !self.0.sessions.known().contains(&session) {
            common::complete(&task); // DEL-01b: it is not a session of ours.
            return;
        }
        {
            let mut wakes = self.wakes();
            let wakes = wakes.entry(session.clone()).or_default();
            // DEL-04: its messages may have come before it.
            if wakes.early > 0 {
                wakes.early -= 1;
                wakes.drained.push(task);
            } else {
                wakes.waiting.push(task);
            }
        }
        self.finish(&session);
        // DEL-03a.
        self.0.sessions.open(&session, self.delegate()).await;
    }
}

impl std::fmt::Debug for Processing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Processing")
    }
}

#[async_trait]
impl App for Processing {
    async fn fetch(&self, session: &SessionId, requests: Vec<Request>) {
        self.0.sessions.fetch(session, requests, self.delegate(), |_| {}).await;
    }
}

#[async_trait]
impl Delegate for Processing {
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
        self.0.inbox.add(session, transfer);
        self.work(session, transfer);
    }

    async fn did_finish_events(&self, session: &SessionId) {
        {
            let mut wakes = self.wakes();
            let wakes = wakes.entry(session.clone()).or_default();
            if wakes.waiting.is_empty() {
                wakes.early += 1;
            }
            let waiting = std::mem::take(&mut wakes.waiting);
            wakes.drained.extend(waiting);
        }
        self.finish(session);
    }
}

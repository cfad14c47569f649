//! The plainest style: a URL-session task is completed when its session says that all messages have been delivered.

use std::sync::Arc;

use async_trait::async_trait;

use super::common::{self, Sessions, Tasks};
use crate::contract::{
    App, Challenge, ChallengeDisposition, Delegate, FilePath, Launch, OptionalMethod, RefreshTask, Request,
    Responder, Response, SessionId, TransferId,
};

/// Completes each URL-session task in `did_finish_events`, and every other task at once.
///
/// ```
/// use bgsession_reference::app::EventsSignal;
/// use bgsession_reference::contract::{App, Launch};
/// use std::sync::Arc;
///
/// fn launch(found: Launch) -> Arc<dyn App> {
///     Arc::new(EventsSignal::new(found))
/// }
/// ```
#[derive(Clone)]
pub struct EventsSignal(Arc<Shared>);

struct Shared {
    launch: Launch,
    sessions: Sessions,
    tasks: Tasks,
}

impl EventsSignal {
    /// A launched process.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        let sessions = Sessions::new(launch.clone());
        let app = Self(Arc::new(Shared { launch, sessions, tasks: Tasks::default() }));
        let again = app.clone();
        app.0.launch.spawn(async move { again.0.sessions.reattach(again.delegate()).await });
        app
    }

    fn delegate(&self) -> Arc<dyn Delegate> {
        Arc::new(self.clone())
    }

    /// DEL-02a, DEL-02b: stays open until the messages of its session have been delivered.
    async fn serve(&self, session: SessionId, task: RefreshTask) {
        let task = Arc::new(task);
        common::complete_on_expiration(&task);
        if !self.0.sessions.known().contains(&session) || self.0.tasks.keep(&session, Arc::clone(&task)) {
            // DEL-01b: not a session of ours, or all its messages have come before the task did.
            common::complete(&task);
            return;
        }
        // DEL-03a: after it has been kept, for the messages come as soon as the session is open.
        self.0.sessions.open(&session, self.delegate()).await;
    }
}

impl std::fmt::Debug for EventsSignal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventsSignal")
    }
}

#[async_trait]
impl App for EventsSignal {
    async fn fetch(&self, session: &SessionId, requests: Vec<Request>) {
        self.0.sessions.fetch(session, requests, self.delegate(), |_| {}).await;
    }
}

#[async_trait]
impl Delegate for EventsSignal {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        method == OptionalMethod::TaskChallenge
    }

    async fn handle(&self, tasks: Vec<RefreshTask>) {
        for task in tasks {
            match task.session_identifier().cloned() {
                Some(session) => self.serve(session, task).await,
                // DEL-01b: there is nothing to do for the other kinds, and they are completed all the same.
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

    async fn did_finish_events(&self, session: &SessionId) {
        for task in self.0.tasks.drained(session) {
            common::complete(&task);
        }
    }
}

//! Closures instead of a `handle`: what a task waits for is what its closure waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::common::{self, Sessions};
use super::refreshes::Refreshes;
use crate::actions::Closures;
use crate::contract::{
    Action, ActionInput, ActionRunner, App, Challenge, ChallengeDisposition, Delegate, FilePath, Launch,
    OptionalMethod, RefreshKind, RefreshTask, Request, Responder, Response, SessionId, TaskPattern,
    TransferId,
};

/// Has a closure for its sessions, which returns when the session's messages have been delivered, and one for
/// application refreshes, which asks for the next and starts a transfer. [`Closures`] completes the tasks, also those of all other
/// kinds.
///
/// ```
/// use bgsession_reference::app::InClosures;
/// use bgsession_reference::contract::{App, Launch};
/// use std::sync::Arc;
///
/// fn launch(found: Launch) -> Arc<dyn App> {
///     Arc::new(InClosures::new(found))
/// }
/// ```
pub struct InClosures {
    messages: Messages,
    closures: Closures,
}

impl InClosures {
    /// A launched process.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        let messages = Messages(Arc::new(Shared {
            sessions: Sessions::new(launch.clone()),
            refreshes: Refreshes::new(launch.clone()),
            drains: Drains::default(),
            launch: launch.clone(),
        }));
        let again = messages.clone();
        launch.spawn(async move { again.0.sessions.reattach(again.delegate()).await });
        let (of_sessions, of_refreshes) = (messages.clone(), messages.clone());
        let actions = vec![
            Action::new(TaskPattern::AnyUrlSession, move |input| of_sessions.session_woke(input)),
            Action::new(TaskPattern::AnyApplicationRefresh, move |_| of_refreshes.clone().refresh()),
        ];
        Self { messages, closures: Closures::new(launch, actions) }
    }
}

impl std::fmt::Debug for InClosures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InClosures")
    }
}

#[async_trait]
impl App for InClosures {
    async fn fetch(&self, session: &SessionId, requests: Vec<Request>) {
        self.messages.0.refreshes.wanted(session, &requests);
        self.messages.fetch(session, requests).await;
    }
}

/// Its sessions have a delegate of their own.
#[async_trait]
impl Delegate for InClosures {
    async fn handle(&self, tasks: Vec<RefreshTask>) {
        self.closures.handle(tasks).await;
    }
}

/// What its closures and its sessions' delegate share.
#[derive(Clone)]
struct Messages(Arc<Shared>);

struct Shared {
    launch: Launch,
    sessions: Sessions,
    refreshes: Refreshes,
    drains: Drains,
}

impl Messages {
    fn delegate(&self) -> Arc<dyn Delegate> {
        Arc::new(self.clone())
    }

    async fn fetch(&self, session: &SessionId, requests: Vec<Request>) {
        self.0.sessions.fetch(session, requests, self.delegate(), |_| {}).await;
    }

    /// The closure for sessions. What it waits for begins with the call, not with the first poll: messages may be faster.
    fn session_woke(&self, input: ActionInput) -> impl Future<Output = ()> + Send + use<> {
        let RefreshKind::UrlSession(session) = input.kind else {
            unreachable!("the pattern is for sessions")
        };
        // DEL-01b: there is nothing to wait for if it is not a session of ours.
        let known = self.0.sessions.known().contains(&session);
        let drain = known.then(|| self.0.drains.next(&session)).flatten();
        let app = self.clone();
        async move {
            let Some(drain) = drain else { return };
            // DEL-03a: after that, for the messages come as soon as the session is open.
            app.0.sessions.open(&session, app.delegate()).await;
            // DEL-02a, DEL-02b; DEL-08a: returns also when it is cancelled.
            tokio::select! {
                biased;
                _ = drain => {}
                () = input.cancellation.cancelled() => {}
            }
        }
    }

    /// The closure for refreshes. DEL-08b: the transfer goes on without the app.
    async fn refresh(self) {
        if let Some((session, url)) = self.0.refreshes.again().await {
            self.fetch(&session, vec![Request::get(url)]).await;
        }
    }
}

#[async_trait]
impl Delegate for Messages {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        method == OptionalMethod::TaskChallenge
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
        self.0.drains.drained(session);
    }
}

/// Who waits for which session to be drained.
#[derive(Default)]
struct Drains(Mutex<BTreeMap<SessionId, Drain>>);

#[derive(Default)]
struct Drain {
    waiting: Vec<oneshot::Sender<()>>,
    /// Signals that came before whoever would have waited for them.
    early: u32,
}

impl Drains {
    /// The next drain of a session; `None` if its signal has come already (DEL-04).
    fn next(&self, session: &SessionId) -> Option<oneshot::Receiver<()>> {
        let mut drains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let drain = drains.entry(session.clone()).or_default();
        if drain.early > 0 {
            drain.early -= 1;
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        drain.waiting.push(sender);
        Some(receiver)
    }

    /// DEL-01c: whoever waits is done with this one, and not with the next.
    fn drained(&self, session: &SessionId) {
        let mut drains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let drain = drains.entry(session.clone()).or_default();
        if drain.waiting.is_empty() {
            drain.early += 1;
        }
        for waiting in drain.waiting.drain(..) {
            // Whoever has been cancelled meanwhile waits no more.
            let _ = waiting.send(());
        }
    }
}

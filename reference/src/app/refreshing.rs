//! An app that keeps itself up to date: each application refresh asks for the next and starts a transfer.

use std::sync::Arc;

use async_trait::async_trait;

use super::EventsSignal;
use super::refreshes::Refreshes;
use crate::contract::{
    App, Challenge, ChallengeDisposition, Delegate, FilePath, Launch, OptionalMethod, RefreshKind,
    RefreshTask, Request, Responder, Response, SessionId, TransferEnd, TransferId,
};

/// Serves its sessions as [`EventsSignal`] does. Given an application refresh, it asks for the next one, downloads again what
/// the user asked for last, and completes the task without waiting for that: the session's own wake brings the result.
///
/// ```
/// use bgsession_reference::app::Refreshing;
/// use bgsession_reference::contract::{App, Launch};
/// use std::sync::Arc;
///
/// fn launch(found: Launch) -> Arc<dyn App> {
///     Arc::new(Refreshing::new(found))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Refreshing {
    refreshes: Refreshes,
    sessions: EventsSignal,
}

impl Refreshing {
    /// A launched process.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        Self { sessions: EventsSignal::new(launch.clone()), refreshes: Refreshes::new(launch) }
    }

    async fn refresh(&self, task: RefreshTask) {
        let task = Arc::new(task);
        super::common::complete_on_expiration(&task);
        // DEL-06: before the completion.
        if let Some((session, url)) = self.refreshes.again().await {
            self.sessions.fetch(&session, vec![Request::get(url)]).await;
        }
        // DEL-08b: the transfer goes on without the app.
        super::common::complete(&task);
    }
}

#[async_trait]
impl App for Refreshing {
    async fn fetch(&self, session: &SessionId, requests: Vec<Request>) {
        self.refreshes.wanted(session, &requests);
        self.sessions.fetch(session, requests).await;
    }
}

#[async_trait]
impl Delegate for Refreshing {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        self.sessions.responds_to(method)
    }

    async fn handle(&self, tasks: Vec<RefreshTask>) {
        let (refreshes, others): (Vec<_>, Vec<_>) =
            tasks.into_iter().partition(|task| *task.kind() == RefreshKind::ApplicationRefresh);
        for task in refreshes {
            self.refresh(task).await;
        }
        self.sessions.handle(others).await;
    }

    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        self.sessions.did_receive_challenge(session, transfer, challenge, responder).await;
    }

    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        location: &FilePath,
    ) {
        self.sessions.did_finish_downloading(session, transfer, response, location).await;
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        self.sessions.did_complete(session, transfer, end).await;
    }

    async fn did_finish_events(&self, session: &SessionId) {
        self.sessions.did_finish_events(session).await;
    }
}

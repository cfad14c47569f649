//! An app that keeps itself up to date: each application refresh asks for the next and starts a transfer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::EventsSignal;
use crate::contract::{
    App, Challenge, ChallengeDisposition, Delegate, FilePath, Launch, OptionalMethod, RefreshKind,
    RefreshTask, Request, Responder, Response, SessionId, TransferEnd, TransferId,
};

/// Between two refreshes. The documents ask for no more than four in an hour.
const INTERVAL: Duration = Duration::from_secs(30 * 60);
/// After so many refreshes without the user having been there, it stops asking.
const UNSEEN: usize = 3;
/// What was asked for last: the session and the address, one on each line.
const LATEST: &str = "app/latest";
/// One byte for each refresh since then.
const REFRESHES: &str = "app/refreshes";
/// No address is that long.
const LONGEST: usize = 1 << 16;

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
    launch: Launch,
    sessions: EventsSignal,
}

impl Refreshing {
    /// A launched process.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        Self { sessions: EventsSignal::new(launch.clone()), launch }
    }

    fn read(&self, file: &str) -> Vec<u8> {
        self.launch.storage.read(&FilePath::new(file), 0, LONGEST).unwrap_or_default()
    }

    async fn refresh(&self, task: RefreshTask) {
        let task = Arc::new(task);
        super::common::complete_on_expiration(&task);
        if self.read(REFRESHES).len() < UNSEEN {
            // A full disk makes it ask too often; the system sees to its budget.
            let _ = self.launch.storage.append(&FilePath::new(REFRESHES), b".");
            let next = self.launch.clock.now() + INTERVAL;
            // DEL-06: before the completion. What the user has switched off does not come.
            let _ = self.launch.scheduler.schedule_background_refresh(next, None).await;
            if let Some((session, url)) = self.latest() {
                self.sessions.fetch(&session, vec![Request::get(url)]).await;
            }
        }
        // DEL-08b: the transfer goes on without the app.
        super::common::complete(&task);
    }

    fn latest(&self) -> Option<(SessionId, String)> {
        let text = String::from_utf8(self.read(LATEST)).ok()?;
        let (session, url) = text.split_once('\n')?;
        Some((SessionId::new(session).ok()?, url.to_owned()))
    }
}

#[async_trait]
impl App for Refreshing {
    async fn fetch(&self, session: &SessionId, requests: Vec<Request>) {
        let storage = &self.launch.storage;
        if let Some(request) = requests.last() {
            let latest = format!("{session}\n{}", request.url);
            // If it can not be kept, there is nothing to refresh.
            let _ = storage.create(&FilePath::new(REFRESHES));
            let _ = storage.create(&FilePath::new(LATEST));
            let _ = storage.append(&FilePath::new(LATEST), latest.as_bytes());
        }
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

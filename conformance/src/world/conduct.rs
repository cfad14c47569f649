//! What the app does when it is called: the scripted side of the kit's delegate.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;

use super::app::App;
use super::guard;
use crate::contract::{
    CancelReason, Challenge, ChallengeDisposition, Charge, Configuration, Connection, Credential,
    DelayedRequestDisposition, Delegate, FilePath, OptionalMethod, RefreshKind, RefreshTask, Request,
    Responder, Response, Session, SessionError, SessionId, SnapshotReason, TransferEnd, TransferError,
    TransferId, TransferKind, TransferOptions, UserInfo,
};
use crate::history::{EndKind, Event, FaultKind, Message, MessageId, TransferKey};
use crate::scenario::{Finish, Reopen, Reply};
use crate::world::network::{self, PASSWORD, USER, chain_url};

/// Refreshes that an app keeps asking for must end some time, or the scenario would not.
const RESCHEDULES: u32 = 12;

impl App {
    /// After a background launch and before `handle`.
    pub(crate) async fn launched_in_background(self: &Arc<Self>) {
        if self.setup.reopen == Reopen::AtLaunch {
            self.reopen_all().await;
        }
    }

    /// Opens every session that the app has ever had.
    pub(crate) async fn reopen_all(self: &Arc<Self>) {
        let known = self.lock().known.clone();
        for (session, launch_events) in known {
            self.open(&session, launch_events).await;
        }
    }

    /// The app's object for a session of this run of the process, opened if it is not.
    pub(crate) async fn open(
        self: &Arc<Self>,
        id: &SessionId,
        launch_events: bool,
    ) -> Option<Arc<dyn Session>> {
        if let Some(session) = self.lock().sessions.get(id) {
            return Some(Arc::clone(session));
        }
        let configuration = Configuration {
            sends_launch_events: launch_events,
            resource_timeout: self.setup.resource_timeout.duration(),
            ..Configuration::background(id.clone())
        };
        let life = self.life();
        let connection = Connection::new(Arc::new(Recording(Arc::clone(self))), life.clone());
        // Before the call: messages may arrive while it runs.
        self.recorder.record(Event::SessionOpened {
            session: id.clone(),
            launch_events,
        });
        let service = Arc::clone(&self.system().service);
        let opening = service.session(configuration, connection);
        let session =
            match guard::call(&self.clock, &self.recorder, "TransferService::session", opening).await? {
                Ok(session) => session,
                Err(error) => {
                    self.refused("TransferService::session", &error);
                    return None;
                }
            };
        let mut state = self.lock();
        if !state.known.iter().any(|(known, _)| known == id) {
            state.known.push((id.clone(), launch_events));
        }
        if !life.has_ended() {
            state.sessions.insert(id.clone(), Arc::clone(&session));
        }
        drop(state);
        Some(session)
    }

    fn refused(&self, what: &str, error: &SessionError) {
        self.recorder
            .fault(FaultKind::Refusal, format!("{what}: {error}"));
    }

    /// Creates a transfer and resumes it.
    pub(crate) async fn start(
        self: &Arc<Self>,
        session: &Arc<dyn Session>,
        kind: TransferKind,
        url: String,
        options: TransferOptions,
        file: Option<FilePath>,
    ) -> Option<TransferKey> {
        let earliest = options.earliest_begin_date;
        let created = match &file {
            Some(file) => {
                let upload = session.upload(Request::post(url.clone()), file, options);
                guard::call(&self.clock, &self.recorder, "Session::upload", upload).await?
            }
            None => {
                let download = session.download(Request::get(url.clone()), options);
                guard::call(&self.clock, &self.recorder, "Session::download", download).await?
            }
        };
        let transfer = match created {
            Ok(transfer) => transfer,
            Err(error) => {
                self.refused("creating a transfer", &error);
                return None;
            }
        };
        let key = TransferKey {
            session: session.identifier().clone(),
            transfer,
        };
        {
            let mut state = self.lock();
            state.claims.insert(network::place(&url).to_owned(), key.clone());
            state.outstanding.insert(key.clone());
        }
        let resource_timeout = self.setup.resource_timeout.0;
        self.recorder.record(Event::TransferCreated {
            key: key.clone(),
            kind,
            url,
            earliest,
            resource_timeout,
        });
        self.recorder.record(Event::TransferResumed { key: key.clone() });
        let resumed = guard::call(
            &self.clock,
            &self.recorder,
            "Session::resume",
            session.resume(transfer),
        )
        .await?;
        if let Err(error) = resumed {
            self.refused("Session::resume", &error);
        }
        Some(key)
    }

    /// Cancels a transfer.
    pub(crate) async fn cancel(&self, key: &TransferKey) {
        let session = self.lock().sessions.get(&key.session).cloned();
        if let Some(session) = session {
            self.recorder
                .record(Event::TransferCancelled { key: key.clone() });
            // One that has just ended is not outstanding any more: that is no refusal.
            guard::call(
                &self.clock,
                &self.recorder,
                "Session::cancel",
                session.cancel(key.transfer),
            )
            .await;
        }
    }

    /// Asks for an application refresh or a snapshot.
    pub(crate) async fn schedule(&self, slot: Charge, after: Duration) {
        let preferred = self.clock.now() + after;
        let count = self.recorder.with(|history| history.entries.len());
        let user_info = UserInfo::new(format!("request {count}"));
        self.recorder.record(Event::Scheduled {
            slot,
            preferred,
            user_info: user_info.clone(),
        });
        let scheduler = Arc::clone(&self.system().scheduler);
        let (what, call) = if slot == Charge::Snapshot {
            let call = scheduler.schedule_snapshot_refresh(preferred, Some(user_info));
            ("Scheduler::schedule_snapshot_refresh", call)
        } else {
            let call = scheduler.schedule_background_refresh(preferred, Some(user_info));
            ("Scheduler::schedule_background_refresh", call)
        };
        match guard::call(&self.clock, &self.recorder, what, call).await {
            Some(Ok(())) => self.lock().scheduled[usize::from(slot == Charge::Snapshot)] = true,
            Some(Err(error)) => self
                .recorder
                .fault(FaultKind::Refusal, format!("{what}: {error}")),
            None => {}
        }
    }

    /// `handle`: keeps the tasks, plans their completion and returns; the work goes on in tasks of the app's.
    pub(crate) fn handle(self: &Arc<Self>, tasks: Vec<RefreshTask>) {
        for task in tasks {
            let finish = {
                let mut state = self.lock();
                let turn = state.handled;
                state.handled += 1;
                match task.kind() {
                    RefreshKind::ApplicationRefresh => state.scheduled[0] = false,
                    RefreshKind::Snapshot(SnapshotReason::AppScheduled) => state.scheduled[1] = false,
                    _ => {}
                }
                self.setup.finishes[turn % self.setup.finishes.len()]
            };
            self.take_on(Arc::new(task), finish);
        }
    }

    fn take_on(self: &Arc<Self>, task: Arc<RefreshTask>, finish: Finish) {
        self.set_handler(&task, finish);
        self.lock().kept.push(Arc::clone(&task));
        if finish == Finish::AtOnce {
            task.set_task_completed();
        }
        if let Finish::After(span) = finish {
            let (app, task) = (Arc::clone(self), Arc::clone(&task));
            self.spawn(async move {
                app.sleep(span.duration()).await;
                task.set_task_completed();
            });
        }
        let served = matches!(finish, Finish::WhenServed | Finish::Twice);
        match task.session_identifier().cloned() {
            Some(session) => {
                if served {
                    self.lock()
                        .unserved
                        .push((session.clone(), task, finish == Finish::Twice));
                }
                let app = Arc::clone(self);
                self.spawn(async move {
                    let known = app
                        .lock()
                        .known
                        .iter()
                        .find(|(known, _)| *known == session)
                        .cloned();
                    if let Some((session, launch_events)) = known {
                        app.open(&session, launch_events).await;
                    }
                });
            }
            None => {
                let app = Arc::clone(self);
                self.spawn(async move { app.do_other_work(task, served, finish == Finish::Twice).await });
            }
        }
    }

    /// Work for a task that no session message belongs to.
    async fn do_other_work(self: Arc<Self>, task: Arc<RefreshTask>, complete: bool, twice: bool) {
        if let (RefreshKind::ApplicationRefresh, Some(after)) = (task.kind(), self.setup.reschedule) {
            let more = {
                let mut state = self.lock();
                state.rescheduled += 1;
                state.rescheduled <= RESCHEDULES
            };
            if more {
                // What comes next is asked for before the last completion: suspension may follow at once.
                self.schedule(Charge::ApplicationRefresh, after.duration()).await;
            }
        }
        if complete {
            self.sleep(Duration::from_millis(200)).await;
            task.set_task_completed();
            if twice {
                task.set_task_completed();
            }
        }
    }

    fn set_handler(self: &Arc<Self>, task: &Arc<RefreshTask>, finish: Finish) {
        let completes = match finish {
            Finish::WhenServed | Finish::OnExpiration => true,
            Finish::Never => false,
            Finish::Twice | Finish::AtOnce | Finish::After(_) => return,
        };
        let weak: Weak<RefreshTask> = Arc::downgrade(task);
        task.set_expiration_handler(move || {
            if let Some(task) = weak.upgrade().filter(|_| completes) {
                task.set_task_completed();
            }
        });
        self.recorder
            .record(Event::ExpirationHandlerSet { task: task.id() });
    }

    /// A session's events have been served: what waited for that is completed.
    async fn served(self: &Arc<Self>, session: &SessionId) {
        let chain = {
            let mut state = self.lock();
            let waiting = state.unserved.iter().any(|(waiting, ..)| waiting == session);
            let chain = waiting && state.chained < self.setup.chain;
            state.chained += u8::from(chain);
            chain.then_some(state.chained)
        };
        if let Some(number) = chain {
            if let Some(session) = self.open(session, true).await {
                let options = TransferOptions::default();
                self.start(&session, TransferKind::Download, chain_url(number), options, None)
                    .await;
            }
        }
        let done = {
            let mut state = self.lock();
            let (done, still) = std::mem::take(&mut state.unserved)
                .into_iter()
                .partition(|(s, ..)| s == session);
            state.unserved = still;
            let done: Vec<(SessionId, Arc<RefreshTask>, bool)> = done;
            done
        };
        for (_, task, twice) in done {
            task.set_task_completed();
            if twice {
                task.set_task_completed();
            }
        }
    }

    async fn reply(
        self: &Arc<Self>,
        id: MessageId,
        transfer: u64,
        failures: u32,
        responder: Responder<ChallengeDisposition>,
    ) {
        let replies = &self.setup.replies;
        let reply = replies[usize::try_from(transfer).unwrap_or(0) % replies.len()];
        let right = || ChallengeDisposition::UseCredential(Some(Credential::password(USER, PASSWORD)));
        let wrong = || ChallengeDisposition::UseCredential(Some(Credential::password(USER, "wrong")));
        let cancel = || ChallengeDisposition::CancelAuthenticationChallenge;
        let answer = match (reply, failures) {
            (Reply::Right | Reply::Late(_), 0) | (Reply::WrongFirst, 1) => right(),
            (Reply::WrongFirst, 0) => wrong(),
            (Reply::Right | Reply::Late(_) | Reply::WrongFirst | Reply::Cancel, _) => cancel(),
            (Reply::Default, _) => ChallengeDisposition::PerformDefaultHandling,
            (Reply::Reject, _) => ChallengeDisposition::RejectProtectionSpace,
            (Reply::Never, _) => {
                self.lock().unanswered.push(responder);
                return;
            }
        };
        if let Reply::Late(span) = reply {
            let app = Arc::clone(self);
            self.spawn(async move {
                app.sleep(span.duration()).await;
                app.respond(id, answer, responder);
            });
        } else {
            self.respond(id, answer, responder);
        }
    }

    fn respond(
        &self,
        id: MessageId,
        answer: ChallengeDisposition,
        responder: Responder<ChallengeDisposition>,
    ) {
        self.recorder.record(Event::Answered {
            id,
            answer: format!("{answer:?}"),
        });
        responder.respond(answer);
    }
}

/// The kit's delegate: writes every message down and behaves as the scenario says.
pub(crate) struct Recording(pub(crate) Arc<App>);

/// Notes how a delivery ends, however its future does.
struct Delivery<'a> {
    app: &'a App,
    id: MessageId,
    returned: bool,
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        let (app, id) = (self.app, self.id);
        app.recorder.record(if self.returned {
            Event::MessageReturned { id }
        } else {
            Event::MessageInterrupted { id }
        });
    }
}

impl Recording {
    async fn begin(
        &self,
        session: &SessionId,
        transfer: Option<TransferId>,
        message: impl FnOnce() -> Message,
    ) -> Delivery<'_> {
        let app = &*self.0;
        app.receiving().await;
        let id = app.recorder.next_message();
        let message = message();
        app.recorder.record(Event::MessageBegan {
            id,
            session: session.clone(),
            transfer,
            message,
        });
        Delivery {
            app,
            id,
            returned: false,
        }
    }

    async fn message(
        &self,
        session: &SessionId,
        transfer: Option<TransferId>,
        message: impl FnOnce() -> Message,
    ) {
        let mut delivery = self.begin(session, transfer, message).await;
        self.0.sleep(self.0.setup.callback.duration()).await;
        delivery.returned = true;
    }

    fn look_at(&self, location: &FilePath) -> (Option<u64>, Option<u64>) {
        let storage = &self.0.device().storage;
        let Ok(size) = storage.len(location) else {
            return (None, None);
        };
        let bytes = usize::try_from(size)
            .map_err(std::io::Error::other)
            .and_then(|len| storage.read(location, 0, len));
        match bytes {
            Ok(bytes) => (
                Some(bytes.len() as u64),
                Some(bgsession_mock_server::body::hash(&bytes)),
            ),
            Err(_) => (None, None),
        }
    }
}

#[async_trait]
impl Delegate for Recording {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        method == OptionalMethod::TaskChallenge
    }

    async fn did_receive_session_challenge(
        &self,
        session: &SessionId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        self.challenged(session, None, challenge, responder).await;
    }

    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        self.challenged(session, Some(transfer), challenge, responder)
            .await;
    }

    async fn will_begin_delayed_request(
        &self,
        session: &SessionId,
        transfer: TransferId,
        _: Request,
        responder: Responder<DelayedRequestDisposition>,
    ) {
        self.message(session, Some(transfer), || Message::WillBeginDelayedRequest)
            .await;
        responder.respond(DelayedRequestDisposition::ContinueLoading);
    }

    async fn did_write_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        _: u64,
        total: u64,
        _: Option<u64>,
    ) {
        self.message(session, Some(transfer), || Message::DidWriteData { total })
            .await;
    }

    async fn did_send_body_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        _: u64,
        total: u64,
        _: u64,
    ) {
        self.message(session, Some(transfer), || Message::DidSendBodyData { total })
            .await;
    }

    async fn did_resume_at_offset(
        &self,
        session: &SessionId,
        transfer: TransferId,
        offset: u64,
        _: Option<u64>,
    ) {
        self.message(session, Some(transfer), || Message::DidResumeAtOffset { offset })
            .await;
    }

    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        location: &FilePath,
    ) {
        let message = || {
            let (size, digest) = self.look_at(location);
            Message::DidFinishDownloading {
                status: response.status,
                size,
                digest,
            }
        };
        self.message(session, Some(transfer), message).await;
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let message = || Message::DidComplete {
            end: end_kind(end.error.as_ref()),
            status: end.response.as_ref().map(|response| response.status),
        };
        self.message(session, Some(transfer), message).await;
        self.0.lock().outstanding.remove(&TransferKey {
            session: session.clone(),
            transfer,
        });
    }

    async fn did_finish_events(&self, session: &SessionId) {
        let mut delivery = self.begin(session, None, || Message::DidFinishEvents).await;
        self.0.sleep(self.0.setup.callback.duration()).await;
        delivery.returned = true;
        drop(delivery);
        let app = Arc::clone(&self.0);
        let session = session.clone();
        // Beside the callback: what the app does now must not hold the session's messages up.
        self.0.spawn(async move { app.served(&session).await });
    }

    async fn did_become_invalid(&self, session: &SessionId) {
        self.message(session, None, || Message::DidBecomeInvalid).await;
    }
}

impl Recording {
    async fn challenged(
        &self,
        session: &SessionId,
        transfer: Option<TransferId>,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let failures = challenge.previous_failure_count;
        let message = || Message::DidReceiveChallenge {
            method: challenge.protection_space.method,
            failures,
            proposed: challenge.proposed_credential.is_some(),
        };
        let mut delivery = self.begin(session, transfer, message).await;
        self.0.sleep(self.0.setup.callback.duration()).await;
        delivery.returned = true;
        let id = delivery.id;
        drop(delivery);
        self.0
            .reply(id, transfer.map_or(0, TransferId::get), failures, responder)
            .await;
    }
}

fn end_kind(error: Option<&TransferError>) -> EndKind {
    match error {
        None => EndKind::Success,
        Some(TransferError::Cancelled {
            reason: CancelReason::App,
            ..
        }) => EndKind::Cancelled,
        Some(TransferError::Cancelled { .. }) => EndKind::CancelledBySystem,
        Some(TransferError::TimedOut) => EndKind::TimedOut,
        Some(TransferError::UserCancelledAuthentication) => EndKind::LoginCancelled,
        Some(_) => EndKind::Failed,
    }
}

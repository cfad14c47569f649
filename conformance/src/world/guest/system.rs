//! The system as the app's own code sees it: every call is written down and passed on.

use std::sync::Arc;

use async_trait::async_trait;

use super::App;
use super::delegate::Relay;
use crate::contract::{
    Charge, Configuration, Connection, DeviceChange, FilePath, OptionalMethod, Request, ResumeData,
    ScheduleError, Scheduler, Session, SessionError, SessionId, SessionMode, Time, TransferId, TransferInfo,
    TransferKind, TransferOptions, TransferService, UserInfo, WakeOutcome, WakeReason,
};
use crate::history::{Event, FaultKind, Reopening, TransferKey};
use crate::world::control::Terms;

/// Where the app asks for refreshes.
pub(super) struct AppScheduler(Arc<App>);

impl AppScheduler {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    fn not_yours(&self, what: &str) {
        self.0.recorder.fault(FaultKind::Refusal, format!("an app has no business with Scheduler::{what}"));
    }

    async fn schedule(
        &self,
        slot: Charge,
        preferred: Time,
        user_info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        let system = self.0.system().ok_or(ScheduleError::Stopped)?;
        let info = user_info.clone().unwrap_or_else(|| UserInfo::new(""));
        self.0.recorder.record(Event::Scheduled { slot, preferred, user_info: info.clone() });
        let scheduler = &system.scheduler;
        let answer = if slot == Charge::Snapshot {
            scheduler.schedule_snapshot_refresh(preferred, user_info).await
        } else {
            scheduler.schedule_background_refresh(preferred, user_info).await
        };
        let accepted = answer.is_ok();
        self.0.recorder.record(Event::ScheduleReturned { slot, user_info: info, accepted });
        if accepted {
            self.0.lock().scheduled[usize::from(slot == Charge::Snapshot)] = true;
        }
        answer
    }
}

#[async_trait]
impl Scheduler for AppScheduler {
    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        self.schedule(Charge::ApplicationRefresh, preferred, info).await
    }

    async fn schedule_snapshot_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        self.schedule(Charge::Snapshot, preferred, info).await
    }

    async fn request_wake(&self, _: &SessionId, _: WakeReason) -> WakeOutcome {
        self.not_yours("request_wake");
        WakeOutcome::Suppressed
    }

    fn withdraw_wake(&self, _: &SessionId) {
        self.not_yours("withdraw_wake");
    }

    fn device_changed(&self, _: &DeviceChange) {
        self.not_yours("device_changed");
    }
}

/// Where the app opens its sessions.
pub(super) struct AppService(Arc<App>);

impl AppService {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self(app)
    }
}

#[async_trait]
impl TransferService for AppService {
    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let app = &self.0;
        let system = app.system().ok_or(SessionError::Stopped)?;
        let id = configuration.identifier.clone();
        let launch_events = configuration.sends_launch_events;
        let second = app.lock().sessions.contains_key(&id);
        let delegate = Arc::clone(connection.delegate());
        let relay = Arc::new(Relay { app: Arc::clone(app), delegate: Arc::clone(&delegate), second });
        let timeouts = (configuration.resource_timeout, configuration.request_timeout);
        if !second {
            // Before the call: messages may arrive while it runs.
            let cellular = configuration.allows_cellular_access;
            let discretionary = configuration.is_discretionary;
            let in_process = configuration.mode == SessionMode::InProcess;
            let usual = Configuration::background(id.clone()).maximum_connections_per_host;
            let connections = Some(configuration.maximum_connections_per_host).filter(|most| *most != usual);
            app.recorder.record(Event::SessionOpened {
                session: id.clone(),
                launch_events,
                cellular,
                discretionary,
                in_process,
                connections,
                session_challenges: delegate.responds_to(OptionalMethod::SessionChallenge),
                decides: delegate.responds_to(OptionalMethod::WillBeginDelayedRequest),
                task_challenges: delegate.responds_to(OptionalMethod::TaskChallenge),
            });
        }
        let opening =
            system.service.session(configuration, Connection::new(relay, connection.life().clone()));
        let opened = opening.await;
        if second {
            let outcome = match &opened {
                Ok(_) => Reopening::Opened,
                Err(SessionError::InUse) => Reopening::InUse,
                Err(_) => Reopening::Refused,
            };
            let session = id.clone();
            app.recorder.record(Event::SessionReopened { session, elsewhere: false, launch_events, outcome });
        } else if opened.is_err() {
            app.recorder.record(Event::SessionRefused { session: id.clone() });
        }
        let session: Arc<dyn Session> =
            Arc::new(AppSession { app: Arc::clone(app), session: opened?, timeouts });
        if !second && !connection.life().has_ended() {
            app.lock().sessions.insert(id, Arc::clone(&session));
        }
        Ok(session)
    }

    fn device_changed(&self, _: &DeviceChange) {
        self.0
            .recorder
            .fault(FaultKind::Refusal, "an app has no business with TransferService::device_changed");
    }
}

/// One of the app's sessions.
struct AppSession {
    app: Arc<App>,
    session: Arc<dyn Session>,
    /// Resource and request timeout.
    timeouts: (std::time::Duration, std::time::Duration),
}

impl AppSession {
    fn key(&self, transfer: TransferId) -> TransferKey {
        TransferKey { session: self.identifier().clone(), transfer }
    }

    fn created(
        &self,
        kind: TransferKind,
        url: String,
        (earliest, description): (Option<Time>, Option<String>),
        was_in_front: bool,
        made: Result<TransferId, SessionError>,
    ) -> Result<TransferId, SessionError> {
        match &made {
            Ok(transfer) => {
                let (resource_timeout, request_timeout) = self.timeouts;
                let continues = None;
                let terms = Terms {
                    earliest,
                    description,
                    // Rules about apps do not ask for it.
                    bytes: None,
                    continues,
                    resource_timeout,
                    request_timeout,
                    was_in_front,
                };
                self.app.created(&self.key(*transfer), kind, url, terms);
            }
            Err(_) => {
                self.app.recorder.record(Event::TransferRefused { session: self.identifier().clone() });
            }
        }
        made
    }
}

#[async_trait]
impl Session for AppSession {
    fn identifier(&self) -> &SessionId {
        self.session.identifier()
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let named = (options.earliest_begin_date, options.description.clone());
        let was_in_front = self.app.process().is_foreground();
        let url = request.url.clone();
        self.created(
            TransferKind::Download,
            url,
            named,
            was_in_front,
            self.session.download(request, options).await,
        )
    }

    async fn download_resuming(
        &self,
        data: ResumeData,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let named = (options.earliest_begin_date, options.description.clone());
        let was_in_front = self.app.process().is_foreground();
        let made = self.session.download_resuming(data, options).await;
        self.created(TransferKind::Download, String::new(), named, was_in_front, made)
    }

    async fn upload(
        &self,
        request: Request,
        file: &FilePath,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let named = (options.earliest_begin_date, options.description.clone());
        let was_in_front = self.app.process().is_foreground();
        let url = request.url.clone();
        self.created(
            TransferKind::Upload,
            url,
            named,
            was_in_front,
            self.session.upload(request, file, options).await,
        )
    }

    async fn data(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let named = (options.earliest_begin_date, options.description.clone());
        let was_in_front = self.app.process().is_foreground();
        let url = request.url.clone();
        self.created(TransferKind::Data, url, named, was_in_front, self.session.data(request, options).await)
    }

    async fn resume(&self, transfer: TransferId) -> Result<(), SessionError> {
        self.app.lock().holds.remove(&self.key(transfer));
        self.app.recorder.record(Event::TransferResumed { key: self.key(transfer) });
        self.session.resume(transfer).await
    }

    async fn suspend(&self, transfer: TransferId) -> Result<(), SessionError> {
        self.session.suspend(transfer).await?;
        self.app.recorder.record(Event::TransferSuspended { key: self.key(transfer) });
        Ok(())
    }

    async fn cancel(&self, transfer: TransferId) -> Result<(), SessionError> {
        let key = self.key(transfer);
        self.app.recorder.record(Event::TransferCancelled { key: key.clone(), keeping: false });
        let answer = self.session.cancel(transfer).await;
        self.app.recorder.record(Event::CancelReturned { key, resume_data: false });
        answer
    }

    async fn cancel_by_producing_resume_data(
        &self,
        transfer: TransferId,
    ) -> Result<Option<ResumeData>, SessionError> {
        let key = self.key(transfer);
        self.app.recorder.record(Event::TransferCancelled { key: key.clone(), keeping: true });
        let answer = self.session.cancel_by_producing_resume_data(transfer).await;
        let resume_data = answer.as_ref().is_ok_and(Option::is_some);
        self.app.recorder.record(Event::CancelReturned { key, resume_data });
        answer
    }

    async fn transfers(&self) -> Result<Vec<TransferInfo>, SessionError> {
        self.session.transfers().await
    }

    async fn finish_tasks_and_invalidate(&self) {
        self.app.recorder.record(Event::Invalidating { session: self.identifier().clone(), cancel: false });
        self.session.finish_tasks_and_invalidate().await;
    }

    async fn invalidate_and_cancel(&self) {
        self.app.recorder.record(Event::Invalidating { session: self.identifier().clone(), cancel: true });
        self.session.invalidate_and_cancel().await;
    }
}

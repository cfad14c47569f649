//! Subjects that do nothing, that are done at once, and that look right for the wrong reason.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, Device, DeviceChange, FilePath, RefreshTaskId, Request, Response, ResumeData,
    ScheduleError, Scheduler, Session, SessionError, SessionId, Time, TransferEnd, TransferId, TransferInfo,
    TransferOptions, TransferService, UserInfo, WakeOutcome, WakeReason,
};
use bgsession_reference::scheduler::ReferenceScheduler;

use crate::parts::{Almost, AlmostDelegate, AlmostScheduler, lock, with_delegate};

/// Takes every request and never wakes anybody.
#[must_use]
pub fn idle_scheduler() -> Subject {
    Subject::scheduler("idle-scheduler", |_| Arc::new(Idle { answers: None }))
}

/// Says at once that the app has been woken.
#[must_use]
pub fn eager_scheduler() -> Subject {
    let answers = Some(WakeOutcome::Handled(RefreshTaskId::new(1)));
    Subject::scheduler("eager-scheduler", move |_| Arc::new(Idle { answers }))
}

struct Idle {
    answers: Option<WakeOutcome>,
}

#[async_trait]
impl Scheduler for Idle {
    async fn schedule_background_refresh(&self, _: Time, _: Option<UserInfo>) -> Result<(), ScheduleError> {
        Ok(())
    }

    async fn schedule_snapshot_refresh(&self, _: Time, _: Option<UserInfo>) -> Result<(), ScheduleError> {
        Ok(())
    }

    async fn request_wake(&self, _: &SessionId, _: WakeReason) -> WakeOutcome {
        match self.answers {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    fn withdraw_wake(&self, _: &SessionId) {}

    fn device_changed(&self, _: &DeviceChange) {}
}

/// Wakes the app for every session it has heard of, each time a timer rings, and for nothing else. The number of wakes
/// is about right.
#[must_use]
pub fn timer_scheduler() -> Subject {
    Subject::scheduler("timer-scheduler", |device| {
        let scheduler = ReferenceScheduler::new(device.clone());
        Arc::new(Almost(OnATimer { device, scheduler, known: Arc::default() }))
    })
}

struct OnATimer {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
    known: Arc<Mutex<BTreeSet<SessionId>>>,
}

#[async_trait]
impl AlmostScheduler for OnATimer {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        if lock(&self.known).insert(session.clone()) {
            let (device, scheduler, session) =
                (self.device.clone(), Arc::clone(&self.scheduler), session.clone());
            self.device.spawn(async move {
                // A day is longer than anybody waits; for ever would be a scenario without an end.
                for _ in 0..48 {
                    device.clock.sleep_until(device.clock.now() + Duration::from_secs(1_800)).await;
                    scheduler.request_wake(&session, WakeReason::TransfersEnded).await;
                }
            });
        }
        self.device.clock.sleep_until(self.device.clock.now() + Duration::from_secs(900)).await;
        self.scheduler.request_wake(session, reason).await
    }
}

/// Moves the bytes and never tells anybody.
#[must_use]
pub fn mute_sessions() -> Subject {
    with_delegate("mute-sessions", |_| Box::new(|_| Arc::new(Almost(Mute))))
}

struct Mute;

struct Nobody;

impl bgsession_reference::contract::Delegate for Nobody {}

static NOBODY: Nobody = Nobody;

impl AlmostDelegate for Mute {
    fn inner(&self) -> &dyn bgsession_reference::contract::Delegate {
        &NOBODY
    }
}

/// Takes every transfer and never does anything.
#[must_use]
pub fn idle_sessions() -> Subject {
    Subject::sessions("idle-sessions", |device, _| Arc::new(Instant { device, does: false }))
}

/// Says that every transfer has ended well the moment it is resumed, and has an empty file to show for it. No rule is
/// broken by that, but none about statuses is put to the test either.
#[must_use]
pub fn eager_sessions() -> Subject {
    Subject::sessions("eager-sessions", |device, _| Arc::new(Instant { device, does: true }))
}

struct Instant {
    device: Device,
    does: bool,
}

#[async_trait]
impl TransferService for Instant {
    async fn session(
        &self,
        of: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let (device, does) = (self.device.clone(), self.does);
        Ok(Arc::new(InstantSession { id: of.identifier, device, connection, does, next: AtomicU64::new(1) }))
    }

    fn device_changed(&self, _: &DeviceChange) {}
}

struct InstantSession {
    id: SessionId,
    device: Device,
    connection: Connection,
    does: bool,
    next: AtomicU64,
}

impl InstantSession {
    fn new_transfer(&self) -> TransferId {
        TransferId::new(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

#[async_trait]
impl Session for InstantSession {
    fn identifier(&self) -> &SessionId {
        &self.id
    }

    async fn download(&self, _: Request, _: TransferOptions) -> Result<TransferId, SessionError> {
        Ok(self.new_transfer())
    }

    async fn download_resuming(&self, _: ResumeData, _: TransferOptions) -> Result<TransferId, SessionError> {
        Ok(self.new_transfer())
    }

    async fn upload(&self, _: Request, _: &FilePath, _: TransferOptions) -> Result<TransferId, SessionError> {
        Ok(self.new_transfer())
    }

    async fn resume(&self, transfer: TransferId) -> Result<(), SessionError> {
        if self.does {
            let (app, id, storage) =
                (self.connection.clone(), self.id.clone(), Arc::clone(&self.device.storage));
            self.device.spawn(async move {
                let file = FilePath::new(format!("eager/{id}/{transfer}"));
                let response = Response { status: 200, ..Response::default() };
                if storage.create(&file).is_ok() {
                    // Whoever is done at once does not ask whether anybody has listened.
                    let _ = app.did_finish_downloading(&id, transfer, &response, &file).await;
                    let _ = app
                        .did_complete(&id, transfer, &TransferEnd { response: Some(response), error: None })
                        .await;
                }
            });
        }
        Ok(())
    }

    async fn suspend(&self, _: TransferId) -> Result<(), SessionError> {
        Ok(())
    }

    async fn cancel(&self, _: TransferId) -> Result<(), SessionError> {
        Ok(())
    }

    async fn cancel_by_producing_resume_data(
        &self,
        _: TransferId,
    ) -> Result<Option<ResumeData>, SessionError> {
        Ok(None)
    }

    async fn transfers(&self) -> Result<Vec<TransferInfo>, SessionError> {
        Ok(Vec::new())
    }

    async fn finish_tasks_and_invalidate(&self) {}

    async fn invalidate_and_cancel(&self) {}
}

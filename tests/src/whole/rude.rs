//! Subjects that misbehave in ways no rule is about: they panic, do not return, or keep the thread.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, ScheduleError, Scheduler, Session, SessionError, Time, TransferService,
    UserInfo,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

use crate::parts::{Almost, AlmostScheduler, AlmostService};

/// Panics when the app opens its second session.
#[must_use]
pub fn panicking_sessions() -> Subject {
    Subject::sessions("panicking-sessions", |device, scheduler| {
        Arc::new(Almost(Panicking(ReferenceService::new(device, scheduler))))
    })
}

struct Panicking(Arc<ReferenceService>);

#[async_trait]
impl AlmostService for Panicking {
    fn inner(&self) -> &dyn TransferService {
        &*self.0
    }

    async fn session(
        &self,
        of: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        assert!(of.identifier.as_str() == "s", "no more than one session is supported");
        self.0.session(of, connection).await
    }
}

/// Never returns from the call that schedules a refresh.
#[must_use]
pub fn hanging_scheduler() -> Subject {
    Subject::scheduler("hanging-scheduler", |device| {
        Arc::new(Almost(Hanging(ReferenceScheduler::new(device))))
    })
}

struct Hanging(Arc<ReferenceScheduler>);

#[async_trait]
impl AlmostScheduler for Hanging {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    async fn schedule_background_refresh(&self, _: Time, _: Option<UserInfo>) -> Result<(), ScheduleError> {
        std::future::pending().await
    }
}

/// Keeps the thread for ever when the app schedules a snapshot.
#[must_use]
pub fn spinning_scheduler() -> Subject {
    Subject::scheduler("spinning-scheduler", |device| {
        Arc::new(Almost(Spinning(ReferenceScheduler::new(device))))
    })
}

struct Spinning(Arc<ReferenceScheduler>);

#[async_trait]
impl AlmostScheduler for Spinning {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    async fn schedule_snapshot_refresh(&self, _: Time, _: Option<UserInfo>) -> Result<(), ScheduleError> {
        // The thread is lost; let it at least not take a processor from the tests that follow.
        loop {
            std::thread::park();
        }
    }
}

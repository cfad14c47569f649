//! A subject that can not do everything, and is right otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{ScheduleError, Scheduler, Time, UserInfo};
use bgsession_reference::scheduler::ReferenceScheduler;

use crate::parts::{Almost, AlmostScheduler};

/// The reference's scheduler for an app without snapshots. It panics when one is asked of it.
#[must_use]
pub fn without_snapshots() -> Subject {
    Subject::scheduler("without snapshots", |device| {
        Arc::new(Almost(NoSnapshots(ReferenceScheduler::new(device))))
    })
}

struct NoSnapshots(Arc<ReferenceScheduler>);

#[async_trait]
impl AlmostScheduler for NoSnapshots {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    async fn schedule_snapshot_refresh(&self, _: Time, _: Option<UserInfo>) -> Result<(), ScheduleError> {
        panic!("a snapshot was asked of a scheduler that has none")
    }
}

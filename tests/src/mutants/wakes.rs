//! Wakes for the wrong reason, or none for the right one: SCH-19, SCH-21, SCH-22.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, Configuration, Connection, Delegate, Device, DeviceChange, FilePath, Response, Scheduler,
    Session, SessionError, SessionId, TransferEnd, TransferId, TransferService, WakeOutcome, WakeReason,
};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostScheduler, AlmostService, Book, Entry, Notice, after};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("wakes-for-each-transfer", &["SCH-19"], |name| asking(name, When::EachEnd)),
    Mutant::new("wakes-for-progress", &["SCH-19"], |name| asking(name, When::EachPiece)),
    Mutant::new("wakes-once-more-an-hour-later", &["SCH-19"], |name| {
        Subject::scheduler(name, |device| {
            let scheduler = ReferenceScheduler::new(device.clone());
            Arc::new(Almost(OnceMore { device, scheduler }))
        })
    }),
    Mutant::new("ignores-the-launch-events-flag", &["SCH-21"], |name| {
        Subject::sessions(name, |device, scheduler| {
            Arc::new(Almost(IgnoresFlag(ReferenceService::new(device, scheduler))))
        })
    }),
    Mutant::new("throws-silent-messages-away", &["SCH-21"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let (book, watched) = Book::open(&device, Arc::new(()));
            Arc::new(Almost(ThrowsAway { service: ReferenceService::new(watched, scheduler), book }))
        })
    }),
    Mutant::new("wakes-a-running-app", &["SCH-22"], |name| asking(name, When::EndInRunningApp)),
    Mutant::new("relies-on-the-app-it-last-saw-running", &["SCH-22"], |name| {
        Subject::sessions(name, |device, scheduler| {
            Arc::new(Almost(MissesSuspension(ReferenceService::new(device, scheduler))))
        })
    }),
    Mutant::new("wakes-nobody-if-the-last-transfer-failed", &["SCH-22"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let (book, watched) = Book::open(&device, Arc::new(()));
            let picky = Arc::new(Almost(OnlySuccess { scheduler, book: Arc::clone(&book) }));
            Arc::new(Almost(Booked { service: ReferenceService::new(watched, picky), book }))
        })
    }),
];

/// When a service asks for a wake of its own accord, beside the right moments.
#[derive(Clone, Copy, PartialEq)]
enum When {
    EachEnd,
    EachPiece,
    EndInRunningApp,
}

fn asking(name: &str, when: When) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let asks = Asks { device: device.clone(), scheduler: Arc::clone(&scheduler), when };
        let (book, watched) = Book::open(&device, Arc::new(asks));
        Arc::new(Almost(Booked { service: ReferenceService::new(watched, scheduler), book }))
    })
}

struct Asks {
    device: Device,
    scheduler: Arc<dyn Scheduler>,
    when: When,
}

impl Asks {
    fn ask(&self, of: &Entry) {
        let (scheduler, session) = (Arc::clone(&self.scheduler), of.session.clone());
        self.device.spawn(async move {
            scheduler.request_wake(&session, WakeReason::TransfersEnded).await;
        });
    }

    fn app_runs(&self) -> bool {
        self.device.app.state().is_running()
    }
}

impl Notice for Asks {
    fn piece(&self, of: &Entry) {
        if self.when == When::EachPiece && !self.app_runs() {
            self.ask(of);
        }
    }

    fn end(&self, of: &Entry) {
        let wanted = match self.when {
            When::EachEnd => !self.app_runs(),
            When::EndInRunningApp => self.app_runs(),
            When::EachPiece => false,
        };
        if wanted {
            self.ask(of);
        }
    }
}

/// Writes down what its sessions do.
struct Booked {
    service: Arc<ReferenceService>,
    book: Arc<Book>,
}

#[async_trait]
impl AlmostService for Booked {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.book.device_changed(change);
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        Ok(self.book.session(self.service.session(configuration, connection).await?))
    }
}

/// Keeps a wake in its list after it has been delivered.
struct OnceMore {
    device: Device,
    scheduler: Arc<ReferenceScheduler>,
}

#[async_trait]
impl AlmostScheduler for OnceMore {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        let outcome = self.scheduler.request_wake(session, reason).await;
        let (device, scheduler, session) =
            (self.device.clone(), Arc::clone(&self.scheduler), session.clone());
        after(&self.device, Duration::from_secs(3_600), move || {
            device.spawn(async move {
                scheduler.request_wake(&session, reason).await;
            });
        });
        outcome
    }
}

/// Takes every session for one that may wake the app.
struct IgnoresFlag(Arc<ReferenceService>);

#[async_trait]
impl AlmostService for IgnoresFlag {
    fn inner(&self) -> &dyn TransferService {
        &*self.0
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        self.0.session(Configuration { sends_launch_events: true, ..configuration }, connection).await
    }
}

/// A session that may not wake the app has no use for what happens while the app is away.
struct ThrowsAway {
    service: Arc<ReferenceService>,
    book: Arc<Book>,
}

#[async_trait]
impl AlmostService for ThrowsAway {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.book.device_changed(change);
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let connection = if configuration.sends_launch_events {
            connection
        } else {
            let filter =
                LiveOnly { delegate: Arc::clone(connection.delegate()), book: Arc::clone(&self.book) };
            Connection::new(Arc::new(Almost(filter)), connection.life().clone())
        };
        Ok(self.book.session(self.service.session(configuration, connection).await?))
    }
}

/// Drops the last messages of what ended behind the app's back.
struct LiveOnly {
    delegate: Arc<dyn Delegate>,
    book: Arc<Book>,
}

impl LiveOnly {
    fn is_late(&self, session: &SessionId, transfer: TransferId) -> bool {
        self.book.entry(session, transfer).is_some_and(|entry| entry.ended == Some(false))
    }
}

#[async_trait]
impl AlmostDelegate for LiveOnly {
    fn inner(&self) -> &dyn Delegate {
        &*self.delegate
    }

    async fn did_finish_downloading(
        &self,
        of: &SessionId,
        transfer: TransferId,
        response: &Response,
        at: &FilePath,
    ) {
        if !self.is_late(of, transfer) {
            self.delegate.did_finish_downloading(of, transfer, response, at).await;
        }
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        if !self.is_late(session, transfer) {
            self.delegate.did_complete(session, transfer, end).await;
        }
    }
}

/// Learns of launches and ends, but not that the app has been suspended in between.
struct MissesSuspension(Arc<ReferenceService>);

impl AlmostService for MissesSuspension {
    fn inner(&self) -> &dyn TransferService {
        &*self.0
    }

    fn device_changed(&self, change: &DeviceChange) {
        if *change != DeviceChange::App(AppChange::Suspended) {
            self.0.device_changed(change);
        }
    }
}

/// Asks for a wake from the code for success.
struct OnlySuccess {
    scheduler: Arc<dyn Scheduler>,
    book: Arc<Book>,
}

#[async_trait]
impl AlmostScheduler for OnlySuccess {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        if self.book.entries(session).iter().any(|entry| entry.failed) {
            return WakeOutcome::Suppressed;
        }
        self.scheduler.request_wake(session, reason).await
    }
}

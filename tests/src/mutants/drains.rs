//! The end of a drain at the wrong place: SES-19.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, Configuration, Connection, Delegate, DeviceChange, Session, SessionError, SessionId,
    TransferEnd, TransferId, TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, lock, with_delegate, with_delegate_and_service};

pub(super) const MUTANTS: &[Mutant] = &[
    // So it never comes in a wake for a login.
    Mutant::new("did-finish-events-only-when-all-is-done", &["SES-19"], |name| {
        Subject::sessions(name, |device, scheduler| {
            Arc::new(Almost(Counting(ReferenceService::new(device, scheduler))))
        })
    }),
    Mutant::new("did-finish-events-before-the-last-message", &["SES-19"], |name| {
        with_delegate_and_service(name, |_| {
            let woken = Arc::new(AtomicBool::new(false));
            let told = Arc::clone(&woken);
            let wrap = move |app| -> Arc<dyn Delegate> {
                Arc::new(Almost(TooSoon { app, woken: Arc::clone(&woken), held: Mutex::default() }))
            };
            let note = move |change: &DeviceChange| {
                if let DeviceChange::App(change) = change {
                    told.store(matches!(change, AppChange::Resumed | AppChange::Launched), Ordering::Relaxed);
                }
            };
            (Box::new(wrap), Box::new(note))
        })
    }),
    Mutant::new("did-finish-events-twice", &["SES-19"], |name| ends(name, 2)),
    Mutant::new("no-did-finish-events", &["SES-19"], |name| ends(name, 0)),
    Mutant::new("did-finish-events-without-a-wake", &["SES-19"], |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(AfterEach(app)))))
    }),
];

/// Ties the end of the drain to the number of outstanding transfers.
struct Counting(Arc<ReferenceService>);

#[async_trait]
impl AlmostService for Counting {
    fn inner(&self) -> &dyn TransferService {
        &*self.0
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let session = Arc::new(Mutex::new(None));
        let counted =
            WhenNoneIsLeft { app: Arc::clone(connection.delegate()), session: Arc::clone(&session) };
        let connection = Connection::new(Arc::new(Almost(counted)), connection.life().clone());
        let opened = self.0.session(configuration, connection).await?;
        *lock(&session) = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

struct WhenNoneIsLeft {
    app: Arc<dyn Delegate>,
    session: Arc<Mutex<Option<Arc<dyn Session>>>>,
}

#[async_trait]
impl AlmostDelegate for WhenNoneIsLeft {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_finish_events(&self, session: &SessionId) {
        let own = lock(&self.session).clone();
        let left = match own {
            Some(own) => own.transfers().await.is_ok_and(|transfers| !transfers.is_empty()),
            None => false,
        };
        if !left {
            self.app.did_finish_events(session).await;
        }
    }
}

/// In a drain, holds each last message back until the next message comes.
struct TooSoon {
    app: Arc<dyn Delegate>,
    woken: Arc<AtomicBool>,
    held: Mutex<Option<(TransferId, TransferEnd)>>,
}

impl TooSoon {
    async fn let_go(&self, session: &SessionId) {
        let held = lock(&self.held).take();
        if let Some((transfer, end)) = held {
            self.app.did_complete(session, transfer, &end).await;
        }
    }
}

#[async_trait]
impl AlmostDelegate for TooSoon {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        self.let_go(session).await;
        if self.woken.load(Ordering::Relaxed) {
            *lock(&self.held) = Some((transfer, end.clone()));
        } else {
            self.app.did_complete(session, transfer, end).await;
        }
    }

    async fn did_finish_events(&self, session: &SessionId) {
        self.app.did_finish_events(session).await;
        self.woken.store(false, Ordering::Relaxed);
        self.let_go(session).await;
    }
}

fn ends(name: &str, count: usize) -> Subject {
    with_delegate(name, move |_| Box::new(move |app| Arc::new(Almost(Times { app, count }))))
}

/// Says it more than once, or never.
struct Times {
    app: Arc<dyn Delegate>,
    count: usize,
}

#[async_trait]
impl AlmostDelegate for Times {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_finish_events(&self, session: &SessionId) {
        for _ in 0..self.count {
            self.app.did_finish_events(session).await;
        }
    }
}

/// Says it whenever a transfer has ended, woken or not.
struct AfterEach(Arc<dyn Delegate>);

#[async_trait]
impl AlmostDelegate for AfterEach {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        self.0.did_complete(session, transfer, end).await;
        self.0.did_finish_events(session).await;
    }
}

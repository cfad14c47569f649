//! Suspending and cancelling done wrong: SES-01, SES-02.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Challenge, ChallengeDisposition, Configuration, Connection, Delegate, Device, Request, Responder,
    ResumeData, Session, SessionError, SessionId, TransferEnd, TransferError, TransferId, TransferOptions,
    TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, AlmostSession, after, lock, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("begins-at-its-creation", &["SES-01"], |name| sessions(name, Slip::BeginsAtOnce)),
    Mutant::new("suspends-by-a-flag", &["SES-01"], |name| sessions(name, Slip::Flag)),
    Mutant::new("does-not-suspend-what-is-under-way", &["SES-01"], |name| sessions(name, Slip::Later)),
    Mutant::new("suspended-transfers-time-out", &["SES-01"], |name| sessions(name, Slip::TimesOut)),
    Mutant::new("an-answer-resumes", &["SES-01"], |name| sessions(name, Slip::AnswerResumes)),
    Mutant::new("cancelling-waits-for-the-wire", &["SES-02"], |name| sessions(name, Slip::CancelWaits)),
    Mutant::new("cancels-what-is-under-way-later", &["SES-02"], |name| sessions(name, Slip::CancelLater)),
    Mutant::new("does-not-cancel-what-is-suspended", &["SES-02"], |name| {
        sessions(name, Slip::CancelNeedsResume)
    }),
    Mutant::new("each-cancel-is-told", &["SES-02"], |name| sessions(name, Slip::ToldTwice)),
    Mutant::new("a-cancelled-transfer-has-failed", &["SES-02"], |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(Failed(app)))))
    }),
];

/// What is done wrong.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// A newborn transfer runs.
    BeginsAtOnce,
    /// It is suspended or it is not: the second suspend is forgotten.
    Flag,
    /// The exchange under way may end first.
    Later,
    /// The request timer goes on.
    TimesOut,
    /// What waits for an answer of the app's is not suspended: it does nothing anyhow.
    AnswerResumes,
    /// The call returns when the connection has been closed.
    CancelWaits,
    /// The call returns, and the work ends some time later.
    CancelLater,
    /// The state machine knows no way from suspended to cancelled.
    CancelNeedsResume,
    /// The second call ends it once more.
    ToldTwice,
}

fn sessions(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let service = ReferenceService::new(device.clone(), scheduler);
        Arc::new(Almost(Service { service, device, slip, state: Arc::default() }))
    })
}

#[derive(Default)]
struct State {
    /// Suspends of each transfer that have not been taken back.
    holds: BTreeMap<(SessionId, TransferId), u32>,
    /// Transfers whose time was up while they were suspended.
    expired: Vec<(SessionId, TransferId)>,
    cancelled: Vec<(SessionId, TransferId)>,
    /// Transfers about which the app has been asked.
    asked: Vec<(SessionId, TransferId)>,
}

struct Service {
    service: Arc<ReferenceService>,
    device: Device,
    slip: Slip,
    state: Arc<Mutex<State>>,
}

#[async_trait]
impl AlmostService for Service {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let app = Arc::clone(connection.delegate());
        let telling = Telling { app: Arc::clone(&app), state: Arc::clone(&self.state) };
        let line = Connection::new(Arc::new(Almost(telling)), connection.life().clone());
        let session = self.service.session(configuration, line).await?;
        let (device, slip) = (self.device.clone(), self.slip);
        Ok(Arc::new(Almost(Control { session, device, slip, app, state: Arc::clone(&self.state) })))
    }
}

/// Tells what has expired as timed out.
struct Telling {
    app: Arc<dyn Delegate>,
    state: Arc<Mutex<State>>,
}

#[async_trait]
impl AlmostDelegate for Telling {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        lock(&self.state).asked.push((session.clone(), transfer));
        self.app.did_receive_challenge(session, transfer, challenge, responder).await;
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut told = end.clone();
        if lock(&self.state).expired.contains(&(session.clone(), transfer)) {
            told.error = Some(TransferError::TimedOut);
        }
        self.app.did_complete(session, transfer, &told).await;
    }
}

struct Control {
    session: Arc<dyn Session>,
    device: Device,
    slip: Slip,
    app: Arc<dyn Delegate>,
    state: Arc<Mutex<State>>,
}

impl Control {
    fn key(&self, transfer: TransferId) -> (SessionId, TransferId) {
        (self.session.identifier().clone(), transfer)
    }

    fn holds(&self, transfer: TransferId) -> u32 {
        lock(&self.state).holds.get(&self.key(transfer)).copied().unwrap_or(0)
    }

    fn set_holds(&self, transfer: TransferId, count: u32) {
        lock(&self.state).holds.insert(self.key(transfer), count);
    }

    /// After so long, unless it has been resumed.
    fn expire(&self, transfer: TransferId) {
        let (session, state, key) = (Arc::clone(&self.session), Arc::clone(&self.state), self.key(transfer));
        let device = self.device.clone();
        after(&self.device, Duration::from_secs(60), move || {
            let held = lock(&state).holds.get(&key).is_some_and(|count| *count > 0);
            if held && !lock(&state).cancelled.contains(&key) {
                lock(&state).expired.push(key);
                device.spawn(async move { drop(session.cancel(transfer).await) });
            }
        });
    }
}

#[async_trait]
impl AlmostSession for Control {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let transfer = self.session.download(request, options).await?;
        self.set_holds(transfer, 1);
        if self.slip == Slip::BeginsAtOnce {
            self.session.resume(transfer).await?;
        }
        Ok(transfer)
    }

    async fn download_resuming(
        &self,
        data: ResumeData,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let transfer = self.session.download_resuming(data, options).await?;
        self.set_holds(transfer, 1);
        Ok(transfer)
    }

    async fn resume(&self, transfer: TransferId) -> Result<(), SessionError> {
        let held = self.holds(transfer);
        self.set_holds(transfer, held.saturating_sub(1));
        self.session.resume(transfer).await
    }

    async fn suspend(&self, transfer: TransferId) -> Result<(), SessionError> {
        let held = self.holds(transfer);
        match self.slip {
            Slip::Flag if held > 0 => return Ok(()),
            Slip::Later if held == 0 => {
                let session = Arc::clone(&self.session);
                let device = self.device.clone();
                after(&self.device, Duration::from_secs(120), move || {
                    device.spawn(async move { drop(session.suspend(transfer).await) });
                });
                return Ok(());
            }
            Slip::TimesOut if held == 0 => self.expire(transfer),
            Slip::AnswerResumes if lock(&self.state).asked.contains(&self.key(transfer)) => return Ok(()),
            Slip::BeginsAtOnce
            | Slip::Flag
            | Slip::Later
            | Slip::TimesOut
            | Slip::AnswerResumes
            | Slip::CancelWaits
            | Slip::CancelLater
            | Slip::CancelNeedsResume
            | Slip::ToldTwice => {}
        }
        self.set_holds(transfer, held + 1);
        self.session.suspend(transfer).await
    }

    async fn cancel(&self, transfer: TransferId) -> Result<(), SessionError> {
        let again = lock(&self.state).cancelled.contains(&self.key(transfer));
        lock(&self.state).cancelled.push(self.key(transfer));
        match self.slip {
            Slip::CancelWaits => {
                let now = self.device.clock.now();
                self.device.clock.sleep_until(now + Duration::from_secs(5)).await;
            }
            Slip::CancelLater => {
                let session = Arc::clone(&self.session);
                let device = self.device.clone();
                after(&self.device, Duration::from_secs(600), move || {
                    device.spawn(async move { drop(session.cancel(transfer).await) });
                });
                return Ok(());
            }
            Slip::CancelNeedsResume if self.holds(transfer) > 0 => return Ok(()),
            Slip::ToldTwice if again => {
                let (app, key) = (Arc::clone(&self.app), self.key(transfer));
                self.device.spawn(async move {
                    let error = TransferError::Cancelled {
                        reason: bgsession_reference::contract::CancelReason::App,
                        resume_data: None,
                    };
                    let end = TransferEnd { response: None, error: Some(error) };
                    app.did_complete(&key.0, key.1, &end).await;
                });
                return Ok(());
            }
            Slip::BeginsAtOnce
            | Slip::Flag
            | Slip::Later
            | Slip::TimesOut
            | Slip::AnswerResumes
            | Slip::CancelNeedsResume
            | Slip::ToldTwice => {}
        }
        self.session.cancel(transfer).await
    }
}

/// Has one word for everything that is no success.
struct Failed(Arc<dyn Delegate>);

#[async_trait]
impl AlmostDelegate for Failed {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut told = end.clone();
        if told.error.is_some() {
            told.error = Some(TransferError::BadServerResponse);
        }
        self.0.did_complete(session, transfer, &told).await;
    }
}

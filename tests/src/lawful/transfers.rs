//! Services that treat single transfers otherwise than the reference, and as the documents allow.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    CancelReason, Configuration, Connection, Delegate, Device, DeviceChange, FilePath, HttpRequest,
    HttpResponse, Link, Request, Response, ResumeData, Session, SessionError, SessionId, TransferEnd,
    TransferError, TransferId, TransferOptions, TransferService, Transport, TransportError,
};
use bgsession_reference::service::ReferenceService;

use super::Variant;
use crate::parts::{
    Almost, AlmostDelegate, AlmostService, AlmostSession, after, lock, over_network, with_delegate,
};

pub(super) const VARIANTS: &[Variant] = &[
    Variant::new("always-begins-again", |name| over_network(name, Forgetful)),
    Variant::new("keeps-files-for-half-a-minute", |name| {
        with_delegate(name, |device| {
            let device = device.clone();
            Box::new(move |app| Arc::new(Almost(Tidy { app, device: device.clone() })))
        })
    }),
    Variant::new("cancelled-for-a-reason-of-its-own", |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(OtherReason(app)))))
    }),
    Variant::new("tries-without-a-link", |name| {
        Subject::sessions(name, |device, scheduler| {
            Arc::new(Almost(Hopeful(ReferenceService::new(device, scheduler))))
        })
    }),
    Variant::new("resource-time-from-the-creation", |name| {
        Subject::sessions(name, |device, scheduler| {
            let service = ReferenceService::new(device.clone(), scheduler);
            Arc::new(Almost(Early { service, device, state: Arc::default() }))
        })
    }),
];

/// Sees no validators, so every interruption costs the whole part.
struct Forgetful(Arc<dyn Transport>);

#[async_trait]
impl Transport for Forgetful {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut answer = self.0.send(request).await?;
        answer.response.headers.retain(|(name, _)| name != "etag" && name != "last-modified");
        Ok(answer)
    }
}

/// Gives the app a copy, and removes it some time after the callback.
struct Tidy {
    app: Arc<dyn Delegate>,
    device: Device,
}

#[async_trait]
impl AlmostDelegate for Tidy {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_finish_downloading(
        &self,
        of: &SessionId,
        transfer: TransferId,
        response: &Response,
        at: &FilePath,
    ) {
        let storage = &self.device.storage;
        let copy = FilePath::new(format!("{at}.copy"));
        let len = storage.len(at).ok().and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
        let bytes = storage.read(at, 0, len).unwrap_or_default();
        let _ = storage.create(&copy);
        let _ = storage.append(&copy, &bytes);
        self.app.did_finish_downloading(of, transfer, response, &copy).await;
        let storage = Arc::clone(storage);
        after(&self.device, Duration::from_secs(30), move || drop(storage.remove(&copy)));
    }
}

/// Cancelled is cancelled, whoever is said to have done it.
struct OtherReason(Arc<dyn Delegate>);

#[async_trait]
impl AlmostDelegate for OtherReason {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut told = end.clone();
        // SES-23: but a force quit has a reason of its own.
        if let Some(TransferError::Cancelled { reason: reason @ CancelReason::App, .. }) = &mut told.error {
            *reason = CancelReason::InsufficientResources;
        }
        self.0.did_complete(session, transfer, &told).await;
    }
}

/// Is not told that there is no link, and finds out by itself.
struct Hopeful(Arc<ReferenceService>);

#[async_trait]
impl AlmostService for Hopeful {
    fn inner(&self) -> &dyn TransferService {
        &*self.0
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::Conditions(now) = change
            && now.link == Link::Offline
        {
            let mut told = *now;
            told.link = Link::Wifi;
            self.0.device_changed(&DeviceChange::Conditions(told));
        } else {
            self.0.device_changed(change);
        }
    }
}

/// What the service knows of its transfers' time.
#[derive(Default)]
struct Times {
    cancelled: Vec<(SessionId, TransferId)>,
    expired: Vec<(SessionId, TransferId)>,
}

/// Counts the resource timeout from the creation of a transfer, resumed or not.
struct Early {
    service: Arc<ReferenceService>,
    device: Device,
    state: Arc<Mutex<Times>>,
}

#[async_trait]
impl AlmostService for Early {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let telling = TellsTime { app: Arc::clone(connection.delegate()), state: Arc::clone(&self.state) };
        let line = Connection::new(Arc::new(Almost(telling)), connection.life().clone());
        let time = configuration.resource_timeout;
        let session = self.service.session(configuration, line).await?;
        let (device, state) = (self.device.clone(), Arc::clone(&self.state));
        Ok(Arc::new(Almost(Timed { session, device, time, state })))
    }
}

struct TellsTime {
    app: Arc<dyn Delegate>,
    state: Arc<Mutex<Times>>,
}

#[async_trait]
impl AlmostDelegate for TellsTime {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut told = end.clone();
        // SES-23: what a force quit has cancelled runs out of no time any more.
        let quit =
            matches!(told.error, Some(TransferError::Cancelled { reason: CancelReason::ForceQuit, .. }));
        let expired = lock(&self.state).expired.contains(&(session.clone(), transfer));
        if expired && told.error.is_some() && !quit {
            told.error = Some(TransferError::TimedOut);
        }
        self.app.did_complete(session, transfer, &told).await;
        // An invalidated session's name, and with it the numbers of its transfers, may be used again.
        lock(&self.state).expired.retain(|(of, id)| (of, *id) != (session, transfer));
    }
}

struct Timed {
    session: Arc<dyn Session>,
    device: Device,
    time: Duration,
    state: Arc<Mutex<Times>>,
}

impl Timed {
    fn begin(&self, transfer: TransferId) {
        let (session, state, device) =
            (Arc::clone(&self.session), Arc::clone(&self.state), self.device.clone());
        let key = (session.identifier().clone(), transfer);
        after(&self.device, self.time, move || {
            if lock(&state).cancelled.contains(&key) {
                return;
            }
            device.spawn(async move {
                lock(&state).expired.push(key.clone());
                if session.cancel(transfer).await.is_err() {
                    lock(&state).expired.retain(|other| *other != key);
                }
            });
        });
    }
}

#[async_trait]
impl AlmostSession for Timed {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let transfer = self.session.download(request, options).await?;
        self.begin(transfer);
        Ok(transfer)
    }

    async fn download_resuming(
        &self,
        data: ResumeData,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let transfer = self.session.download_resuming(data, options).await?;
        self.begin(transfer);
        Ok(transfer)
    }

    async fn cancel(&self, transfer: TransferId) -> Result<(), SessionError> {
        lock(&self.state).cancelled.push((self.session.identifier().clone(), transfer));
        self.session.cancel(transfer).await
    }

    async fn cancel_by_producing_resume_data(
        &self,
        transfer: TransferId,
    ) -> Result<Option<ResumeData>, SessionError> {
        lock(&self.state).cancelled.push((self.session.identifier().clone(), transfer));
        self.session.cancel_by_producing_resume_data(transfer).await
    }
}

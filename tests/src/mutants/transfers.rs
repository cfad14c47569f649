//! Wrong messages about one transfer: SES-03, SES-04, SES-06, SES-13.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppLife, Configuration, Connection, Delegate, Device, FilePath, HttpBody, HttpRequest, HttpResponse,
    Request, Response, Session, SessionError, SessionId, Time, TransferEnd, TransferError, TransferId,
    TransferOptions, TransferService, Transport, TransportError,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, AlmostSession, lock, over_network, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("did-complete-twice", &["SES-03"], |name| messages(name, Slip::FinalTwice)),
    Mutant::new("progress-after-the-end", &["SES-03"], |name| messages(name, Slip::ProgressAfterEnd)),
    Mutant::new("failures-are-never-told", &["SES-03"], |name| messages(name, Slip::NoFailures)),
    Mutant::new("did-complete-before-the-file", &["SES-04"], |name| messages(name, Slip::FileLast)),
    Mutant::new("no-file-for-an-empty-body", &["SES-04"], |name| messages(name, Slip::NoEmptyFile)),
    Mutant::new("a-file-for-a-failure", &["SES-04"], |name| messages(name, Slip::FileForFailure)),
    Mutant::new("error-status-becomes-an-error", &["SES-06"], |name| messages(name, Slip::StatusIsError)),
    Mutant::new("a-refused-upload-has-failed", &["SES-06"], |name| messages(name, Slip::UploadIsError)),
    Mutant::new("hides-the-error-status", &["SES-06"], |name| messages(name, Slip::StatusHidden)),
    Mutant::new("retries-server-errors", &["SES-06"], |name| network(name, Reading::Retries)),
    Mutant::new("retries-server-errors-at-the-head", &["SES-06"], |name| {
        network(name, Reading::RetriesAtHead)
    }),
    Mutant::new("cuts-the-body-of-an-error", &["SES-06"], |name| network(name, Reading::Half)),
    Mutant::new("ignores-the-begin-date", &["SES-13"], |name| dates(name, false)),
    Mutant::new("forgets-the-begin-date-with-the-process", &["SES-13"], |name| dates(name, true)),
];

/// What is done wrong between the service and the app.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    FinalTwice,
    ProgressAfterEnd,
    NoFailures,
    FileLast,
    NoEmptyFile,
    FileForFailure,
    StatusIsError,
    UploadIsError,
    StatusHidden,
}

fn messages(name: &str, slip: Slip) -> Subject {
    with_delegate(name, move |device| {
        let device = device.clone();
        Box::new(move |app| {
            Arc::new(Almost(Slipping {
                app,
                slip,
                device: device.clone(),
                file: Mutex::default(),
                files: Mutex::default(),
            }))
        })
    })
}

struct Slipping {
    app: Arc<dyn Delegate>,
    slip: Slip,
    device: Device,
    /// A file that the app has not been told of.
    file: Mutex<Option<(Response, FilePath)>>,
    /// Transfers that gave one: downloads.
    files: Mutex<BTreeSet<(SessionId, TransferId)>>,
}

impl Slipping {
    fn is_empty(&self, file: &FilePath) -> bool {
        self.device.storage.len(file).is_ok_and(|len| len == 0)
    }
}

#[async_trait]
impl AlmostDelegate for Slipping {
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
        lock(&self.files).insert((of.clone(), transfer));
        if self.slip == Slip::FileLast {
            *lock(&self.file) = Some((response.clone(), at.clone()));
        } else if self.slip != Slip::NoEmptyFile || !self.is_empty(at) {
            self.app.did_finish_downloading(of, transfer, response, at).await;
        }
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let failed = end.error.is_some();
        let bad = end.response.as_ref().is_some_and(|response| response.status >= 400) && !failed;
        let mut told = end.clone();
        if failed && self.slip == Slip::NoFailures {
            return;
        }
        if failed && self.slip == Slip::FileForFailure {
            let nowhere = FilePath::new("nowhere");
            self.app.did_finish_downloading(session, transfer, &Response::default(), &nowhere).await;
        }
        let upload = !lock(&self.files).contains(&(session.clone(), transfer));
        let is_error = self.slip == Slip::StatusIsError || (upload && self.slip == Slip::UploadIsError);
        if bad && is_error {
            told.error = Some(TransferError::BadServerResponse);
        }
        if let Some(response) = told.response.as_mut().filter(|_| bad && self.slip == Slip::StatusHidden) {
            response.status = 200;
        }
        self.app.did_complete(session, transfer, &told).await;
        if self.slip == Slip::FinalTwice {
            self.app.did_complete(session, transfer, end).await;
        }
        if self.slip == Slip::ProgressAfterEnd {
            self.app.did_write_data(session, transfer, 0, 1, Some(1)).await;
        }
        let late = lock(&self.file).take();
        if let Some((response, file)) = late {
            self.app.did_finish_downloading(session, transfer, &response, &file).await;
        }
    }
}

/// How an HTTP error is read from the wire.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// To its end, and then it is tried again.
    Retries,
    /// It is tried again at once.
    RetriesAtHead,
    /// The second half of its body is not kept.
    Half,
}

fn network(name: &str, reading: Reading) -> Subject {
    over_network(name, move |network| Misreading { network, reading })
}

struct Misreading {
    network: Arc<dyn Transport>,
    reading: Reading,
}

#[async_trait]
impl Transport for Misreading {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut answer = self.network.send(request).await?;
        match (self.reading, answer.response.status) {
            (Reading::Retries, 500..) => {
                while answer.body.chunk().await?.is_some() {}
                Err(TransportError::ConnectionLost)
            }
            (Reading::RetriesAtHead, 500..) => Err(TransportError::ConnectionLost),
            (Reading::Half, 402..) => {
                answer.response.headers.retain(|(name, _)| name != "content-length");
                answer.body = Box::new(HalfBody(answer.body));
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }
}

struct HalfBody(Box<dyn HttpBody>);

#[async_trait]
impl HttpBody for HalfBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let chunk = self.0.chunk().await?;
        Ok(chunk.map(|bytes| bytes[..bytes.len() / 2].to_vec()))
    }
}

/// Services that do not keep the earliest begin date with the transfer.
fn dates(name: &str, kept_by_the_process: bool) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let service = ReferenceService::new(device.clone(), scheduler);
        Arc::new(Almost(Dateless { service, device, kept_by_the_process }))
    })
}

struct Dateless {
    service: Arc<ReferenceService>,
    device: Device,
    kept_by_the_process: bool,
}

#[async_trait]
impl AlmostService for Dateless {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let life = connection.life().clone();
        let session = self.service.session(configuration, connection).await?;
        let keeper = self.kept_by_the_process.then(|| (self.device.clone(), life));
        Ok(Arc::new(Almost(Timetable { session, keeper, dates: Mutex::default() })))
    }
}

struct Timetable {
    session: Arc<dyn Session>,
    /// If there is one, it waits for the date, as long as it lives.
    keeper: Option<(Device, AppLife)>,
    dates: Mutex<Vec<(TransferId, Time)>>,
}

#[async_trait]
impl AlmostSession for Timetable {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(
        &self,
        request: Request,
        mut options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let date = options.earliest_begin_date.take();
        let transfer = self.session.download(request, options).await?;
        lock(&self.dates).extend(date.map(|date| (transfer, date)));
        Ok(transfer)
    }

    async fn resume(&self, transfer: TransferId) -> Result<(), SessionError> {
        let date = lock(&self.dates).iter().find(|(of, _)| *of == transfer).map(|(_, date)| *date);
        let Some(((device, life), date)) = self.keeper.clone().zip(date) else {
            return self.session.resume(transfer).await;
        };
        let session = Arc::clone(&self.session);
        device.clone().spawn(async move {
            // Early, if the process does not live to see the date.
            let _ = life.interruptible(device.clock.sleep_until(date)).await;
            let _ = session.resume(transfer).await;
        });
        Ok(())
    }
}

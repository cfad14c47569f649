//! Progress that is not told, or not true: SES-33.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, Delegate, FilePath, Response, ResumeData, Session, SessionError, SessionId,
    TransferId, TransferOptions, TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, AlmostSession, lock, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("nobody-hears-of-progress", &["SES-33"], |name| counting(name, Slip::Mute)),
    Mutant::new("all-bytes-are-new", &["SES-33"], |name| counting(name, Slip::AllNew)),
    Mutant::new("bytes-so-far-are-added-up", &["SES-33"], |name| counting(name, Slip::AddsUp)),
    Mutant::new("what-has-come-is-what-is-expected", &["SES-33"], |name| counting(name, Slip::NoWhole)),
    Mutant::new("goes-on-without-a-word", &["SES-33"], |name| counting(name, Slip::Silent)),
    Mutant::new("goes-on-from-the-last-byte-it-has", &["SES-33"], |name| counting(name, Slip::OffByOne)),
    Mutant::new("hopes-to-go-on", &["SES-33"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let service = ReferenceService::new(device, scheduler);
            Arc::new(Almost(Hopeful { service, quiet: Arc::default() }))
        })
    }),
    Mutant::new("an-upload-counts-what-is-left", &["SES-33"], |name| counting(name, Slip::CountsDown)),
];

fn counting(name: &str, slip: Slip) -> Subject {
    with_delegate(name, move |_| {
        // What a service remembers of its transfers outlives the process.
        let sums: Arc<Mutex<BTreeMap<(SessionId, TransferId), u64>>> = Arc::default();
        Box::new(move |app| Arc::new(Almost(Counting { app, slip, sums: Arc::clone(&sums) })))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slip {
    Mute,
    AllNew,
    AddsUp,
    NoWhole,
    CountsDown,
    Silent,
    OffByOne,
}

struct Counting {
    app: Arc<dyn Delegate>,
    slip: Slip,
    /// The sum of what was told of each transfer.
    sums: Arc<Mutex<BTreeMap<(SessionId, TransferId), u64>>>,
}

#[async_trait]
impl AlmostDelegate for Counting {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_write_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        written: u64,
        total: u64,
        expected: Option<u64>,
    ) {
        let sum = {
            let mut sums = lock(&self.sums);
            let sum = sums.entry((session.clone(), transfer)).or_default();
            *sum += total;
            *sum
        };
        let (written, total, expected) = match self.slip {
            Slip::Mute => return,
            Slip::AllNew => (total, total, expected),
            Slip::AddsUp => (written, sum, expected),
            Slip::NoWhole => (written, total, Some(total)),
            Slip::CountsDown | Slip::Silent | Slip::OffByOne => (written, total, expected),
        };
        self.app.did_write_data(session, transfer, written, total, expected).await;
    }

    async fn did_resume_at_offset(
        &self,
        session: &SessionId,
        transfer: TransferId,
        offset: u64,
        expected: Option<u64>,
    ) {
        let offset = if self.slip == Slip::OffByOne { offset - 1 } else { offset };
        if self.slip != Slip::Silent {
            self.app.did_resume_at_offset(session, transfer, offset, expected).await;
        }
    }

    async fn did_send_body_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        sent: u64,
        total: u64,
        expected: u64,
    ) {
        let total = if self.slip == Slip::CountsDown { expected - total } else { total };
        self.app.did_send_body_data(session, transfer, sent, total, expected).await;
    }
}

/// Downloads from resume data of which the app has not heard where they go on.
type Quiet = Arc<Mutex<BTreeSet<(SessionId, TransferId)>>>;

/// Takes it that a server which is asked for the rest gives the rest.
struct Hopeful {
    service: Arc<ReferenceService>,
    quiet: Quiet,
}

#[async_trait]
impl AlmostService for Hopeful {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let (app, quiet) = (Arc::clone(connection.delegate()), Arc::clone(&self.quiet));
        let hopes = Arc::new(Almost(Hopes { app, quiet }));
        let connection = Connection::new(hopes, connection.life().clone());
        let session = self.service.session(configuration, connection).await?;
        Ok(Arc::new(Almost(Noted { session, quiet: Arc::clone(&self.quiet) })))
    }
}

struct Noted {
    session: Arc<dyn Session>,
    quiet: Quiet,
}

#[async_trait]
impl AlmostSession for Noted {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download_resuming(
        &self,
        data: ResumeData,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let made = self.session.download_resuming(data, options).await?;
        lock(&self.quiet).insert((self.session.identifier().clone(), made));
        Ok(made)
    }
}

struct Hopes {
    app: Arc<dyn Delegate>,
    quiet: Quiet,
}

impl Hopes {
    async fn hope(&self, session: &SessionId, transfer: TransferId) {
        if lock(&self.quiet).remove(&(session.clone(), transfer)) {
            self.app.did_resume_at_offset(session, transfer, 1, None).await;
        }
    }
}

#[async_trait]
impl AlmostDelegate for Hopes {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_resume_at_offset(
        &self,
        session: &SessionId,
        transfer: TransferId,
        offset: u64,
        expected: Option<u64>,
    ) {
        lock(&self.quiet).remove(&(session.clone(), transfer));
        self.app.did_resume_at_offset(session, transfer, offset, expected).await;
    }

    async fn did_write_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        written: u64,
        total: u64,
        expected: Option<u64>,
    ) {
        self.hope(session, transfer).await;
        self.app.did_write_data(session, transfer, written, total, expected).await;
    }

    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        file: &FilePath,
    ) {
        self.hope(session, transfer).await;
        self.app.did_finish_downloading(session, transfer, response, file).await;
    }
}

//! Messages that are lost with a process or come again after it: SES-18.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, DelayedRequestDisposition, Delegate, Device, DeviceChange, FilePath, Request,
    Responder, Response, Session, SessionError, SessionId, TransferEnd, TransferId, TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, Book, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    // What ended before the wake began is thrown away when it does.
    Mutant::new("empties-the-queue-at-each-wake", &["SES-18"], |name| service(name, Loss::EndedAsleep)),
    Mutant::new("empties-the-queue-with-the-process", &["SES-18"], |name| {
        service(name, Loss::OfAnEarlierProcess)
    }),
    // Takes a message off the queue when its callback begins.
    Mutant::new("forgets-what-it-has-begun-to-say", &["SES-18"], |name| service(name, Loss::Interrupted)),
    // Notes that it has asked when it begins to.
    Mutant::new("forgets-a-question-that-was-cut-short", &["SES-18"], |name| service(name, Loss::Question)),
    Mutant::new("repeats-the-last-acknowledged-message", &["SES-18"], |name| service(name, Loss::Nothing)),
];

/// Which of the lasting messages do not come.
#[derive(Clone, Copy, PartialEq)]
enum Loss {
    EndedAsleep,
    OfAnEarlierProcess,
    Interrupted,
    /// Those about delayed requests; the transfer waits for an answer all the same.
    Question,
    /// None; instead the last one comes again to the next process.
    Nothing,
}

fn service(name: &str, loss: Loss) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let (book, watched) = Book::open(&device, Arc::new(()));
        let memory = Memory {
            book,
            loss,
            begun: Mutex::default(),
            last: Mutex::default(),
            asked: Mutex::default(),
            unasked: Mutex::default(),
        };
        let memory = Arc::new(memory);
        Arc::new(Almost(Forgetful { service: ReferenceService::new(watched, scheduler), device, memory }))
    })
}

/// What outlives the processes.
struct Memory {
    book: Arc<Book>,
    loss: Loss,
    /// Messages whose callback has begun: of which transfer, and whether it was the last one.
    begun: Mutex<BTreeSet<(SessionId, TransferId, bool)>>,
    last: Mutex<Option<(SessionId, TransferId, TransferEnd)>>,
    asked: Mutex<BTreeSet<(SessionId, TransferId)>>,
    /// Questions that nobody is asked.
    unasked: Mutex<Vec<Responder<DelayedRequestDisposition>>>,
}

impl Memory {
    /// Is this message lost? Notes that it has begun.
    fn loses(&self, session: &SessionId, transfer: TransferId, last: bool) -> bool {
        let entry = self.book.entry(session, transfer);
        let again = !lock(&self.begun).insert((session.clone(), transfer, last));
        match self.loss {
            Loss::EndedAsleep => entry.is_some_and(|entry| entry.ended == Some(false)),
            Loss::OfAnEarlierProcess => entry.is_some_and(|entry| entry.born != self.book.run()),
            Loss::Interrupted => again,
            Loss::Question | Loss::Nothing => false,
        }
    }
}

struct Forgetful {
    service: Arc<ReferenceService>,
    device: Device,
    memory: Arc<Memory>,
}

#[async_trait]
impl AlmostService for Forgetful {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.memory.book.device_changed(change);
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let last = lock(&self.memory.last).take_if(|(of, ..)| *of == configuration.identifier);
        if let Some((session, transfer, end)) = last.filter(|_| self.memory.loss == Loss::Nothing) {
            let line = connection.clone();
            self.device.spawn(async move {
                // The new process may end as well.
                let _ = line.did_complete(&session, transfer, &end).await;
            });
        }
        let filter = Filter { app: Arc::clone(connection.delegate()), memory: Arc::clone(&self.memory) };
        let connection = Connection::new(Arc::new(Almost(filter)), connection.life().clone());
        Ok(self.memory.book.session(self.service.session(configuration, connection).await?))
    }
}

struct Filter {
    app: Arc<dyn Delegate>,
    memory: Arc<Memory>,
}

#[async_trait]
impl AlmostDelegate for Filter {
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
        if !self.memory.loses(of, transfer, false) {
            self.app.did_finish_downloading(of, transfer, response, at).await;
        }
    }

    async fn will_begin_delayed_request(
        &self,
        session: &SessionId,
        transfer: TransferId,
        request: Request,
        service: Responder<DelayedRequestDisposition>,
    ) {
        let first = lock(&self.memory.asked).insert((session.clone(), transfer));
        if first || self.memory.loss != Loss::Question {
            self.app.will_begin_delayed_request(session, transfer, request, service).await;
        } else {
            lock(&self.memory.unasked).push(service);
        }
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        if !self.memory.loses(session, transfer, true) {
            self.app.did_complete(session, transfer, end).await;
            *lock(&self.memory.last) = Some((session.clone(), transfer, end.clone()));
        }
    }
}

//! Writes a history down while it happens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Completed, Event, FaultKind, History, MessageId, SubjectFault};
use crate::contract::{Completion, CompletionReport, RefreshKind, RefreshTaskId, TaskObserver};
use crate::world::Clock;

/// Shared by everything in a world that observes something.
#[derive(Clone)]
pub(crate) struct Recorder {
    clock: Clock,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    history: History,
    next_message: MessageId,
    /// An app, a scheduler or a session that never stops talking must not take all the memory there is.
    full: bool,
}

/// More observations than any honest scenario makes; what follows is dropped and the subject is told so.
const LIMIT: usize = 200_000;

impl Recorder {
    pub(crate) fn new(clock: Clock) -> Self {
        let log = Log {
            history: History { entries: Vec::with_capacity(96), ..History::default() },
            ..Log::default()
        };
        Self { clock, log: Arc::new(Mutex::new(log)) }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, event: Event) {
        let at = self.clock.now();
        let mut log = self.lock();
        if log.full {
            return;
        }
        if log.history.entries.len() >= LIMIT {
            log.full = true;
            let fault = SubjectFault::new(FaultKind::Runaway, format!("more than {LIMIT} observations"));
            log.history.push(at, Event::Fault { fault });
            return;
        }
        log.history.push(at, event);
    }

    pub(crate) fn fault(&self, kind: FaultKind, detail: impl Into<String>) {
        self.record(Event::Fault { fault: SubjectFault::new(kind, detail) });
    }

    pub(crate) fn next_message(&self) -> MessageId {
        let mut log = self.lock();
        log.next_message += 1;
        log.next_message
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lock().full
    }

    /// Looks at what is there so far.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.lock().history)
    }

    /// Takes what was recorded; whatever comes later is lost, for the scenario is over.
    pub(crate) fn take(&self) -> History {
        let mut log = self.lock();
        log.full = true;
        std::mem::take(&mut log.history)
    }
}

impl TaskObserver for Recorder {
    fn minted(&self, id: RefreshTaskId, kind: &RefreshKind) {
        self.record(Event::TaskMinted { task: id, kind: kind.clone() });
    }

    fn completed(&self, report: &CompletionReport) {
        let how = match &report.completion {
            Completion::Completed { snapshot: true } => Completed::WithSnapshot,
            Completion::SnapshotTaken { expiration, user_info, .. } => {
                Completed::SnapshotTaken { expiration: *expiration, user_info: user_info.clone() }
            }
            _ => Completed::Plainly,
        };
        self.record(Event::TaskCompleted { task: report.task, repeated: report.repeated, how });
    }

    fn handler_set(&self, id: RefreshTaskId) {
        self.record(Event::ExpirationHandlerSet { task: id });
    }

    fn expiration_called(&self, id: RefreshTaskId, open: bool, handler: bool) {
        self.record(Event::ExpirationCalled { task: id, open, handler });
    }
}

//! What every style does the same way: its sessions, its files, its tasks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use crate::contract::{
    Challenge, ChallengeDisposition, Configuration, Delegate, FilePath, Launch, RefreshTask, Request,
    Session, SessionId, TransferId, TransferOptions,
};

/// Where the names of the app's sessions are kept, one on each line.
const NAMES: &str = "app/sessions";
/// No app has that many.
const LONGEST: usize = 1 << 16;

/// The app's sessions in this run of its process.
pub(super) struct Sessions {
    launch: Launch,
    /// Held while one is opened, so that none is opened twice (DEL-03c).
    open: AsyncMutex<BTreeMap<SessionId, Arc<dyn Session>>>,
}

impl Sessions {
    pub(super) fn new(launch: Launch) -> Self {
        Self { launch, open: AsyncMutex::default() }
    }

    /// The sessions that the app has ever opened: all that survives its process.
    pub(super) fn known(&self) -> Vec<SessionId> {
        let bytes = self.launch.storage.read(&FilePath::new(NAMES), 0, LONGEST).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().filter_map(|name| SessionId::new(name).ok()).collect()
    }

    /// The session of this name, opened if it is not. `None` if the system refuses to open it.
    pub(super) async fn open(&self, id: &SessionId, delegate: Arc<dyn Delegate>) -> Option<Arc<dyn Session>> {
        let mut open = self.open.lock().await;
        if let Some(session) = open.get(id) {
            return Some(Arc::clone(session));
        }
        if !self.known().contains(id) {
            // Before the session has transfers: whoever is launched for them must find its name. If it can not be kept, the
            // session still works as long as this process does.
            let _ = self.launch.storage.append(&FilePath::new(NAMES), format!("{id}\n").as_bytes());
        }
        let configuration = Configuration::background(id.clone());
        let session =
            self.launch.service.session(configuration, self.launch.connection(delegate)).await.ok()?;
        open.insert(id.clone(), Arc::clone(&session));
        Some(session)
    }

    /// DEL-03b: at every launch, whatever it was for, messages may wait for any of them.
    pub(super) async fn reattach(&self, delegate: Arc<dyn Delegate>) {
        for id in self.known() {
            self.open(&id, Arc::clone(&delegate)).await;
        }
    }

    /// DEL-08c: creates downloads, all of them together, and starts them. Each is told of before it is started.
    pub(super) async fn fetch(
        &self,
        id: &SessionId,
        requests: Vec<Request>,
        delegate: Arc<dyn Delegate>,
        created: impl Fn(TransferId) + Send,
    ) {
        let Some(session) = self.open(id, delegate).await else { return };
        for request in requests {
            let Ok(transfer) = session.download(request, TransferOptions::default()).await else { return };
            created(transfer);
            // It has just been created: there is no reason to refuse it, and nothing to do about it.
            let _ = session.resume(transfer).await;
        }
    }
}

/// DEL-05a: moves a downloaded file to where it stays; to be called inside the callback that gave it.
pub(super) fn keep(launch: &Launch, session: &SessionId, transfer: TransferId, location: &FilePath) {
    let kept = FilePath::new(format!("app/results/{session}-{transfer}"));
    // A full disk loses the file, as it would on the device; the wake is handled all the same.
    let _ = launch.storage.rename(location, &kept);
}

/// Transfers that something is still to be done about, oldest first: what a process that ended in the middle has left.
pub(super) struct Pending {
    launch: Launch,
    /// One line for each: `+ transfer session` when it is noted, `- transfer session` when it is done.
    file: &'static str,
}

impl Pending {
    pub(super) fn new(launch: Launch, file: &'static str) -> Self {
        Self { launch, file }
    }

    fn note(&self, sign: char, session: &SessionId, transfer: TransferId) {
        let line = format!("{sign} {} {session}\n", transfer.get());
        // A full disk forgets what it should have noted: then the work is done once more, or not at all.
        let _ = self.launch.storage.append(&FilePath::new(self.file), line.as_bytes());
    }

    pub(super) fn add(&self, session: &SessionId, transfer: TransferId) {
        self.note('+', session, transfer);
    }

    pub(super) fn done(&self, session: &SessionId, transfer: TransferId) {
        self.note('-', session, transfer);
    }

    /// What is left, in the order in which it came.
    pub(super) fn left(&self) -> Vec<(SessionId, TransferId)> {
        let bytes = self.launch.storage.read(&FilePath::new(self.file), 0, LONGEST).unwrap_or_default();
        let mut left: Vec<(SessionId, TransferId)> = Vec::new();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let mut words = line.splitn(3, ' ');
            let (Some(sign), Some(number), Some(name)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let (Ok(number), Ok(session)) = (number.parse(), SessionId::new(name)) else { continue };
            let entry = (session, TransferId::new(number));
            left.retain(|other| *other != entry);
            if sign == "+" {
                left.push(entry);
            }
        }
        left
    }
}

/// DEL-07a, DEL-07c: always an answer; the user's credential once, and not again if it is refused. Nothing is taken for
/// granted that a server could do otherwise (DEL-09).
pub(super) fn answer(launch: &Launch, challenge: &Challenge) -> ChallengeDisposition {
    if challenge.previous_failure_count == 0 {
        ChallengeDisposition::UseCredential(Some(launch.credential.clone()))
    } else {
        ChallengeDisposition::CancelAuthenticationChallenge
    }
}

/// Refresh tasks that wait for something.
#[derive(Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    open: BTreeMap<SessionId, Vec<Arc<RefreshTask>>>,
    /// Drain signals that came before the task that they belong to.
    early: BTreeMap<SessionId, u32>,
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a task of a session until its drain signal. True if that has come already: it was kept for nothing.
    pub(super) fn keep(&self, session: &SessionId, task: Arc<RefreshTask>) -> bool {
        let mut waiting = self.lock();
        if let Some(count) = waiting.early.get_mut(session).filter(|count| **count > 0) {
            *count -= 1;
            return true;
        }
        waiting.open.entry(session.clone()).or_default().push(task);
        false
    }

    /// The drain signal of a session: the tasks that waited for it, which are done with that and not with the next wake
    /// (DEL-01c). Its transfers may go on, so that nothing else ends here (DEL-03d). If none did, the signal is kept for the one that comes.
    pub(super) fn drained(&self, session: &SessionId) -> Vec<Arc<RefreshTask>> {
        let mut waiting = self.lock();
        let tasks = waiting.open.remove(session).unwrap_or_default();
        if tasks.is_empty() {
            *waiting.early.entry(session.clone()).or_default() += 1;
        }
        tasks
    }
}

/// DEL-08a: whatever happens, the task is completed when its time is nearly over.
pub(super) fn complete_on_expiration(task: &Arc<RefreshTask>) {
    let weak = Arc::downgrade(task);
    task.set_expiration_handler(move || {
        if let Some(task) = weak.upgrade() {
            task.set_task_completed();
        }
    });
}

/// DEL-01a: completes a task unless its expiration handler has.
pub(super) fn complete(task: &RefreshTask) {
    if task.is_open() {
        task.set_task_completed();
    }
}

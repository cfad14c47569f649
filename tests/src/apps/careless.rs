//! The app itself: its state, its sessions, its tasks.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_reference::contract::{
    App, Configuration, FilePath, Launch, RefreshKind, RefreshTask, Request, Session, SessionId,
    TransferOptions,
};

use super::Slip;
use super::ledger::{Ledger, Wake};
use crate::parts::lock;

/// An app that does everything right but its slip.
#[derive(Clone)]
pub(super) struct Careless(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) launch: Launch,
    pub(super) slip: Slip,
    ledger: Mutex<Ledger>,
}

/// Refreshes beget refreshes; some time it must end.
const FOLLOW_UPS: u32 = 2;
const NAMES: &str = "app/names";

impl Careless {
    pub(super) fn new(launch: Launch, slip: Slip) -> Self {
        let app = Self(Arc::new(Inner { launch, slip, ledger: Mutex::default() }));
        if !matches!(slip, Slip::OpensOnDemand | Slip::TrustsItsMemory) {
            let again = app.clone();
            app.0.launch.spawn(async move {
                for name in again.names() {
                    again.open(&name).await;
                }
            });
        }
        app
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.0.ledger)
    }

    pub(super) fn slips(&self, slip: Slip) -> bool {
        self.0.slip == slip
    }

    fn names(&self) -> Vec<SessionId> {
        let bytes = self.0.launch.storage.read(&FilePath::new(NAMES), 0, 1 << 16).unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().filter_map(|name| SessionId::new(name).ok()).collect()
    }

    fn is_ours(&self, session: &SessionId) -> bool {
        if self.slips(Slip::TrustsItsMemory) {
            return self.ledger().sessions.contains_key(session);
        }
        self.names().contains(session)
    }

    /// Makes the session, whether there is one or not.
    async fn make(&self, id: &SessionId) -> Option<Arc<dyn Session>> {
        if !self.names().contains(id) {
            let line = format!("{id}\n");
            self.0.launch.storage.append(&FilePath::new(NAMES), line.as_bytes()).expect("memory has no end");
        }
        let connection = self.0.launch.connection(Arc::new(self.clone()));
        let configuration = Configuration::background(id.clone());
        self.0.launch.service.session(configuration, connection).await.ok()
    }

    /// The session of this process, made if it is not there.
    pub(super) async fn open(&self, id: &SessionId) -> Option<Arc<dyn Session>> {
        if let Some(session) = self.ledger().sessions.get(id) {
            return Some(Arc::clone(session));
        }
        // The reference's service answers within the same poll, so nobody comes between.
        let session = self.make(id).await?;
        self.ledger().sessions.insert(id.clone(), Arc::clone(&session));
        Some(session)
    }

    /// Creates a transfer and starts it.
    pub(super) async fn start(&self, id: &SessionId, request: Request) {
        let Some(session) = self.open(id).await else { return };
        self.ledger().latest = Some((id.clone(), request.url.clone()));
        if let Ok(transfer) = session.download(request, TransferOptions::default()).await {
            // It has just been made.
            let _ = session.resume(transfer).await;
        }
    }

    fn set_handler(&self, task: &Arc<RefreshTask>) {
        let (app, weak) = (self.clone(), Arc::downgrade(task));
        task.set_expiration_handler(move || {
            let Some(task) = weak.upgrade() else { return };
            if app.slips(Slip::ChecksInHandler) && app.ledger().working.values().any(|count| *count > 0) {
                return; // Not all is done, so it waits.
            }
            if !app.slips(Slip::CompletesAfterExpiration) {
                let drop_it = |wakes: &mut Vec<Wake>| wakes.retain(|wake| wake.task.id() != task.id());
                app.ledger().wakes.values_mut().for_each(drop_it);
            }
            if task.is_open() {
                task.set_task_completed();
            }
        });
    }

    /// A task of a session: kept until the session is drained.
    async fn serve(&self, session: SessionId, task: RefreshTask) {
        let task = Arc::new(task);
        let none = [Slip::NoHandler, Slip::CompletesAtTheNextWake, Slip::MissesEarlySignal];
        if !none.contains(&self.0.slip) {
            self.set_handler(&task);
        }
        let ours = self.is_ours(&session);
        if !ours && self.slips(Slip::IgnoresStrangers) {
            return; // The task goes, and its expiration handler with it.
        }
        if !ours || self.slips(Slip::CompletesInHandle) {
            task.set_task_completed();
            if ours {
                self.open(&session).await;
            }
            return;
        }
        self.keep(&session, task);
        self.finish(&session);
        if self.slips(Slip::OpensEveryTime) {
            self.make(&session).await;
        } else {
            self.open(&session).await;
        }
    }

    fn keep(&self, session: &SessionId, task: Arc<RefreshTask>) {
        let mut ledger = self.ledger();
        let early = ledger.early.get_mut(session).filter(|count| **count > 0).map(|count| *count -= 1);
        let drained = early.is_some() && !self.slips(Slip::MissesEarlySignal);
        if self.slips(Slip::OneTaskForAll) {
            ledger.wakes.clear();
        }
        let wakes = ledger.wakes.entry(session.clone()).or_default();
        let before = std::mem::take(wakes);
        if self.slips(Slip::CompletesAtTheNextWake) {
            before.iter().filter(|wake| wake.drained).for_each(|wake| wake.task.set_task_completed());
        } else if self.slips(Slip::CompletesStaleTask) {
            before.iter().for_each(|wake| wake.task.set_task_completed());
        } else {
            *wakes = before;
        }
        wakes.push(Wake { task, drained });
    }

    /// Completes what can be completed of a session.
    pub(super) fn finish(&self, session: &SessionId) {
        if self.slips(Slip::CompletesAtTheNextWake) {
            return;
        }
        if self.slips(Slip::CompletesStaleTask) {
            let ledger = self.ledger();
            if ledger.working.get(session).is_some_and(|count| *count > 0) {
                return;
            }
            let drained = ledger.wakes.get(session).into_iter().flatten().filter(|wake| wake.drained);
            let tasks: Vec<_> = drained.map(|wake| Arc::clone(&wake.task)).collect();
            drop(ledger);
            // And it stays in the list.
            tasks.iter().filter(|task| task.is_open()).for_each(|task| task.set_task_completed());
            return;
        }
        let wait = !matches!(self.0.slip, Slip::ForgetsItsWork | Slip::CompletesTwice);
        let done = self.ledger().done(session, wait);
        for task in &done {
            if task.is_open() || matches!(self.0.slip, Slip::CompletesAfterExpiration | Slip::CompletesTwice)
            {
                task.set_task_completed();
            }
        }
        if self.slips(Slip::CompletesTwice) {
            let mut ledger = self.ledger();
            if ledger.working.get(session).is_some_and(|count| *count > 0) {
                let again = done.into_iter().map(|task| Wake { task, drained: true });
                ledger.wakes.entry(session.clone()).or_default().extend(again);
            }
        }
    }

    /// A task that is not a session's: asks for what comes next, then completes it.
    async fn follow_up(&self, task: RefreshTask) {
        let task = Arc::new(task);
        self.set_handler(&task);
        let more = {
            let mut ledger = self.ledger();
            ledger.follow_ups += 1;
            ledger.follow_ups <= FOLLOW_UPS
        };
        if matches!(self.0.slip, Slip::SchedulesLast | Slip::FetchesLast) {
            if self.slips(Slip::SchedulesLast) {
                self.fetch_again(more).await;
            } else {
                self.schedule(more).await;
            }
            task.set_task_completed();
            if self.slips(Slip::SchedulesLast) {
                self.schedule(more).await;
            } else {
                self.fetch_again(more).await;
            }
            return;
        }
        self.schedule(more).await;
        let begun = self.fetch_again(more).await;
        if begun && self.slips(Slip::AwaitsItsTransfer) {
            self.ledger().awaiting.push(task);
        } else if task.is_open() {
            task.set_task_completed();
        }
    }

    async fn schedule(&self, more: bool) {
        if more {
            let next = self.0.launch.clock.now() + Duration::from_secs(1_800);
            // What the user has forbidden does not come.
            let _ = self.0.launch.scheduler.schedule_background_refresh(next, None).await;
        }
    }

    /// Asks for the latest address once more.
    async fn fetch_again(&self, more: bool) -> bool {
        let latest = self.ledger().latest.clone().filter(|_| more);
        let Some((session, url)) = latest else { return false };
        self.start(&session, Request::get(url)).await;
        true
    }
}

#[async_trait]
impl App for Careless {
    async fn fetch(&self, session: &SessionId, mut requests: Vec<Request>) {
        if self.slips(Slip::OneAtATime) {
            let rest = requests.split_off(requests.len().min(1));
            self.ledger().waiting.extend(rest.into_iter().map(|request| (session.clone(), request)));
        }
        for request in requests {
            self.start(session, request).await;
        }
    }
}

impl Careless {
    /// `handle`: one task after the other.
    pub(super) async fn take(&self, tasks: Vec<RefreshTask>) {
        for task in tasks {
            let snapshot = matches!(task.kind(), RefreshKind::Snapshot(_));
            if let Some(session) = task.session_identifier().cloned() {
                self.serve(session, task).await;
            } else if *task.kind() == RefreshKind::ApplicationRefresh {
                self.follow_up(task).await;
            } else if self.slips(Slip::PanicsOnKind) {
                panic!("what is a task of {}?", task.kind());
            } else if self.slips(Slip::IgnoresOtherKinds) && !snapshot {
                self.ledger().lying.push(Arc::new(task));
            } else {
                task.set_task_completed();
            }
        }
    }
}

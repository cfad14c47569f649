//! What the app's own code finds on its device: its clock, files, tasks and work.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use super::App;
use crate::contract::{
    AppLife, Clock, FilePath, Hold, SessionId, Spawn, Storage, Time, TransferId, Workload,
};
use crate::history::Event;

/// The clock of an app: while it is suspended it sees no time pass.
pub(super) struct AppClock(pub(super) Arc<App>);

#[async_trait]
impl Clock for AppClock {
    fn now(&self) -> Time {
        self.0.clock.now()
    }

    async fn sleep_until(&self, deadline: Time) {
        self.0.clock.sleep_until(deadline).await;
        self.0.running().await;
    }

    fn hold(&self) -> Hold {
        self.0.clock.hold()
    }
}

/// Tasks of the app's own, which end with its process.
pub(super) struct AppTasks {
    pub(super) app: Arc<App>,
    pub(super) life: AppLife,
}

impl Spawn for AppTasks {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let (app, life) = (Arc::clone(&self.app), self.life.clone());
        self.app.spawner.spawn(Box::pin(async move {
            let _ = life.interruptible(app.in_guest("a task of the app's", task)).await;
        }));
    }
}

/// The app's work on its results takes as long as the scenario says.
pub(super) struct AppWork(pub(super) Arc<App>);

impl Workload for AppWork {
    fn process(&self, session: &SessionId, transfer: TransferId) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let app = Arc::clone(&self.0);
        let work = {
            let mut code = app.code();
            code.works += 1;
            code.works
        };
        app.recorder.record(Event::WorkBegan { work, session: session.clone(), transfer: Some(transfer) });
        Box::pin(async move {
            let spans = &app.setup.work;
            if let Some(turn) = (work as usize - 1).checked_rem(spans.len()) {
                app.sleep(spans[turn].duration()).await;
            }
            app.recorder.record(Event::WorkEnded { work });
        })
    }
}

/// The app's files. What it does with those that it was given is written down.
pub(super) struct AppStorage {
    app: Arc<App>,
    files: Arc<dyn Storage>,
}

impl AppStorage {
    pub(super) fn new(app: Arc<App>, files: Arc<dyn Storage>) -> Self {
        Self { app, files }
    }

    /// The app looks at a file: if it was given it by a callback, that is worth a line.
    fn used(&self, file: &FilePath) {
        let given = self.app.code().given.get(file).copied();
        if let Some(id) = given {
            self.app.recorder.record(Event::FileUsed { id });
        }
    }
}

impl Storage for AppStorage {
    fn create(&self, file: &FilePath) -> io::Result<()> {
        self.files.create(file)
    }

    fn append(&self, file: &FilePath, bytes: &[u8]) -> io::Result<()> {
        self.files.append(file, bytes)
    }

    fn len(&self, file: &FilePath) -> io::Result<u64> {
        self.used(file);
        self.files.len(file)
    }

    fn read(&self, file: &FilePath, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.used(file);
        self.files.read(file, offset, len)
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
        let given = self.app.code().given.get(from).copied();
        let moved = self.files.rename(from, to);
        if let Some(id) = given {
            let event = if moved.is_ok() { Event::FileMoved { id } } else { Event::FileUsed { id } };
            self.app.recorder.record(event);
        }
        moved
    }

    fn remove(&self, file: &FilePath) -> io::Result<()> {
        self.files.remove(file)
    }
}

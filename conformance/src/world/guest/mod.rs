//! The app's own code, where that is the subject: launched, called, frozen while the process is suspended, and watched.
//!
//! The process stays the kit's ([`App`]): a guest can not run while it is suspended, nor outlive it. Whatever it does with
//! the system goes through parts that write it down.

mod closures;
mod delegate;
mod device;
mod system;

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::app::App;
use super::guard;
use crate::contract::{
    ActionRunner, App as Guest, AppChange, Credential, FilePath, Launch, LaunchCause, RefreshTask,
    RefreshTaskId, Request, SessionId, Spawn,
};
use crate::history::{Event, FaultKind, MessageId};
use crate::subject::{LaunchApp, LaunchRunner};
use crate::world::places::{PASSWORD, USER};

/// What of the app's code is the subject's.
#[derive(Clone, Default)]
pub(crate) enum Own {
    /// Nothing: the kit plays the app.
    #[default]
    Nothing,
    /// All of it.
    App(Arc<LaunchApp>),
    /// What runs its closures; they are the kit's, and so is the rest of it.
    Runner(Arc<LaunchRunner>),
}

/// What the kit knows of the app's own code.
#[derive(Default)]
pub(crate) struct Code {
    own: Own,
    /// The run that is going on.
    running: Option<Arc<dyn Guest>>,
    /// What runs the closures of this run.
    runner: Option<Arc<dyn ActionRunner>>,
    /// What the kit knows of them.
    closures: closures::Known,
    /// Files that it was given, by the callback that gave them.
    given: BTreeMap<FilePath, MessageId>,
    /// Pieces of work begun.
    works: u32,
    /// Tasks whose `handle` is late: the session's messages come first.
    early: Vec<(SessionId, RefreshTaskId)>,
}

/// What a launch function has made.
enum Launched {
    App(Arc<dyn Guest>),
    Runner(Arc<dyn ActionRunner>),
}

impl Code {
    pub(crate) fn new(own: Own) -> Self {
        Self { own, ..Self::default() }
    }
}

impl App {
    /// Is the app's own code the subject?
    pub(crate) fn is_guest(&self) -> bool {
        matches!(self.code().own, Own::App(_))
    }

    /// Launches the app's own code in this run of the process.
    pub(crate) fn launch_guest(self: &Arc<Self>, cause: LaunchCause) {
        let own = self.code().own.clone();
        let Some(found) = (!matches!(own, Own::Nothing)).then(|| self.found(cause)).flatten() else { return };
        let launched = guard::caught_now(|| match own {
            Own::Nothing => None,
            Own::App(launch) => Some(Launched::App(launch(found))),
            Own::Runner(launch) => Some(Launched::Runner(launch(found, self.register()))),
        });
        match launched {
            Ok(None) => {}
            Ok(Some(Launched::App(guest))) => {
                let old = self.code().running.replace(guest);
                drop(old);
            }
            Ok(Some(Launched::Runner(runner))) => {
                let old = self.code().runner.replace(runner);
                drop(old);
            }
            Err(message) => self.panicked("the launch function", message),
        }
    }

    /// What a launched process finds.
    fn found(self: &Arc<Self>, cause: LaunchCause) -> Option<Launch> {
        let system = self.system()?;
        Some(Launch {
            cause,
            clock: Arc::new(device::AppClock(Arc::clone(self))),
            storage: Arc::new(device::AppStorage::new(Arc::clone(self), Arc::clone(&system.device.storage))),
            tasks: Arc::new(device::AppTasks { app: Arc::clone(self), life: self.life() }),
            scheduler: Arc::new(system::AppScheduler::new(Arc::clone(self))),
            service: Arc::new(system::AppService::new(Arc::clone(self))),
            work: Arc::new(device::AppWork(Arc::clone(self))),
            credential: Credential::password(USER, PASSWORD),
            life: self.life(),
        })
    }

    /// The process has ended: its code goes with it.
    pub(super) fn forget_guest(&self) -> impl Sized + use<> {
        let mut code = self.code();
        code.given.clear();
        code.early.clear();
        code.closures.forget_run();
        (code.running.take(), code.runner.take())
    }

    /// `handle`: begins at once, so that the messages of the wake come after its beginning.
    pub(super) async fn handle_guest(self: &Arc<Self>, tasks: Vec<RefreshTask>) {
        let Some(guest) = self.code().running.clone() else { return };
        self.begin_handle(async move { guest.handle(tasks).await }).await;
    }

    async fn begin_handle(self: &Arc<Self>, handling: impl Future<Output = ()> + Send + 'static) {
        let (app, life) = (Arc::clone(self), self.life());
        let mut work = Box::pin(async move {
            // An app that ends takes it along.
            let _ = life.interruptible(app.in_guest("handle", handling)).await;
        });
        let first = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await;
        if first.is_pending() {
            self.spawner.spawn(work);
        }
    }

    /// The user wants these.
    pub(crate) fn fetch(self: &Arc<Self>, session: SessionId, requests: Vec<Request>) {
        let Some(guest) = self.code().running.clone() else { return };
        let urls = requests.iter().map(|request| request.url.clone()).collect();
        self.recorder.record(Event::Wanted { session: session.clone(), urls });
        let app = Arc::clone(self);
        self.spawn(async move {
            app.in_guest("fetch", async move { guest.fetch(&session, requests).await }).await;
        });
    }

    /// Runs code of the app's as far as the process does; `None` if it panicked, which ends the process.
    pub(super) async fn in_guest<T>(
        self: &Arc<Self>,
        what: &str,
        call: impl Future<Output = T>,
    ) -> Option<T> {
        match self.gated(guard::caught(call)).await {
            Ok(value) => Some(value),
            Err(message) => {
                self.panicked(what, message);
                None
            }
        }
    }

    /// Polls only while the process runs.
    async fn gated<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if self.wait_if_asleep(cx.waker()) {
                return Poll::Pending;
            }
            work.as_mut().poll(cx)
        })
        .await
    }

    /// The app's code panicked: that is a crash.
    pub(super) fn panicked(self: &Arc<Self>, what: &str, message: String) {
        if self.has_closures() {
            // No rule about closures is about that.
            self.recorder.fault(FaultKind::Panic, format!("in {what}: {message}"));
        }
        self.recorder.record(Event::AppPanicked { what: what.to_owned(), message });
        if self.process().is_running() {
            self.end_run(AppChange::Crashed);
            self.tell_soon();
        }
    }

    /// A wake has begun whose `handle` comes late.
    pub(super) fn begin_early(&self, tasks: &[RefreshTask]) {
        let named = |task: &RefreshTask| Some((task.session_identifier()?.clone(), task.id()));
        self.code().early = tasks.iter().filter_map(named).collect();
        self.open_gate();
    }

    /// Waits until a wake for this session has begun whose `handle` comes late.
    pub(crate) async fn early_wake(&self, session: &SessionId) -> RefreshTaskId {
        poll_fn(|cx| {
            {
                let mut code = self.code();
                if let Some(at) = code.early.iter().position(|(of, _)| of == session) {
                    return Poll::Ready(code.early.remove(at).1);
                }
            }
            self.wait_for_gate(cx.waker());
            Poll::Pending
        })
        .await
    }
}

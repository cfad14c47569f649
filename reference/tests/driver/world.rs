//! A small device: the app of the test, a hand-driven clock and the scripted origin, around the two references.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_reference::contract::*;
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;
use bgsession_reference::storage::MemoryStorage;

use crate::executor::{Executor, HandClock};
use crate::origin::Origin;

/// How the app of a test behaves.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// What it says to each challenge, one after the other; then nothing.
    pub(crate) answers: Vec<ChallengeDisposition>,
    /// What it says to the response of a data transfer; nothing if `None`.
    pub(crate) disposition: Option<ResponseDisposition>,
    /// Never completes a task.
    pub(crate) hoards: bool,
    /// Never returns from the message with this number.
    pub(crate) hangs_at: Option<usize>,
    /// Notes the progress of its transfers too.
    pub(crate) tells_progress: bool,
}

pub(crate) struct App {
    pub(crate) state: Mutex<AppState>,
    pub(crate) life: Mutex<AppLife>,
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) log: Mutex<Vec<String>>,
    messages: Mutex<usize>,
    tasks: Mutex<BTreeMap<Option<SessionId>, Vec<RefreshTask>>>,
    handles: Mutex<BTreeMap<SessionId, Arc<dyn Session>>>,
    configurations: Mutex<Vec<Configuration>>,
    world: OnceLock<Arc<Parts>>,
}

/// Everything that the app needs of the device.
pub(crate) struct Parts {
    executor: Arc<Executor>,
    clock: Arc<HandClock>,
    storage: Arc<MemoryStorage>,
    alive: Mutex<Option<(Arc<ReferenceScheduler>, Arc<ReferenceService>)>>,
}

impl Parts {
    fn parts(&self) -> (Arc<ReferenceScheduler>, Arc<ReferenceService>) {
        self.alive.lock().unwrap().clone().expect("the test has not dropped them")
    }
}

impl App {
    fn note(&self, line: String) {
        let now = self.world.get().unwrap().clock.now();
        self.log.lock().unwrap().push(format!("{now} {line}"));
    }

    pub(crate) fn change(self: &Arc<Self>, change: AppChange) {
        *self.state.lock().unwrap() = change.state();
        self.note(format!("app {change:?}"));
        if change.state() == AppState::NotRunning {
            let ended = std::mem::take(&mut *self.life.lock().unwrap());
            self.tasks.lock().unwrap().clear();
            self.handles.lock().unwrap().clear();
            ended.end();
        }
        let (scheduler, service) = self.world.get().unwrap().parts();
        scheduler.device_changed(&DeviceChange::App(change));
        service.device_changed(&DeviceChange::App(change));
    }

    pub(crate) async fn open(self: Arc<Self>, configuration: Configuration) -> Arc<dyn Session> {
        let life = self.life.lock().unwrap().clone();
        let delegate: Arc<dyn Delegate> = Arc::new(Messages(Arc::clone(&self)));
        let (_, service) = self.world.get().unwrap().parts();
        let identifier = configuration.identifier.clone();
        let mut known = self.configurations.lock().unwrap().clone();
        if !known.contains(&configuration) {
            known.push(configuration.clone());
            *self.configurations.lock().unwrap() = known;
        }
        let session = service.session(configuration, Connection::new(delegate, life)).await.unwrap();
        self.handles.lock().unwrap().insert(identifier, Arc::clone(&session));
        session
    }

    /// Opens all sessions that an earlier run knew.
    pub(crate) async fn reopen(self: Arc<Self>) {
        let known = self.configurations.lock().unwrap().clone();
        for configuration in known {
            if !self.handles.lock().unwrap().contains_key(&configuration.identifier) {
                Arc::clone(&self).open(configuration).await;
            }
        }
    }

    fn complete(&self, session: Option<&SessionId>) {
        if !self.behaviour.lock().unwrap().hoards {
            let tasks = self.tasks.lock().unwrap().remove(&session.cloned()).unwrap_or_default();
            tasks.iter().for_each(RefreshTask::set_task_completed);
        }
    }

    /// Lets go of sessions and tasks, as a process that ends.
    pub(crate) fn forget(&self) {
        self.tasks.lock().unwrap().clear();
        self.handles.lock().unwrap().clear();
        *self.world.get().unwrap().alive.lock().unwrap() = None;
    }

    async fn message(&self, line: String) {
        self.note(line);
        let number = {
            let mut messages = self.messages.lock().unwrap();
            *messages += 1;
            *messages
        };
        if self.behaviour.lock().unwrap().hangs_at == Some(number) {
            std::future::pending::<()>().await;
        }
    }
}

/// The process as the scheduler sees it.
struct Process(Arc<OnceLock<Arc<App>>>);

impl Process {
    fn app(&self) -> &Arc<App> {
        self.0.get().unwrap()
    }
}

#[async_trait]
impl AppProcess for Process {
    fn state(&self) -> AppState {
        self.0.get().map_or(AppState::NotRunning, |app| *app.state.lock().unwrap())
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let app = self.app();
        match self.state() {
            AppState::NotRunning => app.change(AppChange::Launched),
            AppState::Suspended => app.change(AppChange::Resumed),
            AppState::Background | AppState::Inactive | AppState::Active => {}
        }
        let set: Vec<String> = tasks.iter().map(ToString::to_string).collect();
        app.note(format!("handle [{}]", set.join(", ")));
        for task in tasks {
            let handler = Arc::downgrade(app);
            let session = task.session_identifier().cloned();
            let of = session.clone();
            task.set_expiration_handler(move || {
                if let Some(app) = handler.upgrade() {
                    app.note(format!("expiring {of:?}"));
                }
            });
            app.tasks.lock().unwrap().entry(session.clone()).or_default().push(task);
            if session.is_none() {
                app.complete(None);
            }
        }
        let reopened = Arc::clone(app);
        let parts = app.world.get().unwrap();
        parts.executor.spawn(Box::pin(reopened.reopen()));
        Ok(())
    }

    fn suspend(&self) {
        if self.state() == AppState::Background {
            self.app().change(AppChange::Suspended);
        }
    }

    fn terminate(&self, how: Termination) {
        self.app().change(AppChange::Terminated(how));
    }

    fn cpu_time(&self) -> Duration {
        Duration::ZERO
    }
}

struct Messages(Arc<App>);

impl Messages {
    async fn progress(&self, line: String) {
        if self.0.behaviour.lock().unwrap().tells_progress {
            self.0.message(line).await;
        }
    }
}

#[async_trait]
impl Delegate for Messages {
    fn responds_to(&self, _: OptionalMethod) -> bool {
        true
    }

    async fn did_receive_challenge(
        &self,
        _: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let Challenge { protection_space, proposed_credential, previous_failure_count, .. } = challenge;
        let (realm, method) = (protection_space.realm, protection_space.method);
        self.0
            .message(format!(
                "{transfer} challenge {method:?} {realm:?} {proposed_credential:?} {previous_failure_count}"
            ))
            .await;
        let answer = {
            let mut behaviour = self.0.behaviour.lock().unwrap();
            (!behaviour.answers.is_empty()).then(|| behaviour.answers.remove(0))
        };
        if let Some(answer) = answer {
            responder.respond(answer);
        }
    }

    async fn did_receive_response(
        &self,
        _: &SessionId,
        transfer: TransferId,
        response: &Response,
        responder: Responder<ResponseDisposition>,
    ) {
        self.0.message(format!("{transfer} response {}", response.status)).await;
        if let Some(answer) = self.0.behaviour.lock().unwrap().disposition {
            responder.respond(answer);
        }
    }

    async fn did_become_download(&self, _: &SessionId, transfer: TransferId) {
        self.0.message(format!("{transfer} became a download")).await;
    }

    async fn did_receive_data(&self, _: &SessionId, transfer: TransferId, data: &[u8]) {
        self.0.message(format!("{transfer} data {:?}", String::from_utf8_lossy(data))).await;
    }

    async fn did_write_data(
        &self,
        _: &SessionId,
        transfer: TransferId,
        written: u64,
        total: u64,
        expected: Option<u64>,
    ) {
        self.progress(format!("{transfer} wrote {written}, {total} of {expected:?}")).await;
    }

    async fn did_send_body_data(
        &self,
        _: &SessionId,
        transfer: TransferId,
        sent: u64,
        total: u64,
        expected: u64,
    ) {
        self.progress(format!("{transfer} sent {sent}, {total} of {expected}")).await;
    }

    async fn did_resume_at_offset(
        &self,
        _: &SessionId,
        transfer: TransferId,
        offset: u64,
        total: Option<u64>,
    ) {
        self.0.message(format!("{transfer} resumed at {offset} of {total:?}")).await;
    }

    async fn did_finish_downloading(
        &self,
        _: &SessionId,
        transfer: TransferId,
        response: &Response,
        location: &FilePath,
    ) {
        let bytes = self.0.world.get().unwrap().storage.read(location, 0, usize::MAX).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.0.message(format!("{transfer} file {} {text:?}", response.status)).await;
    }

    async fn did_complete(&self, _: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let status = end.response.as_ref().map(|response| response.status);
        self.0.message(format!("{transfer} complete {status:?} {:?}", end.error)).await;
    }

    async fn did_finish_events(&self, session: &SessionId) {
        self.0.message(format!("{session} events finished")).await;
        self.0.complete(Some(session));
    }

    async fn did_become_invalid(&self, session: &SessionId) {
        self.0.message(format!("{session} invalid")).await;
    }
}

pub(crate) struct World {
    pub(crate) executor: Arc<Executor>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) origin: Arc<Origin>,
    pub(crate) storage: Arc<MemoryStorage>,
    pub(crate) app: Arc<App>,
    pub(crate) scheduler: Arc<ReferenceScheduler>,
    pub(crate) service: Arc<ReferenceService>,
}

impl World {
    pub(crate) fn new(policy: Policy) -> Self {
        let executor = Arc::new(Executor::default());
        let clock = Arc::new(HandClock::default());
        let origin = Arc::new(Origin::default());
        let storage = Arc::new(MemoryStorage::default());
        let cell = Arc::new(OnceLock::new());
        let device = Device {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            app: Arc::new(Process(Arc::clone(&cell))),
            network: Arc::clone(&origin) as Arc<dyn Transport>,
            storage: Arc::clone(&storage) as Arc<dyn Storage>,
            tasks: Arc::clone(&executor) as Arc<dyn Spawn>,
            mint: TaskMint::new(Arc::new(())),
            policy: Arc::new(policy),
            conditions: Conditions::default(),
        };
        let scheduler = ReferenceScheduler::new(device.clone());
        let service = ReferenceService::new(device, Arc::clone(&scheduler) as Arc<dyn Scheduler>);
        let app = Arc::new(App {
            state: Mutex::new(AppState::NotRunning),
            life: Mutex::default(),
            behaviour: Mutex::default(),
            log: Mutex::default(),
            messages: Mutex::default(),
            tasks: Mutex::default(),
            handles: Mutex::default(),
            configurations: Mutex::default(),
            world: OnceLock::new(),
        });
        let parts = Parts {
            executor: Arc::clone(&executor),
            clock: Arc::clone(&clock),
            storage: Arc::clone(&storage),
            alive: Mutex::new(Some((Arc::clone(&scheduler), Arc::clone(&service)))),
        };
        assert!(app.world.set(Arc::new(parts)).is_ok());
        assert!(cell.set(Arc::clone(&app)).is_ok());
        Self { executor, clock, origin, storage, app, scheduler, service }
    }

    /// Runs a future to its end, and then everything else to rest.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        self.executor.spawn(Box::pin(async move {
            let value = work.await;
            *slot.lock().unwrap() = Some(value);
        }));
        self.executor.run();
        let value = result.lock().unwrap().take();
        value.expect("the call returned promptly")
    }

    pub(crate) fn change(&self, change: AppChange) {
        self.app.change(change);
        self.executor.run();
    }

    pub(crate) fn conditions(&self, conditions: Conditions) {
        let change = DeviceChange::Conditions(conditions);
        self.scheduler.device_changed(&change);
        self.service.device_changed(&change);
        self.executor.run();
    }

    /// Lets time pass, stopping wherever anybody has a deadline.
    pub(crate) fn pass(&self, span: Duration) {
        let end = self.clock.now() + span;
        self.executor.run();
        for _ in 0..10_000 {
            let next = self.clock.next().filter(|next| *next <= end);
            self.clock.set(next.unwrap_or(end));
            self.executor.run();
            if next.is_none() {
                return;
            }
        }
        panic!("time does not get on");
    }

    /// Opens a session and starts downloads in it.
    pub(crate) fn downloads(&self, name: &str, urls: &[&str]) -> Arc<dyn Session> {
        self.downloads_with(Configuration::background(SessionId::new(name).unwrap()), urls)
    }

    pub(crate) fn downloads_with(&self, configuration: Configuration, urls: &[&str]) -> Arc<dyn Session> {
        let (app, urls) =
            (Arc::clone(&self.app), urls.iter().map(|url| Request::get(*url)).collect::<Vec<_>>());
        self.run(async move {
            let session = app.open(configuration).await;
            for url in urls {
                let id = session.download(url, TransferOptions::default()).await.unwrap();
                session.resume(id).await.unwrap();
            }
            session
        })
    }

    /// A data transfer of session `name`, resumed.
    pub(crate) fn data(&self, name: &str, url: &str) -> Arc<dyn Session> {
        let configuration = Configuration::background(SessionId::new(name).unwrap());
        let (app, url) = (Arc::clone(&self.app), Request::get(url));
        self.run(async move {
            let session = app.open(configuration).await;
            let id = session.data(url, TransferOptions::default()).await.unwrap();
            session.resume(id).await.unwrap();
            session
        })
    }

    /// What the app has seen since the last look, one line each.
    pub(crate) fn seen(&self) -> String {
        let mut log = self.app.log.lock().unwrap();
        let text = log.join("\n");
        log.clear();
        text
    }
}

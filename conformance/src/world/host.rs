//! Runs scenarios: a runtime and a clock for a thread, a fresh device and system for each scenario.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_mock_server::Origin;
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;
use bgsession_reference::storage::MemoryStorage;
use tokio::runtime::{Builder, Runtime};

use super::app::{App, System};
use super::guard;
use super::guest::Own;
use super::network::Network;
use super::places::script;
use super::player::Player;
use super::process::Process;
use super::wire::Wire;
use super::{Clock, Spawner, World};
use crate::contract::{
    Conditions, Device, DeviceChange, ScheduleError, Scheduler, SessionId, Storage, TaskMint, Time,
    TransferService, UserInfo, WakeOutcome, WakeReason,
};
use crate::history::{Event, FaultKind, History, Recorder, SubjectFault};
use crate::scenario::{Finish, Scenario};
use crate::subject::{Boot, Capability, Subject};

/// Plays scenarios on the thread that made it, one after the other.
pub(crate) struct Worker {
    world: World,
    clock: Clock,
    sim: Option<Runtime>,
    http: Option<Http>,
}

/// What outlives a scenario on real HTTP: the runtime with its connections, and the servers.
struct Http {
    runtime: Runtime,
    wire: Arc<Wire>,
}

/// More tasks than servers and idle connections account for: a subject has left some behind.
const STRAY_TASKS: usize = 256;

impl Worker {
    /// A worker for this thread.
    ///
    /// # Errors
    ///
    /// What the operating system says if it gives no socket, thread or folder.
    pub(crate) fn new(world: World) -> std::io::Result<Self> {
        let clock = Clock::virtual_time();
        let http = match world {
            World::Sim => None,
            World::Http => Some(Http::new(&clock)?),
        };
        Ok(Self { world, clock, sim: None, http })
    }

    /// Plays one scenario to its end.
    pub(crate) fn run(&mut self, subject: &Subject, scenario: &Scenario) -> std::io::Result<History> {
        if subject.threads {
            self.clock.allow_threads();
        }
        let knew = self.clock.has_foreign_threads();
        let mut history = self.run_guarded(subject, scenario)?;
        if !knew && self.clock.has_foreign_threads() {
            // Time may have run away from the subject's threads before the clock knew of them: once more, with care.
            history = self.run_guarded(subject, scenario)?;
        }
        self.world.name().clone_into(&mut history.world);
        subject.name().clone_into(&mut history.subject);
        history.role = Some(subject.role());
        Ok(history)
    }

    /// A subject may panic where nobody calls it: when it is dropped, for instance. The world is set up anew then.
    fn run_guarded(&mut self, subject: &Subject, scenario: &Scenario) -> std::io::Result<History> {
        match guard::caught_now(|| self.run_once(subject, scenario)) {
            Ok(played) => played,
            Err(message) => {
                *self = Self::new(self.world)?;
                let fault = SubjectFault::new(FaultKind::Panic, format!("outside of any call: {message}"));
                Ok(History::new().then(Time::ZERO, Event::Fault { fault }))
            }
        }
    }

    fn run_once(&mut self, subject: &Subject, scenario: &Scenario) -> std::io::Result<History> {
        self.clock.reset();
        Ok(match &mut self.http {
            Some(http) => http.run(&self.clock, subject, scenario)?,
            None if subject.tokio_time => {
                let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
                runtime.block_on(async {
                    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
                    Case::new(&Clock::tokio(), subject, scenario, storage, None).play().await
                })
            }
            None => self.run_sim(subject, scenario)?,
        })
    }
}

impl Worker {
    fn run_sim(&mut self, subject: &Subject, scenario: &Scenario) -> std::io::Result<History> {
        let runtime = match self.sim.take() {
            Some(runtime) => runtime,
            None => {
                let hook = self.clock.clone();
                Builder::new_current_thread().on_thread_park(move || hook.park()).build()?
            }
        };
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
        let history = runtime.block_on(Case::new(&self.clock, subject, scenario, storage, None).play());
        // Tasks that the subject started behind the kit's back would live on in the next scenario: away with them.
        if runtime.metrics().num_alive_tasks() == 0 {
            self.sim = Some(runtime);
        }
        Ok(history)
    }
}

impl Http {
    fn new(clock: &Clock) -> std::io::Result<Self> {
        let hook = clock.clone();
        let runtime =
            Builder::new_current_thread().enable_all().on_thread_park(move || hook.park()).build()?;
        let wire = runtime.block_on(Wire::start(clock.clone()))?;
        Ok(Self { runtime, wire })
    }

    fn run(&mut self, clock: &Clock, subject: &Subject, scenario: &Scenario) -> std::io::Result<History> {
        // In memory here too: a folder of the disk's for each scenario would cost more than its exchanges.
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
        let wire = Arc::clone(&self.wire);
        let case = Case::new(clock, subject, scenario, storage, Some(wire));
        let history = self.runtime.block_on(case.play());
        self.runtime.block_on(self.wire.forget());
        if self.runtime.metrics().num_alive_tasks() > STRAY_TASKS {
            *self = Self::new(clock)?;
        }
        Ok(history)
    }
}

/// One scenario with its device and system.
struct Case<'a> {
    subject: &'a Subject,
    scenario: &'a Scenario,
    recorder: Recorder,
    spawner: Spawner,
    app: Arc<App>,
    storage: Arc<dyn Storage>,
    wire: Option<Arc<Wire>>,
}

impl<'a> Case<'a> {
    fn new(
        clock: &Clock,
        subject: &'a Subject,
        scenario: &'a Scenario,
        storage: Arc<dyn Storage>,
        wire: Option<Arc<Wire>>,
    ) -> Self {
        let recorder = Recorder::new(clock.clone());
        let spawner = Spawner::new(recorder.clone());
        let mut setup = scenario.setup.clone();
        if !subject.limits.can(Capability::Snapshots) {
            let asks = |finish: &&mut Finish| matches!(finish, Finish::WithSnapshot | Finish::Taken(_));
            setup.finishes.iter_mut().filter(asks).for_each(|finish| *finish = Finish::WhenServed);
        }
        if !subject.limits.can(Capability::CpuTime) {
            for finish in &mut setup.finishes {
                if let Finish::Computes(span) = *finish {
                    *finish = Finish::After(span);
                }
            }
        }
        if !subject.limits.can(Capability::InProcessSessions) {
            setup.in_process.clear();
        }
        let launch = match &subject.boot {
            Boot::Delegate(launch) => Own::App(Arc::clone(launch)),
            Boot::Actions(launch) => Own::Runner(Arc::clone(launch)),
            _ => Own::Nothing,
        };
        let app = App::new(clock.clone(), recorder.clone(), spawner.clone(), setup, launch);
        Self { subject, scenario, recorder, spawner, app, storage, wire }
    }

    /// Plays the scenario and ends everything that it started.
    async fn play(self) -> History {
        let (spawner, app, clock) = (self.spawner.clone(), Arc::clone(&self.app), self.app.clock.clone());
        let history = spawner.run(self.run()).await;
        app.detach();
        clock.settle().await;
        history
    }

    async fn run(self) -> History {
        let origin = Origin::new(script(self.scenario)).expect("the kit's own scripts are sound");
        let network = Network::new(Arc::clone(&self.app), origin, self.wire.clone());
        let device = Device {
            clock: Arc::new(self.app.clock.clone()),
            app: Arc::new(Process(Arc::clone(&self.app))),
            network: Arc::clone(&network) as _,
            storage: Arc::clone(&self.storage),
            tasks: Arc::new(self.spawner.clone()),
            mint: TaskMint::new(Arc::new(self.recorder.clone())),
            policy: Arc::clone(&self.subject.policy),
            conditions: Conditions::default(),
        };
        let clock = self.app.clock.clone();
        if let Some(system) = guard::call_now(&self.recorder, "boot", || self.boot(&device)) {
            self.app.attach(system);
            let player = Player {
                app: Arc::clone(&self.app),
                network,
                scenario: self.scenario,
                limits: &self.subject.limits,
                conditions: Conditions::default(),
            };
            tokio::select! {
                biased;
                () = clock.runaway() => {
                    self.recorder.fault(FaultKind::Runaway, "a million timers have fired and more are set");
                }
                () = player.play() => {}
            }
        }
        self.recorder.take()
    }

    fn boot(&self, device: &Device) -> System {
        let observed = |scheduler| {
            Arc::new(Observed { scheduler, recorder: self.recorder.clone(), app: Arc::clone(&self.app) })
        };
        let service = |scheduler: Arc<Observed>| {
            ReferenceService::new(device.clone(), scheduler as _) as Arc<dyn TransferService>
        };
        match &self.subject.boot {
            Boot::Throttle(make) => {
                let scheduler =
                    observed(ReferenceScheduler::with_throttle(device.clone(), make(&device.policy)));
                System { device: device.clone(), service: service(Arc::clone(&scheduler)), scheduler }
            }
            Boot::Scheduler(boot) => {
                let scheduler = observed(boot(device.clone()));
                System { device: device.clone(), service: service(Arc::clone(&scheduler)), scheduler }
            }
            Boot::Sessions(boot) => {
                let scheduler = observed(ReferenceScheduler::new(device.clone()));
                System {
                    service: boot(device.clone(), Arc::clone(&scheduler) as _),
                    device: device.clone(),
                    scheduler,
                }
            }
            Boot::Delegate(_) | Boot::Actions(_) => {
                let scheduler = observed(ReferenceScheduler::new(device.clone()));
                System { device: device.clone(), service: service(Arc::clone(&scheduler)), scheduler }
            }
            Boot::System(boot) => {
                let (scheduler, service) = boot(device.clone());
                System { device: device.clone(), scheduler, service }
            }
        }
    }
}

/// Notes what sessions ask of the scheduler.
struct Observed {
    scheduler: Arc<dyn Scheduler>,
    recorder: Recorder,
    app: Arc<App>,
}

#[async_trait]
impl Scheduler for Observed {
    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        self.scheduler.schedule_background_refresh(preferred, info).await
    }

    async fn schedule_snapshot_refresh(
        &self,
        preferred: Time,
        info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        self.scheduler.schedule_snapshot_refresh(preferred, info).await
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        self.recorder.record(Event::WakeRequested { session: session.clone(), reason });
        let asking = self.scheduler.request_wake(session, reason);
        let outcome = if self.app.setup.early {
            tokio::select! {
                biased;
                outcome = asking => outcome,
                task = self.app.early_wake(session) => WakeOutcome::Handled(task),
            }
        } else {
            asking.await
        };
        self.recorder.record(Event::WakeResolved { session: session.clone(), outcome });
        outcome
    }

    fn withdraw_wake(&self, session: &SessionId) {
        self.recorder.record(Event::WakeWithdrawn { session: session.clone() });
        self.scheduler.withdraw_wake(session);
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.scheduler.device_changed(change);
    }
}

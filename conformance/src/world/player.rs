//! Plays a scenario: resolves its symbolic steps against what there is, one after the other.

use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use super::network::Network;
use super::places::step_url;
use crate::contract::{
    AppChange, Charge, Conditions, DeviceChange, FilePath, Link, RefreshKind, Request, Session, SessionId,
    Spawn, SystemTrigger, TransferKind, TransferOptions, WakeReason,
};
use crate::history::{Event, Phase, TransferKey};
use crate::scenario::{Attempt, Download, IDENTIFIERS, Scenario, Span, Step};
use crate::subject::{Capability, Limits};

/// After everything that is owed has come, the world goes on for so long, to see whether more comes.
const AFTERMATH: Duration = Duration::from_secs(2 * 3_600);
/// How much longer than the resource timeout the world waits for what is owed.
const PATIENCE: Duration = Duration::from_secs(12 * 3_600);

pub(crate) struct Player<'a> {
    pub(crate) app: Arc<App>,
    pub(crate) network: Arc<Network>,
    pub(crate) scenario: &'a Scenario,
    pub(crate) limits: &'a Limits,
    pub(crate) conditions: Conditions,
}

impl Player<'_> {
    pub(crate) async fn play(mut self) {
        self.app.enter();
        for index in 0..self.scenario.steps.len() {
            self.app.clock.settle().await;
            self.step(index).await;
        }
        self.app.clock.settle().await;
        self.heal().await;
        self.collect().await;
    }

    async fn step(&mut self, index: usize) {
        if self.app.is_guest() {
            return self.guest_step(index).await;
        }
        let scenario = self.scenario;
        let running = self.app.process().is_running();
        let url = || step_url(index, &scenario.steps[index]);
        if scenario.steps[index].download().is_some_and(|download| download.route.asks_over_tls())
            && !self.limits.can(Capability::Tls)
        {
            return;
        }
        match &scenario.steps[index] {
            Step::Open { session } if running => {
                self.app.open(&identifier(*session), self.may_wake(*session)).await;
            }
            Step::Download(Download { session, not_before, .. }) if running => {
                let earliest_begin_date = not_before.map(|span| self.app.clock.now() + span.duration());
                let options = TransferOptions { earliest_begin_date, ..described(index) };
                self.transfer(url(), *session, TransferKind::Download, options, None).await;
            }
            Step::Upload { session, size, .. } if running && self.limits.can(Capability::Uploads) => {
                let file = FilePath::new(format!("app/upload-{index}"));
                let bytes = vec![b'u'; usize::try_from(*size).unwrap_or(0)];
                let stored = self
                    .app
                    .system()
                    .is_some_and(|system| system.device.storage.append(&file, &bytes).is_ok());
                if stored {
                    self.transfer(url(), *session, TransferKind::Upload, described(index), Some(file)).await;
                }
            }
            Step::Create(Download { session, not_before, .. }) if running => {
                let earliest_begin_date = not_before.map(|span| self.app.clock.now() + span.duration());
                let options = TransferOptions { earliest_begin_date, ..TransferOptions::default() };
                if let Some(session) = self.session_for_another(*session).await {
                    self.app.create(&session, TransferKind::Download, url(), options, None).await;
                }
            }
            Step::Data(Download { session, .. }) if running && self.limits.can(Capability::DataTransfers) => {
                self.transfer(url(), *session, TransferKind::Data, described(index), None).await;
            }
            Step::Cancel { .. }
            | Step::CancelTwice { .. }
            | Step::Stop { .. }
            | Step::Suspend { .. }
            | Step::Resume { .. }
                if running =>
            {
                self.change_transfer(&scenario.steps[index]).await;
            }
            Step::GoOn if running => self.go_on().await,
            Step::Attempt { session, what } if running => {
                let upload = *what == Attempt::MissingFile;
                if (!upload || self.limits.can(Capability::Uploads))
                    && let Some(session) = self.session_for_another(*session).await
                {
                    self.app.attempt(&session, *what, url()).await;
                }
            }
            Step::Refresh { after } if running => {
                self.app.schedule(Charge::ApplicationRefresh, after.duration()).await;
            }
            Step::Snapshot { after } if running && self.limits.can(Capability::Snapshots) => {
                self.app.schedule(Charge::Snapshot, after.duration()).await;
            }
            step => self.device_step(step).await,
        }
    }

    /// A step with an app that is the subject: what the kit's own app would decide is the subject's to decide.
    async fn guest_step(&mut self, index: usize) {
        let scenario = self.scenario;
        let in_front = self.app.process().is_foreground();
        match &scenario.steps[index] {
            Step::Download(download) if in_front => {
                // Downloads of one session that follow one another are asked for together.
                let same = |step: &Step| matches!(step, Step::Download(it) if it.session == download.session);
                if index == 0 || !same(&scenario.steps[index - 1]) {
                    let count = scenario.steps[index..].iter().take_while(|step| same(step)).count();
                    let requests = (index..index + count)
                        .map(|at| Request::get(step_url(at, &scenario.steps[at])))
                        .collect();
                    self.app.fetch(identifier(download.session), requests);
                }
            }
            Step::Refresh { .. } | Step::Snapshot { .. } if !in_front => {}
            Step::Refresh { after } => self.app.schedule(Charge::ApplicationRefresh, after.duration()).await,
            Step::Snapshot { after } => self.app.schedule(Charge::Snapshot, after.duration()).await,
            Step::Stray { session } => {
                let nobody = || SessionId::new("nobody's").expect("it is not empty");
                self.stray_wake(session.map_or_else(nobody, identifier));
            }
            // The rest of what apps do is the subject's own.
            step @ (Step::Leave
            | Step::Enter
            | Step::Purge
            | Step::Crash
            | Step::Trigger { .. }
            | Step::LowPower { .. }
            | Step::Busy { .. }
            | Step::Prominence { .. }
            | Step::Starve { .. }
            | Step::Link { .. }
            | Step::Cellular
            | Step::ForceQuit
            | Step::Leap { .. }
            | Step::Wait { .. }) => self.device_step(step).await,
            _ => {}
        }
    }

    /// The system wakes the app for a session though nothing waits for it.
    fn stray_wake(&self, session: SessionId) {
        let Some(system) = self.app.system().filter(|_| !self.app.process().is_running()) else { return };
        self.app.spawner.spawn(Box::pin(async move {
            system.scheduler.request_wake(&session, WakeReason::TransfersEnded).await;
        }));
    }

    /// What the user, the system and the device do.
    async fn device_step(&mut self, step: &Step) {
        match step {
            Step::Leave => self.app.leave(),
            Step::Enter => self.enter().await,
            Step::Purge => self.app.end(AppChange::Purged),
            Step::Crash => self.app.end(AppChange::Crashed),
            Step::Trigger { trigger } => self.trigger(trigger.kind()),
            Step::LowPower { on } => self.change_conditions(|now| now.low_power = *on),
            Step::Busy { on } => self.change_conditions(|now| now.busy = *on),
            Step::Prominence { class } => self.change_conditions(|now| now.class = *class),
            Step::Starve { on } => self.change_conditions(|now| now.starved = *on),
            Step::Charger { on } => self.change_conditions(|now| now.favourable = *on),
            Step::Link { up } => self.link(if *up { Link::Wifi } else { Link::Offline }),
            Step::Cellular => self.link(Link::Cellular),
            Step::ForceQuit if self.limits.can(Capability::ForceQuit) => self.app.end(AppChange::ForceQuit),
            Step::ForceQuit => {}
            Step::Wait { span } => self.app.clock.sleep(span.duration()).await,
            Step::Leap { span } => self.leap(span.duration()).await,
            step if self.app.process().is_running() => self.session_step(step).await,
            // What only a running app can do, while it does not run.
            _ => {}
        }
    }

    /// The device sleeps, with all that is in it and around it.
    async fn leap(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.app.recorder.record(Event::ClockLeaps { millis });
        self.app.clock.leap(span).await;
    }

    /// What the app does with whole sessions.
    async fn session_step(&self, step: &Step) {
        match step {
            Step::List { session } => {
                if let Some(session) = self.app.open(&identifier(*session), self.may_wake(*session)).await {
                    self.app.list(&session).await;
                }
            }
            Step::Invalidate { session, cancel } => {
                self.app.invalidate(&identifier(*session), *cancel).await;
            }
            Step::Reopen { session, elsewhere, changed } => {
                let launch_events = self.may_wake(*session) != *changed;
                self.app.reopen(&identifier(*session), launch_events, *elsewhere, *changed).await;
            }
            // What this subject can not do.
            _ => {}
        }
    }

    async fn transfer(
        &self,
        url: String,
        session: u8,
        kind: TransferKind,
        options: TransferOptions,
        file: Option<FilePath>,
    ) {
        if let Some(session) = self.session_for_another(session).await {
            self.app.start(&session, kind, url, options, file).await;
        }
    }

    /// The session that another transfer is to be created in, opened if it is not; `None` if there are enough.
    async fn session_for_another(&self, session: u8) -> Option<Arc<dyn Session>> {
        let outstanding = self.app.lock().outstanding.len();
        if self.limits.transfers.is_some_and(|most| outstanding >= most) {
            return None;
        }
        self.app.open(&identifier(session), self.may_wake(session)).await
    }

    fn may_wake(&self, session: u8) -> bool {
        let identifiers = u8::try_from(IDENTIFIERS.len()).unwrap_or(u8::MAX);
        !self.scenario.setup.silent.contains(&(session % identifiers))
    }

    /// The app's unfinished transfer of this place, in the sessions that it has open.
    fn unfinished(&self, position: u8) -> Option<TransferKey> {
        let state = self.app.lock();
        let mut own = state.outstanding.iter().filter(|key| state.sessions.contains_key(&key.session));
        own.nth(usize::from(position)).cloned()
    }

    async fn change_transfer(&self, step: &Step) {
        let (Step::Cancel { transfer }
        | Step::CancelTwice { transfer }
        | Step::Stop { transfer }
        | Step::Suspend { transfer }
        | Step::Resume { transfer }) = step
        else {
            return;
        };
        let Some(key) = self.unfinished(*transfer) else { return };
        match step {
            Step::Suspend { .. } => self.app.suspend(&key).await,
            Step::Resume { .. } => self.app.resume(&key).await,
            Step::Stop { .. } => self.app.stop(&key).await,
            Step::CancelTwice { .. } => {
                self.app.cancel(&key).await;
                self.app.cancel(&key).await;
            }
            _ => self.app.cancel(&key).await,
        }
    }

    /// The app goes on with what it stopped first.
    async fn go_on(&self) {
        let Some(stopped) = self.app.lock().stopped.pop_front() else { return };
        let index = IDENTIFIERS.iter().position(|name| *name == stopped.key.session.as_str());
        let Some(session) = index.and_then(|index| u8::try_from(index).ok()) else { return };
        if let Some(session) = self.session_for_another(session).await {
            self.app.go_on(&session, stopped).await;
        }
    }

    /// The user opens the app; launched so, it opens every session it knows.
    async fn enter(&self) {
        if !self.app.process().is_foreground() && self.app.enter() {
            self.app.reopen_all().await;
        }
    }

    fn link(&mut self, link: Link) {
        if self.conditions.link != link {
            self.network.set_link(link);
            self.change_conditions(|now| now.link = link);
        }
    }

    fn change_conditions(&mut self, change: impl FnOnce(&mut Conditions)) {
        let before = self.conditions;
        change(&mut self.conditions);
        if self.conditions != before {
            self.app.recorder.record(Event::Conditions { conditions: self.conditions });
            self.app.conditions(DeviceChange::Conditions(self.conditions));
        }
    }

    /// The system wants a task of its own delivered.
    fn trigger(&self, kind: RefreshKind) {
        if matches!(kind, RefreshKind::Snapshot(_)) && !self.limits.can(Capability::Snapshots) {
            return;
        }
        self.app.recorder.record(Event::Triggered { kind: kind.clone() });
        self.app.conditions(DeviceChange::Trigger(SystemTrigger::new(kind)));
    }

    /// Every fault of the device is mended and the user goes away: from here on what is owed must come by itself.
    async fn heal(&mut self) {
        self.app.recorder.record(Event::Phase { phase: Phase::Healed });
        self.link(Link::Wifi);
        // The link is mended by now: these are the default conditions.
        self.change_conditions(|now| *now = Conditions::default());
        if self.app.holds_any() {
            self.enter().await;
            self.app.resume_all().await;
        }
        self.app.leave();
        let clock = self.app.clock.clone();
        let begins = self.scenario.steps.iter().filter_map(|step| step.download()?.not_before);
        let longest = begins.max().map_or(Duration::ZERO, Span::duration);
        let horizon = clock.now() + longest + self.scenario.setup.resource_timeout.duration() + PATIENCE;
        let mut pause = Duration::from_secs(1_800);
        while clock.now() < horizon && !self.app.recorder.is_full() {
            clock.sleep(pause).await;
            if self.app.is_settled() {
                clock.sleep(AFTERMATH).await;
                break;
            }
            pause = (pause + pause / 2).min(Duration::from_secs(6 * 3_600));
        }
    }

    /// The user opens the app and it opens every session: what has been kept for that moment must come now.
    async fn collect(&self) {
        self.app.recorder.record(Event::Phase { phase: Phase::Collected });
        self.app.enter();
        self.app.reopen_all().await;
        self.app.clock.sleep(Duration::from_secs(3_600)).await;
        self.app.look_at_all();
        self.app.recorder.record(Event::Phase { phase: Phase::Ended });
    }
}

/// Each transfer has a text of its own.
fn described(step: usize) -> TransferOptions {
    TransferOptions { description: Some(format!("step {step}")), ..TransferOptions::default() }
}

fn identifier(index: u8) -> SessionId {
    let name = IDENTIFIERS[usize::from(index) % IDENTIFIERS.len()];
    SessionId::new(name).expect("none of them is empty")
}

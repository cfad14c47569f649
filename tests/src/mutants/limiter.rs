//! The resume-rate limiter, got wrong: SES-24, SES-25.
//!
//! The reference's own is off; each of these has one made here, which holds requests before they reach the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, Configuration, Connection, Device, DeviceChange, HttpRequest, HttpResponse, Policy, Request,
    Scheduler, Session, SessionError, SessionId, Time, TransferId, TransferOptions, TransferService,
    Transport, TransportError, WakeOutcome, WakeReason,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostScheduler, AlmostService, AlmostSession, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("the-delay-does-not-grow", &["SES-24"], |name| service(name, Slip::Constant)),
    Mutant::new("a-delay-for-each-session", &["SES-24"], |name| service(name, Slip::PerSession)),
    Mutant::new("a-relaunch-does-not-count", &["SES-24"], |name| service(name, Slip::NotAtLaunch)),
    Mutant::new("any-run-clears-the-delay", &["SES-24"], |name| service(name, Slip::AnyRun)),
    Mutant::new("delays-what-was-created-in-front", &["SES-24"], |name| service(name, Slip::Everybody)),
    Mutant::new("each-transfer-raises-the-delay", &["SES-25"], |name| service(name, Slip::PerTransfer)),
    Mutant::new("a-visit-clears-no-delay", &["SES-25"], |name| service(name, Slip::NoVisits)),
    Mutant::new("a-quiet-period-clears-no-delay", &["SES-25"], |name| service(name, Slip::NeverQuiet)),
];

/// What is done wrong.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// It is not raised by a second wake.
    Constant,
    /// Kept with the session, where it is at hand.
    PerSession,
    /// Only a resumption is looked at.
    NotAtLaunch,
    /// A launch for another reason is taken for a visit.
    AnyRun,
    /// Where a transfer was created is not looked at.
    Everybody,
    /// Raised where a transfer ends, not where the app is woken for it.
    PerTransfer,
    /// Nobody tells it of visits.
    NoVisits,
    /// Looked at only when it is raised.
    NeverQuiet,
}

/// With the limiter on: longer than a transfer may be late for no reason, so that its end can be told.
pub(crate) fn policy() -> Policy {
    Policy { limiter_floor: Some(Duration::from_secs(1_200)), ..Policy::default() }
}

fn service(name: &str, slip: Slip) -> Subject {
    let subject = Subject::sessions(name, move |device, scheduler| {
        let pace = Arc::new(Pace { device: device.clone(), slip, state: Mutex::default() });
        let off = Arc::new(Policy { limiter_floor: None, ..(*device.policy).clone() });
        let network = Arc::clone(&pace) as Arc<dyn Transport>;
        let scheduler = Arc::new(Almost(Listening { scheduler, pace: Arc::clone(&pace) }));
        let service = ReferenceService::new(Device { network, policy: off, ..device }, scheduler);
        Arc::new(Almost(Paced { service, pace }))
    });
    subject.with_policy(policy())
}

#[derive(Clone, Copy, Default)]
struct Delay {
    delay: Duration,
    since: Time,
    quiet: Time,
}

struct Birth {
    session: SessionId,
    behind: bool,
    /// Until when it waits: said when it is first to be sent.
    until: Option<Time>,
    sent: bool,
}

#[derive(Default)]
struct State {
    /// One, under no name, or one for each session.
    delays: BTreeMap<Option<SessionId>, Delay>,
    births: BTreeMap<String, Birth>,
    run: Option<Time>,
    launched: bool,
    awaited: u32,
    /// Transfers begun since the last wake.
    begun: u32,
}

struct Pace {
    device: Device,
    slip: Slip,
    state: Mutex<State>,
}

impl Pace {
    fn name(&self, session: &SessionId) -> Option<SessionId> {
        (self.slip == Slip::PerSession).then(|| session.clone())
    }

    /// A quiet period that is over clears the delay.
    fn settle(&self, state: &mut State, name: &Option<SessionId>) {
        let now = self.device.clock.now();
        let waiting = state.births.values().any(|birth| birth.until.is_some() && !birth.sent);
        let free = state.awaited == 0 && !waiting && self.slip != Slip::NeverQuiet;
        if let Some(delay) = state.delays.get_mut(name).filter(|of| free && now >= of.quiet + of.delay) {
            *delay = Delay::default();
        }
    }

    fn asked(&self, session: &SessionId) {
        let mut state = lock(&self.state);
        self.settle(&mut state, &self.name(session));
        state.awaited += 1;
    }

    fn answered(&self, session: &SessionId, woken: bool) {
        let mut state = lock(&self.state);
        state.awaited -= 1;
        let policy = policy();
        let begun = std::mem::take(&mut state.begun).max(1);
        let counts = self.slip != Slip::NotAtLaunch || !state.launched;
        let Some(since) = state.run.take().filter(|_| woken && counts) else { return };
        let delay = state.delays.entry(self.name(session)).or_default();
        let floor = policy.limiter_floor.unwrap_or_default();
        let times = if self.slip == Slip::PerTransfer { begun } else { 1 };
        for _ in 0..times {
            let first = delay.delay.is_zero() || self.slip == Slip::Constant;
            delay.delay = if first { floor } else { delay.delay * policy.limiter_factor };
        }
        (delay.since, delay.quiet) = (since, since);
    }

    fn changed(&self, change: AppChange) {
        let mut state = lock(&self.state);
        let runs = matches!(change, AppChange::Launched | AppChange::Resumed);
        if runs {
            state.run = Some(self.device.clock.now());
            state.launched = change == AppChange::Launched;
        }
        let comes = change == AppChange::Foregrounded;
        if comes {
            state.run = None;
        }
        let clears = (comes && self.slip != Slip::NoVisits)
            || (runs && self.slip == Slip::AnyRun && state.awaited == 0);
        if clears {
            state.delays.clear();
            state.births.values_mut().for_each(|birth| birth.until = None);
        }
    }

    fn holds(&self, url: &str) -> bool {
        let now = self.device.clock.now();
        let mut state = lock(&self.state);
        let Some(birth) = state.births.get(url).filter(|birth| !birth.sent) else { return false };
        let name = self.name(&birth.session);
        if birth.until.is_none() && (birth.behind || self.slip == Slip::Everybody) {
            self.settle(&mut state, &name);
            let until = state.delays.get(&name).map(|of| of.since + of.delay).filter(|until| now < *until);
            if let Some(birth) = state.births.get_mut(url) {
                birth.until = until;
            }
        }
        let Some(birth) = state.births.get_mut(url) else { return false };
        if birth.until.is_some_and(|until| now < until) {
            return true;
        }
        birth.sent = true;
        let held = birth.until.is_some();
        state.begun += 1;
        if let Some(delay) = state.delays.get_mut(&name).filter(|_| held) {
            delay.quiet = delay.quiet.max(now);
        }
        false
    }
}

#[async_trait]
impl Transport for Pace {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        // Bounded by the request timeout, which drops this: the service tries again then.
        while self.holds(&request.url) {
            let soon = self.device.clock.now() + Duration::from_secs(20);
            self.device.clock.sleep_until(soon).await;
        }
        self.device.network.send(request).await
    }
}

struct Listening {
    scheduler: Arc<dyn Scheduler>,
    pace: Arc<Pace>,
}

#[async_trait]
impl AlmostScheduler for Listening {
    fn inner(&self) -> &dyn Scheduler {
        &*self.scheduler
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        self.pace.asked(session);
        let outcome = self.scheduler.request_wake(session, reason).await;
        self.pace.answered(session, matches!(outcome, WakeOutcome::Handled(_)));
        outcome
    }
}

struct Paced {
    service: Arc<ReferenceService>,
    pace: Arc<Pace>,
}

#[async_trait]
impl AlmostService for Paced {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::App(change) = change {
            self.pace.changed(*change);
        }
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let session = self.service.session(configuration, connection).await?;
        Ok(Arc::new(Almost(Noted { session, pace: Arc::clone(&self.pace) })))
    }
}

struct Noted {
    session: Arc<dyn Session>,
    pace: Arc<Pace>,
}

#[async_trait]
impl AlmostSession for Noted {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let url = request.url.clone();
        let behind = !self.pace.device.app.state().is_foreground();
        let transfer = self.session.download(request, options).await?;
        let session = self.session.identifier().clone();
        lock(&self.pace.state).births.insert(url, Birth { session, behind, until: None, sent: false });
        Ok(transfer)
    }
}

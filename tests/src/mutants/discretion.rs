//! The wrong moment for what is discretionary: SES-22, SES-29.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, Conditions, Configuration, Connection, Device, DeviceChange, DiscretionaryStart, HttpRequest,
    HttpResponse, Policy, Request, Session, SessionError, Time, TransferId, TransferOptions, TransferService,
    Transport, TransportError,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostService, AlmostSession, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("holds-nothing", &["SES-22"], |name| service(name, Slip::Nothing)),
    Mutant::new("holds-everything", &["SES-22"], |name| service(name, Slip::Everything)),
    Mutant::new("goes-by-the-flag-alone", &["SES-22"], |name| service(name, Slip::FlagAlone)),
    Mutant::new("goes-by-the-state-at-the-opening", &["SES-22"], |name| service(name, Slip::AtTheOpening)),
    Mutant::new("takes-any-run-for-a-visit", &["SES-22"], |name| service(name, Slip::AnyRun)),
    Mutant::new("holds-until-it-is-too-late", &["SES-22"], |name| service(name, Slip::TooLate)),
    Mutant::new("a-visit-begins-nothing", &["SES-29"], |name| service(name, Slip::NoVisits)),
];

/// What is done wrong.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// Discretion is a word.
    Nothing,
    /// Bad conditions are bad for everybody.
    Everything,
    /// Where a transfer was created is not looked at.
    FlagAlone,
    /// The app's state is looked at when the session is opened, and not again.
    AtTheOpening,
    /// Whatever makes the app run ends the hold.
    AnyRun,
    /// The time that is left is not looked at.
    TooLate,
    /// What was discretionary once stays so.
    NoVisits,
}

/// The reference holds nothing; what is held is held here, before it reaches the network.
fn service(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let known = Known { conditions: device.conditions, births: BTreeMap::new() };
        let gate = Arc::new(Gate { device: device.clone(), slip, known: Mutex::new(known) });
        let at_once = DiscretionaryStart::AtAnyMoment;
        let policy = Arc::new(Policy { discretionary_start: at_once, ..(*device.policy).clone() });
        let network = Arc::clone(&gate) as Arc<dyn Transport>;
        let service = ReferenceService::new(Device { network, policy, ..device }, scheduler);
        Arc::new(Almost(Gated { service, gate }))
    })
}

struct Birth {
    /// The end of a hold.
    until: Time,
    behind: bool,
    flagged: bool,
    /// Its session was opened while the app was not in front.
    opened_behind: bool,
    /// Nothing holds it any more.
    released: bool,
}

struct Known {
    conditions: Conditions,
    /// By address.
    births: BTreeMap<String, Birth>,
}

struct Gate {
    device: Device,
    slip: Slip,
    known: Mutex<Known>,
}

impl Gate {
    fn holds(&self, url: &str) -> bool {
        let mut known = lock(&self.known);
        let good = known.conditions.favourable;
        let Some(birth) = known.births.get_mut(url) else { return false };
        let discretionary = match self.slip {
            Slip::Nothing => false,
            Slip::Everything => true,
            Slip::FlagAlone => birth.flagged,
            Slip::AtTheOpening => birth.flagged || birth.opened_behind,
            Slip::AnyRun | Slip::TooLate | Slip::NoVisits => birth.flagged || birth.behind,
        };
        let until = if self.slip == Slip::TooLate { Time::DISTANT_FUTURE } else { birth.until };
        let holds = discretionary && !good && !birth.released && self.device.clock.now() < until;
        birth.released |= !holds;
        holds
    }

    fn changed(&self, change: &DeviceChange) {
        let mut known = lock(&self.known);
        if let DeviceChange::Conditions(now) = change {
            known.conditions = *now;
        }
        let comes = matches!(change, DeviceChange::App(AppChange::Foregrounded));
        let runs = matches!(change, DeviceChange::App(AppChange::Launched | AppChange::Resumed));
        let visit = (comes && self.slip != Slip::NoVisits) || (runs && self.slip == Slip::AnyRun);
        let births = known.births.values_mut().filter(|birth| visit && !birth.flagged);
        births.for_each(|birth| birth.released = true);
    }
}

#[async_trait]
impl Transport for Gate {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        // Bounded by the request timeout, which drops this: the service tries again then.
        while self.holds(&request.url) {
            let soon = self.device.clock.now() + Duration::from_secs(20);
            self.device.clock.sleep_until(soon).await;
        }
        self.device.network.send(request).await
    }
}

struct Gated {
    service: Arc<ReferenceService>,
    gate: Arc<Gate>,
}

#[async_trait]
impl AlmostService for Gated {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.gate.changed(change);
        self.service.device_changed(change);
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let flagged = configuration.is_discretionary;
        let hold = self.gate.device.policy.discretionary_hold.min(configuration.resource_timeout / 2);
        let opened_behind = !self.gate.device.app.state().is_foreground();
        let session = self.service.session(configuration, connection).await?;
        let gate = Arc::clone(&self.gate);
        Ok(Arc::new(Almost(Noted { session, gate, hold, flagged, opened_behind })))
    }
}

struct Noted {
    session: Arc<dyn Session>,
    gate: Arc<Gate>,
    hold: Duration,
    flagged: bool,
    opened_behind: bool,
}

#[async_trait]
impl AlmostSession for Noted {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let url = request.url.clone();
        let behind = !self.gate.device.app.state().is_foreground();
        let (flagged, opened_behind) = (self.flagged, self.opened_behind);
        let until = self.gate.device.clock.now() + self.hold;
        let transfer = self.session.download(request, options).await?;
        let birth = Birth { until, behind, flagged, opened_behind, released: false };
        lock(&self.gate.known).births.insert(url, birth);
        Ok(transfer)
    }
}

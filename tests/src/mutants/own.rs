//! Sessions of two kinds that are treated as one, or as each other: SES-30.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppChange, Conditions, Configuration, Connection, Device, DeviceChange, Link, Scheduler, Session,
    SessionError, SessionMode, TransferService,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostService, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    // One kind of session is enough, is it not?
    Mutant::new("every-session-is-a-background-one", &["SES-30"], |name| two(name, Slip::OneKind)),
    Mutant::new("in-process-transfers-run-while-the-app-sleeps", &["SES-30"], |name| {
        two(name, Slip::NoSuspension)
    }),
    // They stop with the app, and are kept for whoever opens a session of that name.
    Mutant::new("in-process-transfers-are-handed-down", &["SES-30"], |name| two(name, Slip::HandedDown)),
    // "Suspend with your app" is taken to be about all of them.
    Mutant::new("background-transfers-pause-with-the-app", &["SES-30"], |name| two(name, Slip::AllPause)),
];

#[derive(Clone, Copy, PartialEq)]
enum Slip {
    OneKind,
    NoSuspension,
    HandedDown,
    AllPause,
}

fn two(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let service = |device: &Device, scheduler: &Arc<dyn Scheduler>| {
            ReferenceService::new(device.clone(), Arc::clone(scheduler))
        };
        let conditions = Mutex::new(device.conditions);
        let (main, own) = (service(&device, &scheduler), service(&device, &scheduler));
        Arc::new(Almost(Two { main, own, slip, conditions }))
    })
}

/// Background sessions are one service's, the others another's.
struct Two {
    main: Arc<ReferenceService>,
    own: Arc<ReferenceService>,
    slip: Slip,
    conditions: Mutex<Conditions>,
}

/// Tells a service of a change of the app's, and that there is no network without it.
fn told_with_its_link(service: &ReferenceService, change: AppChange, conditions: Conditions) {
    let mut told = conditions;
    if !change.state().is_running() {
        told.link = Link::Offline;
    }
    let (app, link) = (DeviceChange::App(change), DeviceChange::Conditions(told));
    service.device_changed(&app);
    service.device_changed(&link);
}

#[async_trait]
impl AlmostService for Two {
    fn inner(&self) -> &dyn TransferService {
        &*self.main
    }

    fn device_changed(&self, change: &DeviceChange) {
        if let DeviceChange::Conditions(now) = change {
            *lock(&self.conditions) = *now;
        }
        let conditions = *lock(&self.conditions);
        let app = if let DeviceChange::App(app) = change { Some(*app) } else { None };
        match app.filter(|_| self.slip == Slip::AllPause) {
            Some(app) => told_with_its_link(&self.main, app, conditions),
            None => self.main.device_changed(change),
        }
        match app.filter(|_| self.slip == Slip::HandedDown) {
            Some(app) => told_with_its_link(&self.own, app, conditions),
            None if app == Some(AppChange::Suspended) && self.slip == Slip::NoSuspension => {}
            None => self.own.device_changed(change),
        }
    }

    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let background = SessionMode::Background;
        match (configuration.mode, self.slip) {
            (SessionMode::InProcess, Slip::OneKind) => {
                let told = Configuration { mode: background, sends_launch_events: true, ..configuration };
                self.main.session(told, connection).await
            }
            (SessionMode::InProcess, Slip::HandedDown) => {
                self.own.session(Configuration { mode: background, ..configuration }, connection).await
            }
            (SessionMode::InProcess, _) => self.own.session(configuration, connection).await,
            _ => self.main.session(configuration, connection).await,
        }
    }
}

//! The wrong link, or none: SES-09. Redirects that stop: SES-10. What should be refused: SES-11.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppState, Conditions, Configuration, Connection, Device, DeviceChange, FilePath, HttpRequest,
    HttpResponse, Link, Request, Session, SessionError, TransferId, TransferInfo, TransferOptions,
    TransferService, Transport, TransportError,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostService, AlmostSession, around_sessions, lock};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("uses-any-link", &["SES-09"], |name| service(name, Slip::AnyLink)),
    Mutant::new("uses-any-link-when-the-app-is-gone", &["SES-09"], |name| service(name, Slip::AnyLinkAlone)),
    Mutant::new("no-link-is-an-error", &["SES-09"], |name| service(name, Slip::NoLinkIsError)),
    Mutant::new("does-not-see-the-link-again", &["SES-09"], |name| service(name, Slip::StaysOffline)),
    Mutant::new("takes-a-redirect-for-the-answer", &["SES-10"], |name| service(name, Slip::RedirectIsAnswer)),
    Mutant::new("refuses-redirects", &["SES-10"], |name| service(name, Slip::RedirectIsError)),
    Mutant::new("redirects-wait-for-the-app", &["SES-10"], |name| service(name, Slip::RedirectAsks)),
    // The address is overwritten where the next request is made.
    Mutant::new("lists-where-it-was-redirected-to", &["SES-10"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let led = Led::default();
            let network = Arc::new(Noting { network: Arc::clone(&device.network), led: Arc::clone(&led) });
            let service = ReferenceService::new(Device { network, ..device }, scheduler);
            around_sessions(service, move |session| Overwritten { session, led: Arc::clone(&led) })
        })
    }),
    Mutant::new("takes-any-address-for-http", &["SES-11"], |name| service(name, Slip::AnyAddress)),
    Mutant::new("uploads-nothing-for-a-missing-file", &["SES-11"], |name| service(name, Slip::EmptyUpload)),
];

/// What is done wrong.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// The session's setting is not looked at.
    AnyLink,
    /// It is kept by the app's process, and goes with it.
    AnyLinkAlone,
    /// A request is tried, and its failure passed on.
    NoLinkIsError,
    /// Only the loss of a link is heard of.
    StaysOffline,
    /// The `Location` is not looked at.
    RedirectIsAnswer,
    /// No redirect is ever right.
    RedirectIsError,
    /// The delegate is to be asked, so the app has to run.
    RedirectAsks,
    /// Whatever stands before `://` is skipped.
    AnyAddress,
    /// The file is opened as if to be written.
    EmptyUpload,
}

fn service(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let network = Arc::new(Wire { device: device.clone(), slip });
        let service = ReferenceService::new(Device { network, ..device.clone() }, scheduler);
        Arc::new(Almost(Service { service, device, slip, last: Mutex::default() }))
    })
}

struct Service {
    service: Arc<ReferenceService>,
    device: Device,
    slip: Slip,
    last: Mutex<Option<Conditions>>,
}

fn with(conditions: Conditions, link: Link) -> DeviceChange {
    let mut told = conditions;
    told.link = link;
    DeviceChange::Conditions(told)
}

#[async_trait]
impl AlmostService for Service {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    fn device_changed(&self, change: &DeviceChange) {
        let gone = self.device.app.state() == AppState::NotRunning;
        let told = match (self.slip, change) {
            (Slip::NoLinkIsError, DeviceChange::Conditions(now)) => with(*now, Link::Wifi),
            (Slip::StaysOffline, DeviceChange::Conditions(now)) if now.link != Link::Offline => return,
            (Slip::AnyLinkAlone, DeviceChange::Conditions(now)) => {
                *lock(&self.last) = Some(*now);
                let link = if gone && now.link == Link::Cellular { Link::Wifi } else { now.link };
                with(*now, link)
            }
            _ => change.clone(),
        };
        self.service.device_changed(&told);
        let cellular = lock(&self.last).filter(|now| now.link == Link::Cellular);
        if let (Slip::AnyLinkAlone, DeviceChange::App(app), Some(now)) = (self.slip, change, cellular) {
            let link = if app.state() == AppState::NotRunning { Link::Wifi } else { Link::Cellular };
            self.service.device_changed(&with(now, link));
        }
    }

    async fn session(
        &self,
        mut configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        if self.slip == Slip::AnyLink {
            configuration.allows_cellular_access = true;
        }
        let session = self.service.session(configuration, connection).await?;
        Ok(Arc::new(Almost(Careless { session, device: self.device.clone(), slip: self.slip })))
    }
}

struct Careless {
    session: Arc<dyn Session>,
    device: Device,
    slip: Slip,
}

#[async_trait]
impl AlmostSession for Careless {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(
        &self,
        mut request: Request,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        if self.slip == Slip::AnyAddress {
            let rest = request.url.split_once("://").map_or(request.url.as_str(), |(_, rest)| rest);
            request.url = format!("http://{rest}").replace("http:///", "http://origin.test/");
        }
        self.session.download(request, options).await
    }

    async fn upload(
        &self,
        request: Request,
        file: &FilePath,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        if self.slip == Slip::EmptyUpload && self.device.storage.len(file).is_err() {
            let _ = self.device.storage.create(file);
        }
        self.session.upload(request, file, options).await
    }
}

struct Wire {
    device: Device,
    slip: Slip,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let error = || TransportError::BadRequest { reason: "it did not work".to_owned() };
        let answer = self.device.network.send(request).await;
        if self.slip == Slip::NoLinkIsError && matches!(answer, Err(TransportError::NotConnected)) {
            return Err(error());
        }
        let mut answer = answer?;
        let redirect = answer.response.header("location").is_some();
        match self.slip {
            Slip::RedirectIsError if redirect => return Err(error()),
            Slip::RedirectIsAnswer => answer.response.headers.retain(|(name, _)| name != "location"),
            Slip::RedirectAsks if redirect => {
                // Bounded by the request timeout, which drops this, and by the user, who opens the app some time.
                while !self.device.app.state().is_running() {
                    let soon = self.device.clock.now() + Duration::from_secs(20);
                    self.device.clock.sleep_until(soon).await;
                }
            }
            Slip::AnyLink
            | Slip::AnyLinkAlone
            | Slip::NoLinkIsError
            | Slip::StaysOffline
            | Slip::RedirectIsError
            | Slip::RedirectAsks
            | Slip::AnyAddress
            | Slip::EmptyUpload => {}
        }
        Ok(answer)
    }
}

/// Where each address has led.
type Led = Arc<Mutex<BTreeMap<String, String>>>;

struct Noting {
    network: Arc<dyn Transport>,
    led: Led,
}

#[async_trait]
impl Transport for Noting {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let from = request.url.clone();
        let answer = self.network.send(request).await?;
        if let Some(to) = answer.response.header("location") {
            let server: Vec<&str> = from.splitn(4, '/').take(3).collect();
            let to = if to.starts_with('/') { format!("{}{to}", server.join("/")) } else { to.to_owned() };
            lock(&self.led).insert(from, to);
        }
        Ok(answer)
    }
}

struct Overwritten {
    session: Arc<dyn Session>,
    led: Led,
}

#[async_trait]
impl AlmostSession for Overwritten {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn transfers(&self) -> Result<Vec<TransferInfo>, SessionError> {
        let mut listed = self.session.transfers().await?;
        for info in &mut listed {
            // Bounded by the hops of a chain.
            for _ in 0..8 {
                let to = lock(&self.led).get(&info.original_request.url).cloned();
                let Some(to) = to else { break };
                info.original_request.url = to;
            }
        }
        Ok(listed)
    }
}

//! Services that give up too early, too late or not at all: SES-07.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Configuration, Connection, Delegate, Device, HttpBody, HttpRequest, HttpResponse, Policy, RetryPolicy,
    Session, SessionError, SessionId, Time, TransferEnd, TransferError, TransferId, TransferService,
    Transport, TransportError,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostService, Either, first, lock, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("a-lost-connection-is-an-error", &["SES-07"], |name| network(name, Slip::LossIsError)),
    Mutant::new("silence-is-an-error", &["SES-07"], |name| network(name, Slip::SilenceIsError)),
    Mutant::new("gives-up-after-three-tries", &["SES-07"], |name| network(name, Slip::ThreeTries)),
    Mutant::new("a-minute-for-the-whole-answer", &["SES-07"], |name| network(name, Slip::NotSetAnew)),
    Mutant::new("half-the-resource-timeout", &["SES-07"], |name| {
        timeouts(name, |config| config.resource_timeout /= 2)
    }),
    Mutant::new("no-resource-timeout", &["SES-07"], |name| {
        timeouts(name, |config| config.resource_timeout *= 3)
    }),
    Mutant::new("no-request-timeout", &["SES-07"], |name| {
        timeouts(name, |config| config.request_timeout = config.resource_timeout * 2)
    }),
    Mutant::new("tries-again-tomorrow", &["SES-07"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let day = Duration::from_secs(86_400);
            let retry = RetryPolicy { floor: day, factor: 1, cap: day };
            let policy = Arc::new(Policy { retry, ..(*device.policy).clone() });
            ReferenceService::new(Device { policy, ..device }, scheduler)
        })
    }),
    Mutant::new("out-of-time-is-just-a-failure", &["SES-07"], |name| {
        with_delegate(name, |_| Box::new(|app| Arc::new(Almost(AnyError(app)))))
    }),
];

fn timeouts(name: &str, change: fn(&mut Configuration)) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        Arc::new(Almost(OtherTimeouts { service: ReferenceService::new(device, scheduler), change }))
    })
}

struct OtherTimeouts {
    service: Arc<ReferenceService>,
    change: fn(&mut Configuration),
}

#[async_trait]
impl AlmostService for OtherTimeouts {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        mut configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        (self.change)(&mut configuration);
        self.service.session(configuration, connection).await
    }
}

/// Has one word for everything that went wrong.
struct AnyError(Arc<dyn Delegate>);

#[async_trait]
impl AlmostDelegate for AnyError {
    fn inner(&self) -> &dyn Delegate {
        &*self.0
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let mut told = end.clone();
        if told.error == Some(TransferError::TimedOut) {
            told.error = Some(TransferError::BadServerResponse);
        }
        self.0.did_complete(session, transfer, &told).await;
    }
}

/// What is done about trouble on the wire.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// It is passed on to the app.
    LossIsError,
    /// So is a request timeout.
    SilenceIsError,
    /// The third is passed on.
    ThreeTries,
    /// The request timer is set once.
    NotSetAnew,
}

fn network(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let network = Arc::new(Troubled { device: device.clone(), slip, lost: Mutex::default() });
        ReferenceService::new(Device { network, ..device }, scheduler)
    })
}

/// What the reference passes on to the app.
fn error() -> TransportError {
    TransportError::BadRequest { reason: "it did not work".to_owned() }
}

struct Troubled {
    device: Device,
    slip: Slip,
    /// Losses by address.
    lost: Mutex<BTreeMap<String, u32>>,
}

impl Troubled {
    fn after_trouble(&self, url: &str, trouble: TransportError) -> TransportError {
        let mut lost = lock(&self.lost);
        let count = lost.entry(url.to_owned()).or_default();
        *count += 1;
        match self.slip {
            Slip::LossIsError => error(),
            Slip::ThreeTries if *count >= 3 => error(),
            Slip::SilenceIsError | Slip::ThreeTries | Slip::NotSetAnew => trouble,
        }
    }
}

#[async_trait]
impl Transport for Troubled {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let url = request.url.clone();
        let sent = self.device.clock.now();
        let answer = self.device.network.send(request).await;
        let mut answer = answer.map_err(|trouble| self.after_trouble(&url, trouble))?;
        if matches!(self.slip, Slip::SilenceIsError | Slip::NotSetAnew) {
            answer.body = Box::new(Hasty {
                body: answer.body,
                device: self.device.clone(),
                slip: self.slip,
                from: sent,
            });
        }
        Ok(answer)
    }
}

/// A body with a timer of its own, a little shorter than the service's.
struct Hasty {
    body: Box<dyn HttpBody>,
    device: Device,
    slip: Slip,
    /// When the timer was set.
    from: Time,
}

#[async_trait]
impl HttpBody for Hasty {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let silence = self.slip == Slip::SilenceIsError;
        let due = if silence {
            self.device.clock.now() + Duration::from_millis(59_999)
        } else {
            self.from + Duration::from_secs(60)
        };
        let chunk = {
            let next = Box::pin(self.body.chunk());
            first(next, self.device.clock.sleep_until(due)).await
        };
        match chunk {
            Either::Left(chunk) => chunk,
            Either::Right(()) if silence => Err(error()),
            Either::Right(()) => Err(TransportError::ConnectionLost),
        }
    }
}

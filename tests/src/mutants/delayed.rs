//! Delayed requests that the delegate has no say about, or not the say that it should: SES-14.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    DelayedRequestDisposition, Delegate, Device, HttpRequest, HttpResponse, OptionalMethod, Request,
    Responder, Scheduler, Session, SessionError, SessionId, TransferId, TransferOptions, Transport,
    TransportError, WakeOutcome, WakeReason, responder,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{
    Almost, AlmostDelegate, AlmostScheduler, AlmostSession, Either, around_sessions, first, lock,
    over_network, with_delegate,
};

pub(super) const MUTANTS: &[Mutant] = &[
    // The handler is called, and its answer not awaited.
    Mutant::new("begins-before-the-delegate-has-decided", &["SES-14"], |name| begins(name, Slip::Early)),
    Mutant::new("waits-a-minute-for-a-decision", &["SES-14"], |name| begins(name, Slip::Impatient)),
    Mutant::new("does-not-ask-about-delayed-requests", &["SES-14"], |name| begins(name, Slip::Unasked)),
    Mutant::new("asks-twice-about-delayed-requests", &["SES-14"], |name| begins(name, Slip::Twice)),
    Mutant::new("takes-every-decision-for-continue", &["SES-14"], |name| begins(name, Slip::Continues)),
    Mutant::new("goes-on-with-a-cancelled-delayed-request", &["SES-14"], |name| {
        begins(name, Slip::NotCancelled)
    }),
    // The address of the new request is not kept with the transfer.
    Mutant::new("a-retry-uses-the-original-request", &["SES-14"], |name| {
        over_network(name, |network| Forgetful { network, sent: Mutex::default() })
    }),
    Mutant::new("no-wake-for-a-delayed-request", &["SES-14"], |name| {
        Subject::sessions(name, |device, scheduler| {
            ReferenceService::new(device, Arc::new(Almost(NotForDelayed(scheduler))))
        })
    }),
    Mutant::new("asks-about-every-transfer", &["SES-14"], |name| {
        Subject::sessions(name, |device, scheduler| {
            let service = ReferenceService::new(device.clone(), scheduler);
            around_sessions(service, move |session| Dated { session, device: device.clone() })
        })
    }),
];

#[derive(Clone, Copy, PartialEq)]
enum Slip {
    Early,
    Impatient,
    Unasked,
    Twice,
    Continues,
    NotCancelled,
}

fn begins(name: &str, slip: Slip) -> Subject {
    with_delegate(name, move |device| {
        let device = device.clone();
        Box::new(move |app| Arc::new(Almost(Between { app, slip, device: device.clone() })))
    })
}

struct Between {
    app: Arc<dyn Delegate>,
    slip: Slip,
    device: Device,
}

#[async_trait]
impl AlmostDelegate for Between {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    fn responds_to(&self, method: OptionalMethod) -> bool {
        let asks = self.slip != Slip::Unasked || method != OptionalMethod::WillBeginDelayedRequest;
        asks && self.app.responds_to(method)
    }

    async fn will_begin_delayed_request(
        &self,
        session: &SessionId,
        transfer: TransferId,
        request: Request,
        service: Responder<DelayedRequestDisposition>,
    ) {
        let (own, answer) = responder();
        if self.slip == Slip::Early {
            service.respond(DelayedRequestDisposition::ContinueLoading);
            return self.app.will_begin_delayed_request(session, transfer, request, own).await;
        }
        self.app.will_begin_delayed_request(session, transfer, request.clone(), own).await;
        if self.slip == Slip::Twice {
            return self.app.will_begin_delayed_request(session, transfer, request, service).await;
        }
        // The answer may come after the method has returned.
        let (clock, slip) = (self.device.clock.clone(), self.slip);
        self.device.spawn(async move {
            let answer = if slip == Slip::Impatient {
                let until = clock.now() + Duration::from_secs(60);
                match first(answer, clock.sleep_until(until)).await {
                    Either::Left(answer) => answer,
                    Either::Right(()) => Some(DelayedRequestDisposition::ContinueLoading),
                }
            } else {
                answer.await
            };
            let Some(answer) = answer else { return };
            let cancels = answer == DelayedRequestDisposition::Cancel;
            let goes_on = slip == Slip::NotCancelled && cancels || slip == Slip::Continues && !cancels;
            service.respond(if goes_on { DelayedRequestDisposition::ContinueLoading } else { answer });
        });
    }
}

/// Sends a new request once, and the original one whenever it has to be sent again.
struct Forgetful {
    network: Arc<dyn Transport>,
    sent: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Transport for Forgetful {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let original = request.url.strip_suffix("/new").map(str::to_owned);
        let again = !lock(&self.sent).insert(request.url.clone());
        match original.filter(|_| again) {
            Some(url) => self.network.send(HttpRequest { url, ..request }).await,
            None => self.network.send(request).await,
        }
    }
}

/// Takes logins and ends for the only causes of a wake.
struct NotForDelayed(Arc<dyn Scheduler>);

#[async_trait]
impl AlmostScheduler for NotForDelayed {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        match reason {
            WakeReason::DelayedRequestReady => WakeOutcome::Suppressed,
            WakeReason::TransfersEnded | WakeReason::AuthenticationNeeded => {
                self.0.request_wake(session, reason).await
            }
        }
    }
}

/// Gives every transfer a date.
struct Dated {
    session: Arc<dyn Session>,
    device: Device,
}

#[async_trait]
impl AlmostSession for Dated {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download(
        &self,
        request: Request,
        mut options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        options.earliest_begin_date.get_or_insert_with(|| self.device.clock.now());
        self.session.download(request, options).await
    }
}

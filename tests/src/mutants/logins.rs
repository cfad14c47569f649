//! Logins that nobody hears of, or that hold everything up: SES-28.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Challenge, ChallengeDisposition, Delegate, Device, FilePath, Responder, Response, Scheduler, SessionId,
    TransferEnd, TransferError, TransferId, WakeOutcome, WakeReason, responder,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, AlmostScheduler, lock, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("no-wake-for-a-login", &["SES-28"], |name| {
        Subject::sessions(name, |device, scheduler| {
            ReferenceService::new(device, Arc::new(Almost(NotForLogins(scheduler))))
        })
    }),
    // The wake comes and ends with did_finish_events, but what it was for is not in it: SES-19 sees that.
    Mutant::new("a-challenge-is-lost-while-the-app-sleeps", &["SES-19"], |name| {
        logins(name, Slip::LostAsleep)
    }),
    Mutant::new("a-challenge-cut-short-is-lost", &["SES-18"], |name| logins(name, Slip::LostWithTheProcess)),
    Mutant::new("a-silent-delegate-blocks-the-session", &["SES-28"], |name| logins(name, Slip::Blocks)),
    Mutant::new("an-unanswered-login-ends-well", &["SES-28"], |name| logins(name, Slip::EndsWell)),
    Mutant::new("an-unanswered-login-never-ends", &["SES-28"], |name| logins(name, Slip::NeverEnds)),
];

/// Takes the end of transfers for the only cause of a wake.
struct NotForLogins(Arc<dyn Scheduler>);

#[async_trait]
impl AlmostScheduler for NotForLogins {
    fn inner(&self) -> &dyn Scheduler {
        &*self.0
    }

    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome {
        match reason {
            WakeReason::AuthenticationNeeded => WakeOutcome::Suppressed,
            WakeReason::TransfersEnded | WakeReason::DelayedRequestReady => {
                self.0.request_wake(session, reason).await
            }
        }
    }
}

/// What is done wrong with challenges.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    LostAsleep,
    LostWithTheProcess,
    Blocks,
    EndsWell,
    NeverEnds,
}

/// Transfers by what became of their challenge.
#[derive(Default)]
struct Asked {
    /// The callback has begun.
    begun: Mutex<BTreeSet<(SessionId, TransferId)>>,
    /// It has returned.
    returned: Mutex<BTreeSet<(SessionId, TransferId)>>,
}

fn logins(name: &str, slip: Slip) -> Subject {
    with_delegate(name, move |device| {
        let (device, asked) = (device.clone(), Arc::new(Asked::default()));
        Box::new(move |app| {
            Arc::new(Almost(Between { app, slip, device: device.clone(), asked: Arc::clone(&asked) }))
        })
    })
}

struct Between {
    app: Arc<dyn Delegate>,
    slip: Slip,
    device: Device,
    asked: Arc<Asked>,
}

#[async_trait]
impl AlmostDelegate for Between {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        app: Responder<ChallengeDisposition>,
    ) {
        let key = (session.clone(), transfer);
        let first = lock(&self.asked.begun).insert(key.clone());
        let cut_short = !first && !lock(&self.asked.returned).contains(&key);
        match self.slip {
            // It was taken off the queue when its callback began.
            Slip::LostWithTheProcess if cut_short => {}
            // In the background there is nobody to type a password.
            Slip::LostAsleep if !self.device.app.state().is_foreground() => {}
            Slip::Blocks => {
                let (own, answer) = responder();
                self.app.did_receive_challenge(session, transfer, challenge, own).await;
                if let Some(answer) = answer.await {
                    app.respond(answer);
                }
            }
            Slip::LostAsleep | Slip::LostWithTheProcess | Slip::EndsWell | Slip::NeverEnds => {
                self.app.did_receive_challenge(session, transfer, challenge, app).await;
            }
        }
        lock(&self.asked.returned).insert(key);
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let asked = lock(&self.asked.begun).contains(&(session.clone(), transfer));
        let timed_out = asked && matches!(end.error, Some(TransferError::TimedOut));
        if timed_out && self.slip == Slip::NeverEnds {
            return;
        }
        if timed_out && self.slip == Slip::EndsWell {
            let response = Response { status: 401, ..Response::default() };
            let nowhere = FilePath::new("nowhere");
            self.app.did_finish_downloading(session, transfer, &response, &nowhere).await;
            let well = TransferEnd { response: Some(response), error: None };
            return self.app.did_complete(session, transfer, &well).await;
        }
        self.app.did_complete(session, transfer, end).await;
    }
}

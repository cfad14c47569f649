//! Answers to challenges that do something else, and refusals that are counted wrongly: SES-27.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Challenge, ChallengeDisposition, Credential, Delegate, Device, ProtectionSpace, Responder, SessionId,
    TransferId, responder,
};

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, Either, first, lock, step_back, with_delegate};

pub(super) const MUTANTS: &[Mutant] = &[
    // The counter lies in the entry of the protection space.
    Mutant::new("counts-refusals-by-space", &["SES-27"], |name| challenges(name, Slip::BySpace)),
    Mutant::new("counts-no-refusals", &["SES-27"], |name| challenges(name, Slip::NoCount)),
    // A flag for a counter.
    Mutant::new("counts-refusals-up-to-one", &["SES-27"], |name| challenges(name, Slip::UpToOne)),
    // Every call counts, whatever came of the last one.
    Mutant::new("counts-questions", &["SES-27"], |name| challenges(name, Slip::Questions)),
    Mutant::new("proposes-nothing", &["SES-27"], |name| challenges(name, Slip::ProposesNothing)),
    Mutant::new("proposes-the-first-credential", &["SES-27"], |name| challenges(name, Slip::ProposesFirst)),
    // An answer has to be there when the method returns.
    Mutant::new("goes-on-before-the-answer", &["SES-27"], |name| challenges(name, Slip::GoesOn)),
    Mutant::new("waits-a-minute-for-an-answer", &["SES-27"], |name| challenges(name, Slip::Impatient)),
    // A credential of the keychain's is default handling elsewhere, for those who have stored one.
    Mutant::new("default-handling-tries-what-it-knows", &["SES-27"], |name| {
        challenges(name, Slip::DefaultTries)
    }),
    Mutant::new("default-handling-cancels", &["SES-27"], |name| challenges(name, Slip::DefaultCancels)),
    Mutant::new("cancelling-is-default-handling", &["SES-27"], |name| challenges(name, Slip::CancelDefaults)),
    Mutant::new("a-cancelled-login-is-tried-again", &["SES-27"], |name| {
        challenges(name, Slip::CancelRetries)
    }),
    Mutant::new("rejecting-a-space-cancels", &["SES-27"], |name| challenges(name, Slip::RejectCancels)),
    Mutant::new("rejecting-a-space-rejects-all", &["SES-27"], |name| challenges(name, Slip::RejectsAll)),
    Mutant::new("rejecting-a-space-asks-about-it-again", &["SES-27"], |name| {
        challenges(name, Slip::RejectForgets)
    }),
    Mutant::new("a-given-credential-is-not-sent", &["SES-27"], |name| challenges(name, Slip::NotSent)),
    Mutant::new("a-refused-credential-ends-the-login", &["SES-27"], |name| challenges(name, Slip::OneTry)),
];

#[derive(Clone, Copy, PartialEq)]
enum Slip {
    BySpace,
    NoCount,
    UpToOne,
    Questions,
    ProposesNothing,
    ProposesFirst,
    GoesOn,
    Impatient,
    DefaultTries,
    DefaultCancels,
    CancelDefaults,
    CancelRetries,
    RejectCancels,
    RejectsAll,
    RejectForgets,
    NotSent,
    OneTry,
}

/// What became of a transfer's challenges so far.
#[derive(Default)]
struct Told {
    questions: u32,
    /// Credentials that the app has given, space by space.
    given: Vec<(ProtectionSpace, Credential)>,
}

type Memory = Arc<Mutex<BTreeMap<(SessionId, TransferId), Told>>>;

fn challenges(name: &str, slip: Slip) -> Subject {
    with_delegate(name, move |device| {
        let (device, memory) = (device.clone(), Memory::default());
        Box::new(move |app| {
            Arc::new(Almost(Between { app, slip, device: device.clone(), memory: Arc::clone(&memory) }))
        })
    })
}

struct Between {
    app: Arc<dyn Delegate>,
    slip: Slip,
    device: Device,
    memory: Memory,
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
        service: Responder<ChallengeDisposition>,
    ) {
        let key = (session.clone(), transfer);
        let failures = challenge.previous_failure_count;
        let shown = self.shown(&key, challenge.clone());
        let (own, answer) = responder();
        if self.slip == Slip::OneTry && failures > 0 {
            return service.respond(ChallengeDisposition::PerformDefaultHandling);
        }
        self.app.did_receive_challenge(session, transfer, shown.clone(), own).await;
        if self.slip == Slip::GoesOn {
            let said = match first(answer, step_back()).await {
                Either::Left(Some(answer)) => answer,
                Either::Left(None) | Either::Right(()) => ChallengeDisposition::PerformDefaultHandling,
            };
            return service.respond(said);
        }
        if self.slip == Slip::RejectForgets {
            // The list of spaces is not shortened.
            let mut answer = answer.await;
            for _ in 0..3 {
                if answer != Some(ChallengeDisposition::RejectProtectionSpace) {
                    break;
                }
                let (own, next) = responder();
                self.app.did_receive_challenge(session, transfer, shown.clone(), own).await;
                answer = next.await;
            }
            if let Some(answer) = answer {
                service.respond(answer);
            }
            return;
        }
        // The answer may come after the method has returned.
        let (clock, slip, memory) = (self.device.clock.clone(), self.slip, Arc::clone(&self.memory));
        self.device.spawn(async move {
            let answer = if slip == Slip::Impatient {
                let until = clock.now() + Duration::from_secs(60);
                match first(answer, clock.sleep_until(until)).await {
                    Either::Left(answer) => answer,
                    Either::Right(()) => Some(ChallengeDisposition::PerformDefaultHandling),
                }
            } else {
                answer.await
            };
            let Some(answer) = answer else { return };
            if let ChallengeDisposition::UseCredential(Some(credential)) = &answer {
                let given = (challenge.protection_space, credential.clone());
                lock(&memory).entry(key).or_default().given.push(given);
            }
            // Each of them does so once: else it would go on until the timeout.
            service.respond(if failures == 0 || slip == Slip::NotSent {
                slip.taken_for(answer)
            } else {
                answer
            });
        });
    }
}

impl Between {
    /// The challenge as the app gets to see it.
    fn shown(&self, key: &(SessionId, TransferId), mut challenge: Challenge) -> Challenge {
        let mut memory = lock(&self.memory);
        let told = memory.entry(key.clone()).or_default();
        let failures = &mut challenge.previous_failure_count;
        match self.slip {
            Slip::BySpace => {
                let here = told.given.iter().filter(|(space, _)| *space == challenge.protection_space);
                *failures = u32::try_from(here.count()).unwrap_or(u32::MAX).min(*failures);
            }
            Slip::NoCount => *failures = 0,
            Slip::UpToOne => *failures = (*failures).min(1),
            Slip::Questions => *failures = told.questions,
            Slip::ProposesNothing => challenge.proposed_credential = None,
            Slip::ProposesFirst => {
                if let (Some(_), Some((_, credential))) = (&challenge.proposed_credential, told.given.first())
                {
                    challenge.proposed_credential = Some(credential.clone());
                }
            }
            Slip::GoesOn
            | Slip::Impatient
            | Slip::DefaultTries
            | Slip::DefaultCancels
            | Slip::CancelDefaults
            | Slip::CancelRetries
            | Slip::RejectCancels
            | Slip::RejectsAll
            | Slip::RejectForgets
            | Slip::NotSent
            | Slip::OneTry => {}
        }
        told.questions += 1;
        challenge
    }
}

impl Slip {
    /// What is made of the app's answer.
    fn taken_for(self, answer: ChallengeDisposition) -> ChallengeDisposition {
        use ChallengeDisposition::{
            CancelAuthenticationChallenge, PerformDefaultHandling, RejectProtectionSpace, UseCredential,
        };
        let known = || UseCredential(Some(Credential::password("keychain", "old")));
        match (self, answer) {
            (Self::DefaultTries, PerformDefaultHandling)
            | (Self::CancelRetries, CancelAuthenticationChallenge) => known(),
            (Self::DefaultCancels, PerformDefaultHandling) | (Self::RejectCancels, RejectProtectionSpace) => {
                CancelAuthenticationChallenge
            }
            (Self::CancelDefaults, CancelAuthenticationChallenge)
            | (Self::RejectsAll, RejectProtectionSpace)
            | (Self::NotSent, UseCredential(Some(_))) => PerformDefaultHandling,
            (_, answer) => answer,
        }
    }
}

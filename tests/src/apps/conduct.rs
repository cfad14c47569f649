//! What the app does in its callbacks.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_reference::contract::{
    AuthenticationMethod, Challenge, ChallengeDisposition, Delegate, FilePath, OptionalMethod, RefreshTask,
    Responder, Response, SessionId, TransferEnd, TransferId,
};

use super::Slip;
use super::careless::Careless;
use super::ledger::Ledger;

impl Careless {
    fn kept(session: &SessionId, transfer: TransferId) -> FilePath {
        FilePath::new(format!("app/results/{session}-{transfer}"))
    }

    /// Works on a result beside the callback.
    fn begin_work(&self, session: &SessionId, transfer: TransferId) {
        let (app, session) = (self.clone(), session.clone());
        *self.ledger().working.entry(session.clone()).or_default() += 1;
        let work = self.0.launch.work.process(&session, transfer);
        self.0.launch.spawn(async move {
            work.await;
            let others = app.slips(Slip::OneFlagForAllWork);
            {
                let mut ledger = app.ledger();
                if let Some(count) = ledger.working.get_mut(&session) {
                    *count = if others { 0 } else { *count - 1 };
                }
            }
            app.finish(&session);
        });
    }

    /// Is no other transfer of the session outstanding?
    async fn is_last(&self, session: &SessionId, transfer: TransferId) -> bool {
        let Some(session) = self.open(session).await else { return true };
        let outstanding = session.transfers().await.unwrap_or_default();
        outstanding.iter().all(|other| other.id == transfer)
    }

    /// Whatever is open of a session is complete now.
    fn close(&self, session: &SessionId) {
        let wakes = self.ledger().wakes.remove(session).unwrap_or_default();
        wakes.iter().filter(|wake| wake.task.is_open()).for_each(|wake| wake.task.set_task_completed());
    }
}

#[async_trait]
impl Delegate for Careless {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        method == OptionalMethod::TaskChallenge
    }

    async fn handle(&self, tasks: Vec<RefreshTask>) {
        self.take(tasks).await;
    }

    async fn did_receive_challenge(
        &self,
        _: &SessionId,
        _: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let basic = challenge.protection_space.method == AuthenticationMethod::HttpBasic;
        let silent = self.slips(Slip::NeverAnswers) || (self.slips(Slip::AnswersBasicOnly) && !basic);
        if silent {
            return;
        }
        // For ever is long: so often that nobody would wait.
        let again = challenge.previous_failure_count == 0
            || (self.slips(Slip::TriesForEver) && challenge.previous_failure_count < 30);
        responder.respond(if again {
            ChallengeDisposition::UseCredential(Some(self.0.launch.credential.clone()))
        } else {
            ChallengeDisposition::CancelAuthenticationChallenge
        });
    }

    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        location: &FilePath,
    ) {
        assert!(
            response.status == 200 || !self.slips(Slip::PanicsOnStatus),
            "status {} is not expected",
            response.status
        );
        let (storage, kept) = (Arc::clone(&self.0.launch.storage), Self::kept(session, transfer));
        if matches!(self.0.slip, Slip::MovesLater | Slip::ReadsLater) {
            let (location, reads) = (location.clone(), self.slips(Slip::ReadsLater));
            self.0.launch.spawn(async move {
                let _ = if reads {
                    storage.read(&location, 0, 1).map(drop)
                } else {
                    storage.rename(&location, &kept)
                };
            });
        } else {
            // A full disk loses the file; the wake is handled all the same.
            let _ = storage.rename(location, &kept);
        }
        if self.slips(Slip::WorksInTheCallback) {
            self.0.launch.work.process(session, transfer).await;
        } else {
            self.begin_work(session, transfer);
        }
        if self.slips(Slip::CompletesAtTheFirstFile) {
            self.close(session);
        }
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, _: &TransferEnd) {
        if self.slips(Slip::CompletesAtTheFirstEnd) {
            self.close(session);
        }
        if self.slips(Slip::CountsEnds) && self.is_last(session, transfer).await {
            let wakes = |ledger: &mut Ledger| {
                let wakes = ledger.wakes.get_mut(session).map(Vec::as_mut_slice).unwrap_or_default();
                wakes.iter_mut().for_each(|wake| wake.drained = true);
            };
            wakes(&mut self.ledger());
            self.finish(session);
        }
        let awaiting = std::mem::take(&mut self.ledger().awaiting);
        awaiting.iter().filter(|task| task.is_open()).for_each(|task| task.set_task_completed());
        let next = {
            let mut ledger = self.ledger();
            (!ledger.waiting.is_empty()).then(|| ledger.waiting.remove(0))
        };
        if let Some((session, request)) = next {
            self.start(&session, request).await;
        }
    }

    async fn did_finish_events(&self, session: &SessionId) {
        let drained = {
            let mut ledger = self.ledger();
            let wakes = ledger.wakes.get_mut(session).map(Vec::as_mut_slice).unwrap_or_default();
            wakes.iter_mut().for_each(|wake| wake.drained = true);
            let any = !wakes.is_empty();
            if !any {
                *ledger.early.entry(session.clone()).or_default() += 1;
            }
            any
        };
        if drained && matches!(self.0.slip, Slip::CleansUp | Slip::RemakesAtOnce) {
            let open = self.ledger().sessions.remove(session);
            if let Some(open) = open {
                if self.slips(Slip::CleansUp) {
                    open.invalidate_and_cancel().await;
                } else {
                    open.finish_tasks_and_invalidate().await;
                    self.open(session).await;
                }
            }
        }
        self.finish(session);
    }
}

//! The kit's delegate: what a subject's sessions call.

use std::sync::Arc;

use async_trait::async_trait;

use super::app::App;
use crate::contract::{
    AppLife, CancelReason, Challenge, ChallengeDisposition, DelayedRequestDisposition, Delegate, FilePath,
    OptionalMethod, Request, Responder, Response, ResponseDisposition, SessionId, TransferEnd, TransferError,
    TransferId,
};
use crate::history::{EndKind, Event, Message, MessageId, TransferKey};

/// The kit's delegate: writes every message down and behaves as the scenario says.
pub(crate) struct Recording {
    app: Arc<App>,
    session: SessionId,
    /// Tells the delegates of one name apart.
    pub(crate) number: u32,
    /// The delegate of a second session object.
    second: bool,
    life: AppLife,
}

impl Recording {
    pub(crate) fn new(app: Arc<App>, session: SessionId, second: bool) -> Self {
        let number = app.invalid().next_delegate();
        let life = app.life();
        Self { app, session, number, second, life }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.app.invalid().watched.remove(&self.number) && !self.life.has_ended() {
            self.app.recorder.record(Event::DelegateReleased { session: self.session.clone() });
        }
    }
}

/// Notes how a delivery ends, however its future does.
pub(super) struct Delivery<'a> {
    app: &'a App,
    pub(super) id: MessageId,
    /// The method's name.
    pub(super) name: &'static str,
    pub(super) returned: bool,
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        let (app, id) = (self.app, self.id);
        app.recorder.record(if self.returned {
            Event::MessageReturned { id }
        } else {
            Event::MessageInterrupted { id }
        });
    }
}

/// Waits until the app can take a message, and writes down that one begins.
pub(super) async fn begin<'a>(
    app: &'a App,
    session: &SessionId,
    transfer: Option<TransferId>,
    second: bool,
    message: impl FnOnce() -> Message,
) -> Delivery<'a> {
    app.receiving().await;
    let id = app.recorder.next_message();
    let message = message();
    let name = message.name();
    app.recorder.record(Event::MessageBegan { id, session: session.clone(), transfer, second, message });
    Delivery { app, id, name, returned: false }
}

impl Recording {
    async fn begin(
        &self,
        session: &SessionId,
        transfer: Option<TransferId>,
        message: impl FnOnce() -> Message,
    ) -> Delivery<'_> {
        begin(&self.app, session, transfer, self.second, message).await
    }

    async fn message(
        &self,
        session: &SessionId,
        transfer: Option<TransferId>,
        message: impl FnOnce() -> Message,
    ) {
        let mut delivery = self.begin(session, transfer, message).await;
        self.app.sleep(self.app.setup.callback.duration()).await;
        delivery.returned = true;
    }
}

#[async_trait]
impl Delegate for Recording {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        match method {
            OptionalMethod::SessionChallenge => self.app.setup.challenges.of_session(),
            OptionalMethod::TaskChallenge => self.app.setup.challenges.of_task(),
            OptionalMethod::WillBeginDelayedRequest => self.app.decides(),
            _ => false,
        }
    }

    async fn did_receive_session_challenge(
        &self,
        session: &SessionId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        self.challenged(session, None, challenge, responder).await;
    }

    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        self.challenged(session, Some(transfer), challenge, responder).await;
    }

    async fn will_begin_delayed_request(
        &self,
        session: &SessionId,
        transfer: TransferId,
        request: Request,
        responder: Responder<DelayedRequestDisposition>,
    ) {
        let mut delivery = self.begin(session, Some(transfer), || Message::WillBeginDelayedRequest).await;
        self.app.sleep(self.app.setup.callback.duration()).await;
        delivery.returned = true;
        let id = delivery.id;
        drop(delivery);
        self.app.begin(id, transfer.get(), request, responder);
    }

    async fn did_receive_response(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        responder: Responder<ResponseDisposition>,
    ) {
        let status = response.status;
        let mut delivery =
            self.begin(session, Some(transfer), || Message::DidReceiveResponse { status }).await;
        self.app.sleep(self.app.setup.callback.duration()).await;
        delivery.returned = true;
        let id = delivery.id;
        drop(delivery);
        self.app.dispose(id, transfer.get(), responder);
    }

    async fn did_become_download(&self, session: &SessionId, transfer: TransferId) {
        self.message(session, Some(transfer), || Message::DidBecomeDownload).await;
    }

    async fn did_receive_data(&self, session: &SessionId, transfer: TransferId, data: &[u8]) {
        let key = TransferKey { session: session.clone(), transfer };
        self.message(session, Some(transfer), || self.app.take(key, data)).await;
    }

    async fn did_write_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        written: u64,
        total: u64,
        expected: Option<u64>,
    ) {
        let message = Message::DidWriteData { total, written: Some(written), expected };
        self.message(session, Some(transfer), || message).await;
    }

    async fn did_send_body_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        sent: u64,
        total: u64,
        expected: u64,
    ) {
        let message = Message::DidSendBodyData { total, sent: Some(sent), expected: Some(expected) };
        self.message(session, Some(transfer), || message).await;
    }

    async fn did_resume_at_offset(
        &self,
        session: &SessionId,
        transfer: TransferId,
        offset: u64,
        _: Option<u64>,
    ) {
        self.message(session, Some(transfer), || Message::DidResumeAtOffset { offset }).await;
    }

    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        location: &FilePath,
    ) {
        let message = || {
            let (size, digest) = self.app.look_at(location);
            Message::DidFinishDownloading { status: response.status, size, digest }
        };
        let mut delivery = self.begin(session, Some(transfer), message).await;
        self.app.sleep(self.app.setup.callback.duration()).await;
        // In one go with the return: a file is moved if and only if its message counts as delivered.
        self.app.keep(delivery.id, location);
        delivery.returned = true;
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        self.message(session, Some(transfer), || completed(end)).await;
        self.app.lock().outstanding.remove(&TransferKey { session: session.clone(), transfer });
    }

    async fn did_finish_events(&self, session: &SessionId) {
        let mut delivery = self.begin(session, None, || Message::DidFinishEvents).await;
        self.app.sleep(self.app.setup.callback.duration()).await;
        delivery.returned = true;
        drop(delivery);
        let app = Arc::clone(&self.app);
        let session = session.clone();
        // Beside the callback: what the app does now must not hold the session's messages up.
        self.app.spawn(async move { app.served(&session).await });
    }

    async fn did_become_invalid(&self, session: &SessionId) {
        self.message(session, None, || Message::DidBecomeInvalid).await;
        self.app.forget(session);
    }
}

impl Recording {
    async fn challenged(
        &self,
        session: &SessionId,
        transfer: Option<TransferId>,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let failures = challenge.previous_failure_count;
        let asked = challenge.protection_space.method;
        let session_level = transfer.is_none();
        let mut delivery = self.begin(session, transfer, || challenged(&challenge, session_level)).await;
        self.app.sleep(self.app.setup.callback.duration()).await;
        delivery.returned = true;
        let id = delivery.id;
        drop(delivery);
        let has = self.app.setup.challenges;
        if if session_level { has.of_session() } else { has.of_task() } {
            let transfer = transfer.unwrap_or_else(|| TransferId::new(0));
            let key = TransferKey { session: session.clone(), transfer };
            self.app.reply(id, key, asked, failures, responder).await;
        } else {
            // A method that the app does not have does what the platform does without it.
            self.app.respond(id, ChallengeDisposition::PerformDefaultHandling, responder);
        }
    }
}

/// What a question for a login says.
pub(super) fn challenged(challenge: &Challenge, session_level: bool) -> Message {
    Message::DidReceiveChallenge {
        method: challenge.protection_space.method,
        realm: challenge.protection_space.realm.clone(),
        failures: challenge.previous_failure_count,
        proposed: challenge.proposed_credential.is_some(),
        credential: challenge.proposed_credential.as_ref().map(super::conduct::label),
        session_level,
    }
}

/// What the last message about a transfer says.
pub(super) fn completed(end: &TransferEnd) -> Message {
    Message::DidComplete {
        end: end_kind(end.error.as_ref()),
        status: end.response.as_ref().map(|response| response.status),
    }
}

fn end_kind(error: Option<&TransferError>) -> EndKind {
    match error {
        None => EndKind::Success,
        Some(TransferError::Cancelled { reason: CancelReason::App, .. }) => EndKind::Cancelled,
        Some(TransferError::Cancelled { reason: CancelReason::ForceQuit, .. }) => EndKind::ForceQuit,
        Some(TransferError::Cancelled { .. }) => EndKind::CancelledBySystem,
        Some(TransferError::TimedOut) => EndKind::TimedOut,
        Some(TransferError::UserCancelledAuthentication) => EndKind::LoginCancelled,
        Some(TransferError::Disconnected) => EndKind::Disconnected,
        Some(_) => EndKind::Failed,
    }
}

//! Between a session and the app's own delegate: writes every message down and passes it on.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;

use super::App;
use crate::contract::{
    self, Answer, Challenge, ChallengeDisposition, DelayedRequestDisposition, Delegate, FilePath,
    OptionalMethod, Request, Responder, Response, ResponseDisposition, SessionId, TransferEnd, TransferId,
};
use crate::history::{Message, MessageId, TransferKey};
use crate::world::recording::{self, Delivery};

/// The app's delegate, watched.
pub(super) struct Relay {
    pub(super) app: Arc<App>,
    pub(super) delegate: Arc<dyn Delegate>,
    /// The delegate of a second session object.
    pub(super) second: bool,
}

impl Relay {
    async fn begin(
        &self,
        session: &SessionId,
        transfer: Option<TransferId>,
        message: impl FnOnce() -> Message,
    ) -> Delivery<'_> {
        recording::begin(&self.app, session, transfer, self.second, message).await
    }

    /// Runs the app's method; it counts as delivered when it has returned.
    async fn pass(&self, mut delivery: Delivery<'_>, call: impl Future<Output = ()>) {
        let name = delivery.name;
        if self.app.in_guest(name, call).await.is_none() {
            // The process has ended with it: nobody gets an answer.
            drop(delivery);
            pending::<()>().await;
            return;
        }
        delivery.returned = true;
    }

    /// The same for a question. Its answer is written down where it is given, and passed on.
    async fn ask<T: Send + 'static>(
        &self,
        delivery: Delivery<'_>,
        answer: Answer<T>,
        answer_to: Responder<T>,
        said: fn(&App, MessageId, &T),
        call: impl Future<Output = ()>,
    ) {
        let (app, id) = (Arc::clone(&self.app), delivery.id);
        let mut listening = Some(Box::pin(async move {
            // Dropped without an answer: then none will ever come, and the asker learns it in the same way.
            if let Some(answer) = answer.await {
                said(&app, id, &answer);
                answer_to.respond(answer);
            }
        }));
        let mut call = pin!(self.pass(delivery, call));
        poll_fn(|cx| {
            let called = call.as_mut().poll(cx);
            if listening.as_mut().is_some_and(|listening| listening.as_mut().poll(cx).is_ready()) {
                listening = None;
            }
            called
        })
        .await;
        if let Some(later) = listening {
            self.app.spawn(later);
        }
    }
}

#[async_trait]
impl Delegate for Relay {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        self.delegate.responds_to(method)
    }

    async fn did_receive_session_challenge(
        &self,
        session: &SessionId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let delivery = self.begin(session, None, || recording::challenged(&challenge, true)).await;
        let (ours, answer) = contract::responder();
        let call = self.delegate.did_receive_session_challenge(session, challenge, ours);
        self.ask(delivery, answer, responder, App::answered, call).await;
    }

    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let delivery = self.begin(session, Some(transfer), || recording::challenged(&challenge, false)).await;
        let (ours, answer) = contract::responder();
        let call = self.delegate.did_receive_challenge(session, transfer, challenge, ours);
        self.ask(delivery, answer, responder, App::answered, call).await;
    }

    async fn will_begin_delayed_request(
        &self,
        session: &SessionId,
        transfer: TransferId,
        request: Request,
        responder: Responder<DelayedRequestDisposition>,
    ) {
        let delivery = self.begin(session, Some(transfer), || Message::WillBeginDelayedRequest).await;
        let (ours, answer) = contract::responder();
        let call = self.delegate.will_begin_delayed_request(session, transfer, request, ours);
        self.ask(delivery, answer, responder, App::answered_delayed, call).await;
    }

    async fn did_receive_response(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        responder: Responder<ResponseDisposition>,
    ) {
        let status = response.status;
        let delivery = self.begin(session, Some(transfer), || Message::DidReceiveResponse { status }).await;
        let (ours, answer) = contract::responder();
        let call = self.delegate.did_receive_response(session, transfer, response, ours);
        self.ask(delivery, answer, responder, App::disposed, call).await;
    }

    async fn did_become_download(&self, session: &SessionId, transfer: TransferId) {
        let delivery = self.begin(session, Some(transfer), || Message::DidBecomeDownload).await;
        self.pass(delivery, self.delegate.did_become_download(session, transfer)).await;
    }

    async fn did_receive_data(&self, session: &SessionId, transfer: TransferId, data: &[u8]) {
        let key = TransferKey { session: session.clone(), transfer };
        let delivery = self.begin(session, Some(transfer), || self.app.take(key, data)).await;
        self.pass(delivery, self.delegate.did_receive_data(session, transfer, data)).await;
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
        let delivery = self.begin(session, Some(transfer), || message).await;
        let call = self.delegate.did_write_data(session, transfer, written, total, expected);
        self.pass(delivery, call).await;
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
        let delivery = self.begin(session, Some(transfer), || message).await;
        let call = self.delegate.did_send_body_data(session, transfer, sent, total, expected);
        self.pass(delivery, call).await;
    }

    async fn did_resume_at_offset(
        &self,
        session: &SessionId,
        transfer: TransferId,
        offset: u64,
        expected: Option<u64>,
    ) {
        let delivery = self.begin(session, Some(transfer), || Message::DidResumeAtOffset { offset }).await;
        let call = self.delegate.did_resume_at_offset(session, transfer, offset, expected);
        self.pass(delivery, call).await;
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
        let delivery = self.begin(session, Some(transfer), message).await;
        self.app.code().given.insert(location.clone(), delivery.id);
        let call = self.delegate.did_finish_downloading(session, transfer, response, location);
        self.pass(delivery, call).await;
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let delivery = self.begin(session, Some(transfer), || recording::completed(end)).await;
        let call = self.delegate.did_complete(session, transfer, end);
        self.pass(delivery, call).await;
        self.app.lock().outstanding.remove(&TransferKey { session: session.clone(), transfer });
    }

    async fn did_finish_events(&self, session: &SessionId) {
        let delivery = self.begin(session, None, || Message::DidFinishEvents).await;
        self.pass(delivery, self.delegate.did_finish_events(session)).await;
    }

    async fn did_become_invalid(&self, session: &SessionId) {
        let delivery = self.begin(session, None, || Message::DidBecomeInvalid).await;
        self.pass(delivery, self.delegate.did_become_invalid(session)).await;
        self.app.forget(session);
    }
}

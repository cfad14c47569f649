//! The app's side, and the line that a service calls it over.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use super::{
    Challenge, ChallengeDisposition, FilePath, Interrupted, RefreshTask, Request, Responder, Response,
    SessionId, TransferEnd, TransferId,
};

/// Methods that change what the system does merely by being implemented (`respondsToSelector:`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OptionalMethod {
    /// [`Delegate::did_receive_session_challenge`]; without it, session-level challenges go to the task-level method.
    SessionChallenge,
    /// [`Delegate::did_receive_challenge`]; without it, default handling applies.
    TaskChallenge,
    /// [`Delegate::will_begin_delayed_request`]; with it, a delayed transfer costs a wake when it becomes ready.
    WillBeginDelayedRequest,
}

/// What to do with a transfer whose earliest begin date has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelayedRequestDisposition {
    /// Go on with the original request.
    ContinueLoading,
    /// Go on with this one instead.
    UseNewRequest(Request),
    /// Cancel the transfer.
    Cancel,
}

/// What becomes of a data transfer, now that the head of its answer is there
/// (`URLSession.ResponseDisposition`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseDisposition {
    /// It goes on: the app is given its bytes.
    Allow,
    /// Cancel the transfer.
    Cancel,
    /// It goes on as a download, which outlives the app.
    BecomeDownload,
}

/// The app's side: what is called when it is woken and when its transfers get on.
///
/// All methods but [`Delegate::handle`] belong to one session and never overlap for it: the next is called when the
/// last has returned. A message counts as delivered when its method returns. A suspended app executes nothing: a call
/// that is under way then, or comes then, goes on when the app is resumed. Every method has a default that does
/// nothing, or what the platform does when the method is missing.
///
/// Source: `WKApplicationDelegate.handle(_:)`, `URLSessionDelegate`, `URLSessionTaskDelegate`,
/// `URLSessionDownloadDelegate`.
#[async_trait]
pub trait Delegate: Send + Sync {
    /// Does this delegate implement an optional method? The system behaves differently if not.
    fn responds_to(&self, method: OptionalMethod) -> bool {
        let _ = method;
        false
    }

    /// The app was woken with these tasks, at least one. Each must be completed exactly once, unknown kinds too. May
    /// be called again while earlier tasks are open.
    async fn handle(&self, tasks: Vec<RefreshTask>) {
        for task in tasks {
            task.set_task_completed();
        }
    }

    /// A login that concerns the whole session (NTLM, Negotiate, client certificate, server trust).
    async fn did_receive_session_challenge(
        &self,
        session: &SessionId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let _ = (session, challenge);
        responder.respond(ChallengeDisposition::PerformDefaultHandling);
    }

    /// A transfer needs a login. The method may return first and the answer come later, but the transfer does not go
    /// on before it; a responder that is dropped means that no answer will come, and the transfer fails at its
    /// resource timeout.
    async fn did_receive_challenge(
        &self,
        session: &SessionId,
        transfer: TransferId,
        challenge: Challenge,
        responder: Responder<ChallengeDisposition>,
    ) {
        let _ = (session, transfer, challenge);
        responder.respond(ChallengeDisposition::PerformDefaultHandling);
    }

    /// A transfer with an earliest begin date is about to begin.
    async fn will_begin_delayed_request(
        &self,
        session: &SessionId,
        transfer: TransferId,
        request: Request,
        responder: Responder<DelayedRequestDisposition>,
    ) {
        let _ = (session, transfer, request);
        responder.respond(DelayedRequestDisposition::ContinueLoading);
    }

    /// The head of a data transfer's answer has arrived, after redirects and logins. Nothing more is said of the transfer
    /// before the answer to this; what arrives meanwhile is kept.
    ///
    /// Source: `urlSession(_:dataTask:didReceive:completionHandler:)`.
    async fn did_receive_response(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        responder: Responder<ResponseDisposition>,
    ) {
        let _ = (session, transfer, response);
        responder.respond(ResponseDisposition::Allow);
    }

    /// A data transfer goes on as a download, with all that had arrived. What follows is what follows for any download.
    ///
    /// Source: `urlSession(_:dataTask:didBecome:)`. The platform makes a new task object of it; here it keeps its number,
    /// and is listed as a download from now on.
    async fn did_become_download(&self, session: &SessionId, transfer: TransferId) {
        let _ = (session, transfer);
    }

    /// More bytes of a data transfer, in order and without a gap. Never wakes the app.
    ///
    /// Source: `urlSession(_:dataTask:didReceive:)`.
    async fn did_receive_data(&self, session: &SessionId, transfer: TransferId, data: &[u8]) {
        let _ = (session, transfer, data);
    }

    /// `written` more bytes of a download have arrived, `total` of `expected` (if known) so far. Never wakes the app.
    async fn did_write_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        written: u64,
        total: u64,
        expected: Option<u64>,
    ) {
        let _ = (session, transfer, written, total, expected);
    }

    /// `sent` more bytes of an upload have gone out, `total` of `expected` so far. Never wakes the app.
    async fn did_send_body_data(
        &self,
        session: &SessionId,
        transfer: TransferId,
        sent: u64,
        total: u64,
        expected: u64,
    ) {
        let _ = (session, transfer, sent, total, expected);
    }

    /// A download that was given resume data goes on from `offset`.
    async fn did_resume_at_offset(
        &self,
        session: &SessionId,
        transfer: TransferId,
        offset: u64,
        expected: Option<u64>,
    ) {
        let _ = (session, transfer, offset, expected);
    }

    /// A download's file is complete. It must be moved or read before this returns: then it is removed. Comes for
    /// every HTTP status, with the body that the server sent.
    async fn did_finish_downloading(
        &self,
        session: &SessionId,
        transfer: TransferId,
        response: &Response,
        location: &FilePath,
    ) {
        let _ = (session, transfer, response, location);
    }

    /// A transfer has ended. The last message about it, exactly one for each transfer.
    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let _ = (session, transfer, end);
    }

    /// Every message that was queued for this session when the app was woken has been delivered. It does not mean that
    /// all transfers have ended: it comes after a login wake too.
    async fn did_finish_events(&self, session: &SessionId) {
        let _ = session;
    }

    /// The last message that an invalidated session ever sends.
    async fn did_become_invalid(&self, session: &SessionId) {
        let _ = session;
    }
}

/// Whether one run of the app's process has ended: made by whoever runs the process, shown to whoever calls into it.
#[derive(Clone, Default)]
pub struct AppLife(Arc<Mutex<Life>>);

#[derive(Default)]
struct Life {
    ended: bool,
    wakers: Vec<Waker>,
}

impl AppLife {
    /// A process that runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The process has ended: every call into it returns [`Interrupted`].
    pub fn end(&self) {
        let wakers = {
            let mut life = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            life.ended = true;
            std::mem::take(&mut life.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Has it ended?
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ended
    }

    /// Is this the same run of the same process?
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Runs `call` until it returns or the process ends, whichever is first.
    ///
    /// # Errors
    ///
    /// [`Interrupted`] if the process ended; `call` has been dropped then.
    pub async fn interruptible<T>(&self, call: impl Future<Output = T>) -> Result<T, Interrupted> {
        let mut call = pin!(call);
        poll_fn(|cx| {
            if self.has_ended() {
                return Poll::Ready(Err(Interrupted::new()));
            }
            if let Poll::Ready(value) = call.as_mut().poll(cx) {
                return Poll::Ready(Ok(value));
            }
            let mut life = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if life.ended {
                return Poll::Ready(Err(Interrupted::new()));
            }
            if !life.wakers.iter().any(|known| known.will_wake(cx.waker())) {
                // Calls that have returned leave their waker behind; they are few, so all go now and then.
                if life.wakers.len() >= 64 {
                    life.wakers.drain(..).for_each(Waker::wake);
                }
                life.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

impl fmt::Debug for AppLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppLife").field("ended", &self.has_ended()).finish()
    }
}

/// A delegate together with the process that it lives in: what a [`TransferService`](super::TransferService) calls.
///
/// Every method returns `Err(`[`Interrupted`]`)` if the process ends before the app's callback has returned; the
/// message then counts as not delivered.
#[derive(Clone)]
pub struct Connection {
    delegate: Arc<dyn Delegate>,
    life: AppLife,
}

macro_rules! forward {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// [`Interrupted`] if the app's process ended first.
            pub async fn $name(&self, $($arg: $ty),*) -> Result<(), Interrupted> {
                self.life.interruptible(self.delegate.$name($($arg),*)).await
            }
        )*
    };
}

impl Connection {
    /// Connects to a delegate that lives in the process `life`.
    #[must_use]
    pub fn new(delegate: Arc<dyn Delegate>, life: AppLife) -> Self {
        Self { delegate, life }
    }

    /// The delegate at the other end.
    #[must_use]
    pub fn delegate(&self) -> &Arc<dyn Delegate> {
        &self.delegate
    }

    /// The process at the other end.
    #[must_use]
    pub fn life(&self) -> &AppLife {
        &self.life
    }

    /// See [`Delegate::responds_to`].
    #[must_use]
    pub fn responds_to(&self, method: OptionalMethod) -> bool {
        self.delegate.responds_to(method)
    }

    forward! {
        /// See [`Delegate::did_receive_session_challenge`].
        did_receive_session_challenge(session: &SessionId, challenge: Challenge, responder: Responder<ChallengeDisposition>);
        /// See [`Delegate::did_receive_challenge`].
        did_receive_challenge(session: &SessionId, transfer: TransferId, challenge: Challenge, responder: Responder<ChallengeDisposition>);
        /// See [`Delegate::will_begin_delayed_request`].
        will_begin_delayed_request(session: &SessionId, transfer: TransferId, request: Request, responder: Responder<DelayedRequestDisposition>);
        /// See [`Delegate::did_receive_response`].
        did_receive_response(session: &SessionId, transfer: TransferId, response: &Response, responder: Responder<ResponseDisposition>);
        /// See [`Delegate::did_become_download`].
        did_become_download(session: &SessionId, transfer: TransferId);
        /// See [`Delegate::did_receive_data`].
        did_receive_data(session: &SessionId, transfer: TransferId, data: &[u8]);
        /// See [`Delegate::did_write_data`].
        did_write_data(session: &SessionId, transfer: TransferId, written: u64, total: u64, expected: Option<u64>);
        /// See [`Delegate::did_send_body_data`].
        did_send_body_data(session: &SessionId, transfer: TransferId, sent: u64, total: u64, expected: u64);
        /// See [`Delegate::did_resume_at_offset`].
        did_resume_at_offset(session: &SessionId, transfer: TransferId, offset: u64, expected: Option<u64>);
        /// See [`Delegate::did_finish_downloading`].
        did_finish_downloading(session: &SessionId, transfer: TransferId, response: &Response, location: &FilePath);
        /// See [`Delegate::did_complete`].
        did_complete(session: &SessionId, transfer: TransferId, end: &TransferEnd);
        /// See [`Delegate::did_finish_events`].
        did_finish_events(session: &SessionId);
        /// See [`Delegate::did_become_invalid`].
        did_become_invalid(session: &SessionId);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("life", &self.life).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;
    impl Delegate for Silent {}

    struct Deaf;
    #[async_trait]
    impl Delegate for Deaf {
        async fn did_finish_events(&self, _: &SessionId) {
            std::future::pending::<()>().await;
        }
    }

    #[tokio::test]
    async fn a_call_into_a_process_that_ends_is_interrupted() {
        let session = SessionId::new("s").unwrap();
        let life = AppLife::new();
        let line = Connection::new(Arc::new(Deaf), life.clone());
        let call = tokio::spawn(async move { line.did_finish_events(&session).await });
        tokio::task::yield_now().await;
        life.end();
        assert_eq!(call.await.unwrap(), Err(Interrupted::new()));
    }

    #[tokio::test]
    async fn a_call_that_returns_counts_even_while_the_process_goes_on() {
        let line = Connection::new(Arc::new(Silent), AppLife::new());
        assert_eq!(line.did_finish_events(&SessionId::new("s").unwrap()).await, Ok(()));
        line.life().end();
        assert_eq!(line.did_finish_events(&SessionId::new("s").unwrap()).await, Err(Interrupted::new()));
    }
}

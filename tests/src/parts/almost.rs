//! Traits like the contract's own, but every method does what another implementation does.
//!
//! A wrapper implements one of these, changes what it is about, and becomes an implementation of the contract inside
//! [`Almost`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bgsession_reference::contract::{
    AppProcess, AppState, Challenge, ChallengeDisposition, Configuration, Connection,
    DelayedRequestDisposition, Delegate, DeviceChange, FilePath, Interrupted, OptionalMethod, RefreshTask,
    Request, Responder, Response, ResponseDisposition, ResumeData, ScheduleError, Scheduler, Session,
    SessionError, SessionId, Termination, Time, TransferEnd, TransferId, TransferInfo, TransferOptions,
    TransferService, UserInfo, WakeOutcome, WakeReason,
};

/// Makes an implementation of the contract from one that says how it differs from another.
pub(crate) struct Almost<T>(pub(crate) T);

/// One `Almost…` trait, and the contract's trait for [`Almost`] of it. Plain functions and `async` ones are listed
/// apart, since each needs its own way of passing on.
macro_rules! almost {
    (
        $(#[$doc:meta])* $name:ident of $real:ident {
            $(fn $now:ident(&self $(, $now_arg:ident: $now_ty:ty)*) $(-> $now_out:ty)?;)*
            $(async fn $later:ident(&self $(, $arg:ident: $ty:ty)*) $(-> $out:ty)?;)*
        }
    ) => {
        $(#[$doc])*
        #[async_trait]
        pub(crate) trait $name: Send + Sync {
            /// Whose ways it has, but for what is changed here.
            fn inner(&self) -> &dyn $real;

            $(fn $now(&self $(, $now_arg: $now_ty)*) $(-> $now_out)? {
                self.inner().$now($($now_arg),*)
            })*

            $(async fn $later(&self $(, $arg: $ty)*) $(-> $out)? {
                self.inner().$later($($arg),*).await
            })*
        }

        #[async_trait]
        impl<T: $name> $real for Almost<T> {
            $(fn $now(&self $(, $now_arg: $now_ty)*) $(-> $now_out)? {
                self.0.$now($($now_arg),*)
            })*

            $(async fn $later(&self $(, $arg: $ty)*) $(-> $out)? {
                self.0.$later($($arg),*).await
            })*
        }
    };
}

almost! {
    /// A scheduler like another.
    AlmostScheduler of Scheduler {
        fn withdraw_wake(&self, session: &SessionId);
        fn device_changed(&self, change: &DeviceChange);
        async fn schedule_background_refresh(&self, preferred: Time, user_info: Option<UserInfo>) -> Result<(), ScheduleError>;
        async fn schedule_snapshot_refresh(&self, preferred: Time, user_info: Option<UserInfo>) -> Result<(), ScheduleError>;
        async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome;
    }
}

almost! {
    /// An app process like another, as a scheduler sees it.
    AlmostProcess of AppProcess {
        fn state(&self) -> AppState;
        fn suspend(&self);
        fn terminate(&self, how: Termination);
        fn cpu_time(&self) -> Duration;
        async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted>;
    }
}

almost! {
    /// A transfer service like another.
    AlmostService of TransferService {
        fn device_changed(&self, change: &DeviceChange);
        async fn session(&self, configuration: Configuration, connection: Connection) -> Result<Arc<dyn Session>, SessionError>;
    }
}

almost! {
    /// A session like another.
    AlmostSession of Session {
        fn identifier(&self) -> &SessionId;
        async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError>;
        async fn download_resuming(&self, data: ResumeData, options: TransferOptions) -> Result<TransferId, SessionError>;
        async fn upload(&self, request: Request, file: &FilePath, options: TransferOptions) -> Result<TransferId, SessionError>;
        async fn data(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError>;
        async fn resume(&self, transfer: TransferId) -> Result<(), SessionError>;
        async fn suspend(&self, transfer: TransferId) -> Result<(), SessionError>;
        async fn cancel(&self, transfer: TransferId) -> Result<(), SessionError>;
        async fn cancel_by_producing_resume_data(&self, transfer: TransferId) -> Result<Option<ResumeData>, SessionError>;
        async fn transfers(&self) -> Result<Vec<TransferInfo>, SessionError>;
        async fn finish_tasks_and_invalidate(&self);
        async fn invalidate_and_cancel(&self);
    }
}

almost! {
    /// A delegate like another: what stands between a service and the app.
    AlmostDelegate of Delegate {
        fn responds_to(&self, method: OptionalMethod) -> bool;
        async fn handle(&self, tasks: Vec<RefreshTask>);
        async fn did_receive_session_challenge(&self, session: &SessionId, challenge: Challenge, responder: Responder<ChallengeDisposition>);
        async fn did_receive_challenge(&self, session: &SessionId, transfer: TransferId, challenge: Challenge, responder: Responder<ChallengeDisposition>);
        async fn will_begin_delayed_request(&self, session: &SessionId, transfer: TransferId, request: Request, responder: Responder<DelayedRequestDisposition>);
        async fn did_receive_response(&self, session: &SessionId, transfer: TransferId, response: &Response, responder: Responder<ResponseDisposition>);
        async fn did_become_download(&self, session: &SessionId, transfer: TransferId);
        async fn did_receive_data(&self, session: &SessionId, transfer: TransferId, data: &[u8]);
        async fn did_write_data(&self, session: &SessionId, transfer: TransferId, written: u64, total: u64, expected: Option<u64>);
        async fn did_send_body_data(&self, session: &SessionId, transfer: TransferId, sent: u64, total: u64, expected: u64);
        async fn did_resume_at_offset(&self, session: &SessionId, transfer: TransferId, offset: u64, expected: Option<u64>);
        async fn did_finish_downloading(&self, session: &SessionId, transfer: TransferId, response: &Response, location: &FilePath);
        async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd);
        async fn did_finish_events(&self, session: &SessionId);
        async fn did_become_invalid(&self, session: &SessionId);
    }
}

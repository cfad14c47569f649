//! The scheduler: when the app is woken.

use async_trait::async_trait;

use super::{DeviceChange, RefreshTaskId, ScheduleError, SessionId, Time, UserInfo};

/// Why a session wants the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the documents name these three causes and exclude all others")]
pub enum WakeReason {
    /// All of the session's transfers have ended, well or badly.
    TransfersEnded,
    /// A server asks for a login that only the delegate can answer.
    AuthenticationNeeded,
    /// A transfer with an earliest begin date is ready and the delegate wants a say.
    DelayedRequestReady,
}

/// What became of a request to wake the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum WakeOutcome {
    /// The app's `handle` has begun with this task: the session may deliver its messages now.
    Handled(RefreshTaskId),
    /// The request was withdrawn.
    Withdrawn,
    /// No wakes until the user opens the app (after a force quit), or the scheduler has stopped.
    Suppressed,
}

/// Decides when the app is woken, and for how long.
///
/// It mints a refresh task for each wake and hands it to
/// [`AppProcess::deliver`](super::AppProcess::deliver); it keeps the budgets of
/// [`Policy`](super::Policy), delays what does not fit and loses nothing; it suspends the app once the last open task
/// has been completed, runs expiration handlers shortly before a task's allowance is used up, and ends the app when it
/// is.
///
/// A task counts for its budget from the call of `deliver`, and its allowance begins with its `handle`. A scheduler outlives
/// every process of the app's; it need not outlive the device's own restart, which is not part of this contract.
///
/// Source: `WKRefreshBackgroundTask`, `WKApplicationRefreshBackgroundTask`, *Using background tasks*.
#[async_trait]
pub trait Scheduler: Send + Sync {
    /// The app asks to be woken once, not before `preferred`, usually within a minute or two of it. Returns when it
    /// is scheduled, whether or not the wake ever comes. There is one slot: a new request replaces the last.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] says what the app, or its settings, did wrong; nothing is scheduled then.
    async fn schedule_background_refresh(
        &self,
        preferred: Time,
        user_info: Option<UserInfo>,
    ) -> Result<(), ScheduleError>;

    /// The same for a snapshot, in a slot of its own.
    ///
    /// # Errors
    ///
    /// As for [`Scheduler::schedule_background_refresh`].
    async fn schedule_snapshot_refresh(
        &self,
        preferred: Time,
        user_info: Option<UserInfo>,
    ) -> Result<(), ScheduleError>;

    /// A session wants the app woken. Waits as long as budget and conditions demand and returns once `handle` has
    /// begun with a task of kind [`RefreshKind::UrlSession`](super::RefreshKind::UrlSession) for exactly this
    /// identifier. Requests for one session that wait at the same time may share one task; those of different
    /// sessions never do, though their tasks may come in one set. Dropping the future withdraws nothing.
    async fn request_wake(&self, session: &SessionId, reason: WakeReason) -> WakeOutcome;

    /// What `session` wanted the app for has been settled meanwhile (the app ran for another reason): a request that
    /// still waits returns [`WakeOutcome::Withdrawn`] and costs no budget. With none waiting it does nothing, and a wake
    /// that is under way goes through. A service that has nothing left to tell says so with this; whatever it asked for in
    /// vain is a wake for nothing.
    fn withdraw_wake(&self, session: &SessionId);

    /// The app's process, the conditions or the system's wishes have changed. Must not block.
    fn device_changed(&self, change: &DeviceChange);
}

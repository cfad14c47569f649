//! The contract: what a scheduler, a session and a delegate promise one another.
//!
//! Three roles, each a trait that is object-safe through [`async_trait`](mod@async_trait):
//!
//! * [`Scheduler`] decides when the app is woken. It mints refresh tasks, keeps the budgets, watches the time
//!   allowance and suspends the app.
//! * [`Session`], opened through its [`TransferService`], moves bytes while the app sleeps and delivers messages
//!   about them.
//! * [`Delegate`] is the app's side of both.
//!
//! An [`ActionRunner`] stands before a delegate's `handle`: it runs closures for refresh tasks, as some frameworks do.
//!
//! Whoever implements a scheduler or a transfer service is handed a [`Device`]: its clock, its app process, its
//! network, its storage, the [`TaskMint`] and the [`Policy`]. An implementation takes time, network and files from
//! there and from nowhere else; that is what makes it testable in virtual time.
//!
//! # The life of one wake
//!
//! ```text
//! Session                      Scheduler                        app process (the Delegate)
//!    │  last transfer ends         │                                │ suspended, or not running
//!    ├─ request_wake(S) ──────────▶│  budget? conditions?           │
//!    │                             ├─ TaskMint::mint ─┐             │
//!    │                             ├─ AppProcess::deliver([task]) ─▶│ resumed or launched
//!    │                             │                                ├─ handle([task]) begins
//!    │◀──── WakeOutcome::Handled ──┤◀───────── Ok ──────────────────┤
//!    ├─ did_finish_downloading, did_complete, … one at a time ─────▶│
//!    ├─ did_finish_events ─────────────────────────────────────────▶│
//!    │                             │◀───── task.set_task_completed ─┤
//!    │                             ├─ AppProcess::suspend ─────────▶│ suspended
//! ```
//!
//! The order that matters: `handle` *begins* before the first message that the wake is about; every queued message
//! precedes `did_finish_events`; the app completes the task after that; suspension follows the last completion.
//!
//! # What an implementer must know about calls
//!
//! * Every method returns promptly and may be called from any task. The only ones that wait are
//!   [`Scheduler::request_wake`] (for the wake), [`AppProcess::deliver`] (for the app to start),
//!   [`Connection`]'s methods (for the app's callback) and the network's.
//! * [`Scheduler::device_changed`] and [`TransferService::device_changed`] are told of every change of the app's
//!   state and of the device's conditions, in order, and must not block.
//! * Nothing here panics for what a caller can cause; errors say whose doing it was.
//!
//! This module imports nothing from the rest of the crate, so it can be read, and one day split off, alone.
//!
//! # Sources
//!
//! The promises come from Apple's public documentation of `WKURLSessionRefreshBackgroundTask`,
//! `WKRefreshBackgroundTask`, `URLSession` and the articles *Using background tasks* and *Downloading files in the
//! background*. Where these contradict each other or are silent, [`Policy`] has a named switch.

mod actions;
mod app;
mod challenge;
mod conditions;
mod delegate;
mod device;
mod error;
mod ids;
mod policy;
mod refresh_task;
mod responder;
mod scheduler;
#[cfg(feature = "serde")]
mod seconds;
mod session;
mod throttle;
mod time;
mod transport;

pub use actions::{Action, ActionInput, ActionRun, ActionRunner, Cancellation, TaskPattern};
pub use app::{App, Launch, LaunchCause, Workload};
pub use challenge::{
    AuthenticationMethod, Challenge, ChallengeDisposition, Credential, Persistence, ProtectionSpace,
    ServerCertificate,
};
pub use conditions::{
    AppChange, AppClass, AppState, Conditions, DeviceChange, Link, SystemTrigger, Termination,
};
pub use delegate::{
    AppLife, Connection, DelayedRequestDisposition, Delegate, OptionalMethod, ResponseDisposition,
};
pub use device::{AppProcess, Clock, Device, FilePath, Hold, Spawn, Storage};
pub use error::{CancelReason, Interrupted, ScheduleError, SessionError, TransferError, TransportError};
pub use ids::{EmptyIdentifier, RefreshTaskId, SessionId, TransferId, UserInfo};
pub use policy::{
    Allotment, Allowances, AtAllowance, DiscretionaryStart, ForegroundRefresh, OverBudgetWakes, Policy,
    ResourceTimer, RetryPolicy, UnansweredChallenge, WakeEnd,
};
pub use refresh_task::{
    Completion, CompletionReport, RefreshKind, RefreshTask, SnapshotReason, SystemTask, TaskMint,
    TaskObserver,
};
pub use responder::{Answer, Responder, responder};
pub use scheduler::{Scheduler, WakeOutcome, WakeReason};
pub use session::{
    Configuration, Request, ResumeData, Session, SessionMode, TransferEnd, TransferInfo, TransferKind,
    TransferOptions, TransferService, TransferState,
};
pub use throttle::{Admission, Charge, Throttle};
pub use time::Time;
pub use transport::{
    ClientIdentity, HttpBody, HttpRequest, HttpResponse, Method, RequestBody, Response, TlsAnswers, Transport,
};

//! The vocabulary of histories.

use serde::{Deserialize, Serialize};

use super::message::{Answer, Message, Space};
use super::parts::{
    Completed, ExchangeOutcome, Listed, MessageId, Pattern, Phase, Reopening, ShownIdentity, SubjectFault,
    TaskRef, TransferKey,
};
use crate::contract::{
    AppChange, Charge, Conditions, RefreshKind, RefreshTaskId, SessionId, Time, TransferId, TransferKind,
    UserInfo, WakeOutcome, WakeReason,
};

/// One thing that was observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The app's process changed state.
    App {
        /// How.
        change: AppChange,
    },
    /// The device's conditions are now these.
    Conditions {
        /// All of them.
        conditions: Conditions,
    },
    /// The system wants a task of its own delivered.
    Triggered {
        /// Of this kind.
        kind: RefreshKind,
    },
    /// The app scheduled a refresh or a snapshot.
    Scheduled {
        /// In which slot; never `url_session`.
        slot: Charge,
        /// Not before this.
        preferred: Time,
        /// To come back with the task.
        user_info: UserInfo,
    },
    /// The call that scheduled it has returned. Before the first of these in a log, nothing is known of returns.
    ScheduleReturned {
        /// In which slot.
        slot: Charge,
        /// Of the request that it was about.
        user_info: UserInfo,
        /// It was scheduled; otherwise it was refused.
        accepted: bool,
    },
    /// The app opened a session.
    SessionOpened {
        /// Which.
        session: SessionId,
        /// Its configuration's `sends_launch_events`.
        launch_events: bool,
        /// Its configuration's `allows_cellular_access`.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        cellular: bool,
        /// Its configuration's `is_discretionary`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        discretionary: bool,
        /// It is no background session: its transfers are the app's own.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_process: bool,
        /// Its configuration's `maximum_connections_per_host`, if that is not six.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connections: Option<u32>,
        /// Its delegate has `did_receive_session_challenge`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        session_challenges: bool,
        /// Its delegate has `did_receive_challenge`.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        task_challenges: bool,
        /// Its delegate has `will_begin_delayed_request`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        decides: bool,
    },
    /// The app, or another process of its maker's, opened a session that the app has open already.
    SessionReopened {
        /// Which.
        session: SessionId,
        /// Another process did.
        #[serde(default)]
        elsewhere: bool,
        /// The second configuration's `sends_launch_events`.
        launch_events: bool,
        /// What came of it.
        outcome: Reopening,
    },
    /// Opening a session was refused, though the app has not got it open.
    SessionRefused {
        /// Which.
        session: SessionId,
    },
    /// The app asks for a session's outstanding transfers.
    Listing {
        /// Which session.
        session: SessionId,
    },
    /// They were listed.
    Listed {
        /// Which session.
        session: SessionId,
        /// In the order given.
        transfers: Vec<Listed>,
    },
    /// The app invalidates a session.
    Invalidating {
        /// Which.
        session: SessionId,
        /// With `invalidate_and_cancel`; else with `finish_tasks_and_invalidate`.
        cancel: bool,
    },
    /// A new transfer was refused, as one of an invalidated session is.
    TransferRefused {
        /// Of which session.
        session: SessionId,
    },
    /// A download was to go on from resume data that the service had given, and was refused.
    ResumeRefused {
        /// The transfer that was stopped.
        key: TransferKey,
    },
    /// The delegate of an invalidated session was let go, in the process that had invalidated it.
    DelegateReleased {
        /// Of which session.
        session: SessionId,
    },
    /// The app created a transfer.
    TransferCreated {
        /// Which.
        #[serde(flatten)]
        key: TransferKey,
        /// What it does.
        kind: TransferKind,
        /// The address it asks for.
        url: String,
        /// No network activity before this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earliest: Option<Time>,
        /// The resource timeout of its session, in milliseconds.
        resource_timeout: u64,
        /// The request timeout of its session, in milliseconds.
        #[serde(default = "minute")]
        request_timeout: u64,
        /// The transfer of the same session whose resume data it was created from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continues: Option<TransferId>,
        /// Bytes of the file that it uploads.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// The app's own text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The app came to the front, or left it, while the call that created it ran.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        torn: bool,
    },
    /// The app has tried to create a transfer that a background session must not make.
    Attempted {
        /// In which session.
        session: SessionId,
        /// What it wanted: `a download of …`, `the upload of …`.
        attempt: String,
        /// The transfer, if it was not refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<TransferId>,
    },
    /// The app suspended a transfer: the call has returned.
    TransferSuspended {
        /// Which.
        #[serde(flatten)]
        key: TransferKey,
    },
    /// The app resumes a transfer: the call begins.
    TransferResumed {
        /// Which.
        #[serde(flatten)]
        key: TransferKey,
    },
    /// The app cancels a transfer: the call begins.
    TransferCancelled {
        /// Which.
        #[serde(flatten)]
        key: TransferKey,
        /// It asks for resume data.
        #[serde(default)]
        keeping: bool,
    },
    /// That call has returned.
    CancelReturned {
        /// Which.
        #[serde(flatten)]
        key: TransferKey,
        /// With resume data.
        #[serde(default)]
        resume_data: bool,
    },
    /// A session asked the scheduler for a wake.
    WakeRequested {
        /// Which session.
        session: SessionId,
        /// Why.
        reason: WakeReason,
    },
    /// A session took its request back: what it wanted the app for has been settled.
    WakeWithdrawn {
        /// Which session.
        session: SessionId,
    },
    /// The scheduler answered.
    WakeResolved {
        /// Which session.
        session: SessionId,
        /// What became of it.
        outcome: WakeOutcome,
    },
    /// A refresh task was made.
    TaskMinted {
        /// Its identity.
        task: RefreshTaskId,
        /// Its kind.
        kind: RefreshKind,
    },
    /// The app's `handle` began.
    HandleBegan {
        /// With these.
        tasks: Vec<TaskRef>,
    },
    /// The app set an expiration handler.
    ExpirationHandlerSet {
        /// On this task.
        task: RefreshTaskId,
    },
    /// The app completed a task.
    TaskCompleted {
        /// Which.
        task: RefreshTaskId,
        /// It had been completed before: the app's fault.
        #[serde(default)]
        repeated: bool,
        /// In which form.
        #[serde(default, skip_serializing_if = "Completed::is_plain")]
        how: Completed,
    },
    /// The system called for a task's expiration handler.
    ExpirationCalled {
        /// Which task.
        task: RefreshTaskId,
        /// It had not been completed.
        open: bool,
        /// A handler was set and ran.
        handler: bool,
    },
    /// A delegate method began.
    MessageBegan {
        /// Which delivery.
        id: MessageId,
        /// Whose.
        session: SessionId,
        /// About which transfer, if about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transfer: Option<TransferId>,
        /// It went to the delegate of a second session object.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        second: bool,
        /// What it says.
        #[serde(flatten)]
        message: Message,
    },
    /// A delegate method returned: the message has been delivered.
    MessageReturned {
        /// Which delivery.
        id: MessageId,
    },
    /// A delegate method was cut short, by the end of the process or by its caller: not delivered.
    MessageInterrupted {
        /// Which delivery.
        id: MessageId,
    },
    /// The app answered a challenge, a delayed request or the response of a data transfer.
    Answered {
        /// The delivery that asked.
        id: MessageId,
        /// What it said.
        answer: Answer,
        /// Which credential it gave, if one, without its secret: the user's name, `token` or `trust`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<String>,
        /// Method and address of the new request that it gave, if one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    /// A request went out.
    RequestSent {
        /// Its number.
        exchange: u32,
        /// For which transfer, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<TransferKey>,
        /// Method and address.
        request: String,
        /// First byte asked for, if a range was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        range: Option<u64>,
        /// The server that it went to, where that is not the one that the app named: host and port, with the scheme
        /// unless that is `http`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// Bytes of the body that went with it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<u64>,
        /// Scheme of the credential it carried, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<String>,
        /// It went to a server that the device does not trust.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        trusts: bool,
        /// What it had for a server that asks for a client certificate.
        #[serde(default, skip_serializing_if = "ShownIdentity::is_undecided")]
        identity: ShownIdentity,
    },
    /// The head of an answer arrived.
    ResponseHead {
        /// Of which exchange.
        exchange: u32,
        /// Its status.
        status: u16,
        /// It carried a challenge.
        #[serde(default)]
        challenge: bool,
        /// It carried the `http` or `https` address, perhaps a relative one, that it leads to.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        redirects: bool,
        /// It is a 206 whose range ends before the resource does.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        short: bool,
        /// The protection spaces that its challenge offers, in the order given; none if that is not known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        offers: Vec<Space>,
    },
    /// An exchange ended.
    ExchangeEnded {
        /// Which.
        exchange: u32,
        /// How.
        outcome: ExchangeOutcome,
        /// Body bytes that arrived.
        received: u64,
        /// A 64-bit digest of them.
        digest: u64,
        /// When the last of them arrived.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_byte: Option<Time>,
    },
    /// What lies at the address of a transfer from now on: said at its first request and at each change.
    Resource {
        /// Which transfer asks for it.
        #[serde(flatten)]
        key: TransferKey,
        /// Its length in bytes.
        size: u64,
        /// A 64-bit digest of it.
        digest: u64,
    },
    /// The app moved the file that it was given, in the callback that gave it.
    FileMoved {
        /// The delivery that gave it.
        id: MessageId,
    },
    /// The app looked for a file some time after the callback that gave it: where it had moved it, else where it had
    /// been given it.
    FileLooked {
        /// The delivery that gave it.
        id: MessageId,
        /// Bytes in the file; `None` if there is none.
        size: Option<u64>,
        /// A 64-bit digest of them.
        digest: Option<u64>,
    },
    /// The app used a file that a callback had given it, where it had been given it.
    FileUsed {
        /// The delivery that gave it.
        id: MessageId,
    },
    /// The user wants these downloads, all of them together.
    Wanted {
        /// In which session.
        session: SessionId,
        /// Their addresses.
        urls: Vec<String>,
    },
    /// The app began to work on a result, beside or inside the callback that brought it.
    WorkBegan {
        /// Which piece of work, numbered from 1.
        work: u32,
        /// For which session.
        session: SessionId,
        /// For which transfer, if for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transfer: Option<TransferId>,
    },
    /// A piece of work is done.
    WorkEnded {
        /// Which.
        work: u32,
    },
    /// The device's clock leaps ahead, as over a sleep of the whole device: nothing happens in that time, and whatever was
    /// to happen then is late.
    ClockLeaps {
        /// By so many milliseconds, from this entry's time on.
        millis: u64,
    },
    /// The app's code begins to use all the CPU time that it gets, or ceases to; it ceases with the process, too.
    Computing {
        /// It begins to.
        on: bool,
    },
    /// A launched process has registered a closure for refresh tasks.
    ActionRegistered {
        /// Which closure, numbered from 1.
        action: u32,
        /// Which tasks it is for.
        pattern: Pattern,
    },
    /// A closure began to run.
    ActionBegan {
        /// Which run, numbered from 1.
        run: u32,
        /// Of which closure.
        action: u32,
        /// For which task.
        task: RefreshTaskId,
    },
    /// A run that had not returned was cancelled.
    ActionCancelled {
        /// Which.
        run: u32,
        /// It was not told, but dropped: it runs no more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dropped: bool,
    },
    /// A closure returned.
    ActionReturned {
        /// Which run.
        run: u32,
    },
    /// The app's own code panicked; its process ends with that.
    AppPanicked {
        /// In which of its methods.
        what: String,
        /// What it said, and where.
        message: String,
    },
    /// The subject misbehaved outside of every rule.
    Fault {
        /// How.
        #[serde(flatten)]
        fault: SubjectFault,
    },
    /// A part of the scenario begins.
    Phase {
        /// Which.
        phase: Phase,
    },
}

/// The documented default of the request timeout, for logs that do not say.
const fn minute() -> u64 {
    60_000
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_yes(it: &bool) -> bool {
    *it
}

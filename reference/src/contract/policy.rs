//! Every number and every open question in one place.

use std::time::Duration;

use super::{AppClass, Charge, RefreshKind};

/// Deliveries per hour by how prominent the app is (contradiction X4: newer pages give apps without a complication on
/// the face nothing at all, older ones promise dock apps one per hour).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[expect(clippy::exhaustive_structs, reason = "a plain table of numbers")]
pub struct Allotment {
    /// With a complication on the active face.
    pub complication_on_face: u32,
    /// In the dock.
    pub dock: u32,
    /// Neither.
    pub other: u32,
}

impl Allotment {
    /// The number for one class.
    #[must_use]
    pub const fn per_hour(&self, class: AppClass) -> u32 {
        match class {
            AppClass::ComplicationOnFace => self.complication_on_face,
            AppClass::Dock => self.dock,
            AppClass::Other => self.other,
        }
    }
}

/// How long an app may keep a task of each kind open. The pages say "seconds"; a talk says 15 s for application
/// refresh and URL sessions, and that the other kinds get somewhat less, without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[expect(clippy::exhaustive_structs, reason = "a plain table of numbers")]
pub struct Allowances {
    /// URL-session tasks.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub url_session: Duration,
    /// Application-refresh tasks.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub application_refresh: Duration,
    /// Snapshot tasks.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub snapshot: Duration,
    /// All other kinds.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub other: Duration,
    /// More of it for a task that had to launch the app (contradiction X13: kills after 15 s and after 25 s).
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub cold_start_extra: Duration,
}

impl Allowances {
    /// The allowance of one task.
    #[must_use]
    pub fn of(&self, kind: &RefreshKind, cold: bool) -> Duration {
        let warm = match kind {
            RefreshKind::UrlSession(_) => self.url_session,
            RefreshKind::ApplicationRefresh => self.application_refresh,
            RefreshKind::Snapshot(_) => self.snapshot,
            RefreshKind::WatchConnectivity
            | RefreshKind::BluetoothAlert
            | RefreshKind::IntentDidRun
            | RefreshKind::RelevantShortcut => self.other,
        };
        if cold { warm + self.cold_start_extra } else { warm }
    }
}

/// Contradiction X1: what becomes of an application refresh that falls due while the app is in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the two readings of the documents")]
pub enum ForegroundRefresh {
    /// It is disregarded, as `scheduleBackgroundRefresh` says.
    Disregard,
    /// It is delivered, as *Using background tasks* allows.
    Deliver,
}

/// Contradiction X2: what happens to an app that used up its allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the two readings of the documents")]
pub enum AtAllowance {
    /// It is ended.
    Terminate,
    /// It is suspended.
    Suspend,
}

/// Contradiction X3: when an app may complete a URL-session task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the two readings of the documents")]
pub enum WakeEnd {
    /// When its session's `did_finish_events` has come, as *Downloading files in the background* has it.
    DrainSignal,
    /// When the last message about the last outstanding transfer has come, as *Using background tasks* has it.
    LastMessage,
}

/// Contradiction X14: from when the resource timeout counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the two readings of the documents")]
pub enum ResourceTimer {
    /// From the first `resume`; waiting for the earliest begin date uses it up.
    FromResume,
    /// From the earliest begin date, if there is one and it is later.
    FromEarliestBegin,
}

/// Gap U4: what becomes of several over-budget wakes of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the two readings of the silence")]
pub enum OverBudgetWakes {
    /// One task answers them all.
    Merge,
    /// Each gets its own.
    Queue,
}

/// What becomes of a discretionary transfer in bad conditions: the pages say that the system *may* wait for better ones
/// (facts E14, E16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the two readings of the documents")]
pub enum DiscretionaryStart {
    /// It is held until the conditions are good, for [`Policy::discretionary_hold`] or until it gets urgent.
    HeldForConditions,
    /// It may begin at any moment.
    AtAnyMoment,
}

/// Gap U6: a challenge that the app left unanswered when its wake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the two readings of the silence")]
pub enum UnansweredChallenge {
    /// Offered again when a new process opens the session.
    OfferAgain,
    /// Left to fail at the resource timeout.
    LeaveToTimeout,
}

/// Gap U15: how the service spaces its own retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[expect(clippy::exhaustive_structs, reason = "a plain table of numbers")]
pub struct RetryPolicy {
    /// Before the first retry.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub floor: Duration,
    /// Each further wait is this many times longer.
    pub factor: u32,
    /// No wait is longer than this.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub cap: Duration,
}

/// The numbers of the documents, each with its documented default, and a named switch for each contradiction and gap.
///
/// ```
/// use bgsession_reference::contract::Policy;
///
/// let strict = Policy { connections_per_host: 1, ..Policy::default() };
/// assert_eq!(strict.allowances.url_session.as_secs(), 15);
/// ```
///
/// As data (feature `serde`) all times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[expect(clippy::exhaustive_structs, reason = "a table of numbers, built with struct update syntax")]
pub struct Policy {
    /// Application-refresh tasks per hour ("roughly four").
    pub refreshes: Allotment,
    /// URL-session tasks per hour ("up to four").
    pub session_wakes: Allotment,
    /// Snapshots that the app asked for per hour.
    pub snapshots: Allotment,
    /// The window that the three budgets are kept in.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub budget_window: Duration,
    /// Wall time for a task.
    pub allowances: Allowances,
    /// CPU time for a task.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub cpu_allowance: Duration,
    /// How long before the end of the allowance the expiration handler runs (gap U12).
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub expiration_lead: Duration,
    /// How late the end of the allowance may be enforced.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub termination_slack: Duration,
    /// How late an app without open tasks may be suspended.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub suspension_slack: Duration,
    /// How late a wake that budget and conditions allow may come (the pages: a minute or two, ten when busy).
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub delivery_slack: Duration,
    /// Connections per host for sessions that do not ask for fewer.
    pub connections_per_host: u32,
    /// The service's own retries.
    pub retry: RetryPolicy,
    /// The resume-rate limiter's first delay (gap U9: described for another platform). `None` switches it off.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds::or_none"))]
    pub limiter_floor: Option<Duration>,
    /// What each resume or relaunch multiplies the limiter's delay by.
    pub limiter_factor: u32,
    /// How long a discretionary transfer is held for better conditions; less if its time is short. The pages give no
    /// number.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub discretionary_hold: Duration,
    /// How late a transfer may begin that nothing holds ("normally at once, rarely put off by up to ten minutes").
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub start_slack: Duration,
    /// Bluetooth alerts in a rolling day.
    pub bluetooth_alerts_per_day: u32,
    /// When the next snapshot comes if a snapshot task is completed with `snapshot: true`.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub snapshot_interval: Duration,
    /// The longest chain of redirects that is followed.
    pub redirect_limit: u32,
    /// X1.
    pub foreground_refresh: ForegroundRefresh,
    /// X2.
    pub at_allowance: AtAllowance,
    /// X3.
    pub wake_end: WakeEnd,
    /// X14.
    pub resource_timer: ResourceTimer,
    /// What discretion means.
    pub discretionary_start: DiscretionaryStart,
    /// U4.
    pub over_budget_wakes: OverBudgetWakes,
    /// U6.
    pub unanswered_challenge: UnansweredChallenge,
}

impl Default for Policy {
    fn default() -> Self {
        let per_hour = |dock| Allotment { complication_on_face: 4, dock, other: 0 };
        let allowance = Duration::from_secs(15);
        Self {
            refreshes: per_hour(1),
            session_wakes: per_hour(1),
            snapshots: per_hour(1),
            budget_window: Duration::from_secs(3_600),
            allowances: Allowances {
                url_session: allowance,
                application_refresh: allowance,
                snapshot: allowance,
                other: allowance,
                cold_start_extra: Duration::ZERO,
            },
            cpu_allowance: Duration::from_secs(4),
            expiration_lead: Duration::from_secs(2),
            termination_slack: Duration::from_secs(1),
            suspension_slack: Duration::from_secs(5),
            delivery_slack: Duration::from_secs(600),
            connections_per_host: 6,
            retry: RetryPolicy { floor: Duration::from_secs(1), factor: 2, cap: Duration::from_secs(300) },
            limiter_floor: None,
            limiter_factor: 2,
            discretionary_hold: Duration::from_secs(3_600),
            start_slack: Duration::from_secs(600),
            bluetooth_alerts_per_day: 5,
            snapshot_interval: Duration::from_secs(3_600),
            redirect_limit: 16,
            foreground_refresh: ForegroundRefresh::Disregard,
            at_allowance: AtAllowance::Terminate,
            wake_end: WakeEnd::DrainSignal,
            resource_timer: ResourceTimer::FromResume,
            discretionary_start: DiscretionaryStart::HeldForConditions,
            over_budget_wakes: OverBudgetWakes::Merge,
            unanswered_challenge: UnansweredChallenge::OfferAgain,
        }
    }
}

impl Policy {
    /// How many deliveries of a kind an app of this class may get per hour.
    #[must_use]
    pub const fn per_hour(&self, charge: Charge, class: AppClass) -> u32 {
        match charge {
            Charge::ApplicationRefresh => self.refreshes.per_hour(class),
            Charge::UrlSession => self.session_wakes.per_hour(class),
            Charge::Snapshot => self.snapshots.per_hour(class),
        }
    }
}

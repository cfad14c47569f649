//! What the device is like at the moment, and what can change.

use super::RefreshKind;

/// The state of the app's process. Source: *Handling common state transitions*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the platform's five states; an implementer must treat each")]
pub enum AppState {
    /// No process.
    NotRunning,
    /// In memory, not executing.
    Suspended,
    /// Executing without being visible.
    Background,
    /// Visible, not receiving events.
    Inactive,
    /// Visible and in use.
    Active,
}

impl AppState {
    /// Is the app's code executing?
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Background | Self::Inactive | Self::Active)
    }

    /// Is the app in front of the user?
    #[must_use]
    pub const fn is_foreground(self) -> bool {
        matches!(self, Self::Inactive | Self::Active)
    }
}

/// How an app that used up its allowance was ended. Source: *SIGKILL* termination codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Termination {
    /// `0xc51bad01`: too much CPU time.
    Cpu,
    /// `0xc51bad02`: a task was not completed within its wall allowance.
    Wall,
    /// `0xc51bad03`: not completed in time, but the system was too busy to hold that against the app.
    Starved,
}

/// What happened to the app's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AppChange {
    /// The user opened the app: launched or brought to the front.
    Foregrounded,
    /// The user left the app; its code goes on until it is suspended.
    Backgrounded,
    /// Launched in the background by [`AppProcess::deliver`](super::AppProcess::deliver).
    Launched,
    /// Resumed in the background by [`AppProcess::deliver`](super::AppProcess::deliver).
    Resumed,
    /// Suspended by [`AppProcess::suspend`](super::AppProcess::suspend).
    Suspended,
    /// Removed from memory while suspended; the app was not told.
    Purged,
    /// Ended by its own fault.
    Crashed,
    /// Ended by the user's force quit: background transfers are cancelled, no wakes until the user opens the app.
    ForceQuit,
    /// Ended by [`AppProcess::terminate`](super::AppProcess::terminate).
    Terminated(Termination),
}

impl AppChange {
    /// The state of the process after this change.
    #[must_use]
    pub const fn state(self) -> AppState {
        match self {
            Self::Foregrounded => AppState::Active,
            Self::Backgrounded | Self::Launched | Self::Resumed => AppState::Background,
            Self::Suspended => AppState::Suspended,
            Self::Purged | Self::Crashed | Self::ForceQuit | Self::Terminated(_) => AppState::NotRunning,
        }
    }
}

/// The network at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Link {
    /// None.
    Offline,
    /// Cellular only.
    Cellular,
    /// Wi-Fi, or the paired phone.
    Wifi,
}

/// How prominent the app is: budgets depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AppClass {
    /// It has a complication on the active watch face.
    ComplicationOnFace,
    /// It is in the dock.
    Dock,
    /// Neither.
    Other,
}

/// The device's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Conditions {
    /// The network at hand.
    pub link: Link,
    /// How prominent the app is.
    pub class: AppClass,
    /// The battery is low: budgeted wakes are held back.
    pub low_power: bool,
    /// A workout or navigation runs: budgeted wakes are held back.
    pub busy: bool,
    /// On the charger and on Wi-Fi: discretionary transfers may run.
    pub favourable: bool,
    /// So much else runs that the app may have had little CPU time: an allowance that is overrun now is not held against
    /// it ([`Termination::Starved`]).
    #[cfg_attr(feature = "serde", serde(default))]
    pub starved: bool,
}

impl Default for Conditions {
    /// Wi-Fi, a complication on the face, nothing in the way.
    fn default() -> Self {
        Self {
            link: Link::Wifi,
            class: AppClass::ComplicationOnFace,
            low_power: false,
            busy: false,
            favourable: true,
            starved: false,
        }
    }
}

/// Something other than a scheduled date that asks for a refresh task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemTrigger {
    /// The task that the system wants delivered; never [`RefreshKind::UrlSession`], which sessions ask for.
    pub kind: RefreshKind,
}

impl SystemTrigger {
    /// The system wants a task of this kind delivered.
    #[must_use]
    pub const fn new(kind: RefreshKind) -> Self {
        Self { kind }
    }
}

/// A change that schedulers and transfer services are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceChange {
    /// The app's process changed state.
    App(AppChange),
    /// The conditions are now these.
    Conditions(Conditions),
    /// The system asks for a task of its own.
    Trigger(SystemTrigger),
}

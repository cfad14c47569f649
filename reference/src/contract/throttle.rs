//! The smallest part that can be replaced: what decides whether a wake fits the budget.

use super::Time;

/// What a delivery is charged to: each has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three budgets that the documents name; a throttle must treat each"
)]
pub enum Charge {
    /// An application-refresh task.
    ApplicationRefresh,
    /// A URL-session task.
    UrlSession,
    /// A snapshot that the app asked for; those the system starts are free.
    Snapshot,
}

impl Charge {
    /// All three.
    pub const ALL: [Self; 3] = [Self::ApplicationRefresh, Self::UrlSession, Self::Snapshot];
}

/// A throttle's word on one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "yes, or not before")]
pub enum Admission {
    /// Deliver now; it has been charged.
    Admitted,
    /// Not before this moment, when it must be asked for again. Nothing was charged.
    NotBefore(Time),
}

/// Decides whether a wake fits its budget: at most `per_hour` deliveries of a kind in any hour.
///
/// The promise is about *any* hour, not about the one on the wall: a bucket that saves up credit, or a counter that is
/// reset on the hour, lets more through around the edge. A window is half open: a delivery exactly one hour after
/// another is not in the same hour. Source: `WKURLSessionRefreshBackgroundTask` ("up to four … per hour"),
/// `WKApplicationRefreshBackgroundTask`, *Preparing to take your watchOS app's snapshot*.
pub trait Throttle: Send {
    /// May one more task be delivered at `now`? Called with times that never decrease. With `per_hour` zero the
    /// answer is [`Admission::NotBefore`] [`Time::DISTANT_FUTURE`].
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission;
}

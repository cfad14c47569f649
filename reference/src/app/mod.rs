//! Apps that handle their wakes as the documents ask: patterns to copy, one for each style.
//!
//! All of them keep the same few promises, and differ in how they know that a wake has been served:
//!
//! * every refresh task is completed, once, and in its expiration handler if nothing else has done so before;
//! * a URL-session task stays open until its session's messages have been delivered and dealt with;
//! * sessions are opened again at every launch, and never a second time;
//! * a downloaded file is moved inside its callback;
//! * a credential that was refused is not offered again.

mod common;
mod events_signal;
mod in_closures;
mod outstanding_count;
mod processing;
mod refreshes;
mod refreshing;

pub use events_signal::EventsSignal;
pub use in_closures::InClosures;
pub use outstanding_count::OutstandingCount;
pub use processing::Processing;
pub use refreshing::Refreshing;

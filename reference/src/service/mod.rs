//! Moves bytes while the app sleeps, and delivers the messages about them: the driver around [`ServiceMachine`].

mod address;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod any_bytes;
mod auth;
mod data;
mod driver;
mod env;
mod exchange;
mod flow;
mod handle;
mod hops;
#[cfg(test)]
mod late_tests;
mod limiter;
mod line;
mod logins;
mod machine;
#[cfg(test)]
mod machine_tests;
mod phase;
mod questions;
mod queue;
mod ranges;
mod requests;
mod resume_data;
mod session;
mod transfer;
mod trust;
#[cfg(test)]
mod unseen_tests;
mod wake;

pub use driver::ReferenceService;
pub use env::{Delivery, ExchangeId, Outgoing, Output, SessionKey};
pub use hops::Wanted;
pub use machine::ServiceMachine;
pub use phase::{Event, Phase};
pub use queue::Call;
pub use session::NewTransfer;

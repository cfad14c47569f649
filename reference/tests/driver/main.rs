//! The references on a small hand-driven device: clock, app and origin are the test's.
#![expect(clippy::unwrap_used, reason = "the device of a test: what it locks is never poisoned")]

mod data;
mod executor;
mod logins;
mod origin;
#[cfg(feature = "https")]
mod secure;
mod transfers;
mod waits;
mod wakes;
#[cfg(feature = "http")]
mod wire;
mod world;

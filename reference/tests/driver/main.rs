//! The references on a small hand-driven device: clock, app and origin are the test's.

mod executor;
mod origin;
mod transfers;
mod wakes;
mod world;

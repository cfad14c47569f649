//! The kit's own tests: see the crate's sources for what is judged.

mod any_bytes;
mod caught;
mod delegates;
mod judged;
mod lawful;
mod premise;
mod repeat;
mod shortest;
mod structure;
mod whole;

//! The subjects that the kit itself is tested with.
//!
//! * [`mutants`]: implementations that break one promise each, made by wrapping the reference's parts. A rule that
//!   does not catch its mutants is not to be trusted.
//! * [`apps`]: apps that do one thing wrong each, and one that does not.
//! * [`closures`]: what runs closures, wrong and right.
//! * [`lawful`]: implementations that differ from the reference and break nothing. A rule that fails one of them
//!   raises a false alarm, which is worse than a miss.
//! * [`whole`]: subjects that are wrong, or odd, as a whole: one that does nothing, one that panics, one on threads.
//!
//! The tests are in the folder `it`, next to this crate's sources.

pub mod apps;
pub mod closures;
pub mod lawful;
pub mod mutants;
mod parts;
pub mod readers;
pub mod whole;

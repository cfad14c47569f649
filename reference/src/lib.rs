//! The contract for background URL sessions that wake an app, and a reference implementation of it.

pub mod contract;

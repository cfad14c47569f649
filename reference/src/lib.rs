//! The contract for background URL sessions that wake an app, and a reference implementation of it.
//!
//! * [`contract`]: what a scheduler, a session and a delegate promise one another.
//! * [`scheduler`]: decides when the app is woken, and for how long.
//! * [`service`]: moves bytes while the app sleeps, and delivers the messages about them.
//! * [`actions`]: runs closures for refresh tasks, the other way of handling wakes.
//! * [`app`]: apps that handle their wakes as the documents ask, one for each style.
//! * [`throttle`], [`storage`] and `http`: the parts that a device can be built from.
//!
//! Both roles are written sans-IO: a pure machine takes inputs and the time, and gives outputs and its next deadline;
//! one thin driver around it owns the tasks, the clock and the app. The machines are public, so that they can be
//! driven without a runtime.

pub mod actions;
pub mod app;
pub mod contract;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "https")]
pub mod https;
pub mod scheduler;
pub mod service;
pub mod storage;
pub mod throttle;
mod timer;

/// The README's example, compiled with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! A conformance kit for background URL sessions that wake an app.
//!
//! You have a scheduler, a transfer service or a throttle; the watchOS documents for
//! `WKURLSessionRefreshBackgroundTask` say what such a thing promises. Implement the traits of [`contract`], say how to
//! boot it with a [`Subject`], and the kit plays everything around it, in virtual time, with generated scenarios. What
//! was observed is a [`History`](history::History); [rules] judge histories; a broken rule comes back with the
//! shortest scenario that breaks it and a timeline.
//!
//! ```
//! use std::time::Duration;
//! use bgsession_conformance::contract::{Admission, Charge, Throttle, Time};
//! use bgsession_conformance::{Options, Subject, World, run};
//!
//! /// Deliveries of a kind at equal distances: with four in an hour, one in any quarter.
//! #[derive(Default)]
//! struct CoolDown([Option<Time>; 3]);
//!
//! impl Throttle for CoolDown {
//!     fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
//!         if per_hour == 0 {
//!             return Admission::NotBefore(Time::DISTANT_FUTURE);
//!         }
//!         let last = &mut self.0[charge as usize];
//!         let next = last.map_or(Time::ZERO, |last| last + Duration::from_secs(3_600) / per_hour);
//!         if now < next {
//!             return Admission::NotBefore(next);
//!         }
//!         *last = Some(now);
//!         Admission::Admitted
//!     }
//! }
//!
//! let subject = Subject::throttle("cool-down", |_policy| Box::new(CoolDown::default()));
//! let options = Options { worlds: vec![World::Sim], ..Options::default() };
//! let report = run(&subject, &options)?;
//! assert!(report.passed(), "{report}");
//! # Ok::<(), bgsession_conformance::RunError>(())
//! ```
//!
//! In a test file, [`suite!`] makes one `#[test]` of each rule that binds the subject's role.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "rules and renderers pick the few events that they are about; a new event is none of theirs until they say so"
)]

pub use bgsession_mock_server as mock_server;
pub use bgsession_reference::contract;

pub mod history;
pub mod logs;
pub mod readings;
mod report;
pub mod rules;
mod runner;
pub mod scenario;
mod subject;
mod suite;
mod verdict;
mod world;

pub use report::{mermaid, timeline};
pub use runner::{DEFAULT_SEED, Options, Player, Progress, RegressionError, RunError, play, run};
pub use subject::{Capability, Role, Subject};
pub use suite::{check, check_all};
pub use verdict::{Failure, Fault, ReplayWith, Report, Row, Verdict, WorldReport};
pub use world::World;

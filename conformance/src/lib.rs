//! Under construction.

pub use bgsession_mock_server as mock_server;
pub use bgsession_reference::contract;

pub mod history;
mod report;
pub mod rules;
mod runner;
pub mod scenario;
mod subject;
mod suite;
mod verdict;
mod world;

pub use report::timeline;
pub use runner::{DEFAULT_SEED, Options, Player, Progress, RegressionError, ReplayWith, RunError, play, run};
pub use subject::{Role, Subject};
pub use suite::{check, check_all};
pub use verdict::{Failure, Fault, Report, Row, Verdict, WorldReport};
pub use world::World;

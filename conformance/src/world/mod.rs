//! The world around a subject: clock, app, network, storage, and one scenario played in it.

mod app;
mod clock;
mod conduct;
mod control;
mod cpu;
mod data;
mod delayed;
mod files;
mod guard;
mod guest;
mod host;
mod invalid;
mod network;
mod places;
mod player;
mod process;
mod recording;
mod tasks;
#[cfg(feature = "http")]
mod wire;
#[cfg(not(feature = "http"))]
#[path = "no_wire.rs"]
mod wire;

pub(crate) use clock::Clock;
pub(crate) use host::Worker;
pub(crate) use tasks::Spawner;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a scenario is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "there are two")]
pub enum World {
    /// An origin in memory.
    Sim,
    /// A real HTTP client against wiremock, and a scripted TCP server, on loopback.
    Http,
}

impl World {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sim, Self::Http];

    /// Those that this build of the kit has: both, or `sim` alone without the feature `http`.
    #[must_use]
    pub const fn available() -> &'static [Self] {
        if cfg!(feature = "http") { &[Self::Sim, Self::Http] } else { &[Self::Sim] }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

//! Implementations that break one promise each, and which rule must say so.
//!
//! Each is the reference with one part wrapped, replaced or lied to; there are no switches in the reference itself. The
//! comment on each says what somebody would have to get wrong to write it.

mod actions;
mod alerts;
mod allowance;
mod answers;
mod apps_callbacks;
mod apps_drains;
mod apps_sessions;
mod apps_tasks;
mod budget;
mod challenges;
mod cpu;
mod cuts;
mod data;
mod delayed;
mod delivery;
mod discretion;
mod drains;
mod expiration;
mod files;
mod handling;
mod held;
mod identity;
mod invalid;
mod keepalive;
mod kept;
mod leaps;
mod limiter;
mod links;
mod lists;
mod logins;
mod lost_wakes;
mod own;
mod pauses;
mod progress;
mod queue;
mod quits;
mod retries;
mod seconds;
mod servers;
mod slots;
mod snapshots;
mod system;
mod transfers;
mod uploads;
mod visits;
mod wakes;

use std::fmt;

use bgsession_conformance::Subject;

/// One mutant.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Mutant {
    /// What it is called, also in its failures.
    pub name: &'static str,
    /// The rules that must fail it, in each run and whatever the seed.
    pub owners: &'static [&'static str],
    /// Rules that it breaks too, now and then.
    pub also: &'static [&'static str],
    /// Why its owners do not see it yet. It is an error if they do: then this is to be deleted.
    pub unseen: Option<&'static str>,
    make: fn(&'static str) -> Subject,
}

impl Mutant {
    const fn new(
        name: &'static str,
        owners: &'static [&'static str],
        make: fn(&'static str) -> Subject,
    ) -> Self {
        Self { name, owners, also: &[], unseen: None, make }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    #[expect(dead_code, reason = "at present every owner sees its mutants")]
    const fn unseen(self, why: &'static str) -> Self {
        Self { unseen: Some(why), ..self }
    }

    /// The subject to be judged.
    #[must_use]
    pub fn subject(&self) -> Subject {
        (self.make)(self.name)
    }
}

impl fmt::Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutant({} → {})", self.name, self.owners.join(", "))
    }
}

/// Every group of mutants, by what they get wrong.
pub static GROUPS: &[(&str, &[Mutant])] = &[
    ("handling", handling::MUTANTS),
    ("identity", identity::MUTANTS),
    ("keepalive", keepalive::MUTANTS),
    ("expiration", expiration::MUTANTS),
    ("budget", budget::MUTANTS),
    ("wakes", wakes::MUTANTS),
    ("lost_wakes", lost_wakes::MUTANTS),
    ("delivery", delivery::MUTANTS),
    ("transfers", transfers::MUTANTS),
    ("uploads", uploads::MUTANTS),
    ("visits", visits::MUTANTS),
    ("kept", kept::MUTANTS),
    ("drains", drains::MUTANTS),
    ("logins", logins::MUTANTS),
    ("slots", slots::MUTANTS),
    ("leaps", leaps::MUTANTS),
    ("links", links::MUTANTS),
    ("pauses", pauses::MUTANTS),
    ("progress", progress::MUTANTS),
    ("retries", retries::MUTANTS),
    ("files", files::MUTANTS),
    ("cuts", cuts::MUTANTS),
    ("system", system::MUTANTS),
    ("held", held::MUTANTS),
    ("allowance", allowance::MUTANTS),
    ("cpu", cpu::MUTANTS),
    ("alerts", alerts::MUTANTS),
    ("snapshots", snapshots::MUTANTS),
    ("lists", lists::MUTANTS),
    ("quits", quits::MUTANTS),
    ("invalid", invalid::MUTANTS),
    ("seconds", seconds::MUTANTS),
    ("answers", answers::MUTANTS),
    ("discretion", discretion::MUTANTS),
    ("queue", queue::MUTANTS),
    ("challenges", challenges::MUTANTS),
    ("limiter", limiter::MUTANTS),
    ("delayed", delayed::MUTANTS),
    ("data", data::MUTANTS),
    ("own", own::MUTANTS),
    ("servers", servers::MUTANTS),
    ("apps_tasks", apps_tasks::MUTANTS),
    ("apps_drains", apps_drains::MUTANTS),
    ("apps_sessions", apps_sessions::MUTANTS),
    ("apps_callbacks", apps_callbacks::MUTANTS),
    ("actions", actions::MUTANTS),
];

/// Every mutant.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    GROUPS.iter().flat_map(|(_, mutants)| mutants.iter())
}

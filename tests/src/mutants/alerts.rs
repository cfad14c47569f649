//! Bluetooth alerts, counted in a wrong way: SCH-26.

use bgsession_reference::contract::Time;

use super::Mutant;
use crate::parts::{Count, DAY, counting};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("alerts-without-number", &["SCH-26"], |name| counting(name, || Boundless)),
    Mutant::new("all-alerts-come-back-with-the-first", &["SCH-26"], |name| {
        counting(name, FromTheFirst::default)
    }),
    Mutant::new("alerts-come-back-on-the-hour-of-a-day", &["SCH-26"], |name| {
        counting(name, ByTheCalendar::default)
    }),
    Mutant::new("no-alert-ever-comes-back", &["SCH-26"], |name| counting(name, Once::default)),
    Mutant::new("a-visit-restores-no-alert", &["SCH-26"], |name| counting(name, Unvisited::default)),
    Mutant::new("a-refused-alert-is-used-up-too", &["SCH-26"], |name| counting(name, Pushing::default)),
    Mutant::new("one-alert-too-few", &["SCH-26"], |name| counting(name, OneTooFew::default)),
];

struct Boundless;

impl Count for Boundless {
    fn admit(&mut self, _: usize, _: Time) -> bool {
        true
    }
}

/// A window that begins with the first alert.
#[derive(Default)]
struct FromTheFirst {
    began: Time,
    used: usize,
}

impl Count for FromTheFirst {
    fn admit(&mut self, most: usize, now: Time) -> bool {
        if self.used == 0 || self.began + DAY <= now {
            *self = Self { began: now, used: 0 };
        }
        self.used += 1;
        self.used <= most
    }

    fn visit(&mut self, _: bool) {
        self.used = 0;
    }
}

/// A counter that is set to zero when a new day begins.
#[derive(Default)]
struct ByTheCalendar {
    day: u64,
    used: usize,
}

impl Count for ByTheCalendar {
    fn admit(&mut self, most: usize, now: Time) -> bool {
        let day = now.as_millis() / 86_400_000;
        if day != self.day {
            *self = Self { day, used: 0 };
        }
        self.used += 1;
        self.used <= most
    }

    fn visit(&mut self, _: bool) {
        self.used = 0;
    }
}

/// A counter that only a visit sets back.
#[derive(Default)]
struct Once(usize);

impl Count for Once {
    fn admit(&mut self, most: usize, _: Time) -> bool {
        self.0 += 1;
        self.0 <= most
    }

    fn visit(&mut self, _: bool) {
        self.0 = 0;
    }
}

/// The rolling day, whoever comes.
#[derive(Default)]
struct Unvisited(Vec<Time>);

impl Count for Unvisited {
    fn admit(&mut self, most: usize, now: Time) -> bool {
        self.0.retain(|then| *then + DAY > now);
        let admitted = self.0.len() < most;
        if admitted {
            self.0.push(now);
        }
        admitted
    }
}

/// Each alert is noted, and then it is looked whether there were too many.
#[derive(Default)]
struct Pushing(Vec<Time>);

impl Count for Pushing {
    fn admit(&mut self, most: usize, now: Time) -> bool {
        self.0.retain(|then| *then + DAY > now);
        self.0.push(now);
        self.0.len() <= most
    }

    fn visit(&mut self, _: bool) {
        self.0.clear();
    }
}

/// The last one is kept for a warning.
#[derive(Default)]
struct OneTooFew(Unvisited);

impl Count for OneTooFew {
    fn admit(&mut self, most: usize, now: Time) -> bool {
        self.0.admit(most - 1, now)
    }

    fn visit(&mut self, _: bool) {
        self.0.0.clear();
    }
}

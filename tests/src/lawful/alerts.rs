//! Schedulers that count Bluetooth alerts from other moments.

use bgsession_reference::contract::Time;

use super::Variant;
use crate::parts::{Count, DAY, counting};

pub(super) const VARIANTS: &[Variant] =
    &[Variant::new("alerts-come-back-at-a-launch-only", |name| counting(name, AtALaunch::default))];

/// The user who comes back to a suspended app restores nothing; and an opportunity comes back a few minutes late.
#[derive(Default)]
struct AtALaunch(Vec<Time>);

impl Count for AtALaunch {
    fn admit(&mut self, most: usize, now: Time) -> bool {
        self.0.retain(|then| *then + DAY + std::time::Duration::from_secs(300) > now);
        let admitted = self.0.len() < most;
        if admitted {
            self.0.push(now);
        }
        admitted
    }

    fn visit(&mut self, launched: bool) {
        if launched {
            self.0.clear();
        }
    }
}

//! What a run plays, by number, and until when.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Options;
use crate::rules::Rule;
use crate::scenario::{Scenario, scenarios, small_worlds};
use crate::world::World;

/// Which scenarios are played, by number.
pub(super) struct Plan {
    /// Stored ones, then the small worlds.
    given: Vec<Scenario>,
    /// The numbers of the small worlds.
    pub(super) small: Range<u64>,
    rules: Vec<&'static Rule>,
    pub(super) cases: u64,
    seed: u64,
}

/// Scenarios that a worker takes at a time.
const CHUNK: u64 = 16;

impl Plan {
    pub(super) fn new(options: &Options, rules: &[&'static Rule], world: World, stored: &[Scenario]) -> Self {
        let cases = match world {
            World::Sim => options.cases_sim,
            World::Http => options.cases_http,
        };
        let (given, cases) = match &options.replay {
            Some(scenarios) => (scenarios.clone(), 0),
            None => (stored.to_vec(), u64::from(cases)),
        };
        let small = match (world, &options.replay) {
            (World::Sim, None) => small_worlds(options.small_worlds),
            _ => Vec::new(),
        };
        let range = given.len() as u64..(given.len() + small.len()) as u64;
        let given = [given, small].concat();
        Self { given, small: range, rules: rules.to_vec(), cases, seed: options.seed }
    }

    pub(super) fn total(&self) -> u64 {
        self.given.len() as u64 + self.cases * self.rules.len() as u64
    }

    /// The rules take turns, so that the first scenarios hold something of everything.
    pub(super) fn scenario(&self, number: u64) -> Scenario {
        let given = self.given.len() as u64;
        if let Some(scenario) = usize::try_from(number).ok().and_then(|index| self.given.get(index)) {
            return scenario.clone();
        }
        let number = number - given;
        let turn = usize::try_from(number % self.rules.len() as u64).unwrap_or(0);
        scenarios(self.rules[turn].focus).generate(mix(self.seed, number))
    }
}

pub(super) fn chunks(numbers: Range<u64>) -> Vec<Range<u64>> {
    let starts = numbers.clone().step_by(usize::try_from(CHUNK).unwrap_or(1));
    starts.map(|start| start..(start + CHUNK).min(numbers.end)).collect()
}

/// A seed of its own for every scenario (splitmix64).
fn mix(seed: u64, number: u64) -> u64 {
    let mut z =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From where on nothing more needs to be played, since every rule has failed before.
pub(super) struct Enough {
    /// The first failure of each rule so far.
    failed: Mutex<Vec<Option<u64>>>,
    from: AtomicU64,
}

impl Enough {
    pub(super) fn new(rules: usize) -> Self {
        Self { failed: Mutex::new(vec![None; rules]), from: AtomicU64::new(u64::MAX) }
    }

    /// Is everything from this scenario on superfluous? Those before are played, whatever thread is faster: the first
    /// failure of a rule is the same in every run.
    pub(super) fn is_before(&self, number: u64) -> bool {
        self.from.load(Ordering::Acquire) < number
    }

    pub(super) fn look(&self, failed: &[Option<u64>]) {
        let mut known = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for (first, more) in known.iter_mut().zip(failed) {
            *first = [*first, *more].into_iter().flatten().min();
        }
        if let Some(last) =
            known.iter().copied().collect::<Option<Vec<u64>>>().and_then(|all| all.into_iter().max())
        {
            self.from.store(last, Ordering::Release);
        }
    }
}

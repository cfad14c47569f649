//! Sums up what was found in many histories.

use crate::contract::Policy;
use crate::history::{Event, History, SubjectFault};
use crate::rules::{Rule, judge_all};

/// What was found so far, rule by rule.
pub(super) struct Tally {
    pub(super) scenarios: u64,
    pub(super) entries: u64,
    pub(super) witnesses: Vec<u64>,
    /// The first scenario that breaks each rule.
    pub(super) failed: Vec<Option<u64>>,
    /// The first fault outside of the rules.
    pub(super) fault: Option<(u64, SubjectFault)>,
}

impl Tally {
    pub(super) fn new(rules: usize) -> Self {
        Self { scenarios: 0, entries: 0, witnesses: vec![0; rules], failed: vec![None; rules], fault: None }
    }

    pub(super) fn judge(&mut self, rules: &[&'static Rule], history: &History, policy: &Policy, number: u64) {
        self.scenarios += 1;
        self.entries += history.entries.len() as u64;
        let findings = judge_all(rules.iter().copied(), history, policy);
        for (index, finding) in findings.into_iter().enumerate() {
            self.witnesses[index] += u64::from(finding.witnesses);
            if finding.violation.is_some() {
                self.failed[index] = Some(self.failed[index].map_or(number, |known| known.min(number)));
            }
        }
        let fault = history.entries.iter().find_map(|entry| match &entry.event {
            Event::Fault { fault } => Some(fault),
            _ => None,
        });
        if let Some(fault) = fault {
            self.fault(number, fault.clone());
        }
    }

    pub(super) fn fault(&mut self, number: u64, fault: SubjectFault) {
        if self.fault.as_ref().is_none_or(|(known, _)| number < *known) {
            self.fault = Some((number, fault));
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.scenarios += other.scenarios;
        self.entries += other.entries;
        for (sum, more) in self.witnesses.iter_mut().zip(other.witnesses) {
            *sum += more;
        }
        for (first, more) in self.failed.iter_mut().zip(other.failed) {
            *first = [*first, more].into_iter().flatten().min();
        }
        if let Some((number, fault)) = other.fault {
            self.fault(number, fault);
        }
    }
}

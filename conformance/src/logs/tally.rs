//! Judges the parts of a log and sums up what was found.

use super::piece::{Joined, Piece};
use super::words::Kinds;
use super::{LogReport, LogRow, LogVerdict, Options, evidence};
use crate::history::{Event, History};
use crate::report::{LogPlace, log_block};
use crate::rules::{Finding, Rule, Violation, judge_all};

/// What was found about one rule so far.
#[derive(Default)]
struct Found {
    /// It was judged at all, or it binds somebody else.
    judged: bool,
    witnesses: u64,
    count: u64,
    /// The line, and the block.
    first: Option<(u64, String)>,
}

pub(super) struct Tally<'o> {
    options: &'o Options,
    rules: Vec<&'static Rule>,
    name: String,
    found: Vec<Found>,
    kinds: Kinds,
    /// There was something besides the kit's own histories.
    foreign: bool,
    fault: Option<String>,
    entries: u64,
    parts: u64,
}

impl<'o> Tally<'o> {
    pub(super) fn new(options: &'o Options, name: &str) -> Self {
        let rules = options.rules.iter().copied().filter(|rule| rule.lacks(&options.policy).is_none());
        let rules: Vec<&'static Rule> = rules.collect();
        Self {
            options,
            name: name.to_owned(),
            found: rules.iter().map(|_| Found::default()).collect(),
            rules,
            kinds: Kinds::new(),
            foreign: false,
            fault: None,
            entries: 0,
            parts: 0,
        }
    }

    /// Judges a history of the kit's own, as a run does.
    pub(super) fn own(&mut self, history: &History, header: u64) {
        self.parts += 1;
        self.entries += history.entries.len() as u64;
        let binding: Vec<(usize, &'static Rule)> = self
            .rules
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, rule)| {
                history.role.map_or_else(|| !rule.id.starts_with("DEL-"), |role| rule.binds.contains(&role))
            })
            .collect();
        let findings = judge_all(binding.iter().map(|(_, rule)| *rule), history, &self.options.policy);
        for ((index, rule), finding) in binding.iter().zip(findings) {
            let place = |seq: usize| LogPlace {
                name: &self.name,
                line: header + 1 + seq as u64,
                from: 0,
                assumed: &|_| false,
            };
            self.found[*index].add(rule, finding, history, 0, place);
        }
        let fault = history.entries.iter().find_map(|entry| match &entry.event {
            Event::Fault { fault } => Some(format!("the subject {}: {}", fault.kind, fault.detail)),
            _ => None,
        });
        self.fault = self.fault.take().or(fault);
    }

    /// Judges a part of another log.
    pub(super) fn part(&mut self, piece: Piece) {
        self.foreign = true;
        self.parts += 1;
        self.entries += piece.entries.len() as u64;
        self.kinds.extend(&piece.kinds);
        let whole = piece.whole;
        let told = |rule: &Rule| {
            evidence::of(rule.id)
                .is_some_and(|evidence| (whole || evidence.local) && evidence.is_there(&piece.kinds))
        };
        let rules = self.rules.iter().copied().enumerate();
        let rules: Vec<(usize, &'static Rule)> = rules.filter(|(_, rule)| told(rule)).collect();
        if rules.is_empty() {
            return;
        }
        let Joined { history, from, lines } = piece.join(&self.name);
        let findings = judge_all(rules.iter().map(|(_, rule)| *rule), &history, &self.options.policy);
        let assumed = |seq: usize| lines.get(seq).is_some_and(|(_, assumed)| *assumed);
        for ((index, rule), finding) in rules.iter().zip(findings) {
            let place = |seq: usize| LogPlace {
                name: &self.name,
                line: lines.get(seq).map_or(0, |(line, _)| *line),
                from,
                assumed: &assumed,
            };
            self.found[*index].add(rule, finding, &history, from, place);
        }
    }

    pub(super) fn report(self, notes: Vec<String>, lines: u64) -> LogReport {
        let rows = self.rules.into_iter().zip(self.found);
        let rows = rows.filter_map(|(rule, found)| {
            let verdict = match (found.first, found.witnesses) {
                (Some((line, block)), _) => LogVerdict::Fail { count: found.count, line, block },
                (None, witnesses) if found.judged => match (&self.fault, witnesses) {
                    (Some(reason), _) => LogVerdict::Inconclusive { reason: reason.clone() },
                    (None, 0) => LogVerdict::Untested,
                    (None, witnesses) => LogVerdict::Pass { witnesses },
                },
                // It binds somebody else.
                _ if !self.foreign => return None,
                _ => LogVerdict::NotLogged {
                    missing: evidence::of(rule.id)
                        .map_or_else(Vec::new, |of| of.missing(&self.kinds).collect()),
                },
            };
            Some(LogRow { rule, verdict })
        });
        let rows = rows.collect();
        LogReport { name: self.name, rows, notes, lines, entries: self.entries, parts: self.parts }
    }
}

impl Found {
    fn add<'l>(
        &mut self,
        rule: &'static Rule,
        finding: Finding,
        history: &History,
        from: usize,
        place: impl Fn(usize) -> LogPlace<'l>,
    ) {
        self.judged = true;
        self.witnesses += u64::from(finding.witnesses);
        let all = finding.violation.into_iter().chain(finding.others);
        // What an earlier part has shown was judged there.
        let mut new: Vec<Violation> = all.filter(|violation| violation.seq >= from).collect();
        new.sort_by_key(|violation| violation.seq);
        new.dedup_by_key(|violation| violation.seq);
        self.count += new.len() as u64;
        if let Some(violation) = new.first().filter(|_| self.first.is_none()) {
            let place = place(violation.seq);
            self.first = Some((place.line, log_block(rule, history, violation, &place)));
        }
    }
}

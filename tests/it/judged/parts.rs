//! A part of a lawful log raises no alarm: it may begin anywhere, end anywhere, and leave out what it likes.
//!
//! `BGSESSION_LONG=1 cargo test --release -p bgsession-tests --test it -- judged::parts` looks at about two million parts.

use std::collections::BTreeMap;

use bgsession_conformance::Role;
use bgsession_conformance::history::History;
use serde_json::{Map, Value};

use super::{assert_lawful, foreign, lawful, played};

/// So many times as many scenarios of each kind.
fn longer() -> u64 {
    if std::env::var_os("BGSESSION_LONG").is_some() { 100 } else { 1 }
}

/// What a line is about: the message or the change of the process by its own name.
fn kind(line: &str) -> &str {
    let parts: Vec<&str> = line.split('"').collect();
    let after =
        |field: &str| parts.iter().position(|part| *part == field).and_then(|at| parts.get(at + 2)).copied();
    after("message").or_else(|| after("change")).or_else(|| after("event")).unwrap_or_default()
}

fn kinds(lines: &[String]) -> Vec<&str> {
    let mut kinds: Vec<&str> = lines.iter().map(|line| kind(line)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn without(lines: &[String], left_out: &[&str]) -> String {
    let rest = lines.iter().map(String::as_str).filter(|line| !left_out.contains(&kind(line)));
    rest.collect::<Vec<&str>>().join("\n")
}

#[test]
fn a_log_that_ends_anywhere_breaks_nothing_by_that() {
    for (subject, focus) in lawful() {
        for seed in 0..4 {
            let lines = foreign(&played(&subject, focus, seed));
            for end in 1..=lines.len() {
                assert_lawful(&subject, &lines[..end].join("\n"), None, "a beginning");
            }
        }
    }
}

/// What an app does not see, so that its own logger can not write it.
const UNSEEN: &[&str] = &[
    "exchange_ended",
    "request_sent",
    "response_head",
    "resumed",
    "suspended",
    "task_minted",
    "wake_requested",
    "wake_resolved",
];
/// What many a logger does not write.
const SELDOM: &[&str] = &["expiration_called", "message_returned", "request_sent", "transfer_created"];

/// Logs are turned over: what was open, asked for or said before the first line is not in it.
#[test]
fn a_log_that_begins_anywhere_breaks_nothing_by_that() {
    for (subject, focus) in lawful() {
        for seed in 0..2 * longer() {
            let lines = foreign(&played(&subject, focus, seed + 100));
            for from in 1..lines.len() {
                for left_out in [&[], UNSEEN, SELDOM] {
                    let log = without(&lines[from..], left_out);
                    if !log.is_empty() {
                        assert_lawful(
                            &subject,
                            &log,
                            None,
                            &format!("from line {from} without {left_out:?}"),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_log_that_leaves_out_a_kind_of_event_breaks_nothing_by_that() {
    for (subject, focus) in lawful() {
        for seed in 0..6 {
            let lines = foreign(&played(&subject, focus, seed));
            for left_out in kinds(&lines) {
                let rest = without(&lines, &[left_out]);
                if !rest.is_empty() {
                    assert_lawful(&subject, &rest, None, &format!("without {left_out}"));
                }
            }
        }
    }
}

/// Numbers that look like chance and are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

/// As loggers write callbacks that have no numbers: what belongs to one names its session and its transfer.
fn nameless(lines: &[String]) -> Vec<String> {
    let mut callbacks = BTreeMap::new();
    // Nobody who has no numbers can say which callback was cut short.
    let lines = lines.iter().filter(|line| kind(line) != "message_interrupted");
    let nameless = lines.map(|line| {
        let mut said: Map<String, Value> = serde_json::from_str(line).expect("it was written by the kit");
        said.remove("seq");
        if let Some(id) = said.remove("id").and_then(|id| id.as_u64()) {
            let fields = ["session", "transfer"];
            let whose = callbacks.entry(id).or_insert_with(|| fields.map(|field| said.get(field).cloned()));
            for (field, value) in fields.into_iter().zip(whose) {
                said.extend(value.clone().map(|value| (field.to_owned(), value)));
            }
        }
        Value::Object(said).to_string()
    });
    nameless.collect()
}

/// What one of them excuses may come to light only where another is missing as well: a beginning, an end, some kinds, the
/// numbers of callbacks, and in logs of apps the day before.
#[test]
fn any_part_of_a_log_breaks_nothing_by_what_is_missing() {
    let mut chance = Chance(1);
    for (subject, focus) in lawful() {
        for seed in 0..8 * longer() {
            let history = played(&subject, focus, seed + 1_000);
            let mut lines = if subject.role() == Role::Delegate && chance.below(3) == 0 {
                days(&[history, played(&subject, focus, seed)]).lines().map(str::to_owned).collect()
            } else {
                foreign(&history)
            };
            if chance.below(2) == 0 {
                lines = nameless(&lines);
            }
            let kinds = kinds(&lines);
            for _ in 0..40.min(lines.len()) {
                let from = chance.below(lines.len());
                let rest = lines.len() - from;
                let part = if chance.below(2) == 0 { rest } else { 1 + chance.below(rest) };
                let left_out: Vec<&str> =
                    (0..chance.below(4)).map(|_| kinds[chance.below(kinds.len())]).collect();
                let log = without(&lines[from..from + part], &left_out);
                if !log.is_empty() {
                    assert_lawful(&subject, &log, None, &format!("a part without {left_out:?}"));
                }
            }
        }
    }
}

/// One day after the other, written by apps that were killed in between.
fn days(histories: &[History]) -> String {
    let mut log = String::new();
    let mut from = 0_u64;
    for history in histories {
        for line in foreign(history) {
            let mut value: Value = serde_json::from_str(&line).expect("it was written by the kit");
            let at = value["at"].as_u64().expect("a number") + from;
            value["at"] = at.into();
            value.as_object_mut().expect("an object").remove("seq");
            for field in ["preferred", "earliest", "last_byte"] {
                if let Some(date) = value.get(field).and_then(Value::as_u64).filter(|date| *date < 1 << 60) {
                    value[field] = (date + from).into();
                }
            }
            log.push_str(&value.to_string());
            log.push('\n');
        }
        from += history.entries.last().map_or(0, |last| last.at.as_millis()) + 30 * 86_400_000;
        log.push_str(&format!("{{\"at\":{from},\"event\":\"crashed\"}}\n"));
    }
    log
}

#[test]
fn a_long_log_is_cut_where_it_breaks_nothing() {
    for (subject, focus) in lawful().into_iter().filter(|(subject, _)| subject.role() == Role::Delegate) {
        let histories: Vec<History> = (0..20).map(|seed| played(&subject, focus, seed)).collect();
        let log = days(&histories);
        for limits in [(1, 1_000_000), (1, 5), (20, 40), (100, 10_000)] {
            assert_lawful(&subject, &log, Some(limits), &format!("cut at {limits:?}"));
        }
    }
}

//! Everything about one rule.

use std::collections::BTreeMap;

use bgsession_conformance::contract::Policy;
use bgsession_conformance::readings::{self, READINGS, Reading};
use bgsession_conformance::rules::Rule;
use bgsession_conformance::scenario::{Download, Focus, Route, Step, scenarios};

use crate::Outcome;
use crate::catalogue::{find, name};
use crate::examples::{self, Example};
use crate::failure::Failure;
use crate::output::{self, WIDTH, wrap};

/// Scenarios that are looked at to say what they hold.
const SAMPLE: u64 = 500;
const NAME: usize = 11;

/// Prints what there is to know about a rule, or about a contradiction or gap in its sources.
pub(crate) fn print(id: &str) -> Result<Outcome, Failure> {
    let reading = READINGS.iter().find(|reading| reading.id.eq_ignore_ascii_case(id));
    output::print(&match reading {
        Some(reading) => open_question(reading),
        None => text(find(id)?),
    })?;
    Ok(Outcome::Passed)
}

fn open_question(reading: &Reading) -> String {
    let about = if reading.id.starts_with('X') {
        "the documents contradict each other"
    } else {
        "the documents do not say"
    };
    let mut text = format!("{} {about}\n", reading.id);
    for line in wrap(reading.question, WIDTH) {
        text.push_str(&line);
        text.push('\n');
    }
    text.push('\n');
    field(&mut text, "settled", &reading.handling.to_string());
    field(&mut text, "which is", reading.meaning);
    let rules: Vec<_> = reading.rules().map(|rule| rule.id).collect();
    if !rules.is_empty() {
        field(&mut text, "rules", &rules.join(", "));
    }
    text
}

fn text(rule: &Rule) -> String {
    let mut text = format!("{} {}\n", rule.id, rule.standing());
    for line in wrap(rule.sentence, WIDTH) {
        text.push_str(&line);
        text.push('\n');
    }
    text.push('\n');
    let mut binds: Vec<_> = rule.binds.iter().map(|role| name(*role)).collect();
    if binds.is_empty() {
        binds.push("nobody in Rust: logs are judged by it");
    }
    field(&mut text, "binds", &binds.join(", "));
    field(&mut text, "source", rule.source);
    field(&mut text, "rests on", &rests_on(rule));
    for (index, reading) in readings::of(rule).enumerate() {
        let name = if index == 0 { "open" } else { "" };
        field(&mut text, name, &format!("{}: {} {}", reading.id, reading.question, reading.meaning));
    }
    if let Some(why) = rule.lacks(&Policy::default()) {
        field(&mut text, "applies", &format!("not by default: {why}"));
    }
    field(&mut text, "witness", rule.witness);
    field(&mut text, "look at", rule.hint);
    let (scenarios, disputed) = content(rule.focus);
    field(&mut text, "scenarios", &scenarios);
    if !disputed.is_empty() {
        field(&mut text, "disputed", &disputed.join("; "));
    }
    example(&mut text, "met", examples::met(rule.id));
    example(&mut text, "broken", examples::broken(rule.id));
    field(&mut text, "judge it", &format!("bgsession --rule {}", rule.id));
    text
}

/// A hand-written history: `!` marks the place that breaks the rule.
fn example(text: &mut String, name: &str, example: Option<Example>) {
    let Some(example) = example else { return };
    field(text, name, &format!("{}:", example.name));
    let lines = example.lines.iter().map(|line| line.split_once(' ').unwrap_or((line, "")));
    // `expected` and most times, with a space; times can be longer.
    let column = lines.clone().map(|(first, _)| first.len() + 1).max().unwrap_or(0).max(9);
    for (first, rest) in lines {
        for (index, part) in wrap(rest, WIDTH - NAME - 2 - column).into_iter().enumerate() {
            let first = if index == 0 { first } else { "" };
            text.push_str(&format!("{:NAME$}  {first:<column$}{part}\n", ""));
        }
    }
}

fn rests_on(rule: &Rule) -> String {
    let optional =
        if rule.basis.is_default() { "" } else { "; optional, so suite! makes an ignored test of it" };
    format!("{}{optional}", rule.basis)
}

fn field(text: &mut String, name: &str, value: &str) {
    for (index, line) in wrap(value, WIDTH - NAME).into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        text.push_str(&format!("{name:NAME$}{line}\n"));
    }
}

/// What scenarios of this focus hold, counted in a sample rather than read off the weights: it is what is played. Then
/// what of it the documents do not promise to happen.
fn content(focus: Focus) -> (String, Vec<String>) {
    let strategy = scenarios(focus);
    let mut steps: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut routes: BTreeMap<String, u64> = BTreeMap::new();
    let (mut early, mut stray) = (0, 0);
    for seed in 0..SAMPLE {
        let scenario = strategy.generate(seed);
        early += u64::from(scenario.setup.early);
        stray += u64::from(scenario.steps.iter().any(|step| matches!(step, Step::Stray { .. })));
        for step in &scenario.steps {
            *steps.entry(kind(step)).or_default() += 1;
            if let Some(Download { route, .. }) = step.download() {
                *routes.entry(route_name(*route)).or_default() += 1;
            }
        }
    }
    let all: u64 = steps.values().sum();
    let (whole, tenth) = (all / SAMPLE, all * 10 / SAMPLE % 10);
    let content = format!(
        "{whole}.{tenth} steps on average, of these {}; downloads that are {}",
        shares(&steps),
        shares(&routes)
    );
    let disputed = [
        (early, "messages come before the task that they belong to (X12)"),
        (stray, "a wake that brings no message"),
    ];
    let disputed = disputed.iter().filter(|(count, _)| *count > 0);
    (
        content,
        disputed.map(|(count, what)| format!("{what}: in {} % of scenarios", count * 100 / SAMPLE)).collect(),
    )
}

/// `wait 31 %, download 27 %, …`, the most frequent first.
fn shares<K: AsRef<str>>(counts: &BTreeMap<K, u64>) -> String {
    let all: u64 = counts.values().sum::<u64>().max(1);
    let mut sorted: Vec<_> = counts.iter().map(|(name, count)| (name.as_ref(), *count)).collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let said: Vec<_> = sorted
        .iter()
        .map(|(name, count)| format!("{name} {}\u{a0}%", (count * 100 + all / 2) / all))
        .collect();
    said.join(", ")
}

const fn kind(step: &Step) -> &'static str {
    match step {
        Step::Open { .. } => "open",
        Step::Download(_) => "download",
        Step::Upload { .. } => "upload",
        Step::Cancel { .. } => "cancel",
        Step::Refresh { .. } => "refresh",
        Step::Snapshot { .. } => "snapshot",
        Step::Leave => "leave",
        Step::Enter => "enter",
        Step::Purge => "purge",
        Step::Crash => "crash",
        Step::Link { .. } => "link",
        Step::Wait { .. } => "wait",
        Step::Create(_) => "create",
        Step::Suspend { .. } => "suspend",
        Step::Resume { .. } => "resume",
        Step::CancelTwice { .. } => "cancel twice",
        Step::Stop { .. } => "stop",
        Step::GoOn => "go on",
        Step::Trigger { .. } => "trigger",
        Step::LowPower { .. } => "low power",
        Step::Busy { .. } => "busy",
        Step::Prominence { .. } => "prominence",
        Step::Starve { .. } => "starve",
        Step::Charger { .. } => "charger",
        Step::Cellular => "cellular",
        Step::Leap { .. } => "leap of the clock",
        Step::Attempt { .. } => "attempt",
        Step::Stray { .. } => "stray wake",
        Step::Data(_) => "data transfer",
        Step::List { .. } => "list",
        Step::ForceQuit => "force quit",
        Step::Invalidate { .. } => "invalidate",
        Step::Reopen { .. } => "reopen",
        _ => "other",
    }
}

/// A route as scenario files spell it.
fn route_name(route: Route) -> String {
    serde_json::to_value(route).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bgsession_conformance::rules::RULES;

    use super::*;

    #[test]
    fn every_explanation_is_complete_and_fits_a_terminal() {
        for rule in RULES {
            let text = text(rule);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            for name in ["binds", "source", "rests on", "witness", "look at", "scenarios", "met", "broken"] {
                assert!(text.contains(&format!("\n{name} ")), "{name} is missing:\n{text}");
            }
        }
    }

    #[test]
    fn shares_are_rounded_and_sorted() {
        let counts = BTreeMap::from([("a", 1), ("b", 2), ("c", 1)]);
        assert_eq!(shares(&counts), "b 50\u{a0}%, a 25\u{a0}%, c 25\u{a0}%");
    }
}

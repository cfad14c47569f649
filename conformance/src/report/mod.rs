//! What people read.

mod about;
mod closures;
mod log;
mod mermaid;
mod timeline;
mod words;

pub(crate) use log::{LogPlace, log_block, log_report};
pub use mermaid::mermaid;
pub use timeline::timeline;
use timeline::timeline_of_failure;

use std::fmt::Write as _;

use crate::rules::Rule;
use crate::subject::Role;
use crate::verdict::{Failure, Fault, ReplayWith, Report, Verdict};

const WIDTH: usize = 80;

/// Breaks a text at spaces into lines of at most `width` characters; a longer word gets a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always one");
        let used = line.chars().count();
        if used == 0 {
            line.push_str(word);
        } else if used + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// `name` and a text beside it, wrapped.
fn field(block: &mut String, name: &str, text: &str) {
    for (index, line) in wrap(text, WIDTH - 12).into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        writeln!(block, "  {name:<9} {line}").expect("a string takes everything");
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&failure_block(self))
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&report(self))
    }
}

/// Which rule is broken and where, and what it says.
fn opening(rule: &Rule, place: &str) -> String {
    let title = format!("FAIL {} {}", rule.id, rule.standing());
    let gap = WIDTH.saturating_sub(title.chars().count() + place.chars().count());
    let mut block = format!("{title}{:gap$}{place}\n", "");
    for line in wrap(rule.sentence, WIDTH) {
        writeln!(block, "{line}").expect("a string takes everything");
    }
    field(&mut block, "source", rule.source);
    block
}

/// Everything about one broken rule on one screen.
pub(crate) fn failure_block(failure: &Failure) -> String {
    let rule = failure.rule;
    let mut block = opening(rule, &format!("{} · {}", failure.history.subject, failure.world));
    match &failure.violation {
        Some(violation) => {
            field(&mut block, "expected", &violation.expected);
            field(&mut block, "seen", &violation.seen);
            block.push('\n');
            block.push_str(&timeline_of_failure(&failure.history, violation));
        }
        None => field(
            &mut block,
            "seen",
            "the failure did not show itself again when the scenario was played once more: the subject does not \
             behave the same way twice. Take time from the device's clock, use ordered collections and no randomness",
        ),
    }
    block.push('\n');
    field(&mut block, "look at", rule.hint);
    field(&mut block, "scenario", &provenance(failure));
    replay(failure, &mut block);
    block
}

fn provenance(failure: &Failure) -> String {
    let steps = failure.scenario.steps.len();
    let plural = if steps == 1 { "step" } else { "steps" };
    let (from, tries) = (failure.shrunk_from, failure.tries);
    format!(
        "{steps} {plural}, shrunk from {from} in {tries} tries (seed {}, number {})",
        failure.seed, failure.number
    )
}

/// What to type to see it again; the scenario itself if it was not stored.
fn replay(failure: &Failure, block: &mut String) {
    let (rule, world) = (failure.rule.id, failure.world);
    match (&failure.stored, failure.replay_with) {
        (Some(path), ReplayWith::CargoTest) => {
            let test = rule.to_lowercase().replace('-', "_");
            field(
                block,
                "replay",
                &format!("cargo test {test}, which plays {} first from now on", path.display()),
            );
        }
        (Some(path), _) => {
            field(
                block,
                "replay",
                &format!("bgsession --replay {} --rule {rule} --world {world}", path.display()),
            );
        }
        (None, _) => {
            let how = if failure.replay_with == ReplayWith::Command {
                format!("store this as a file and: bgsession --replay FILE --rule {rule}")
            } else {
                "Options::replay plays it, once Scenario::from_json has read it:".to_owned()
            };
            field(block, "replay", &how);
            block.push_str(&failure.scenario.to_json(Some(rule)));
        }
    }
}

/// What the one test of a rule says that was never put to the test, and what can be done about it.
pub(crate) fn vacuous(role: Role, rule: &Rule, world: &str, scenarios: u64) -> String {
    let mut text = vec![format!(
        "{} was never put to the test in {world}: none of {scenarios} scenarios had {}.",
        rule.id, rule.witness
    )];
    text.push(
        "Where other rules fail, mend those first: this one may be out of reach until then.".to_owned(),
    );
    if let [needed, ..] = rule.needs {
        text.push(format!("If yours does without, say so: .without(Capability::{needed:?}, \"why\")."));
    } else if !matches!(role, Role::Delegate | Role::Actions) {
        text.push(
            "If it is stricter than the documents' numbers, say so: .with_policy(Policy { .. }).".to_owned(),
        );
    }
    text.iter().flat_map(|line| wrap(line, 80)).collect::<Vec<_>>().join("\n")
}

fn fault_block(fault: &Fault) -> String {
    let mut block = format!("INCONCLUSIVE: the subject {}\n", fault.fault.kind);
    field(&mut block, "seen", &fault.fault.detail);
    field(
        &mut block,
        "meaning",
        "this is the subject's doing, not a broken rule; the rules that did not fail say nothing until it is mended",
    );
    let plural = if fault.scenario.steps.len() == 1 { "step" } else { "steps" };
    field(
        &mut block,
        "scenario",
        &format!("number {}, {} {plural}:", fault.number, fault.scenario.steps.len()),
    );
    block.push_str(&fault.scenario.to_json(None));
    block
}

/// The whole report: what is wrong first, then the table and the figures.
pub(crate) fn report(report: &Report) -> String {
    let mut text = String::new();
    let mut shown_fault = false;
    for (_, verdict) in report.rows.iter().flat_map(|row| &row.verdicts) {
        match verdict {
            Verdict::Fail(failure) => {
                text.push_str(&failure_block(failure));
                text.push('\n');
            }
            Verdict::Inconclusive(fault) if !shown_fault => {
                shown_fault = true;
                text.push_str(&fault_block(fault));
                text.push('\n');
            }
            _ => {}
        }
    }
    table(report, &mut text);
    summary(report, &mut text);
    text
}

fn table(report: &Report, text: &mut String) {
    let worlds: Vec<String> = report.rows.first().map_or_else(Vec::new, |row| {
        row.verdicts.iter().map(|(world, _)| format!("{:<22}", format!("{world}"))).collect()
    });
    writeln!(text, "rule    level   {}", worlds.concat().trim_end()).expect("a string takes everything");
    for row in &report.rows {
        let cells: String =
            row.verdicts.iter().map(|(_, verdict)| format!("{:<22}", cell(verdict))).collect();
        let line = format!("{:<7} {:<7} {cells}", row.rule.id, row.rule.standing());
        writeln!(text, "{}", line.trim_end()).expect("a string takes everything");
    }
}

fn cell(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass { witnesses } => format!("pass {witnesses:>8}×"),
        other => other.name().to_owned(),
    }
}

fn summary(report: &Report, text: &mut String) {
    writeln!(text, "× times put to the test\n").expect("a string takes everything");
    for world in &report.worlds {
        let seconds = world.elapsed.as_secs_f64();
        writeln!(
            text,
            "{:<5} {} scenarios, {} observations, {seconds:.2} s",
            world.world.name(),
            world.scenarios,
            world.entries
        )
        .expect("a string takes everything");
        if let Some((count, time)) = world.small_worlds {
            let seconds = time.as_secs_f64();
            writeln!(text, "      with all {count} small worlds, {seconds:.2} s of it")
                .expect("a string takes everything");
        }
    }
    remarks(report, text);
    let broken =
        report.rows.iter().filter(|row| row.verdicts.iter().any(|(_, verdict)| !verdict.is_ok())).count();
    let said = if report.passed() {
        match report.rows.len() {
            1 => "passed: its one rule".to_owned(),
            count => format!("passed: all {count} rules"),
        }
    } else {
        format!("FAILED: {broken} of {} rules", report.rows.len())
    };
    writeln!(text, "{} {said} (seed {}, {:.2} s)", report.subject, report.seed, report.elapsed.as_secs_f64())
        .expect("a string takes everything");
}

/// What is to be done about verdicts that are no failures with a story of their own: each thing once.
fn remarks(report: &Report, text: &mut String) {
    let mut lines: Vec<String> = Vec::new();
    let mut vacuous: Vec<&str> = Vec::new();
    for row in &report.rows {
        let id = row.rule.id;
        for (_, verdict) in &row.verdicts {
            match verdict {
                Verdict::KnownFail { reason, .. } => lines.push(format!("known failure of {id}: {reason}")),
                Verdict::UnexpectedPass { reason } => {
                    lines.push(format!("{id} passes now, delete its known failure: {reason}"));
                }
                Verdict::Vacuous { .. } => vacuous.push(id),
                _ => {}
            }
        }
    }
    lines.dedup();
    vacuous.dedup();
    if !vacuous.is_empty() {
        let advice = "Mend other failures first, or say what the subject does not do (Subject::without), or its numbers \
                      (Subject::with_policy).";
        lines.extend(wrap(&format!("never put to the test: {}. {advice}", vacuous.join(", ")), 80));
    }
    for line in lines {
        writeln!(text, "{line}").expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_never_put_to_the_test_says_what_to_do() {
        let rule = crate::rules::find("DEL-07a").expect("it is a rule");
        let said = vacuous(Role::Delegate, rule, "sim", 400);
        assert_eq!(
            said,
            "DEL-07a was never put to the test in sim: none of 400 scenarios had a question\n\
             that was answered.\n\
             Where other rules fail, mend those first: this one may be out of reach until\n\
             then.\n\
             If yours does without, say so: .without(Capability::Questions, \"why\")."
        );
    }

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensibilities", 7), ["incomprehensibilities"]);
        assert_eq!(wrap("", 7), [""]);
    }
}

//! What people read about a log.

use std::fmt::Write as _;

use super::timeline::timeline_of_log;
use super::{WIDTH, field, wrap};
use crate::history::History;
use crate::logs::{LogReport, LogVerdict};
use crate::rules::{Rule, Violation};

/// Where in a log a rule is broken.
pub(crate) struct LogPlace<'l> {
    /// What the log is called.
    pub(crate) name: &'l str,
    pub(crate) line: u64,
    /// The first entry that is not from an earlier part of the log.
    pub(crate) from: usize,
    /// Is this entry not in the log, but follows from it?
    pub(crate) assumed: &'l dyn Fn(usize) -> bool,
}

/// One broken rule on one screen.
pub(crate) fn log_block(
    rule: &Rule,
    history: &History,
    violation: &Violation,
    place: &LogPlace<'_>,
) -> String {
    let mut block =
        super::opening(rule, &format!("{} · line {}", crate::history::short(place.name), place.line));
    field(&mut block, "expected", &violation.expected);
    field(&mut block, "seen", &violation.seen);
    block.push('\n');
    block.push_str(&timeline_of_log(history, violation, place.from, place.assumed));
    block.push('\n');
    field(&mut block, "look at", rule.hint);
    field(&mut block, "log", &format!("line {} of {}", place.line, place.name));
    block
}

/// The whole report: what is wrong first, then the table, what was not judged, and how the log was read.
pub(crate) fn log_report(report: &LogReport) -> String {
    let mut text = String::new();
    for row in &report.rows {
        if let LogVerdict::Fail { block, .. } = &row.verdict {
            text.push_str(block);
            text.push('\n');
        }
    }
    table(report, &mut text);
    not_logged(report, &mut text);
    if !report.notes.is_empty() {
        text.push_str("\nnotes\n");
        for note in &report.notes {
            for (index, line) in wrap(note, WIDTH - 4).into_iter().enumerate() {
                let mark = if index == 0 { "  - " } else { "    " };
                writeln!(text, "{mark}{line}").expect("a string takes everything");
            }
        }
    }
    let tested = report
        .rows
        .iter()
        .filter(|row| matches!(row.verdict, LogVerdict::Pass { .. } | LogVerdict::Fail { .. }));
    let (tested, broken) = (tested.count(), report.broken().count());
    let said = if broken > 0 {
        format!("FAILED: {broken} of {tested} rules that it puts to the test")
    } else if report.passed() {
        format!("passed: all {tested} rules that it puts to the test")
    } else {
        "nothing was judged".to_owned()
    };
    let plural = if report.parts == 1 { "part" } else { "parts" };
    text.push('\n');
    for line in wrap(&format!("{} {said}", report.name), WIDTH) {
        writeln!(text, "{line}").expect("a string takes everything");
    }
    writeln!(text, "({} lines, {} observations, in {} {plural})", report.lines, report.entries, report.parts)
        .expect("a string takes everything");
    text
}

fn table(report: &LogReport, text: &mut String) {
    text.push_str("rule    level\n");
    let mut untested = Vec::new();
    for row in &report.rows {
        let cell = match &row.verdict {
            LogVerdict::Pass { witnesses } => format!("pass {witnesses:>8}×"),
            LogVerdict::Fail { count: 1, line, .. } => format!("FAIL in line {line}"),
            LogVerdict::Fail { count, line, .. } => format!("FAIL in line {line}, and {} more", count - 1),
            LogVerdict::Inconclusive { reason } => format!("INCONCLUSIVE: {reason}"),
            LogVerdict::Untested => {
                untested.push(row.rule.id);
                continue;
            }
            LogVerdict::NotLogged { .. } => continue,
        };
        let line = format!("{:<7} {:<7} {cell}", row.rule.id, row.rule.standing());
        for (index, line) in
            wrap(&cell, WIDTH - 16).iter().enumerate().filter(|_| line.chars().count() > WIDTH)
        {
            let head = if index == 0 {
                format!("{:<7} {:<7}", row.rule.id, row.rule.standing())
            } else {
                String::new()
            };
            writeln!(text, "{head:<15} {line}").expect("a string takes everything");
        }
        if line.chars().count() <= WIDTH {
            writeln!(text, "{line}").expect("a string takes everything");
        }
    }
    text.push_str("× times put to the test\n");
    if !untested.is_empty() {
        text.push_str("\nthe log never puts to the test\n");
        indented(&untested.join(", "), text);
    }
}

/// The rules that the log does not tell enough for, by what is missing.
fn not_logged(report: &LogReport, text: &mut String) {
    let mut groups: Vec<(String, Vec<&'static str>)> = Vec::new();
    for row in &report.rows {
        let LogVerdict::NotLogged { missing } = &row.verdict else { continue };
        let missing = if missing.is_empty() {
            "all of a history of the kit's own".to_owned()
        } else {
            missing.join(", ")
        };
        match groups.iter_mut().find(|(known, _)| *known == missing) {
            Some((_, rules)) => rules.push(row.rule.id),
            None => groups.push((missing, vec![row.rule.id])),
        }
    }
    let system = |(_, rules): &&(String, Vec<&str>)| rules.iter().all(|rule| !rule.starts_with("DEL-"));
    for (title, of_system) in [
        ("not judged: log this as well to have it judged", false),
        ("not judged, for they are about the system, and only that can log what they go by", true),
    ] {
        let mut groups = groups.iter().filter(|group| system(group) == of_system).peekable();
        if groups.peek().is_some() {
            writeln!(text, "\n{title}").expect("a string takes everything");
        }
        for (missing, rules) in groups {
            indented(&format!("{}: {missing}", rules.join(", ")), text);
        }
    }
}

fn indented(said: &str, text: &mut String) {
    for (index, line) in wrap(said, WIDTH - 4).into_iter().enumerate() {
        let margin = if index == 0 { "  " } else { "    " };
        writeln!(text, "{margin}{line}").expect("a string takes everything");
    }
}

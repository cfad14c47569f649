//! The main job: generated scenarios, from one seed or from many.

use std::time::Duration;

use bgsession_conformance::{Options, Report, Verdict, run as judge};

use crate::arguments::RunArguments;
use crate::failure::Failure;
use crate::{Outcome, output, progress, subject};

/// What the figures in the table are.
pub(crate) const LEGEND: &str =
    "pass 12× = passed with 12 witnesses: so often was the rule put to the test\n";

/// Judges the reference and prints the report.
pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome, Failure> {
    let subject = subject::reference();
    let mut options = options(arguments)?;
    let mut report = judge(&subject, &options)?;
    let mut seeds = 1_u64;
    let time = arguments
        .time
        .map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.get()));
    // A seed that breaks something is the end of the search: its report is what was looked for.
    while report.elapsed < time && report.passed() {
        options.seed = options.seed.wrapping_add(1);
        let next = judge(&subject, &options)?;
        report = if next.passed() { sum(report, next) } else { next };
        seeds += 1;
    }
    output::print(&text(&report, arguments, seeds))?;
    Ok(if report.passed() {
        Outcome::Passed
    } else {
        Outcome::NotPassed
    })
}

fn options(arguments: &RunArguments) -> Result<Options, Failure> {
    let mut options = Options {
        rules: arguments.rules()?,
        worlds: arguments.worlds(),
        seed: arguments.seed,
        threads: arguments.threads(),
        regressions: arguments.regressions.clone(),
        progress: Some(progress::observer()),
        ..Options::default()
    };
    if let Some(cases) = arguments.cases {
        (options.cases_sim, options.cases_http) = (cases.get(), cases.get());
    }
    Ok(options)
}

/// Two passed runs as one; the first names the seed.
fn sum(mut report: Report, next: Report) -> Report {
    for (row, more) in report.rows.iter_mut().zip(next.rows) {
        for ((_, verdict), (_, more)) in row.verdicts.iter_mut().zip(more.verdicts) {
            if let (Verdict::Pass { witnesses }, Verdict::Pass { witnesses: more }) = (verdict, more) {
                *witnesses += more;
            }
        }
    }
    for (world, more) in report.worlds.iter_mut().zip(next.worlds) {
        world.scenarios += more.scenarios;
        world.entries += more.entries;
        world.elapsed += more.elapsed;
    }
    report.elapsed += next.elapsed;
    report
}

fn text(report: &Report, arguments: &RunArguments, seeds: u64) -> String {
    let mut text = report.to_string();
    text.push_str(LEGEND);
    if arguments.time.is_some() {
        let last = arguments.seed.wrapping_add(seeds - 1);
        let said = match (report.passed(), seeds) {
            (true, 1) => format!("1 seed was explored: {last}\n"),
            (true, _) => format!("{seeds} seeds were explored: {} to {last}\n", arguments.seed),
            (false, _) => format!("seed {last} does not pass, {} before it did\n", seeds - 1),
        };
        text.push_str(&said);
    }
    // Kept scenarios are named in the report; the others are shown, so that none is lost with the terminal.
    for failure in report.failures().filter(|failure| failure.stored.is_none()) {
        let (rule, world) = (failure.rule.id, failure.world);
        text.push_str(&format!(
            "\nTo play this failure again: bgsession --replay FILE --rule {rule} --world {world}\n"
        ));
        text.push_str(&failure.scenario.to_json(Some(rule)));
    }
    text
}

//! The main job: generated scenarios, from one seed or from many.

use std::time::Duration;

use bgsession_conformance::rules::Rule;
use bgsession_conformance::{Options, ReplayWith, Report, Role, Subject, Verdict, run as judge};

use crate::arguments::{Part, RunArguments};
use crate::failure::Failure;
use crate::{Outcome, output, progress, subject};

/// Judges what was asked for and prints the reports.
pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome, Failure> {
    let (system, actions) = (arguments.judges(Part::System)?, arguments.judges(Part::Actions)?);
    let subjects = if arguments.judges(Part::Delegate)? { subject::apps() } else { Vec::new() };
    let subjects = subjects.into_iter().map(|app| arguments.judged_by(app)).collect::<Result<Vec<_>, _>>()?;
    let mut first = Vec::new();
    if system {
        first.push(subject::reference(arguments.policy()?));
    }
    if actions {
        first.push(arguments.judged_by(subject::closures())?);
    }
    let shares = subjects.len() + first.len();
    let mut passed = shares > 0;
    for (index, subject) in first.iter().enumerate() {
        let (report, seeds) = explore(subject, arguments, shares)?;
        if index > 0 {
            output::print("\n")?;
        }
        output::print(&text(&report, arguments, seeds))?;
        passed &= report.passed();
    }
    let mut sound = Vec::new();
    for subject in &subjects {
        let (report, seeds) = explore(subject, arguments, shares)?;
        passed &= report.passed();
        if report.passed() && arguments.time.is_none() {
            sound.push(report);
        } else {
            output::print(&text(&report, arguments, seeds))?;
        }
    }
    if !sound.is_empty() {
        output::print(&side_by_side(&sound))?;
    }
    Ok(if passed { Outcome::Passed } else { Outcome::NotPassed })
}

/// Apps that passed, side by side.
fn side_by_side(reports: &[Report]) -> String {
    /// So many columns fit beside rule and level.
    const MOST: usize = 4;
    let tables = reports.len().div_ceil(MOST);
    let columns = reports.len().div_ceil(tables.max(1)).max(1);
    let mut text: String = reports.chunks(columns).map(table).collect();
    text.push_str("× times put to the test, in all worlds\n\n");
    for report in reports {
        let scenarios: u64 = report.worlds.iter().map(|world| world.scenarios).sum();
        let seconds = report.elapsed.as_secs_f64();
        let tested = report
            .rows
            .iter()
            .filter(|row| row.verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Pass { .. })));
        text.push_str(&format!(
            "{} passed: {} of {} rules, the others not applicable ({scenarios} scenarios, {seconds:.2} s)\n",
            report.subject,
            tested.count(),
            report.rows.len()
        ));
    }
    text
}

/// Each app in a column: how often each rule was put to the test in all worlds together.
fn table(reports: &[Report]) -> String {
    const COLUMN: usize = 16;
    let names: String = reports.iter().map(|report| format!("{:<COLUMN$}", report.subject)).collect();
    let mut text = format!("\nrule    level   {}\n", names.trim_end());
    for (index, row) in reports[0].rows.iter().enumerate() {
        let cells: String = reports
            .iter()
            .map(|report| {
                let verdicts = report.rows[index].verdicts.iter().map(|(_, verdict)| verdict);
                let times = |verdict: &Verdict| {
                    if let Verdict::Pass { witnesses } = verdict { Some(*witnesses) } else { None }
                };
                let sum = verdicts.clone().filter_map(times).sum::<u64>();
                let other = verdicts.clone().find(|verdict| times(verdict).is_none());
                let cell = other.map_or_else(|| format!("pass {sum:>7}×"), |other| other.name().to_owned());
                format!("{cell:<COLUMN$}")
            })
            .collect();
        let line = format!("{:<7} {:<7} {cells}", row.rule.id, row.rule.standing());
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    text
}

/// Judges one of several subjects, with further seeds for its share of the time.
fn explore(subject: &Subject, arguments: &RunArguments, of: usize) -> Result<(Report, u64), Failure> {
    let mut options = options(arguments)?;
    if matches!(subject.role(), Role::Delegate | Role::Actions) && arguments.depth.is_none() {
        // Their steps are the kit's own app's, which has no closures either.
        options.small_worlds = 0;
    }
    let mut report = with_limited(judge(subject, &options)?, subject, &options)?;
    let mut seeds = 1_u64;
    let time = arguments.time.map_or(Duration::ZERO, Duration::from_secs);
    let time = time / u32::try_from(of).unwrap_or(1);
    // A seed that breaks something is the end of the search: its report is what was looked for.
    while report.elapsed < time && is_sound(&report) {
        options.seed = options.seed.wrapping_add(1);
        options.small_worlds = 0;
        let next = with_limited(judge(subject, &options)?, subject, &options)?;
        report = if is_sound(&next) { sum(report, next) } else { next };
        seeds += 1;
    }
    Ok((report, seeds))
}

/// What the reference's own policy switches off is judged with it switched on, and takes its place in the report.
fn with_limited(mut report: Report, subject: &Subject, options: &Options) -> Result<Report, Failure> {
    let off = |rule: &&'static Rule| rule.lacks(subject.policy()).is_some();
    let rules: Vec<&'static Rule> = options.rules.iter().copied().filter(off).collect();
    if rules.is_empty() || report.role != Role::System {
        return Ok(report);
    }
    let more = judge(
        &subject::limited(subject.policy().clone()),
        &Options { rules, small_worlds: 0, ..options.clone() },
    )?;
    for row in more.rows {
        if let Some(place) = report.rows.iter_mut().find(|known| known.rule.id == row.rule.id) {
            *place = row;
        }
    }
    for (world, more) in report.worlds.iter_mut().zip(more.worlds) {
        world.scenarios += more.scenarios;
        world.entries += more.entries;
        world.elapsed += more.elapsed;
    }
    report.elapsed += more.elapsed;
    Ok(report)
}

/// How many steps the small worlds of the main job have.
const SMALL_WORLDS: usize = 6;

fn options(arguments: &RunArguments) -> Result<Options, Failure> {
    // Whoever asks for one rule wants its own scenarios.
    let default_depth = if arguments.names_rules() { 0 } else { SMALL_WORLDS };
    let mut options = Options {
        rules: arguments.rules()?,
        small_worlds: arguments.depth.map_or(default_depth, usize::from),
        worlds: arguments.worlds(),
        seed: arguments.seed,
        threads: arguments.threads(),
        regressions: arguments.regressions.clone(),
        replay_with: ReplayWith::Command,
        progress: Some(progress::observer()),
        ..Options::default()
    };
    if let Some(cases) = arguments.cases {
        (options.cases_sim, options.cases_http) = (cases, cases);
    }
    Ok(options)
}

/// Is nothing broken? What one seed does not put to the test, another may.
fn is_sound(report: &Report) -> bool {
    let mut verdicts = report.rows.iter().flat_map(|row| &row.verdicts);
    verdicts.all(|(_, verdict)| verdict.is_ok() || matches!(verdict, Verdict::Vacuous { .. }))
}

/// Two sound runs as one; the first names the seed.
fn sum(mut report: Report, next: Report) -> Report {
    for (row, more) in report.rows.iter_mut().zip(next.rows) {
        for ((_, verdict), (_, more)) in row.verdicts.iter_mut().zip(more.verdicts) {
            match (&mut *verdict, more) {
                (Verdict::Pass { witnesses: sum }, Verdict::Pass { witnesses: more })
                | (Verdict::Vacuous { scenarios: sum }, Verdict::Vacuous { scenarios: more }) => *sum += more,
                (Verdict::Vacuous { .. }, more) => *verdict = more,
                _ => {}
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
    if arguments.time.is_some() {
        let last = arguments.seed.wrapping_add(seeds - 1);
        let said = match (is_sound(report), seeds) {
            (true, 1) => format!("1 seed was explored: {last}\n"),
            (true, _) => format!("{seeds} seeds were explored: {} to {last}\n", arguments.seed),
            (false, _) => format!("seed {last} does not pass, {} before it did\n", seeds - 1),
        };
        text.push_str(&said);
    }
    text
}

//! Scenarios from files, and what happens in them.

use std::path::Path;

use bgsession_conformance::contract::Policy;
use bgsession_conformance::scenario::Scenario;
use bgsession_conformance::{
    Options, ReplayWith, Report, Subject, Verdict, mermaid, play, run as judge, timeline,
};

use crate::arguments::{Part, RunArguments};
use crate::failure::Failure;
use crate::{Outcome, output, subject};

/// Plays the scenarios and prints what was asked for.
pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome, Failure> {
    let rules = arguments.rules()?;
    let scenarios = arguments.replay.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    // Of the apps, the one that does most. What the reference's policy switches off is played with it switched on, if
    // nothing else is wanted.
    let off = rules.iter().all(|rule| rule.lacks(&Policy::default()).is_some());
    let subject = match (arguments.judges(Part::System)?, off) {
        (true, true) => subject::limited(arguments.policy()?),
        (true, false) => subject::reference(arguments.policy()?),
        (false, _) if arguments.judges(Part::Delegate)? => {
            arguments.judged_by(subject::apps().swap_remove(1))?
        }
        (false, _) => arguments.judged_by(subject::closures())?,
    };
    let mut text = observed(arguments, &subject, &scenarios)?;
    let options = Options {
        rules,
        worlds: arguments.worlds(),
        threads: arguments.threads(),
        replay: Some(scenarios),
        replay_with: ReplayWith::Command,
        ..Options::default()
    };
    let mut report = judge(&subject, &options)?;
    let untested = if arguments.names_rules() { 0 } else { set_aside(&mut report) };
    let outcome = if report.passed() { Outcome::Passed } else { Outcome::NotPassed };
    if !arguments.history && !arguments.mermaid {
        text.push_str(&report.to_string());
        if untested > 0 {
            text.push_str(&format!(
                "{untested} more rules say nothing: these scenarios do not put them to the test\n"
            ));
        }
    } else if outcome == Outcome::NotPassed {
        output::remark("a rule is not passed; leave out --history or --mermaid to read the report");
    }
    output::print(&text)?;
    Ok(outcome)
}

fn read(path: &Path) -> Result<Scenario, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Unreadable { path: path.to_owned(), error })?;
    Scenario::from_json(&text).map_err(|error| Failure::Scenario { path: path.to_owned(), error })
}

/// The histories or timelines of all scenarios in all worlds, if they are wanted.
fn observed(arguments: &RunArguments, subject: &Subject, scenarios: &[Scenario]) -> Result<String, Failure> {
    let mut text = String::new();
    if !(arguments.history || arguments.timeline || arguments.mermaid) {
        return Ok(text);
    }
    for (path, scenario) in arguments.replay.iter().zip(scenarios) {
        for world in arguments.worlds() {
            let history = play(subject, world, scenario)?;
            if arguments.history {
                text.push_str(&history.to_jsonl());
            } else if arguments.mermaid {
                text.push_str(&mermaid(&history, None));
            } else {
                text.push_str(&format!("{} in {world}\n{}\n", path.display(), timeline(&history, None)));
            }
        }
    }
    Ok(text)
}

/// One scenario can not put every rule to the test, so that unless a rule was named, it is no failure if nothing is
/// said of it. Returns how many rules that leaves out; if it is all of them, nothing passed.
fn set_aside(report: &mut Report) -> usize {
    let before = report.rows.len();
    let vacuous = |verdict: &Verdict| matches!(verdict, Verdict::Vacuous { .. });
    report.rows.retain(|row| !row.verdicts.iter().all(|(_, verdict)| vacuous(verdict)));
    for (_, verdict) in report.rows.iter_mut().flat_map(|row| &mut row.verdicts) {
        if vacuous(verdict) {
            *verdict = Verdict::NotApplicable {
                reason: "these scenarios do not put it to the test here".to_owned(),
            };
        }
    }
    before - report.rows.len()
}

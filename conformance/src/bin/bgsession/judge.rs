//! Logs from elsewhere, judged.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use bgsession_conformance::contract::{AppClass, Policy};
use bgsession_conformance::logs::{LogReport, Options, judge};

use crate::arguments::{Class, JudgeArguments};
use crate::failure::Failure;
use crate::{Outcome, output, policy};

/// Judges each log and prints its report. A log that can not be judged does not keep the others from it.
pub(crate) fn run(arguments: &JudgeArguments) -> Result<Outcome, Failure> {
    let options = options(arguments)?;
    let (mut outcome, mut trouble) = (Outcome::Passed, None);
    for (index, path) in arguments.logs.iter().enumerate() {
        if index > 0 {
            output::print("\n")?;
        }
        match one(path, &options) {
            Ok(report) => {
                if report.broken().next().is_some() {
                    outcome = Outcome::NotPassed;
                }
                output::print(&report.to_string())?;
                if !report.judged() {
                    trouble = say(trouble, Failure::NothingJudged { name: report.name, lines: report.lines });
                } else if !report.passed() {
                    outcome = Outcome::NotPassed;
                }
            }
            Err(failure) => trouble = say(trouble, failure),
        }
    }
    match trouble {
        Some(failure) => Err(failure),
        None => Ok(outcome),
    }
}

/// The last trouble is what the command ends with; earlier ones are said at once.
fn say(earlier: Option<Failure>, failure: Failure) -> Option<Failure> {
    if let Some(earlier) = earlier {
        output::complain(&earlier);
    }
    Some(failure)
}

fn options(arguments: &JudgeArguments) -> Result<Options, Failure> {
    let mut policy = policy::changed(Policy::default(), &arguments.settings)?;
    if let Some(seconds) = arguments.allowance {
        let allowance = Duration::from_secs(u64::from(seconds));
        let kinds = &mut policy.allowances;
        for kind in
            [&mut kinds.url_session, &mut kinds.application_refresh, &mut kinds.snapshot, &mut kinds.other]
        {
            *kind = allowance;
        }
    }
    let class = arguments.class.map(|class| match class {
        Class::Face => AppClass::ComplicationOnFace,
        Class::Dock => AppClass::Dock,
        Class::None => AppClass::Other,
    });
    Ok(Options { rules: arguments.rules()?, policy, class, lenient: arguments.lenient })
}

fn one(path: &Path, options: &Options) -> Result<LogReport, Failure> {
    let unreadable = |error| Failure::NoLog { path: path.to_owned(), error };
    let (name, input): (String, Box<dyn BufRead>) = if path == Path::new("-") {
        ("standard input".to_owned(), Box::new(io::stdin().lock()))
    } else {
        let file = File::open(path).map_err(unreadable)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        (name, Box::new(BufReader::with_capacity(1 << 16, file)))
    };
    judge(input, &name, options).map_err(|error| Failure::Log { name: path.display().to_string(), error })
}

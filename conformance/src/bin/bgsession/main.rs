//! The `bgsession` command: judges the reference implementation, and shows what the kit knows.
//!
//! Standard output carries the result and nothing else; progress and errors go to standard error. The exit code is the
//! verdict: 0 passed, 1 something is not passed, 2 the run could not be made.

mod arguments;
mod catalogue;
mod examples;
mod explain;
mod explore;
mod failure;
mod judge;
mod markdown;
mod output;
mod policy;
mod progress;
mod replay;
mod subject;

use std::process::ExitCode;

use arguments::{Arguments, Job, RunArguments};
use clap::Parser;
use failure::Failure;

/// What a job that could be done came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    NotPassed,
}

fn main() -> ExitCode {
    // Wrong usage ends here, with clap's own text and exit code 2.
    let arguments = Arguments::parse();
    match work(arguments) {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::NotPassed) => ExitCode::from(1),
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(2)
        }
    }
}

fn work(arguments: Arguments) -> Result<Outcome, Failure> {
    match arguments.job {
        Some(Job::Rules { markdown: false }) => catalogue::print(),
        Some(Job::Rules { markdown: true }) => markdown::print(),
        Some(Job::Explain { id }) => explain::print(&id),
        Some(Job::Judge(logs)) => judge::run(&logs),
        Some(Job::Run(run)) => play(&run),
        None => play(&arguments.run),
    }
}

fn play(run: &RunArguments) -> Result<Outcome, Failure> {
    if run.replay.is_empty() { explore::run(run) } else { replay::run(run) }
}

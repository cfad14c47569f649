//! Why a job can not be done: exit code 2. Each text names the place and the mend.

use std::io;
use std::path::PathBuf;

use bgsession_conformance::RunError;
use bgsession_conformance::logs::LogError;
use bgsession_conformance::scenario::ScenarioError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("there is no rule {named:?}; did you mean {nearest}? `bgsession rules` lists them all")]
    UnknownRule { named: String, nearest: &'static str },
    #[error("--set {setting}: {reason}")]
    Setting { setting: String, reason: String },
    #[error("{}: {error}; is this the path of a scenario file?", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{}: {error}; correct it there", path.display())]
    Scenario { path: PathBuf, error: ScenarioError },
    #[error("{}: {error}; is this the path of a log?", path.display())]
    NoLog { path: PathBuf, error: io::Error },
    #[error("{name}: {error}")]
    Log { name: String, error: LogError },
    #[error(
        "{name}: nothing was judged: {lines} lines put no rule to the test; the list above says what to log as well, and \
         conformance/LOGS.md how"
    )]
    NothingJudged { name: String, lines: u64 },
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the result can not be written to standard output: {0}")]
    Output(#[from] io::Error),
}

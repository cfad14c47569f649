//! Judges logs that were written elsewhere: by an app on a device, in any language.
//!
//! A log is in the JSON Lines form of a [`History`](crate::history), or in the shorter one that
//! `conformance/LOGS.md` describes: most fields may be left out. It is read once, from front to back, in parts that end
//! where nothing is under way, so that its length does not matter. Rules are judged from it as far as it tells what they
//! go by; a log that ends, or does not say something, breaks no rule by that.
//!
//! ```
//! use bgsession_conformance::logs::{LogVerdict, Options, judge};
//!
//! let log = r#"{"at":0,"event":"launched"}
//! {"at":10,"event":"handle_began","task":1,"kind":"application_refresh"}
//! {"at":20,"event":"task_completed","task":1}
//! {"at":30,"event":"task_completed","task":1}"#;
//! let report = judge(log.as_bytes(), "my.jsonl", &Options::default())?;
//! assert!(!report.passed());
//! let broken = report.broken().map(|row| row.rule.id).collect::<Vec<_>>();
//! assert_eq!(broken, ["DEL-01a"]);
//! # Ok::<(), bgsession_conformance::logs::LogError>(())
//! ```

mod clock;
mod evidence;
mod form;
mod identities;
mod known;
mod lines;
mod notes;
mod piece;
mod process;
mod tally;
pub(crate) mod words;

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use crate::contract::{AppClass, Policy};
pub use crate::history::FORMAT;
use crate::history::{History, HistoryError};
use crate::rules::{RULES, Rule};
use form::{Form, Wrong};
use lines::{Content, Lines};
use notes::{Note, Notes};
use process::Process;
use tally::Tally;

/// What to judge, and by which numbers.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "built with struct update syntax")]
pub struct Options {
    /// The rules; those that the log does not tell enough for are left out.
    pub rules: Vec<&'static Rule>,
    /// The numbers, allowances for example.
    pub policy: Policy,
    /// How prominent the app is, for a log without `conditions`.
    pub class: Option<AppClass>,
    /// Lines that can not be read are left out and counted, instead of ending it all.
    pub lenient: bool,
}

impl Default for Options {
    /// Every rule of the default profile, by the documented numbers.
    fn default() -> Self {
        Self {
            rules: RULES.iter().filter(|rule| rule.basis.is_default()).collect(),
            policy: Policy::default(),
            class: None,
            lenient: false,
        }
    }
}

/// Why a log can not be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// It can not be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is in another format.
    #[error("not a log: this is {what}")]
    Foreign {
        /// Which, and what to do about it.
        what: &'static str,
    },
    /// There is nothing in it.
    #[error("the log is empty: it needs at least one line such as {{\"at\":0,\"event\":\"launched\"}}")]
    Empty,
    /// A line can not be read.
    #[error("line {line}, column {column}: {reason}")]
    Line {
        /// Which line, from 1.
        line: u64,
        /// Which column, from 1.
        column: usize,
        /// What is wrong with it, and how to mend it.
        reason: String,
    },
    /// Too many processes wrote it.
    #[error(
        "line {line}: more than {PROCESSES} names in `process`: it names the program, such as \"app\" or \"widget\", and \
         not each of its runs"
    )]
    Processes {
        /// Which line, from 1.
        line: u64,
    },
}

/// So many processes can write one log.
const PROCESSES: usize = 16;

/// The verdict on one rule.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a closed set, as that of verdicts on subjects")]
pub enum LogVerdict {
    /// Never broken, and put to the test.
    Pass {
        /// How often.
        witnesses: u64,
    },
    /// Broken.
    Fail {
        /// In so many places at least.
        count: u64,
        /// The first of them: a line of the log.
        line: u64,
        /// It with its surroundings, as people read it.
        block: String,
    },
    /// The log could have shown it, and never put it to the test.
    Untested,
    /// The log does not tell enough.
    NotLogged {
        /// What it would have to tell as well.
        missing: Vec<String>,
    },
    /// A history of the kit's in which the subject misbehaved outside of all rules.
    Inconclusive {
        /// How.
        reason: String,
    },
}

/// One rule with its verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogRow {
    /// The rule.
    pub rule: &'static Rule,
    /// What the log says of it.
    pub verdict: LogVerdict,
}

/// What a log came to. Its `Display` is the whole report.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogReport {
    /// What the log is called.
    pub name: String,
    /// Every rule that was asked for and binds whom the log is about.
    pub rows: Vec<LogRow>,
    /// How the log was read.
    pub notes: Vec<String>,
    /// Lines read.
    pub lines: u64,
    /// Observations judged.
    pub entries: u64,
    /// Parts that it was judged in.
    pub parts: u64,
}

impl LogReport {
    /// Was something judged, and nothing broken?
    #[must_use]
    pub fn passed(&self) -> bool {
        self.judged()
            && self
                .rows
                .iter()
                .all(|row| !matches!(row.verdict, LogVerdict::Fail { .. } | LogVerdict::Inconclusive { .. }))
    }

    /// Was any rule put to the test?
    #[must_use]
    pub fn judged(&self) -> bool {
        let tested = |row: &LogRow| {
            matches!(
                row.verdict,
                LogVerdict::Pass { .. } | LogVerdict::Fail { .. } | LogVerdict::Inconclusive { .. }
            )
        };
        self.rows.iter().any(tested)
    }

    /// The rules that it breaks.
    pub fn broken(&self) -> impl Iterator<Item = &LogRow> {
        self.rows.iter().filter(|row| matches!(row.verdict, LogVerdict::Fail { .. }))
    }

    /// The verdict on one rule.
    #[must_use]
    pub fn verdict(&self, rule: &str) -> Option<&LogVerdict> {
        self.rows.iter().find(|row| row.rule.id.eq_ignore_ascii_case(rule)).map(|row| &row.verdict)
    }
}

impl std::fmt::Display for LogReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::report::log_report(self))
    }
}

/// Reads a log and judges it.
///
/// # Errors
///
/// [`LogError`] names the line, the column and the mend.
pub fn judge(log: impl BufRead, name: &str, options: &Options) -> Result<LogReport, LogError> {
    judge_in_parts(log, name, options, (process::SOFT, process::HARD))
}

/// The same with other lengths of parts: from which number of entries on a quiet moment ends one, and where it must end.
///
/// # Errors
///
/// [`LogError`], as [`judge`].
#[doc(hidden)]
pub fn judge_in_parts(
    log: impl BufRead,
    name: &str,
    options: &Options,
    limits: (usize, usize),
) -> Result<LogReport, LogError> {
    let mut lines = Lines::new(log);
    if let Some(what) = lines.foreign()? {
        return Err(LogError::Foreign { what });
    }
    let mut reader = Reader {
        options,
        limits,
        tally: Tally::new(options, name),
        notes: Notes::default(),
        processes: BTreeMap::new(),
        own: None,
        begun: false,
        lines: 0,
    };
    while let Some(line) = lines.next()? {
        let number = line.number;
        let ended = line.ended;
        reader.lines = number;
        let read = match line.content {
            Content::Text(text) if text.trim().is_empty() => continue,
            Content::Text(text) => reader.line(text, number),
            Content::TooLong(length) => Err(wrong(
                number,
                1,
                format!(
                    "{length} bytes long: no honest line has more than {}; is a file in it?",
                    lines::LONGEST
                ),
                false,
            )),
            Content::NotText(column) => {
                Err(wrong(number, column, "not UTF-8: write the log as UTF-8".to_owned(), false))
            }
        };
        match read {
            Ok(()) => {}
            Err(Trouble { error, cut }) if cut && (!ended || lines.is_over()?) => {
                // The writer was stopped in the middle of it.
                if !reader.begun {
                    return Err(error);
                }
                reader.notes.add(Note::CutOff, number, "");
            }
            Err(Trouble { error, .. }) if options.lenient && matches!(error, LogError::Line { .. }) => {
                reader.notes.add(Note::Skipped, number, error.to_string());
            }
            Err(Trouble { error, .. }) => return Err(error),
        }
    }
    reader.finish()
}

/// What stops the reading.
struct Trouble {
    error: LogError,
    /// The line may have been cut off.
    cut: bool,
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        Self { error, cut: false }
    }
}

fn wrong(line: u64, column: usize, reason: String, cut: bool) -> Trouble {
    Trouble { error: LogError::Line { line, column, reason }, cut }
}

struct Reader<'o> {
    options: &'o Options,
    limits: (usize, usize),
    tally: Tally<'o>,
    notes: Notes,
    processes: BTreeMap<String, Process<'o>>,
    /// A history of the kit's own that is being read, and the line of its header.
    own: Option<(History, u64)>,
    /// There has been a line that could be read.
    begun: bool,
    lines: u64,
}

impl Reader<'_> {
    fn line(&mut self, text: &str, number: u64) -> Result<(), Trouble> {
        let is_header = text.contains("\"format\"") && !text.contains("\"event\"");
        if let Some((history, from)) = self.own.as_mut().filter(|_| !is_header) {
            let from = *from;
            // Its own count of lines begins with its header.
            let own = usize::try_from(number - from).unwrap_or(usize::MAX).saturating_add(1);
            return history.add_line(text, own).map_err(|error| own_trouble(&error, number, text));
        }
        match form::read(text, &self.options.policy) {
            Ok(Form::Header) => {
                self.end_all();
                let history =
                    History::from_header(text).map_err(|error| own_trouble(&error, number, text))?;
                self.begun = true;
                if matches!(history.world.as_str(), "sim" | "http") {
                    self.own = Some((history, number));
                }
                Ok(())
            }
            Ok(Form::Unknown(event)) => {
                self.begin(number);
                self.notes.add(Note::UnknownEvent(event), number, "");
                Ok(())
            }
            Ok(Form::Said(said)) => {
                self.begin(number);
                let name = said.process.clone().unwrap_or_default();
                if !self.processes.contains_key(&name) && self.processes.len() >= PROCESSES {
                    return Err(LogError::Processes { line: number }.into());
                }
                let (options, limits) = (self.options, self.limits);
                let process = self
                    .processes
                    .entry(name)
                    .or_insert_with(|| Process::new(&options.policy, options.class, limits));
                let full = process
                    .take(said, number, text.len(), &mut self.notes)
                    .map_err(|error| placed(&error, text, number))?;
                if let Some(piece) = full {
                    self.tally.part(piece);
                }
                Ok(())
            }
            Err(error) => Err(placed(&error, text, number)),
        }
    }

    fn begin(&mut self, number: u64) {
        if !std::mem::replace(&mut self.begun, true) {
            self.notes.add(Note::NoHeader, number, "");
        }
    }

    /// Judges what has not been judged yet.
    fn end_all(&mut self) {
        if let Some((history, line)) = self.own.take() {
            self.tally.own(&history, line);
        }
        for mut process in std::mem::take(&mut self.processes).into_values() {
            let piece = process.finish(&mut self.notes);
            self.tally.part(piece);
        }
    }

    fn finish(mut self) -> Result<LogReport, LogError> {
        if !self.begun {
            return Err(LogError::Empty);
        }
        self.end_all();
        Ok(self.tally.report(self.notes.said(), self.lines))
    }
}

/// Where in a line something is wrong.
fn placed(error: &Wrong, text: &str, number: u64) -> Trouble {
    let field = error.field.and_then(|field| text.find(&format!("\"{field}\"")));
    let column = field.map_or(error.column, |at| text[..at].chars().count() + 1);
    wrong(number, column, error.reason.clone(), error.cut)
}

/// A header, or a line of the kit's own history, that can not be read.
fn own_trouble(error: &HistoryError, line: u64, text: &str) -> Trouble {
    let cut = serde_json::from_str::<serde::de::IgnoredAny>(text).is_err_and(|error| error.is_eof());
    match error {
        HistoryError::Line { column, reason, .. } => wrong(line, *column, reason.clone(), cut),
        HistoryError::Order { reason, .. } => wrong(line, 1, reason.clone(), false),
        HistoryError::Header { reason } => {
            wrong(line, 1, format!("not a header ({reason}): it must be {{\"format\":\"{FORMAT}\"}}"), cut)
        }
        HistoryError::Empty => wrong(line, 1, error.to_string(), false),
    }
}

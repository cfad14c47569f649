//! The JSON Lines form of a history.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{Entry, History};
use crate::subject::Role;

/// What the header line must say.
pub const FORMAT: &str = "bgsession-history/1";

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    #[serde(default)]
    world: String,
    #[serde(default)]
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default)]
    scenario: Option<u64>,
}

/// Why a text is not a history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// There is no line.
    #[error("the log is empty: its first line must be {{\"format\":\"{FORMAT}\"}}")]
    Empty,
    /// The first line is no header.
    #[error("line 1: not a header ({reason}): it must be {{\"format\":\"{FORMAT}\"}}")]
    Header {
        /// What is wrong with it.
        reason: String,
    },
    /// A line is no entry.
    #[error("line {line}, column {column}: {reason}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// Which column, from 1.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Entries are out of order.
    #[error("line {line}: {reason}")]
    Order {
        /// Which line, from 1.
        line: usize,
        /// What is out of order.
        reason: String,
    },
}

/// What serde says, without the line and column that it puts at the end: the caller knows them better.
pub(crate) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or_else(|| text.clone(), |at| text[..at].to_owned())
}

impl History {
    /// The JSON Lines form, with a newline after every line.
    ///
    /// # Panics
    ///
    /// Never: every event can be written as JSON.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        let header = Header {
            format: FORMAT.to_owned(),
            world: self.world.clone(),
            subject: self.subject.clone(),
            role: self.role,
            scenario: self.scenario,
        };
        let mut text = serde_json::to_string(&header).expect("a header is plain data");
        text.push('\n');
        for entry in &self.entries {
            let line = serde_json::to_string(entry).expect("an entry is plain data");
            writeln!(text, "{line}").expect("a string takes everything");
        }
        text
    }

    /// Reads the JSON Lines form.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] names the line, the column and the mend.
    pub fn from_jsonl(text: &str) -> Result<Self, HistoryError> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().ok_or(HistoryError::Empty)?;
        let mut history = Self::from_header(first)?;
        for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            history.add_line(line, index + 1)?;
        }
        Ok(history)
    }

    /// An empty history with what a header line says.
    pub(crate) fn from_header(line: &str) -> Result<Self, HistoryError> {
        let header: Header =
            serde_json::from_str(line).map_err(|error| HistoryError::Header { reason: error.to_string() })?;
        if header.format != FORMAT {
            let reason = format!("the format is {:?}, this reads {FORMAT:?}", header.format);
            return Err(HistoryError::Header { reason });
        }
        Ok(Self {
            world: header.world,
            subject: header.subject,
            role: header.role,
            scenario: header.scenario,
            ..Self::default()
        })
    }

    /// Reads one more line, the `number`th.
    pub(crate) fn add_line(&mut self, line: &str, number: usize) -> Result<(), HistoryError> {
        let entry: Entry = serde_json::from_str(line).map_err(|error| HistoryError::Line {
            line: number,
            column: error.column(),
            reason: without_place(&error),
        })?;
        self.check_order(&entry, number)?;
        self.entries.push(entry);
        Ok(())
    }

    fn check_order(&self, entry: &Entry, line: usize) -> Result<(), HistoryError> {
        let expected = self.entries.len();
        if entry.seq != expected {
            let reason = format!("seq is {}, expected {expected}: a line is missing or repeated", entry.seq);
            return Err(HistoryError::Order { line, reason });
        }
        match self.entries.last() {
            Some(last) if entry.at < last.at => {
                let reason = format!("the clock went back from {} to {}", last.at, entry.at);
                Err(HistoryError::Order { line, reason })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{AppChange, Time};
    use crate::history::{Answer, Event};

    fn app(change: AppChange) -> Event {
        Event::App { change }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let history = History::new()
            .then(Time::ZERO, app(AppChange::Foregrounded))
            .then(Time::from_millis(5), app(AppChange::Terminated(crate::contract::Termination::Wall)));
        assert_eq!(History::from_jsonl(&history.to_jsonl()).unwrap(), history);
    }

    #[test]
    fn answers_are_words_and_those_of_the_first_logs_are_still_read() {
        for answer in Answer::ALL {
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(text, format!("\"{}\"", answer.name()));
            assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
        }
        let read = |text: &str| serde_json::from_str::<Answer>(text).ok();
        assert_eq!(read(r#""UseCredential(Some(Password(\"user\", …)))""#), Some(Answer::UseCredential));
        assert_eq!(read(r#""UseCredential(None)""#), Some(Answer::UseNoCredential));
        assert_eq!(read(r#""RejectProtectionSpace""#), Some(Answer::RejectProtectionSpace));
        assert_eq!(read(r#""perhaps""#), None);
    }

    #[test]
    fn a_broken_line_is_named_with_its_place() {
        let say = |text: &str| History::from_jsonl(text).unwrap_err().to_string();
        assert!(say("").starts_with("the log is empty"));
        assert!(say("{\"format\":\"other/1\"}").contains("this reads \"bgsession-history/1\""));
        let header = "{\"format\":\"bgsession-history/1\"}\n";
        assert!(say(&format!("{header}{{\"seq\":0,")).starts_with("line 2, column 9"));
        let line = "{\"seq\":1,\"at\":0,\"event\":\"app\",\"change\":\"crashed\"}";
        assert_eq!(
            say(&format!("{header}{line}")),
            "line 2: seq is 1, expected 0: a line is missing or repeated"
        );
    }
}

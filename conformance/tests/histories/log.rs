//! A history as somebody else's log: without the kit's header, and without what such a log may leave out.

use std::collections::BTreeMap;

use bgsession_conformance::contract::Policy;
use bgsession_conformance::history::History;
use bgsession_conformance::logs::{LogVerdict, Options, judge};
use bgsession_conformance::rules::Rule;
use serde_json::{Map, Value};

/// A log, and which line each entry of the history has become.
pub(crate) struct Log {
    text: String,
    lines: Vec<Option<usize>>,
}

/// The history without these kinds of lines; `id` leaves out the numbers of callbacks.
///
/// # Panics
///
/// If there is none of a kind: to leave it out would say nothing.
pub(crate) fn of(history: &History, without: &[String]) -> Log {
    let (mut log, mut left_out) =
        (Log { text: String::new(), lines: Vec::new() }, vec![false; without.len()]);
    let ids = without.iter().position(|left_out| left_out == "id");
    let mut callbacks = BTreeMap::new();
    for line in history.to_jsonl().lines().skip(1) {
        let kind = kind(line);
        let said = ids.and_then(|ids| {
            let said = nameless(line, &mut callbacks)?;
            left_out[ids] = true;
            Some(said)
        });
        let line = said.as_deref().unwrap_or(line);
        if let Some(index) = without.iter().position(|left_out| left_out == kind) {
            left_out[index] = true;
            log.lines.push(None);
        } else {
            log.text.push_str(line);
            log.text.push('\n');
            log.lines.push(Some(log.text.lines().count()));
        }
    }
    assert!(left_out.iter().all(|left_out| *left_out), "nothing of {without:?} is there:\n{}", log.text);
    log
}

/// The line without the number of the callback that it is about, if it is about one, but with its session and transfer.
fn nameless(line: &str, callbacks: &mut BTreeMap<u64, [Option<Value>; 2]>) -> Option<String> {
    let mut said: Map<String, Value> = serde_json::from_str(line).expect("an object");
    let id = said.remove("id")?.as_u64().expect("a number");
    let fields = ["session", "transfer"];
    let own = fields.map(|field| said.get(field).cloned());
    let whose = callbacks.entry(id).or_insert(own);
    for (field, value) in fields.into_iter().zip(whose) {
        said.extend(value.clone().map(|value| (field.to_owned(), value)));
    }
    Some(Value::Object(said).to_string())
}

/// What logs call a line: a message or a change of the process by its own name.
fn kind(line: &str) -> &str {
    let parts: Vec<&str> = line.split('"').collect();
    let after = |field: &str| parts.get(parts.iter().position(|part| *part == field)? + 2).copied();
    let event = after("event").unwrap_or_default();
    match event {
        "message_began" => after("message"),
        "app" => after("change"),
        _ => None,
    }
    .unwrap_or(event)
}

impl Log {
    /// The number of the line that says what this entry does.
    pub(crate) fn line(&self, entry: usize) -> usize {
        self.lines[entry].expect("what breaks a rule is in the log")
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What a rule finds: as in a table, or that it was not judged.
    pub(crate) fn judged(&self, rule: &'static Rule, policy: &Policy) -> String {
        let options = Options { rules: vec![rule], policy: policy.clone(), ..Options::default() };
        let report = judge(self.text.as_bytes(), "log", &options);
        let report = report.unwrap_or_else(|error| panic!("{error}\n{}", self.text));
        match &report.rows[0].verdict {
            LogVerdict::Pass { witnesses } => format!("met {witnesses} times"),
            LogVerdict::Untested => "met 0 times".to_owned(),
            LogVerdict::Fail { line, block, .. } => {
                format!(
                    "broken at {line}\n    expected {}\n    seen     {}",
                    field(block, "expected"),
                    field(block, "seen")
                )
            }
            not_judged @ (LogVerdict::NotLogged { .. } | LogVerdict::Inconclusive { .. }) => {
                format!("{not_judged:?}")
            }
        }
    }
}

/// The text beside a name in a block, which has it on as many lines as it needs.
fn field(block: &str, name: &str) -> String {
    let mut lines = block.lines().skip_while(|line| !line.starts_with(&format!("  {name} ")));
    let first = lines.next().map(|line| line.trim_start_matches("  ").trim_start_matches(name).trim());
    let rest = lines.map_while(|line| line.strip_prefix("            "));
    first.into_iter().chain(rest).collect::<Vec<&str>>().join(" ")
}

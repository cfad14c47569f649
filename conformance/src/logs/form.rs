//! One line of a log as people write them: short forms are spelled out, and what may be left out is filled in.

use serde_json::{Map, Value, json};

use super::words::{self, CHANGES, EVENTS, MESSAGES};
use crate::contract::{Policy, RefreshKind};

/// A line, before it is fitted in with the others.
pub(super) enum Form {
    /// A header: a history begins.
    Header,
    /// An observation.
    Said(Said),
    /// An event that the format does not know.
    Unknown(String),
}

/// An observation in the full form, except that identities are still the log's own.
pub(super) struct Said {
    /// Milliseconds on the log's clock.
    pub(super) at: i128,
    pub(super) seq: Option<u64>,
    /// Which of several processes wrote it, if the log tells them apart.
    pub(super) process: Option<String>,
    /// The event's name.
    pub(super) event: &'static str,
    /// What it counts as when rules ask what a log says: the message or the change where there is one.
    pub(super) kind: &'static str,
    pub(super) fields: Map<String, Value>,
}

/// Why a line is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The field that is wrong, or `None` with the column where the text is no JSON.
    pub(super) field: Option<&'static str>,
    pub(super) column: usize,
    pub(super) reason: String,
    /// The text ends too early: the line may have been cut off.
    pub(super) cut: bool,
}

impl Wrong {
    pub(super) fn field(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field: Some(field), column: 1, reason: reason.into(), cut: false }
    }
}

/// The default of the platform's resource timeout, seven days.
const RESOURCE_TIMEOUT: u64 = 7 * 86_400_000;

/// Later than this on any clock is no date but "never".
const NEVER: i128 = 1 << 62;

/// Reads a line.
pub(super) fn read(text: &str, policy: &Policy) -> Result<Form, Wrong> {
    let value: Value = serde_json::from_str(text).map_err(|error| Wrong {
        field: None,
        column: error.column().max(1),
        reason: match text.trim() {
            "{" | "[" => {
                "each line is one whole object: jq -c '.[]?' FILE makes it so of a list, jq -c . of others"
                    .to_owned()
            }
            _ => format!(
                "not JSON: {}; --lenient leaves such lines out",
                crate::history::without_place(&error)
            ),
        },
        cut: error.is_eof(),
    })?;
    let Value::Object(mut fields) = value else {
        return Err(Wrong {
            field: None,
            column: 1,
            reason: "not an object: each line is one, {\"at\":…,\"event\":…}".to_owned(),
            cut: false,
        });
    };
    if fields.contains_key("format") && !fields.contains_key("event") {
        return Ok(Form::Header);
    }
    let event = match fields.remove("event") {
        Some(Value::String(event)) => event,
        Some(_) => return Err(Wrong::field("event", "`event` must be a name, such as \"handle_began\"")),
        None => return Err(Wrong::field("event", "no `event`: it says what happened")),
    };
    let Some((event, kind)) = named(&event, &mut fields) else { return Ok(Form::Unknown(event)) };
    let at = match fields.remove("at") {
        Some(at) => millis(&at).ok_or_else(|| {
            Wrong::field("at", "`at` must be a number of milliseconds: Date().timeIntervalSince1970 * 1000")
        })?,
        None => return Err(Wrong::field("at", "no `at`: the time in milliseconds, on any clock")),
    };
    let seq = fields.remove("seq").as_ref().and_then(Value::as_u64);
    let process = match fields.remove("process") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => return Err(Wrong::field("process", "`process` must be a name or a number")),
    };
    fill(event, &mut fields, policy)?;
    let kind = kind.unwrap_or_else(|| sort(event, &fields));
    Ok(Form::Said(Said { at, seq, process, event, kind, fields }))
}

/// The event's own name, and its kind if it was written in a short form.
fn named(event: &str, fields: &mut Map<String, Value>) -> Option<(&'static str, Option<&'static str>)> {
    if let Some(event) = words::known(event, EVENTS) {
        return Some((event, None));
    }
    if let Some(message) = words::known(event, MESSAGES) {
        fields.insert("message".to_owned(), message.into());
        return Some(("message_began", Some(message)));
    }
    if event == "did_receive_session_challenge" {
        fields.insert("message".to_owned(), "did_receive_challenge".into());
        fields.insert("session_level".to_owned(), true.into());
        return Some(("message_began", Some("did_receive_challenge")));
    }
    let change = words::known(event, CHANGES).filter(|change| *change != "terminated")?;
    fields.insert("change".to_owned(), change.into());
    Some(("app", Some(change)))
}

/// The message or the change that an event is about, or its own name.
fn sort(event: &'static str, fields: &Map<String, Value>) -> &'static str {
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    match event {
        "message_began" => {
            text("message").and_then(|message| words::known(message, MESSAGES)).unwrap_or(event)
        }
        "app" => match fields.get("change") {
            Some(Value::Object(_)) => "terminated",
            _ => text("change").and_then(|change| words::known(change, CHANGES)).unwrap_or(event),
        },
        _ => event,
    }
}

/// A number of milliseconds, with or without a fraction.
pub(super) fn millis(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    if let Some(whole) = number.as_i128() {
        return Some(whole.min(NEVER));
    }
    let number = number.as_f64().filter(|number| number.is_finite())?;
    #[expect(clippy::cast_possible_truncation, reason = "it saturates, and never is far enough")]
    let whole = number.round() as i128;
    Some(whole.min(NEVER))
}

fn default(fields: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    let known = fields.entry(field).or_insert(Value::Null);
    if known.is_null() {
        *known = value.into();
    }
}

/// Fills in what may be left out.
fn fill(event: &str, fields: &mut Map<String, Value>, policy: &Policy) -> Result<(), Wrong> {
    match event {
        "session_opened" => default(fields, "launch_events", true),
        "transfer_created" => {
            default(fields, "kind", "download");
            default(fields, "url", "");
            default(fields, "resource_timeout", RESOURCE_TIMEOUT);
        }
        "handle_began" => tasks(fields, policy)?,
        "expiration_called" => {
            default(fields, "handler", true);
        }
        "invalidating" => default(fields, "cancel", false),
        "scheduled" => {
            default(fields, "slot", "application_refresh");
            default(fields, "user_info", "");
        }
        "wanted" => {
            if let Some(url) = fields.remove("url") {
                default(fields, "urls", json!([url]));
            }
        }
        "app_panicked" => {
            default(fields, "what", "the app's code");
            default(fields, "message", "");
        }
        "message_began" => message(fields),
        _ => {}
    }
    Ok(())
}

/// What a delegate's method is given.
fn message(fields: &mut Map<String, Value>) {
    match fields.get("message").and_then(Value::as_str) {
        Some("did_complete") => {
            let end = match fields.get("error") {
                None | Some(Value::Null) => "success",
                Some(error) => match error.as_i64() {
                    Some(0) => "success",
                    Some(-999) => "cancelled",
                    Some(-997) => "disconnected",
                    Some(-1001) => "timed_out",
                    Some(-1012 | -1013) => "login_cancelled",
                    _ => "failed",
                },
            };
            default(fields, "end", end);
        }
        Some("did_finish_downloading" | "did_receive_response") => default(fields, "status", 200),
        Some("did_receive_data") => ["total", "digest"].into_iter().for_each(|name| default(fields, name, 0)),
        Some("did_receive_challenge") => {
            let method = match fields.get("method").and_then(Value::as_str) {
                Some(name) => match name.strip_prefix("NSURLAuthenticationMethod") {
                    Some("HTTPBasic" | "Default") => "http_basic".to_owned(),
                    Some("HTTPDigest") => "http_digest".to_owned(),
                    Some("NTLM") => "ntlm".to_owned(),
                    Some("Negotiate") => "negotiate".to_owned(),
                    Some("ClientCertificate") => "client_certificate".to_owned(),
                    Some("ServerTrust") => "server_trust".to_owned(),
                    _ => name.to_owned(),
                },
                None => "http_basic".to_owned(),
            };
            fields.insert("method".to_owned(), method.into());
            default(fields, "failures", 0);
            let refused = fields.get("failures").and_then(Value::as_u64).unwrap_or(0) > 0;
            default(fields, "proposed", refused);
        }
        Some("did_write_data" | "did_send_body_data") => default(fields, "total", 0),
        Some("did_resume_at_offset") => default(fields, "offset", 0),
        _ => {}
    }
}

/// The tasks of a call of `handle`; a single one may be written without a list.
fn tasks(fields: &mut Map<String, Value>, policy: &Policy) -> Result<(), Wrong> {
    if !fields.contains_key("tasks") {
        let id = fields.remove("task").or_else(|| fields.remove("id")).ok_or_else(|| {
            Wrong::field(
                "tasks",
                "no `task` and no `tasks`: which tasks handle was given, such as \"task\":1",
            )
        })?;
        let mut task = Map::from_iter([("id".to_owned(), id)]);
        for field in ["kind", "session", "user_info", "allowance"] {
            task.extend(fields.remove(field).map(|value| (field.to_owned(), value)));
        }
        fields.insert("tasks".to_owned(), Value::Array(vec![Value::Object(task)]));
    }
    let Some(Value::Array(tasks)) = fields.get_mut("tasks") else {
        return Err(Wrong::field("tasks", "`tasks` must be a list"));
    };
    for task in tasks {
        let Value::Object(task) = task else {
            return Err(Wrong::field("tasks", "each of `tasks` must be an object with `id` and `kind`"));
        };
        kind(task)?;
        if !task.contains_key("allowance") {
            let kind = task.get("kind").cloned().unwrap_or_default();
            let kind: Option<RefreshKind> = serde_json::from_value(kind).ok();
            let allowance = kind.map_or(policy.allowances.other, |kind| policy.allowances.of(&kind, false));
            let allowance = u64::try_from(allowance.as_millis()).unwrap_or(u64::MAX);
            task.insert("allowance".to_owned(), allowance.into());
        }
    }
    Ok(())
}

/// `"kind":"url_session","session":"s"` is easier to write than `"kind":{"url_session":"s"}`.
fn kind(task: &mut Map<String, Value>) -> Result<(), Wrong> {
    let session = task.remove("session");
    let kind = match task.get("kind").and_then(Value::as_str) {
        Some("url_session") => match session {
            Some(session) => json!({ "url_session": session }),
            None => {
                return Err(Wrong::field(
                    "kind",
                    "a url_session task needs its `session`: sessionIdentifier",
                ));
            }
        },
        Some("snapshot") => {
            let reason = task.remove("reason").unwrap_or_else(|| "app_backgrounded".into());
            json!({ "snapshot": reason })
        }
        None if session.is_some() && !task.contains_key("kind") => json!({ "url_session": session }),
        _ => return Ok(()),
    };
    task.insert("kind".to_owned(), kind);
    Ok(())
}

/// Counts every date that a line holds from another beginning; "never" stays never.
pub(super) fn shift(event: &str, fields: &mut Map<String, Value>, from: i128) {
    const DATES: [(&str, &str); 3] =
        [("scheduled", "preferred"), ("transfer_created", "earliest"), ("exchange_ended", "last_byte")];
    for (_, field) in DATES.iter().filter(|(of, _)| *of == event) {
        if let Some(date) = fields.get_mut(*field) {
            shift_date(date, from);
        }
    }
    let taken = fields.get_mut("how").and_then(|how| how.get_mut("snapshot_taken"));
    if let Some(date) =
        taken.and_then(|taken| taken.get_mut("expiration")).filter(|_| event == "task_completed")
    {
        shift_date(date, from);
    }
}

fn shift_date(date: &mut Value, from: i128) {
    if let Some(at) = millis(date) {
        let moved =
            if at >= NEVER { u64::MAX } else { u64::try_from((at - from).max(0)).unwrap_or(u64::MAX) };
        *date = moved.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Event;

    fn event(text: &str) -> Event {
        let Ok(Form::Said(said)) = read(text, &Policy::default()) else { panic!("{text}") };
        let mut fields = said.fields;
        fields.insert("event".to_owned(), said.event.into());
        serde_json::from_value(Value::Object(fields)).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_list_of_events_is_that_of_the_types() {
        let error = serde_json::from_str::<Event>("{\"event\":\"?\"}").unwrap_err().to_string();
        let listed = error.split("expected one of ").nth(1).unwrap();
        let mut types: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
        types.sort_unstable();
        assert_eq!(types, EVENTS);
        let error =
            serde_json::from_str::<crate::history::Message>("{\"message\":\"?\"}").unwrap_err().to_string();
        let mut types: Vec<&str> =
            error.split("one of ").nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        types.sort_unstable();
        assert_eq!(types, MESSAGES);
        let error = serde_json::from_str::<crate::contract::AppChange>("\"?\"").unwrap_err().to_string();
        let mut types: Vec<&str> =
            error.split("one of ").nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        types.sort_unstable();
        assert_eq!(types, CHANGES);
    }

    #[test]
    fn the_least_that_must_be_written_is_enough() {
        for text in [
            r#"{"at":1,"event":"launched"}"#,
            r#"{"at":1,"event":"session_opened","session":"s"}"#,
            r#"{"at":1,"event":"transfer_created","session":"s","transfer":1}"#,
            r#"{"at":1,"event":"handle_began","task":1,"kind":"url_session","session":"s"}"#,
            r#"{"at":1,"event":"handle_began","tasks":[{"id":1,"kind":"snapshot"},{"id":2,"kind":"application_refresh"}]}"#,
            r#"{"at":1,"event":"task_completed","task":1}"#,
            r#"{"at":1,"event":"scheduled","preferred":5}"#,
            r#"{"at":1,"event":"wanted","session":"s","urls":["a","b"]}"#,
            r#"{"at":1,"event":"invalidating","session":"s"}"#,
            r#"{"at":1,"event":"app_panicked"}"#,
        ] {
            event(text);
        }
        for message in MESSAGES {
            event(&format!("{{\"at\":1,\"event\":\"{message}\",\"session\":\"s\",\"id\":1}}"));
        }
    }

    #[test]
    fn errors_are_told_by_their_codes() {
        let end = |error: &str| {
            let text = format!(
                "{{\"at\":1,\"event\":\"did_complete\",\"session\":\"s\",\"id\":1,\"transfer\":1,\"error\":{error}}}"
            );
            serde_json::to_value(event(&text)).unwrap()["end"].as_str().unwrap().to_owned()
        };
        let ends = ["null", "0", "-999", "-1001", "-1012", "-1009", "\"offline\""].map(end);
        assert_eq!(
            ends,
            ["success", "success", "cancelled", "timed_out", "login_cancelled", "failed", "failed"]
        );
    }

    #[test]
    fn dates_are_counted_from_the_beginning_of_the_log_and_never_is_never() {
        let mut fields = Map::from_iter([("preferred".to_owned(), json!(1_700_000_000_500.4_f64))]);
        shift("scheduled", &mut fields, 1_700_000_000_000);
        assert_eq!(fields["preferred"], 500);
        let mut fields = Map::from_iter([("preferred".to_owned(), json!(u64::MAX))]);
        shift("scheduled", &mut fields, 1_700_000_000_000);
        assert_eq!(fields["preferred"], u64::MAX);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_mend() {
        let wrong = |text: &str| read(text, &Policy::default()).err().unwrap();
        assert!(wrong("{\"at\":1").cut);
        assert!(wrong("[1]").reason.contains("each line is one"));
        assert!(wrong("{\"at\":1}").reason.contains("no `event`"));
        assert!(wrong("{\"event\":\"launched\"}").reason.contains("milliseconds"));
        assert!(
            wrong("{\"event\":\"launched\",\"at\":\"2026-01-01\"}").reason.contains("timeIntervalSince1970")
        );
        assert!(wrong("{\"event\":\"handle_began\",\"at\":1}").reason.contains("\"task\":1"));
    }
}

//! The log format as a JSON Schema, made from the types.

use serde_json::{Value, json};

use super::{Answer, Entry, FORMAT};
use crate::logs::words::{CHANGES, MESSAGES};

/// What a log need not say, by event: `LOGS.md` tells what it counts as.
const OPTIONAL: &[(&str, &[&str])] = &[
    ("session_opened", &["launch_events"]),
    ("invalidating", &["cancel"]),
    ("transfer_created", &["kind", "url", "resource_timeout"]),
    ("scheduled", &["slot", "user_info"]),
    ("handle_began", &["tasks"]),
    ("expiration_called", &["open", "handler"]),
    ("app_panicked", &["what", "message"]),
    ("answered", &["id"]),
    ("message_returned", &["id"]),
    ("message_interrupted", &["id"]),
    ("file_moved", &["id"]),
    ("file_used", &["id"]),
    ("file_looked", &["id"]),
];

/// The schema of one line of a log.
#[must_use]
pub fn schema() -> Value {
    let mut root = schemars::schema_for!(Entry).to_value();
    let Value::Object(root) = &mut root else { return root };
    root.insert("title".to_owned(), format!("A line of a {FORMAT} log").into());
    root.insert(
        "description".to_owned(),
        "One JSON object on each line of the file. The first line may be a header instead: {\"format\":\"bgsession-history/1\"}."
            .into(),
    );
    if let Some(required) = root.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|field| field != "seq");
    }
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        properties.insert(
            "at".to_owned(),
            json!({ "type": "number", "description": "When, in milliseconds on any clock." }),
        );
        properties.insert(
            "process".to_owned(),
            json!({ "type": ["string", "integer"], "description": "Which of several programs wrote the line." }),
        );
    }
    for event in root.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        relax(event);
    }
    if let Some(Value::Array(events)) = root.get_mut("oneOf") {
        events.push(short_forms());
    }
    let definitions = root.get_mut("$defs").and_then(Value::as_object_mut);
    let Some(definitions) = definitions else { return Value::Object(std::mem::take(root)) };
    definitions.insert(
        "Time".to_owned(),
        json!({ "type": "number", "description": "Milliseconds on the clock of `at`; 18446744073709551615 for never." }),
    );
    let kind = json!({ "anyOf": [
        { "$ref": "#/$defs/RefreshKind" },
        { "enum": ["url_session", "snapshot"], "description": "url_session with `session` beside it" },
    ] });
    if let Some(task) = definitions.get_mut("TaskRef") {
        task["required"] = json!(["id"]);
        task["properties"]["kind"] = kind;
        task["properties"]["session"] = json!({ "$ref": "#/$defs/SessionId" });
    }
    definitions.insert(
        "Answer".to_owned(),
        json!({
            "description": "What the app said to a challenge, or to a delayed request.",
            "enum": Answer::ALL.map(Answer::name),
        }),
    );
    Value::Object(std::mem::take(root))
}

/// Names of messages and changes stand for the events that hold them.
fn short_forms() -> Value {
    let names = MESSAGES.iter().chain(CHANGES).filter(|name| **name != "terminated");
    let names: Vec<&str> = names.copied().chain(["did_receive_session_challenge"]).collect();
    json!({
        "description": "Short for `message_began` with this `message`, or for `app` with this `change`.",
        "properties": { "event": { "enum": names } },
        "required": ["event"],
        "type": "object",
    })
}

/// Takes what may be left out from what an event requires.
fn relax(event: &mut Value) {
    let name = |event: &Value| event["properties"]["event"]["const"].as_str().map(str::to_owned);
    let Some(name) = name(event) else { return };
    let optional = OPTIONAL.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, fields)| fields);
    let is_message = name == "message_began";
    let keep = |field: &Value| {
        let field = field.as_str().unwrap_or_default();
        !(optional.contains(&field) || is_message && field == "id")
    };
    if let Some(required) = event.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(keep);
    }
    if is_message {
        // Each message has required fields of its own; all but its name may be left out.
        for message in event.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(Value::Array(required)) = message.get_mut("required") {
                required.retain(|field| field == "message");
            }
        }
    }
}

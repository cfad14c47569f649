//! The page and the schema of the log format say what the types say.

use std::collections::BTreeSet;

use bgsession_conformance::history::{schema, schema_page};
use serde_json::Value;

const KEPT: &str = include_str!("../../conformance/schema/history.schema.json");

#[test]
fn the_schema_in_the_repository_is_that_of_the_types() {
    let kept: Value = serde_json::from_str(KEPT).expect("it is JSON");
    assert!(
        kept == schema(),
        "out of date: cargo run -p bgsession-conformance --features schema --example schema > \
         conformance/schema/history.schema.json"
    );
}

#[test]
fn the_page_of_events_in_the_repository_is_that_of_the_types() {
    assert!(
        include_str!("../../conformance/EVENTS.md") == schema_page(),
        "out of date: cargo run -p bgsession-conformance --features schema --example schema -- --markdown > \
         conformance/EVENTS.md"
    );
}

/// The events that the schema knows.
fn events() -> BTreeSet<String> {
    let schema = schema();
    let events = schema["oneOf"].as_array().expect("one for each event");
    events
        .iter()
        .filter_map(|event| event["properties"]["event"]["const"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn the_schema_knows_every_event_of_the_kits_histories_and_describes_all() {
    let known = events();
    assert!(
        known.len() >= 44 && known.contains("handle_began") && known.contains("message_began"),
        "{known:?}"
    );
    let schema = schema();
    for event in schema["oneOf"].as_array().expect("one for each event") {
        assert!(event["description"].is_string(), "{event}");
        let properties = event["properties"].as_object().expect("fields");
        for required in event["required"].as_array().into_iter().flatten() {
            assert!(
                required == "event" || properties.contains_key(required.as_str().unwrap_or("?")),
                "{event}"
            );
        }
    }
}

/// The page's events are short for messages and changes, or events themselves.
#[test]
fn the_page_names_no_event_that_there_is_not() {
    let page = include_str!("../../conformance/LOGS.md");
    let schema = schema().to_string();
    let table = page.lines().skip_while(|line| !line.starts_with("| where in the app")).skip(2);
    for line in table.take_while(|line| line.starts_with('|')) {
        let said = line.rsplit_once(" | `").expect("a line of the log").1;
        let event = said.split('`').next().expect("its event");
        // The session-level method is a message of the same name but one word.
        let event = event.replace("_session_challenge", "_challenge");
        assert!(schema.contains(&format!("\"{event}\"")), "{line}");
    }
}

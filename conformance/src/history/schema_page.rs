//! The list of events and fields as a Markdown page, made from the schema.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::schema;

const HEAD: &str = "\
# Events

Every event of the log format, with its fields. Made from the types by
`cargo run -p bgsession-conformance --features schema --example schema -- --markdown`; a test compares. `LOGS.md` tells which
of them an app has to write, and what counts for a field that is left out. Times are in milliseconds.

Each line has `at` and `event`; it may have `process`, and `seq`, its number.
";

/// The page.
#[must_use]
pub fn schema_page() -> String {
    let schema = schema();
    let mut page = HEAD.to_owned();
    for event in schema["oneOf"].as_array().into_iter().flatten() {
        let Some(name) = event["properties"]["event"]["const"].as_str() else { continue };
        put(&mut page, format_args!("\n## `{name}`\n\n{}\n", words(event)));
        fields(&mut page, event, "");
        for variant in event["oneOf"].as_array().into_iter().flatten() {
            let message = &variant["properties"]["message"];
            let names = message["const"].as_str().into_iter().chain(strings(&message["enum"]));
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            let (name, said) = (names.join(", "), words(variant));
            let said = if said == name || said.is_empty() { String::new() } else { format!(": {said}") };
            put(&mut page, format_args!("- with `message` {name}{said}\n"));
            fields(&mut page, variant, "  ");
        }
    }
    page.push_str("\n# Values\n");
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        put(&mut page, format_args!("\n## {name}\n\n{}\n", words(definition)));
        values(&mut page, definition);
        fields(&mut page, definition, "");
        if let Some(kind) = definition["type"].as_str().filter(|kind| *kind != "object") {
            put(&mut page, format_args!("\nWritten as {}.\n", primitive(kind)));
        }
    }
    page
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a string takes everything");
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// One line for each field but the one that names the event or the message.
fn fields(page: &mut String, object: &Value, indent: &str) {
    let none = Map::new();
    let properties = object["properties"].as_object().unwrap_or(&none);
    let mut properties: Vec<_> =
        properties.iter().filter(|(name, _)| *name != "event" && *name != "message").collect();
    let required: Vec<&str> = strings(&object["required"]).collect();
    properties.sort_by_key(|(name, _)| (!required.contains(&name.as_str()), name.as_str()));
    if !properties.is_empty() && indent.is_empty() {
        page.push('\n');
    }
    for (name, field) in properties {
        let optional = if required.contains(&name.as_str()) { "" } else { ", may be left out" };
        let said = words(field);
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        put(page, format_args!("{indent}- `{name}` ({}{optional}){said}\n", kind(field)));
    }
}

/// The values of an enumeration: names, and objects that name themselves by their one field.
fn values(page: &mut String, definition: &Value) {
    for name in strings(&definition["enum"]) {
        put(page, format_args!("\n- `{name}`"));
    }
    if definition["enum"].is_array() {
        page.push('\n');
    }
    let variants = definition["oneOf"].as_array();
    if variants.is_some() {
        page.push('\n');
    }
    for variant in variants.into_iter().flatten() {
        if let Some(name) = variant["const"].as_str() {
            put(page, format_args!("- `{name}`: {}\n", words(variant)));
        }
        for (name, inner) in variant["properties"].as_object().into_iter().flatten() {
            put(page, format_args!("- `{{\"{name}\": …}}` ({}): {}\n", kind(inner), words(variant)));
        }
        for name in strings(&variant["enum"]) {
            put(page, format_args!("- `{name}`\n"));
        }
    }
}

/// What a field holds, in a word or a link.
fn kind(field: &Value) -> String {
    if let Some(definition) = field["$ref"].as_str() {
        let name = definition.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_ascii_lowercase());
    }
    if let Some(options) = field["anyOf"].as_array() {
        let options: Vec<String> = options.iter().map(kind).collect();
        return options.join(" or ");
    }
    match &field["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&field["items"])),
        Value::String(name) => primitive(name).to_owned(),
        Value::Array(names) => {
            let names: Vec<_> = names.iter().filter_map(Value::as_str).map(primitive).collect();
            names.join(" or ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            let names: Vec<_> = strings(&field["enum"]).map(|name| format!("`{name}`")).collect();
            if names.is_empty() { "anything".to_owned() } else { names.join(" or ") }
        }
    }
}

fn primitive(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" | "number" => "number",
        "boolean" => "true or false",
        other => other,
    }
}

/// A description without what only links within the code: `[x](super::y)` is `x`.
fn words(of: &Value) -> String {
    let text = of["description"].as_str().unwrap_or_default().replace('\n', " ");
    let mut rest = text.as_str();
    let mut plain = String::new();
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let Some((label, after)) = link.split_once(']') else {
            rest = link;
            break;
        };
        plain.push_str(label);
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    plain.push_str(rest);
    plain
}

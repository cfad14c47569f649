//! Prints the JSON Schema of the log format, or the list of its events as a page:
//! `cargo run -p bgsession-conformance --features schema --example schema > conformance/schema/history.schema.json` and
//! `cargo run -p bgsession-conformance --features schema --example schema -- --markdown > conformance/EVENTS.md`

#![expect(clippy::print_stdout, reason = "that is what it is for")]

use bgsession_conformance::history::{schema, schema_page};

fn main() {
    if std::env::args().any(|argument| argument == "--markdown") {
        print!("{}", schema_page());
    } else {
        println!("{:#}", schema());
    }
}

//! Prints the JSON Schema of the log format:
//! `cargo run -p bgsession-conformance --features schema --example schema > conformance/schema/history.schema.json`

#![expect(clippy::print_stdout, reason = "that is what it is for")]

fn main() {
    println!("{:#}", bgsession_conformance::history::schema());
}

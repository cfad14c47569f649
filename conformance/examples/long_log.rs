//! Judges a log that is made while it is read, and says how long that took and how much memory:
//! `cargo run --release -p bgsession-conformance --example long_log -- 10000000`

#![expect(clippy::print_stdout, reason = "that is what it is for")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

#[path = "../benches/wakes/mod.rs"]
mod wakes;

use bgsession_conformance::logs::{Options, judge};

fn main() {
    let events: u64 = std::env::args().nth(1).and_then(|events| events.parse().ok()).unwrap_or(10_000);
    let begun = std::time::Instant::now();
    let report = judge(wakes::Wakes::log(events), "wakes", &Options::default()).expect("the log is good");
    let seconds = begun.elapsed().as_secs_f64();
    assert!(report.passed(), "{report}");
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = report.entries as f64 / seconds;
    println!("{} observations in {} parts, {seconds:.2} s, {rate:.0} a second", report.entries, report.parts);
    // Linux says how much memory the process had at its most.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("VmHWM: unknown");
    println!("peak memory {}", peak.trim_start_matches("VmHWM:").trim());
}

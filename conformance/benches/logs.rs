//! How fast logs are judged.
//!
//! `cargo bench -p bgsession-conformance --bench logs`

mod wakes;

use bgsession_conformance::logs::{LogReport, Options, judge};
use divan::counter::ItemsCount;
use wakes::Wakes;

fn main() {
    divan::main();
}

#[divan::bench(args = [10_000, 100_000], sample_count = 10)]
fn an_app(bencher: divan::Bencher<'_, '_>, events: u64) {
    let options = Options::default();
    bencher.counter(ItemsCount::new(events)).bench(|| judged(events, &options));
}

fn judged(events: u64, options: &Options) -> LogReport {
    let report = judge(Wakes::log(events), "wakes", options).expect("the log is good");
    assert!(report.passed(), "{report}");
    report
}

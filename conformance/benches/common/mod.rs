//! What both benchmarks share: the subject, the scenarios, and how rates are measured.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgsession_conformance::contract::{Device, Scheduler, TransferService};
use bgsession_conformance::history::History;
use bgsession_conformance::scenario::{Download, Focus, Scenario, Setup, Span, Step, scenarios};
use bgsession_conformance::{Options, Player, Subject, World, run};
use bgsession_reference::scheduler::ReferenceScheduler;
use bgsession_reference::service::ReferenceService;

/// The reference in all roles.
pub(crate) fn reference() -> Subject {
    Subject::system("reference", |device: Device| {
        let scheduler: Arc<dyn Scheduler> = ReferenceScheduler::new(device.clone());
        let service: Arc<dyn TransferService> = ReferenceService::new(device, Arc::clone(&scheduler));
        (scheduler, service)
    })
}

/// Generated scenarios with a bit of everything.
pub(crate) fn general(count: u64) -> Vec<Scenario> {
    (0..count).map(|seed| scenarios(Focus::GENERAL).generate(seed)).collect()
}

/// One session with so many downloads that end while the app sleeps, and the wake that follows.
pub(crate) fn downloads(count: usize) -> Scenario {
    let download = Step::Download(Download { size: 64, ..Download::default() });
    let mut steps = vec![download; count];
    steps.push(Step::Leave);
    steps.push(Step::Wait { span: Span(60_000) });
    Scenario { setup: Setup::default(), steps }
}

/// Is this a measurement (`cargo bench`), or only a test that it still runs (`cargo test --benches`)?
pub(crate) fn in_earnest() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// `earnest` for a measurement, a little for a test.
pub(crate) fn scale(earnest: u64) -> u64 {
    if in_earnest() { earnest } else { earnest.div_ceil(500) }
}

/// How long a piece of work takes.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The rate of `units` done by `work`, each second: the median of five goes after one to warm up.
pub(crate) fn rate(units: u64, mut work: impl FnMut()) -> f64 {
    let goes = if in_earnest() { 5 } else { 1 };
    work();
    let mut times: Vec<Duration> = (0..goes).map(|_| time(&mut work)).collect();
    times.sort();
    per_second(units, times[goes / 2])
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
pub(crate) fn per_second(units: u64, taken: Duration) -> f64 {
    units as f64 / taken.as_secs_f64()
}

/// Scenarios played and judged by every rule each second, as a run of the kit does it, set-up included.
pub(crate) fn judged(world: World, threads: usize, given: &[Scenario]) -> f64 {
    let subject = reference();
    let options =
        Options { worlds: vec![world], threads, replay: Some(given.to_vec()), ..Options::default() };
    rate(given.len() as u64, || {
        let report = run(&subject, &options).expect("loopback is there");
        assert_eq!(report.failures().count(), 0, "{report}");
    })
}

/// Plays every scenario once, on this thread.
pub(crate) fn histories(world: World, given: &[Scenario]) -> Vec<History> {
    let (subject, mut player) = (reference(), Player::new(world).expect("loopback is there"));
    given.iter().map(|scenario| player.play(&subject, scenario).expect("loopback is there")).collect()
}

/// Prints a line of the result; a reader that has seen enough is no error.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A figure with its unit, in a column.
pub(crate) fn figure(name: &str, value: f64, unit: &str) {
    say(&format!("  {name:<50} {value:>12.1} {unit}"));
}

/// How much of a limit is reached.
pub(crate) fn ratio(name: &str, part: f64, limit: f64) {
    say(&format!("  {name:<50} {:>12.1} %", part / limit * 100.0));
}

pub(crate) fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

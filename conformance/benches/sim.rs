//! How fast scenarios are played in memory and judged; the bare machines, without any kit, are the limit.
//!
//! `cargo bench -p bgsession-conformance --bench sim`

mod bare;
mod common;

use bgsession_conformance::contract::Policy;
use bgsession_conformance::history::History;
use bgsession_conformance::rules::{RULES, judge_all};
use bgsession_conformance::scenario::{Focus, Scenario, scenarios};
use bgsession_conformance::{Player, World};
use common::{
    all_threads, downloads, figure, general, histories, in_earnest, judged, rate, ratio, reference, say,
    scale,
};

fn main() {
    if !in_earnest() {
        say("a test that the benchmark runs; its figures mean nothing");
    }
    let small = vec![downloads(3); usize::try_from(scale(20_000)).expect("few")];
    let mixed = general(scale(20_000));
    throughput(&small, &mixed);
    where_time_goes(&mixed);
    growth();
}

/// Scenarios per second.
fn throughput(small: &[Scenario], mixed: &[Scenario]) {
    let many = all_threads();
    say(&format!("scenarios in sim, judged by {} rules", RULES.len()));
    let one = judged(World::Sim, 1, small);
    figure("three downloads, one wake; 1 thread", one, "a second");
    figure(
        &format!("three downloads, one wake; {many} threads"),
        judged(World::Sim, many, small),
        "a second",
    );
    let mean =
        entries(&histories(World::Sim, &mixed[..mixed.len().min(1_000)])) / mixed.len().min(1_000) as u64;
    figure(
        &format!("a bit of everything ({mean} observations); 1 thread"),
        judged(World::Sim, 1, mixed),
        "a second",
    );
    figure(&format!("a bit of everything; {many} threads"), judged(World::Sim, many, mixed), "a second");
    let bench = bare::Bench::default();
    let goes = scale(100_000);
    let limit = rate(goes, || {
        for _ in 0..goes {
            std::hint::black_box(bench.scenario());
        }
    });
    figure("the limit: the bare machines, three downloads", limit, "a second");
    ratio("three downloads, 1 thread, of the limit", one, limit);
    say("");
}

/// Microseconds for each stage of one scenario, on one thread.
fn where_time_goes(mixed: &[Scenario]) {
    say("where the time of one scenario goes (a bit of everything, 1 thread)");
    let count = mixed.len() as u64;
    let generated = rate(count, || {
        for seed in 0..count {
            std::hint::black_box(scenarios(Focus::GENERAL).generate(seed));
        }
    });
    figure("generated", 1e6 / generated, "µs");
    let (subject, mut player) = (reference(), Player::new(World::Sim).expect("memory"));
    let played = rate(count, || {
        for scenario in mixed {
            std::hint::black_box(player.play(&subject, scenario).expect("memory"));
        }
    });
    figure("played", 1e6 / played, "µs");
    let seen = histories(World::Sim, mixed);
    let (observations, policy) = (entries(&seen), Policy::default());
    let rules = rate(observations, || judge(&seen, &policy));
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    let each = observations as f64 / count as f64;
    figure("judged by all rules", 1e6 * each / rules, "µs");
    figure("  that is", rules, "observations a second");
    say("");
}

fn judge(histories: &[History], policy: &Policy) {
    for history in histories {
        std::hint::black_box(judge_all(RULES, history, policy));
    }
}

/// Does a transfer cost the same in a scenario of one and in a scenario of a thousand?
fn growth() {
    say("cost of a transfer as a scenario has more of them (1 thread)");
    let (subject, policy) = (reference(), Policy::default());
    let mut player = Player::new(World::Sim).expect("memory");
    for transfers in [1_usize, 10, 100, 1_000] {
        let scenario = downloads(transfers);
        let goes = scale(20_000).div_ceil(transfers as u64);
        let all = goes * transfers as u64;
        let played = rate(all, || {
            for _ in 0..goes {
                std::hint::black_box(player.play(&subject, &scenario).expect("memory"));
            }
        });
        let seen = histories(World::Sim, std::slice::from_ref(&scenario));
        let rules = rate(all, || (0..goes).for_each(|_| judge(&seen, &policy)));
        let name = format!("{transfers} transfers");
        say(&format!("  {name:<50} {:>12.2} µs played, {:.2} µs judged", 1e6 / played, 1e6 / rules));
    }
}

/// Observations in these histories.
fn entries(histories: &[History]) -> u64 {
    histories.iter().map(|history| history.entries.len() as u64).sum()
}

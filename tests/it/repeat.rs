//! The same run twice is the same to the byte, in either world and on any number of threads.

use bgsession_conformance::history::History;
use bgsession_conformance::scenario::{Focus, Scenario, scenarios};
use bgsession_conformance::{Options, Report, Subject, Verdict, World, play, run};
use bgsession_tests::lawful::reference;
use bgsession_tests::mutants::all;

const FOCUSES: [(&str, Focus); 16] = [
    ("general", Focus::GENERAL),
    ("wakes", Focus::WAKES),
    ("logins", Focus::LOGINS),
    ("overlap", Focus::OVERLAP),
    ("kills", Focus::KILLS),
    ("delayed", Focus::DELAYED),
    ("statuses", Focus::STATUSES),
    ("files", Focus::FILES),
    ("cuts", Focus::CUTS),
    ("retries", Focus::RETRIES),
    ("pauses", Focus::PAUSES),
    ("cancels", Focus::CANCELS),
    ("links", Focus::LINKS),
    ("redirects", Focus::REDIRECTS),
    ("attempts", Focus::ATTEMPTS),
    ("challenges", Focus::CHALLENGES),
];

fn generated(count: u64) -> impl Iterator<Item = (String, Scenario)> {
    FOCUSES.into_iter().flat_map(move |(name, focus)| {
        (0..count).map(move |seed| (format!("{name}, seed {seed}"), scenarios(focus).generate(seed)))
    })
}

fn lines(world: World, scenario: &Scenario) -> String {
    history(&reference(), world, scenario).to_jsonl()
}

fn history(subject: &Subject, world: World, scenario: &Scenario) -> History {
    play(subject, world, scenario).expect("the world can be set up")
}

/// Points at the first line that differs: a whole history is too much to compare by eye.
fn assert_same(what: &str, scenario: &Scenario, one: &str, other: &str) {
    if one == other {
        return;
    }
    let mut pairs = one.lines().zip(other.lines());
    let at = pairs
        .position(|(one, other)| one != other)
        .unwrap_or_else(|| one.lines().count().min(other.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(nothing more)").to_owned();
    panic!(
        "{what} differs in line {}:\n  {}\n  {}\nin\n{}",
        at + 1,
        line(one),
        line(other),
        scenario.to_json(None)
    );
}

#[test]
fn a_scenario_in_sim_gives_the_same_history_every_time() {
    for (name, scenario) in generated(60) {
        assert_same(&name, &scenario, &lines(World::Sim, &scenario), &lines(World::Sim, &scenario));
    }
}

#[test]
fn a_scenario_on_real_http_gives_the_same_history_every_time() {
    for (name, scenario) in generated(5) {
        assert_same(&name, &scenario, &lines(World::Http, &scenario), &lines(World::Http, &scenario));
    }
}

#[test]
fn both_worlds_give_the_same_history() {
    for (name, scenario) in generated(15) {
        let [sim, http] = [World::Sim, World::Http].map(|world| {
            // The header names the world; everything else must agree.
            let named = lines(world, &scenario);
            named.replacen(&format!("\"world\":\"{world}\""), "\"world\":\"\"", 1)
        });
        assert_same(&name, &scenario, &sim, &http);
    }
}

/// All of a report but the real time it took.
fn essence(report: &Report) -> String {
    let mut text = format!("{} {:?} {}\n", report.subject, report.role, report.seed);
    for (row, (world, verdict)) in
        report.rows.iter().flat_map(|row| row.verdicts.iter().map(move |v| (row, v)))
    {
        let said =
            if let Verdict::Fail(failure) = verdict { failure.to_string() } else { format!("{verdict:?}") };
        text += &format!("{} {world}: {said}\n", row.rule.id);
    }
    for world in &report.worlds {
        text += &format!("{} {} {}\n", world.world, world.scenarios, world.entries);
    }
    text
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let broken = all()
        .find(|mutant| mutant.name == "remembers-the-last-set-only")
        .expect("it is in the table")
        .subject();
    for (subject, world, cases) in
        [(reference(), World::Sim, 40), (broken.clone(), World::Sim, 100), (broken, World::Http, 8)]
    {
        let judge = |threads| {
            let options = Options {
                worlds: vec![world],
                cases_sim: cases,
                cases_http: cases,
                threads,
                ..Options::default()
            };
            essence(&run(&subject, &options).expect("the world can be set up"))
        };
        let one = judge(1);
        for threads in [2, 5] {
            assert_eq!(one, judge(threads), "{} in {world} on {threads} threads", subject.name());
        }
    }
}

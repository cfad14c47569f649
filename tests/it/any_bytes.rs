//! Whatever a file holds, its reader says what is wrong with it: no panic, no endless loop, no memory without bound.
//!
//! A smoke run of each is part of the tests; the fuzzer in `tests/fuzz` has the same readers. For long:
//! `PROPTEST_CASES=1000000 cargo test --release -p bgsession-tests --test it -- any_bytes`. What a server or a client sends
//! is treated alike where it is read, in `mock-server` and `reference`.

use std::time::Duration;

use bgsession_conformance::mock_server::{Origin, Request, Script};
use bgsession_conformance::scenario::{Focus, Scenario, scenarios};
use bgsession_conformance::{World, play};
use bgsession_tests::lawful::reference;
use bgsession_tests::readers;
use proptest::collection::vec;
use proptest::prelude::*;

/// One change to a text.
#[derive(Clone, Debug)]
enum Edit {
    Put(usize, Vec<u8>),
    Drop(usize, usize),
    Again(usize, usize),
    Word(usize, &'static str),
}

/// What breaks readers.
const WORDS: &[&str] = &[
    "null",
    "-1",
    "18446744073709551615",
    "1e308",
    "\"\"",
    "[]",
    "{}",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "\\ud800",
    "\"at\":0,",
    "\"event\":\"launched\"",
    "\"id\":1",
    "\"task\":1",
    "\"transfer\":1",
    "\"session\":\"s\"",
    ",",
    ":",
    "\"process\":\"p\",",
    "[[[[",
];

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (any::<usize>(), vec(any::<u8>(), 0..8)).prop_map(|(at, bytes)| Edit::Put(at, bytes)),
        (any::<usize>(), 0..40_usize).prop_map(|(at, length)| Edit::Drop(at, length)),
        (any::<usize>(), 0..200_usize).prop_map(|(at, length)| Edit::Again(at, length)),
        (any::<usize>(), 0..WORDS.len()).prop_map(|(at, word)| Edit::Word(at, WORDS[word])),
    ];
    vec(edit, 0..6)
}

fn edited(text: &str, edits: Vec<Edit>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits {
        let end = bytes.len();
        let range = |at: usize, length: usize| {
            let from = at % (end + 1);
            from..(from + length).min(end)
        };
        match edit {
            Edit::Put(at, new) => drop(bytes.splice(range(at, new.len()), new)),
            Edit::Drop(at, length) => drop(bytes.drain(range(at, length))),
            Edit::Again(at, length) => {
                let again = bytes[range(at, length)].to_vec();
                drop(bytes.splice(range(at, 0), again));
            }
            Edit::Word(at, word) => drop(bytes.splice(range(at, 0), word.bytes())),
        }
    }
    bytes
}

fn scenario(seed: u64) -> Scenario {
    scenarios(Focus::GENERAL).generate(seed % 50)
}

/// A log as the kit writes it, with or without its header.
fn log(seed: u64, header: bool) -> String {
    let history = play(&reference(), World::Sim, &scenario(seed)).expect("the world can be set up");
    let text = history.to_jsonl();
    if header { text } else { text.lines().skip(1).collect::<Vec<_>>().join("\n") }
}

const GOOD: &str = include_str!("../logs/GOOD.jsonl");

const SCRIPT: &str = include_str!("../../mock-server/scripts/digest-login.json");

/// What fails is printed; a regression becomes a test of its own.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn logs_of_any_bytes(bytes in vec(any::<u8>(), 0..600)) {
        readers::log(&bytes);
    }

    #[test]
    fn logs_that_were_damaged(seed in any::<u64>(), header in any::<bool>(), edits in edits()) {
        readers::log(&edited(&log(seed, header), edits));
    }

    #[test]
    fn short_logs_that_were_damaged(edits in edits()) {
        readers::log(&edited(GOOD, edits));
    }

    #[test]
    fn scenarios_of_any_bytes(bytes in vec(any::<u8>(), 0..600)) {
        readers::scenario(&bytes);
    }

    #[test]
    fn scenarios_that_were_damaged(seed in any::<u64>(), edits in edits()) {
        readers::scenario(&edited(&scenario(seed).to_json(None), edits));
    }

    #[test]
    fn scripts_of_any_bytes(bytes in vec(any::<u8>(), 0..600)) {
        readers::script(&bytes);
    }

    #[test]
    fn scripts_that_were_damaged(edits in edits()) {
        readers::script(&edited(SCRIPT, edits));
    }

    #[test]
    fn requests_with_any_fields(
        range in ".{0,40}|bytes=[-0-9, ]{0,30}",
        condition in ".{0,40}",
        login in ".{0,60}|Digest [a-z]{2,9}=\"?[a-z0-9]{0,9}\"?(, ?[a-z]{2,9}=\"?[^\"]{0,9}\"?){0,6}",
        target in ".{0,30}|/[a-c]",
    ) {
        let script: Script = Script::from_json(SCRIPT).expect("it is sound");
        let origin = Origin::new(script).expect("it is sound");
        let request = Request::get(target)
            .with_header("Range", range)
            .with_header("If-Range", condition)
            .with_header("Authorization", login);
        drop(origin.answer_and_log(&request, Duration::ZERO));
    }
}

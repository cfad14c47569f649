//! What is given any bytes: by the tests, and by the fuzzer (`tests/fuzz`).

use std::time::Duration;

use bgsession_conformance::history::History;
use bgsession_conformance::logs::{Options, judge_in_parts};
use bgsession_conformance::mock_server::{Origin, Request, Script};
use bgsession_conformance::rules::RULES;
use bgsession_conformance::scenario::Scenario;

/// All that reads a log.
///
/// # Panics
///
/// If a report is empty: that is what is looked for.
pub fn log(bytes: &[u8]) {
    for lenient in [false, true] {
        let options = Options { rules: RULES.iter().collect(), lenient, ..Options::default() };
        for limits in [(4_000, 50_000), (3, 10)] {
            if let Ok(report) = judge_in_parts(bytes, "log", &options, limits) {
                let text = report.to_string();
                assert!(!text.is_empty());
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(History::from_jsonl(text));
    }
}

/// All that reads a scenario: what is read is written so that it reads the same.
///
/// # Panics
///
/// If it does not: that is what is looked for.
pub fn scenario(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(scenario) = Scenario::from_json(text)
    {
        assert_eq!(Scenario::from_json(&scenario.to_json(None)).expect("it was just written"), scenario);
    }
}

/// All that reads a script for the mock server, and a request to the origin that plays it.
pub fn script(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(script) = Script::from_json(text)
        && let Ok(origin) = Origin::new(script)
    {
        drop(origin.answer(&Request::get("/a"), Duration::ZERO));
    }
}

/// A request with header fields of these bytes, one a line: range, condition, login, target.
pub fn request(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let mut line = || lines.next().unwrap_or_default();
    let request = Request::get("/a")
        .with_header("Range", line())
        .with_header("If-Range", line())
        .with_header("Authorization", line())
        .with_header("If-None-Match", line());
    let script = include_str!("../../mock-server/scripts/digest-login.json");
    let origin = Script::from_json(script).ok().and_then(|script| Origin::new(script).ok());
    if let Some(origin) = origin {
        drop(origin.answer_and_log(&request, Duration::ZERO));
    }
}

//! The scripts that come along are good, and the program says what is wrong with bad ones.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use bgsession_mock_server::{Ranges, Script};
use std::process::{Command, Output};

const SHIPPED: [&str; 4] = ["basic-login.json", "cut-download.json", "digest-login.json", "slow.json"];

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bgsession-mock-server")).args(arguments).output().unwrap()
}

fn failure(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn shipped_scripts_are_good() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, SHIPPED);
    for name in SHIPPED {
        let path = format!("{folder}/{name}");
        let script = Script::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(Script::from_json(&script.to_json()).unwrap(), script, "{name}");
        let output = run(&["--check", &path]);
        assert!(output.status.success(), "{output:?}");
        let line = format!("{path}: a good script with {} route(s)\n", script.routes.len());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), line);
    }
}

#[test]
fn the_script_in_the_readme_is_good() {
    let readme = include_str!("../README.md");
    let script = readme.split("```json").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(Script::from_json(script).unwrap().routes.len(), 1);
    // Every name of the reference tables is one that the JSON form knows.
    let answers = r#"
        {"serve": {"delay_ms": 0, "fault": null}},
        {"status": {"code": 503, "body_size": 0, "retry_after": {"secs": 5}}},
        {"status": {"code": 503, "retry_after": {"date_in": 5}}},
        {"redirect": {"code": 302, "location": "http://localhost:{port}/x"}},
        "drop_before_head", "reset_before_head", "stall_before_head", "offline",
        {"garbage": "text"}, {"new_version": {"serve": {}}},
        {"serve": {"fault": {"cut_after": 1}}}, {"serve": {"fault": {"reset_after": 1}}},
        {"serve": {"fault": {"stall_after": 1}}}, {"serve": {"fault": {"lying_length": 1}}},
        {"serve": {"fault": {"drip": {"piece": 1, "every_ms": 1}}}}, {"serve": {"fault": "bad_chunk"}},
        {"serve": {"fault": "chunked"}}, {"serve": {"fault": "until_close"}}"#;
    for ranges in Ranges::ALL {
        let name = serde_json::to_string(&ranges).unwrap();
        assert!(readme.contains(&format!("`{}`", name.trim_matches('"'))), "{name}");
        let route = format!(r#"{{"ranges": {name}, "answers": [{answers}]}}"#);
        let text = format!(r#"{{"format": "bgsession-script/1", "routes": {{"/f": {route}}}}}"#);
        assert_eq!(Script::from_json(&text).unwrap().routes["/f"].answers.len(), 18);
    }
}

#[test]
fn complaints_name_the_place_and_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.json");
    let path = path.to_str().unwrap();

    assert!(
        failure(&[path]).contains("No such file or directory (os error 2); is this the path of a script?")
    );

    std::fs::write(path, "{\"format\": \"bgsession-script/1\",\n \"routes\": {\"/f\": {\"anwsers\": []}}}")
        .unwrap();
    let complaint = failure(&[path]);
    assert!(complaint.starts_with(&format!("error: {path}: line 2, column ")), "{complaint}");
    assert!(complaint.contains("unknown field `anwsers`, expected one of"), "{complaint}");

    std::fs::write(
        path,
        r#"{"format": "bgsession-script/1", "routes": {"/f": {"answers": [{"status": {"code": 42}}]}}}"#,
    )
    .unwrap();
    let expected = format!("error: {path}: route `/f`, answer 0: status 42 does not exist; use 200 to 599\n");
    assert_eq!(failure(&[path, "--check"]), expected);

    std::fs::write(path, r#"{"format": "bgsession-script/1"}"#).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let complaint = failure(&[path, "--port", &port]);
    assert!(complaint.starts_with(&format!("error: port {port} of 127.0.0.1: ")), "{complaint}");
    assert!(complaint.contains("choose another with --port"), "{complaint}");

    assert!(failure(&[path, "--prot", "1"]).contains("a similar argument exists: '--port'"));
}

//! The `bgsession` command as its users meet it: exit codes, and what goes where.
#![cfg(feature = "command")]

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn bgsession(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bgsession")).args(arguments).output().expect("the command starts")
}

/// Exit code, standard output, standard error.
fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = bgsession(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command speaks UTF-8");
    (output.status.code().expect("it is not killed"), text(output.stdout), text(output.stderr))
}

/// A folder with one file, and the file's path as the command line takes it.
fn file(name: &str, content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, content).expect("a file for the test");
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    (folder, path)
}

/// A download that ends while the app sleeps, and the wake that follows.
const WAKE: &str = r#"{
  "format": "bgsession-scenario/1",
  "steps": [
    {"download": {"session": 0, "route": "plain", "size": 64}},
    "leave",
    {"wait": {"span": 60000}}
  ]
}
"#;

#[test]
fn a_rule_that_passes_is_exit_code_0_and_the_report_counts_its_witnesses() {
    let (code, out, err) = said(&["--rule", "SES-03", "--world", "sim", "--cases", "20"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("SES-03  MUST    pass"), "{out}");
    assert!(out.contains("times put to the test"), "{out}");
    assert!(out.contains("20 scenarios"), "{out}");
    assert!(out.contains("reference passed"), "{out}");
    assert_eq!(err, "sim: 20 scenarios\nsim: all played\n");
}

#[test]
fn both_worlds_are_played_and_run_means_the_same_as_no_command() {
    let arguments = ["run", "--rule", "SES-03", "--cases", "2", "--threads", "1", "--seed", "7"];
    let (code, out, err) = said(&arguments);
    assert_eq!(code, 0, "{out}{err}");
    let columns = out.lines().next().unwrap();
    assert!(columns.contains("sim") && columns.contains("http"), "{out}");
    let (_, again, _) = said(&arguments[1..]);
    let table = |text: &str| text.lines().take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(table(&out), table(&again));
}

#[test]
fn a_rule_that_is_never_put_to_the_test_is_exit_code_1() {
    let (_folder, path) = file("wake.json", WAKE);
    let (code, out, _) = said(&["--rule", "SCH-13", "--world", "sim", "--replay", &path]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("VACUOUS"), "{out}");
}

#[test]
fn an_unknown_rule_is_exit_code_2_and_the_nearest_one_is_named() {
    let (code, out, err) = said(&["--rule", "SCH13"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains(r#"there is no rule "SCH13"; did you mean SCH-13?"#), "{err}");
    let (code, _, err) = said(&["explain", "ses28"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean SES-28?"), "{err}");
}

#[test]
fn a_bad_file_is_exit_code_2_and_its_place_is_named() {
    let (_folder, path) =
        file("bad.json", "{\n  \"format\": \"bgsession-scenario/1\",\n  \"steps\": [\"fly\"]\n}\n");
    let (code, _, err) = said(&["--replay", &path]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("bad.json: line 3, column"), "{err}");
    assert!(err.contains("`fly`"), "{err}");

    let (code, _, err) = said(&["--replay", "no-such-file.json"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("no-such-file.json"), "{err}");

    let (folder, _path) = file("bad.json", "{");
    let folder = folder.path().to_str().unwrap();
    let (code, _, err) =
        said(&["--regressions", folder, "--rule", "SES-03", "--cases", "1", "--world", "sim"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("bad.json: line 1, column 1"), "{err}");
}

#[test]
fn nothing_to_do_and_contradictions_are_bad_usage() {
    let (_folder, path) = file("wake.json", WAKE);
    for arguments in [
        &["--cases", "0"][..],
        &["--threads", "0"],
        &["--time", "0"],
        &["--world", "moon"],
        &["--history"],
        &["--replay", &path, "--cases", "3"],
        &["fly"],
    ] {
        let (code, out, err) = said(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.starts_with("error: "), "{arguments:?}: {err}");
    }
}

#[test]
fn a_replay_shows_what_happened() {
    let (_folder, path) = file("wake.json", WAKE);
    let (code, out, err) = said(&["--replay", &path, "--world", "sim", "--timeline"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("did_finish_events"), "{out}");
    assert!(out.contains("SCH-19  MUST    pass"), "{out}");
    assert!(!out.contains("VACUOUS") && out.contains("more rules say nothing"), "{out}");
}

#[test]
fn a_history_is_json_lines_and_nothing_else() {
    let (_folder, path) = file("wake.json", WAKE);
    let (code, out, err) = said(&["--replay", &path, "--world", "sim", "--history"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let history = bgsession_conformance::history::History::from_jsonl(&out).expect("it can be read back");
    assert!(history.entries.len() > 10);
    assert_eq!(history.world, "sim");
}

#[test]
fn time_explores_further_seeds() {
    let (code, out, _) =
        said(&["--rule", "SES-03", "--world", "sim", "--cases", "16", "--time", "1", "--seed", "5"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("seeds were explored: 5 to "), "{out}");
}

#[test]
fn rules_and_explain_fit_a_terminal() {
    let (code, list, err) = said(&["rules"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let (_, explained, _) = said(&["explain", "sch-19"]);
    let (_, help, _) = said(&["--help"]);
    for line in [&list, &explained, &help].into_iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let of_rules = |line: &&str| ["SCH-", "SES-", "DEL-"].iter().any(|family| line.starts_with(family));
    let listed = list.lines().filter(of_rules).count();
    assert_eq!(listed, bgsession_conformance::rules::RULES.len());
    for part in ["binds", "source", "witness", "look at", "scenarios"] {
        assert!(explained.contains(part), "{part} is missing:\n{explained}");
    }
    assert!(help.contains("Examples:") && help.contains("Exit code:"), "{help}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bgsession"))
        .arg("rules")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("it was asked for").read_to_string(&mut err).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), err.as_str()), (Some(0), ""));
}

//! `bgsession judge` on the sample logs in `tests/logs` of the repository: what it says, and with which exit code.
#![cfg(feature = "command")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/logs")
}

/// Exit code, standard output, standard error.
fn judged(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bgsession"))
        .arg("judge")
        .args(arguments)
        .current_dir(samples())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // A command that has seen enough may close its end.
    let _ = child.stdin.take().expect("it was asked for").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command speaks UTF-8");
    (output.status.code().expect("it is not killed"), text(output.stdout), text(output.stderr))
}

fn said(log: &str) -> (i32, String, String) {
    judged(&["-"], log.as_bytes())
}

/// A night of an app that does everything right.
fn good() -> String {
    std::fs::read_to_string(samples().join("GOOD.jsonl")).expect("the sample is there")
}

#[test]
fn a_good_log_passes() {
    let (code, out, err) = judged(&["GOOD.jsonl"], b"");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("GOOD.jsonl passed: all"), "{out}");
    for rule in
        ["DEL-01a", "DEL-01b", "DEL-02a", "DEL-02b", "DEL-03a", "DEL-03c", "DEL-05a", "DEL-06", "DEL-08b"]
    {
        assert!(out.lines().any(|line| line.starts_with(rule) && line.contains("pass")), "{rule}: {out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn each_bad_log_breaks_the_rule_that_it_is_named_after_and_no_other() {
    let mut seen = 0;
    for entry in std::fs::read_dir(samples()).expect("the samples are there") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name in UTF-8");
        let Some((rule, _)) = name.strip_prefix("DEL-").and_then(|rest| rest.split_once('-')) else {
            continue;
        };
        let (code, out, err) = judged(&[&name], b"");
        assert_eq!((code, err.as_str()), (1, ""), "{name}: {out}");
        let broken: Vec<&str> = out.lines().filter(|line| line.starts_with("FAIL ")).collect();
        assert_eq!(broken.len(), 1, "{name}: {out}");
        assert!(broken[0].starts_with(&format!("FAIL DEL-{rule} ")), "{name}: {out}");
        // The marked line is the one that the block names.
        let line: usize = broken[0].rsplit(' ').next().and_then(|line| line.parse().ok()).expect("a line");
        let log = std::fs::read_to_string(samples().join(&name)).expect("a sample");
        assert!(log.lines().nth(line - 1).is_some(), "{name}: {line}");
        assert_eq!(out.lines().filter(|line| line.starts_with('▶')).count(), 1, "{name}: {out}");
        assert!(out.lines().all(|line| line.chars().count() <= 80), "{name}: {out}");
        seen += 1;
    }
    assert!(seen >= 8, "{seen} samples");
}

#[test]
fn a_file_that_can_not_be_read_is_named_with_line_column_and_mend() {
    for (name, place, mend) in [
        ("broken-middle.jsonl", "line 6, column 35", "--lenient leaves such lines out"),
        ("broken-no-at.jsonl", "line 4, column 1", "the time in milliseconds"),
        ("broken-date.jsonl", "line 2, column 2", "Date().timeIntervalSince1970 * 1000"),
        ("broken-field.jsonl", "line 8, column", "expected one of `url_session`"),
        ("broken-empty.jsonl", "the log is empty", "\"event\":\"launched\""),
        ("broken-array.jsonl", "line 1, column 1", "jq -c"),
        ("broken-other-format.jsonl", "line 1, column 1", "\"bgsession-history/1\""),
        ("nothing-to-judge.jsonl", "nothing was judged", "LOGS.md"),
        ("no-such-file.jsonl", "no-such-file.jsonl", "is this the path of a log?"),
        (".", ".", "irectory"),
    ] {
        let (code, _, err) = judged(&[name], b"");
        assert_eq!(code, 2, "{name}: {err}");
        assert!(err.contains(place) && err.contains(mend), "{name}: {err}");
    }
}

#[test]
fn lenient_leaves_out_what_can_not_be_read_and_says_so() {
    let (code, out, _) = judged(&["--lenient", "broken-middle.jsonl"], b"");
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("lines that can not be read, once in line 6"), "{out}");
}

#[test]
fn several_logs_are_judged_each_by_itself_and_the_worst_counts() {
    let (code, out, err) =
        judged(&["GOOD.jsonl", "broken-empty.jsonl", "DEL-06-asks-after-the-last-completion.jsonl"], b"");
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("GOOD.jsonl passed") && out.contains("FAIL DEL-06"), "{out}");
    assert!(err.contains("broken-empty.jsonl: the log is empty"), "{err}");
    let (code, ..) = judged(&["GOOD.jsonl", "DEL-06-asks-after-the-last-completion.jsonl"], b"");
    assert_eq!(code, 1);
}

#[test]
fn odd_files_are_read_as_what_they_are() {
    let good = good();
    let windows = format!("\u{feff}{}\r\n\r\n", good.replace('\n', "\r\n"));
    let (code, out, _) = said(&windows);
    assert_eq!(code, 0, "a mark, CRLF and blank lines: {out}");
    let (code, out, _) = said(&good[..good.len() - 20]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("the last, is cut off: left out"), "{out}");
    let (code, _, err) = judged(&["-"], &[0x1F, 0x8B, 8, 0, 0]);
    assert!(code == 2 && err.contains("gunzip"), "{err}");
    let (code, _, err) =
        judged(&["-"], b"{\"at\":0,\"event\":\"launched\"}\n{\"at\":1,\"event\":\"\xFF\"}\n");
    assert!(code == 2 && err.contains("line 2, column 18: not UTF-8"), "{err}");
    let long = format!("{{\"at\":0,\"event\":\"launched\"}}\n{{\"x\":\"{}\"}}\n", "y".repeat(2 << 20));
    let (code, _, err) = said(&long);
    assert!(code == 2 && err.contains("line 2") && err.contains("bytes long"), "{err}");
}

#[test]
fn a_clock_that_is_set_back_changes_no_verdict() {
    let mut lines: Vec<String> = good().lines().map(str::to_owned).collect();
    for line in lines.iter_mut().skip(20) {
        *line = line.replacen("{\"at\":17672", "{\"at\":17671", 1);
    }
    let (code, out, _) = said(&lines.join("\n"));
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("the clock goes back, once in line 21"), "{out}");
}

#[test]
fn what_is_missing_is_noted_and_breaks_nothing() {
    let all: Vec<String> = good().lines().map(str::to_owned).collect();
    // Any one line may be lost, but for those that say that a task was completed or that the app is new.
    for left_out in 1..all.len() {
        let line = &all[left_out];
        if ["task_completed", "launched", "did_finish_events"].iter().any(|must| line.contains(must)) {
            continue;
        }
        let mut lines = all.clone();
        lines.remove(left_out);
        let (code, out, _) = said(&lines.join("\n"));
        assert_eq!(code, 0, "without {line}: {out}");
    }
}

#[test]
fn two_processes_are_told_apart_by_name_and_suspected_without_one() {
    let app = |process: &str| {
        format!(
            "{{\"at\":0,{process}\"event\":\"launched\"}}\n{{\"at\":10,{process}\"event\":\"foregrounded\"}}\n\
             {{\"at\":20,{process}\"event\":\"handle_began\",\"task\":1,\"kind\":\"application_refresh\"}}\n\
             {{\"at\":30,{process}\"event\":\"task_completed\",\"task\":1}}\n"
        )
    };
    let interleaved = |one: &str, other: &str| -> String {
        let (one, other) = (app(one), app(other));
        one.lines().zip(other.lines()).map(|(one, other)| format!("{one}\n{other}\n")).collect()
    };
    let (code, out, _) = said(&interleaved("\"process\":\"app\",", "\"process\":\"widget\","));
    assert_eq!(code, 0, "{out}");
    assert!(!out.contains("ended unseen"), "{out}");
    let (_, out, _) = said(&interleaved("", ""));
    assert!(out.contains("If two processes write"), "{out}");
}

#[test]
fn a_process_that_ended_with_a_task_open_is_suspected_and_not_accused() {
    let log = "{\"at\":0,\"event\":\"launched\"}\n{\"at\":5,\"event\":\"handle_began\",\"task\":1,\"kind\":\"application_refresh\"}\n\
               {\"at\":9,\"event\":\"task_completed\",\"task\":1}\n\
               {\"at\":90,\"event\":\"handle_began\",\"task\":2,\"kind\":\"application_refresh\"}\n\
               {\"at\":900000,\"event\":\"launched\"}\n";
    let (code, out, _) = said(log);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("a process ended unseen with a task open"), "{out}");
    // The system says why: now it is certain.
    let told = log.replace(
        "{\"at\":900000,",
        "{\"at\":15095,\"event\":\"app\",\"change\":{\"terminated\":\"wall\"}}\n{\"at\":900000,",
    );
    let (code, out, _) = said(&told);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("FAIL DEL-01b"), "{out}");
}

#[test]
fn unknown_events_are_counted_with_the_nearest_name() {
    let log = good() + "{\"at\":1767230000000,\"event\":\"handleBegan\",\"extra\":1}\n";
    let (code, out, _) = said(&log);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("no event is called \"handleBegan\"") && out.contains("\"handle_began\""), "{out}");
}

#[test]
fn an_allowance_can_be_another() {
    let name = "DEL-08a-still-open-when-time-is-up.jsonl";
    let (code, out, _) = judged(&["--allowance", "25", name], b"");
    assert_eq!(code, 0, "{out}");
}

#[test]
fn any_language_can_write_a_log() {
    let script = samples().join("write_log.py");
    let Ok(output) = Command::new("python3").arg(&script).output() else {
        println!("SKIPPED: there is no python3, so {} was not run", script.display());
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (code, out, err) = judged(&["-"], &output.stdout);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("standard input passed"), "{out}");
}

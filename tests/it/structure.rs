//! What the kit's sources must be like: the judge does not know the reference, and no test list has a hole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bgsession_conformance::{Role, rules};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/src")
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("the kit's sources are there");
        entries.for_each(|entry| files(&entry.expect("and readable").path(), found));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

/// Code without comments: an example in a doc comment judges nothing.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn the_judging_part_names_nothing_of_the_reference_but_its_contract() {
    let mut judging = Vec::new();
    for part in
        ["history", "logs", "report", "rules", "runner", "scenario", "subject.rs", "suite.rs", "verdict.rs"]
    {
        let before = judging.len();
        files(&sources().join(part), &mut judging);
        assert!(judging.len() > before, "{part} has moved: correct this list");
    }
    let mut named = Vec::new();
    for file in judging {
        let text = fs::read_to_string(&file).expect("it was listed");
        let mentions = code(&text).filter(|(_, line)| {
            line.replace("bgsession_reference::contract", "").contains("bgsession_reference")
                || line.contains("Reference")
        });
        named.extend(mentions.map(|(at, line)| format!("{}:{at}: {}", file.display(), line.trim())));
    }
    assert!(named.is_empty(), "the reference must not be its own oracle:\n{}", named.join("\n"));
}

#[test]
fn rules_and_histories_know_neither_the_world_nor_what_is_printed() {
    let mut judging = Vec::new();
    for part in ["history", "rules"] {
        files(&sources().join(part), &mut judging);
    }
    assert!(judging.len() > 30, "they have moved: correct this list");
    // It writes down what the world does.
    judging.retain(|file| !file.ends_with("history/recorder.rs"));
    let mut named = Vec::new();
    for file in judging {
        let text = fs::read_to_string(&file).expect("it was listed");
        let mentions = code(&text).filter(|(_, line)| {
            ["world", "runner", "report", "verdict"]
                .iter()
                .any(|part| line.contains(&format!("crate::{part}")))
        });
        named.extend(mentions.map(|(at, line)| format!("{}:{at}: {}", file.display(), line.trim())));
    }
    assert!(named.is_empty(), "a rule judges what was observed and nothing else:\n{}", named.join("\n"));
}

/// The rules that `suite!` makes tests of, by role, and those whose tests are ignored: what stands in its list.
fn listed() -> (BTreeMap<String, Vec<String>>, Vec<String>) {
    let text = fs::read_to_string(sources().join("suite.rs")).expect("the kit's sources are there");
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut optional = Vec::new();
    let mut ignored = false;
    for (_, line) in code(&text) {
        let line = line.trim();
        if line.starts_with("#[ignore = \"optional: ") {
            ignored = true;
        } else if let Some((name, rest)) = line.strip_suffix(';').and_then(|line| line.split_once(" = \""))
            && let Some((id, roles)) = rest.split_once("\": ")
        {
            let prefix = format!("{}_", id.to_lowercase().replace('-', "_"));
            assert!(name.starts_with(&prefix), "the test {name} is about {id}");
            for role in roles.split(' ') {
                listed.entry(role.to_owned()).or_default().push(id.to_owned());
            }
            if std::mem::take(&mut ignored) {
                optional.push(id.to_owned());
            }
        }
    }
    (listed, optional)
}

#[test]
fn every_rule_that_binds_a_role_has_its_test_in_the_suite() {
    let (listed, optional) = listed();
    let roles = [
        ("throttle", Role::Throttle),
        ("scheduler", Role::Scheduler),
        ("sessions", Role::Sessions),
        ("system", Role::System),
        ("delegate", Role::Delegate),
        ("actions", Role::Actions),
    ];
    for (name, role) in roles {
        let binding: Vec<&str> =
            rules::RULES.iter().filter(|rule| rule.binds.contains(&role)).map(|rule| rule.id).collect();
        assert_eq!(listed.get(name).map_or(&[][..], Vec::as_slice), binding, "suite!({name}: …)");
    }
    assert_eq!(listed.len(), roles.len());
    let optional_rules: Vec<&str> =
        rules::RULES.iter().filter(|rule| !rule.basis.is_default()).map(|rule| rule.id).collect();
    assert_eq!(optional, optional_rules, "the tests of optional rules are ignored ones, and no others");
}

/// The ids that a text names.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    let starts = ["SCH-", "SES-", "DEL-"].into_iter().flat_map(|family| text.match_indices(family));
    let ids = starts.filter_map(|(at, _)| {
        // Some have a letter behind their number.
        let letter = text[at..].chars().nth(6).filter(|letter| ('a'..='e').contains(letter));
        text.get(at..at + 6 + letter.map_or(0, char::len_utf8))
    });
    ids.filter(|id| id.as_bytes()[4..6].iter().all(u8::is_ascii_digit))
}

#[test]
fn every_promise_is_cited_where_the_reference_keeps_it_and_no_citation_is_stale() {
    let root = sources().join("../..");
    let read = |part: &str| {
        let mut found = Vec::new();
        files(&root.join(part), &mut found);
        assert!(!found.is_empty(), "{part} has moved: correct this list");
        found.into_iter().map(|file| {
            let text = fs::read_to_string(&file).expect("it was listed");
            (file, text)
        })
    };
    let kept: Vec<_> = read("reference/src").collect();
    let uncited: Vec<&str> = rules::RULES
        .iter()
        .map(|rule| rule.id)
        .filter(|id| !kept.iter().any(|(_, text)| text.contains(id)))
        .collect();
    assert!(uncited.is_empty(), "the reference does not say where it keeps these: {uncited:?}");
    let mut stale = Vec::new();
    for part in ["reference", "mock-server/src", "conformance", "tests"] {
        for (file, text) in read(part) {
            for id in cited(&text).filter(|id| !is_reserved(id) && !EXAMPLES.contains(id)) {
                stale.push(format!("{}: {id}", file.display()));
            }
        }
    }
    assert!(stale.is_empty(), "there are no such rules:\n{}", stale.join("\n"));
}

/// A rule, or a promise that has its id before it has its rule.
fn is_reserved(id: &str) -> bool {
    let family = |rule: &&rules::Rule| rule.id.starts_with(id);
    rules::RULES.iter().any(|rule| family(&rule))
        || rules::NOT_JUDGED_YET.iter().any(|(waiting, _)| *waiting == id)
}

#[test]
fn no_rule_is_said_to_be_missing() {
    let found: Vec<&str> =
        rules::NOT_JUDGED_YET.iter().map(|(id, _)| *id).filter(|id| rules::find(id).is_some()).collect();
    assert!(found.is_empty(), "these are judged by now: {found:?}");
}

/// Ids that stand for mistyped ones.
const EXAMPLES: &[&str] = &["SCH-99", "SCH-31"];

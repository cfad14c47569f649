//! Subjects that are wrong, or odd, as a whole: the kit says so, and survives them.

use bgsession_conformance::history::FaultKind;
use bgsession_conformance::{Capability, Options, Report, Subject, Verdict, World, run};
use bgsession_tests::mutants;
use bgsession_tests::whole::{self, Holds};

fn judge(subject: &Subject, cases: u32) -> Report {
    let options = Options { worlds: vec![World::Sim], cases_sim: cases, ..Options::default() };
    run(subject, &options).expect("something binds the subject")
}

/// The rules by verdict, in the order of the catalogue.
fn said<'a>(report: &'a Report, name: &str) -> Vec<&'a str> {
    let of =
        |row: &&bgsession_conformance::Row| row.verdicts.iter().any(|(_, verdict)| verdict.name() == name);
    report.rows.iter().filter(of).map(|row| row.rule.id).collect()
}

/// Nothing but pass counts as pass, so it is enough that these rules do not.
fn not_passed(subject: &Subject, rules: &[&str]) {
    let report = judge(subject, 60);
    assert!(!report.passed(), "{report}");
    for rule in rules {
        let verdict = report.verdict(rule, World::Sim).expect("it binds the subject");
        assert!(!verdict.is_ok(), "{rule} says {}\n{report}", verdict.name());
    }
}

#[test]
fn a_scheduler_that_does_nothing_passes_no_rule() {
    let report = judge(&whole::idle_scheduler(), 60);
    assert_eq!(said(&report, "pass"), Vec::<&str>::new(), "{report}");
    assert!(said(&report, "FAIL").contains(&"SCH-15"), "{report}");
    // Much is vacuous then, and the advice is the same for all of it.
    assert_eq!(report.to_string().matches("never put to the test: SCH-").count(), 1, "{report}");
}

#[test]
fn sessions_that_do_nothing_pass_no_rule() {
    let report = judge(&whole::idle_sessions(), 60);
    assert_eq!(said(&report, "pass"), Vec::<&str>::new(), "{report}");
    assert!(said(&report, "FAIL").contains(&"SES-03"), "{report}");
}

#[test]
fn an_answer_given_too_eagerly_is_no_wake() {
    not_passed(
        &whole::eager_scheduler(),
        &["SCH-02", "SCH-13", "SCH-14", "SCH-15", "SCH-19", "SCH-20", "SCH-22"],
    );
}

#[test]
fn a_download_that_is_done_before_it_has_begun_is_not_believed() {
    not_passed(&whole::eager_sessions(), &["SES-06", "SES-13", "SES-19", "SES-28"]);
}

#[test]
fn the_right_number_of_wakes_for_the_wrong_reason_is_wrong() {
    not_passed(&whole::timer_scheduler(), &["SCH-19"]);
}

#[test]
fn sessions_that_never_call_back_fail() {
    not_passed(&whole::mute_sessions(), &["SES-03", "SES-04", "SES-18", "SES-19", "SES-20", "SES-28"]);
}

#[test]
fn rubbish_is_survived_and_seen() {
    not_passed(&whole::rubbish_sessions(), &["SES-19", "SCH-20"]);
}

/// No rule is broken by a panic, and none is passed with one.
fn inconclusive(subject: &Subject, kind: FaultKind) {
    let report = judge(subject, 60);
    assert!(!report.passed(), "{report}");
    assert_eq!(said(&report, "pass"), Vec::<&str>::new(), "{report}");
    let verdicts = report.rows.iter().flat_map(|row| &row.verdicts);
    let kind_of = |verdict: &Verdict| {
        if let Verdict::Inconclusive(fault) = verdict { Some(fault.fault.kind) } else { None }
    };
    let faults: Vec<FaultKind> = verdicts.filter_map(|(_, verdict)| kind_of(verdict)).collect();
    assert!(!faults.is_empty() && faults.iter().all(|found| *found == kind), "{report}");
}

#[test]
fn a_panic_makes_everything_inconclusive() {
    inconclusive(&whole::panicking_sessions(), FaultKind::Panic);
}

#[test]
fn a_call_that_never_returns_makes_everything_inconclusive() {
    inconclusive(&whole::hanging_scheduler(), FaultKind::Hang);
}

/// Each lost thread costs ten seconds of real time, so this runs only with `BGSESSION_SLOW=1`.
#[test]
fn a_thread_that_is_never_given_back_makes_everything_inconclusive() {
    if std::env::var_os("BGSESSION_SLOW").is_some() {
        inconclusive(&whole::spinning_scheduler(), FaultKind::Hang);
    }
}

/// Without a token nothing tells the kit that a thread of the subject's has something to do; it gives it some real time
/// before each jump of the clock. On a busy machine that may not be enough, so this runs only with `BGSESSION_SLOW=1`.
///
/// The scenarios are few, since each jump is slow: too few for every rule to be put to the test.
fn breaks_nothing(subject: &Subject) {
    if std::env::var_os("BGSESSION_SLOW").is_none() {
        return;
    }
    let report = judge(subject, 2);
    let bad = [said(&report, "FAIL"), said(&report, "INCONCLUSIVE")].concat();
    assert!(bad.is_empty(), "{report}");
    assert!(!said(&report, "pass").is_empty(), "{report}");
}

#[test]
fn a_scheduler_on_a_thread_that_does_not_hold_time_breaks_nothing() {
    breaks_nothing(&whole::threaded_scheduler(Holds::Nothing));
}

#[test]
fn sessions_on_a_thread_that_does_not_hold_time_break_nothing() {
    breaks_nothing(&whole::threaded_sessions(Holds::Nothing));
}

#[test]
fn a_scheduler_on_a_thread_that_holds_time_passes() {
    let report = judge(&whole::threaded_scheduler(Holds::Time), 100);
    assert!(report.passed(), "{report}");
}

#[test]
fn sessions_on_a_thread_that_holds_time_pass() {
    let report = judge(&whole::threaded_sessions(Holds::Time), 100);
    assert!(report.passed(), "{report}");
}

#[test]
fn what_a_subject_can_not_do_is_neither_asked_of_it_nor_held_against_it() {
    let reason = "it has no screen";
    let subject = whole::without_snapshots().without(Capability::Snapshots, reason);
    let report = judge(&subject, 60);
    assert!(report.passed(), "{report}");
    for rule in ["SCH-08", "SCH-23"] {
        let verdict = report.verdict(rule, World::Sim);
        assert!(matches!(verdict, Some(Verdict::NotApplicable { reason: why }) if why == reason), "{report}");
    }
}

#[test]
fn a_run_that_stops_early_finds_the_same_failure_on_any_number_of_threads() {
    let found = |threads, stop_when_failed| {
        let rules = vec![bgsession_conformance::rules::find("SCH-19").expect("the rule exists")];
        let options = Options {
            rules,
            worlds: vec![World::Sim],
            threads,
            stop_when_failed,
            shrink_tries: 0,
            ..Options::default()
        };
        let mutant = mutants::all().find(|mutant| mutant.name == "wakes-for-each-transfer");
        let report = run(&mutant.expect("the mutant exists").subject(), &options).expect("it can be judged");
        let numbers: Vec<u64> = report.failures().map(|failure| failure.number).collect();
        (numbers, report.worlds[0].scenarios)
    };
    let (whole, all) = found(1, false);
    let (early, some) = found(1, true);
    assert_eq!((whole.len(), &early, &found(4, true).0), (1, &whole, &whole));
    assert!(some < all, "{some} of {all} scenarios were played");
}

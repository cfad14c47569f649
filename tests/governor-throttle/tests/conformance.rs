//! Does the throttle keep the promises about wakes? The kit's trait is implemented for a newtype, here and only here.

use std::num::NonZeroU32;
use std::time::Duration;

use bgsession_conformance::contract::{Admission, Charge, Throttle, Time};
use bgsession_conformance::{Options, Subject, Verdict, World, run, suite, timeline};
use governor_throttle::{Kind, WorkThrottle};

/// The throttle as the kit asks for it.
struct Judged(WorkThrottle);

impl Throttle for Judged {
    fn admit(&mut self, charge: Charge, per_hour: u32, now: Time) -> Admission {
        // Less for an app that is not on the face, none for some.
        let Some(per_hour) = NonZeroU32::new(per_hour) else {
            return Admission::NotBefore(Time::DISTANT_FUTURE);
        };
        let kind = match charge {
            Charge::ApplicationRefresh => Kind::Refresh,
            Charge::UrlSession => Kind::Transfers,
            Charge::Snapshot => Kind::Snapshot,
        };
        match self.0.ask(kind, per_hour, Duration::from_millis(now.as_millis())) {
            Ok(()) => Admission::Admitted,
            Err(wait) => Admission::NotBefore(now + wait),
        }
    }
}

fn spread() -> Subject {
    Subject::throttle("governor, spread", |_policy| Box::new(Judged(WorkThrottle::spread())))
}

fn burst() -> Subject {
    Subject::throttle("governor, burst of four", |_policy| Box::new(Judged(WorkThrottle::burst())))
}

suite!(throttle: spread());

/// A quota of "four per hour" that comes back bit by bit lets seven through in an hour: four at once and one each
/// quarter of an hour after that. The kit must say so, in the shortest way there is.
#[test]
fn a_burst_breaks_the_promise_about_any_hour() {
    let options = Options { worlds: vec![World::Sim], ..Options::default() };
    let report = run(&burst(), &options).unwrap();
    let broken: Vec<_> = report.failures().map(|failure| failure.rule.id).collect();
    assert_eq!(broken, ["SCH-13", "SCH-15"], "{report}");
    assert!(matches!(report.verdict("SCH-14", World::Sim), Some(Verdict::Pass { .. })), "{report}");

    let mut said = String::new();
    for failure in report.failures() {
        let violation = failure.violation.as_ref().expect("it fails the same way twice");
        said.push_str(&format!("{}: {}\n", failure.rule.id, failure.rule.sentence));
        said.push_str(&format!("expected: {}\nseen: {}\n", violation.expected, violation.seen));
        said.push_str(&timeline(&failure.history, Some(violation.seq)));
        said.push('\n');
    }
    let readme = include_str!("../../../README.md");
    for failure in report.failures().take(1) {
        let violation = failure.violation.as_ref().expect("it fails the same way twice");
        let shown = timeline(&failure.history, Some(violation.seq));
        assert!(readme.contains(&shown), "the README shows another timeline than this:\n{shown}");
    }
    let expected = include_str!("burst-of-four.txt");
    assert!(
        said == expected,
        "this differs from tests/burst-of-four.txt; if it is right, put it there:\n{said}"
    );
}

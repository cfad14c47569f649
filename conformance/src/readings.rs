//! Where the documents contradict each other, or say nothing: what the kit makes of each case.
//!
//! A rule must not decide what its sources leave open. Here is, for every contradiction (X) and gap (U) of the project's
//! dossier, whether a switch or a number of the [`Policy`](crate::contract::Policy) says which reading a subject follows,
//! whether everything is allowed, or whether one reading is held to, and why.
//!
//! ```
//! use bgsession_conformance::readings::{Handling, READINGS};
//!
//! let due_in_front = READINGS.iter().find(|reading| reading.id == "X1").unwrap();
//! assert_eq!(due_in_front.handling, Handling::Switch(&["foreground_refresh"]));
//! ```

use std::fmt;

use crate::rules::{RULES, Rule};

/// One contradiction or gap.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Reading {
    /// Its number in the dossier: `X1`, `U4`. Never used for another.
    pub id: &'static str,
    /// What is open.
    pub question: &'static str,
    /// What the kit makes of it.
    pub handling: Handling,
    /// What that means for a subject.
    pub meaning: &'static str,
}

/// What the kit makes of a contradiction or a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handling {
    /// These fields of the policy say which reading the subject follows; it is judged by that one.
    Switch(&'static [&'static str]),
    /// These fields of the policy are the numbers that the documents do not give, or give in several ways.
    Numbers(&'static [&'static str]),
    /// Every reading passes.
    Allowed,
    /// One reading is held to.
    Held,
    /// One reading is held to by a rule of the optional profile, which no default run judges.
    Optional,
}

impl fmt::Display for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(fields) => write!(f, "switch: Policy {}", fields.join(", ")),
            Self::Numbers(fields) => write!(f, "numbers: Policy {}", fields.join(", ")),
            Self::Allowed => f.write_str("every reading is allowed"),
            Self::Held => f.write_str("one reading is held to"),
            Self::Optional => f.write_str("an optional rule"),
        }
    }
}

impl Reading {
    /// The rules whose sources name it.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        let id = self.id;
        RULES.iter().filter(move |rule| of(rule).any(|reading| reading.id == id))
    }
}

/// What is open about the sources of a rule.
pub fn of(rule: &Rule) -> impl Iterator<Item = &'static Reading> {
    let words = rule.source.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| READINGS.iter().find(|reading| reading.id == word))
}

/// All of them, in the order of the dossier.
pub static READINGS: &[Reading] = &[
    Reading {
        id: "X1",
        question: "Is an application refresh that falls due with the app in front delivered there, or disregarded?",
        handling: Handling::Switch(&["foreground_refresh"]),
        meaning: "SCH-12 is judged by the reading that the policy names. Apps meet tasks in front in any case.",
    },
    Reading {
        id: "X2",
        question: "Is an app that has used its allowance up ended, or suspended?",
        handling: Handling::Switch(&["at_allowance"]),
        meaning: "One of the two has to happen within the slack.",
    },
    Reading {
        id: "X3",
        question: "When is a URL-session task to be completed: at a transfer's last message, or at the signal that all \
                   messages have been delivered?",
        handling: Handling::Switch(&["wake_end"]),
        meaning: "At the signal, by a SHOULD of its own (DEL-02b), unless the policy says that wakes end with the last message; \
                  that no message may still be queued is a MUST either way (DEL-02a).",
    },
    Reading {
        id: "X4",
        question: "Does an app in the dock get one delivery an hour, or none?",
        handling: Handling::Numbers(&["refreshes", "session_wakes", "snapshots"]),
        meaning: "Each class of app has its own allotment; one an hour in the dock, and none elsewhere, by default.",
    },
    Reading {
        id: "X5",
        question: "Do the complications on the face share one budget, or has each app its own?",
        handling: Handling::Allowed,
        meaning: "The kit's device has one app, so only the ceiling for one app is judged.",
    },
    Reading {
        id: "X6",
        question: "Does the callback with a downloaded file come before the app completes its task, or after?",
        handling: Handling::Held,
        meaning: "Before: it is one of the messages that the task stays open for.",
    },
    Reading {
        id: "X7",
        question: "Is an upload that is not one from a file refused at once, or does it fail when the app is gone?",
        handling: Handling::Allowed,
        meaning: "Either; only a silent success of what was not sent is broken.",
    },
    Reading {
        id: "X8",
        question: "Does did_become_invalid come at once after cancelling all, or after the cancelled transfers' last messages?",
        handling: Handling::Held,
        meaning: "Once, and last of all the session's messages.",
    },
    Reading {
        id: "X9",
        question: "Does a scheduling call answer when the task has been scheduled, or when it has run?",
        handling: Handling::Held,
        meaning: "When it has been scheduled: newer pages, talks and a measurement agree.",
    },
    Reading {
        id: "X10",
        question: "Is a cancelled transfer, its last message delivered, `completed`, or `canceling` for good?",
        handling: Handling::Allowed,
        meaning: "It is not listed any more, so neither is seen; until then it is `canceling`.",
    },
    Reading {
        id: "X11",
        question: "Does an error alone wake the app?",
        handling: Handling::Held,
        meaning: "No: the end of all transfers, a login and a delayed request do; an error only as one of these ends.",
    },
    Reading {
        id: "X12",
        question: "Is an app that is in memory called with `handle` first, or with the session's messages?",
        handling: Handling::Held,
        meaning: "A system calls `handle` first (SCH-02). Apps have to cope with the opposite (DEL-04, optional).",
    },
    Reading {
        id: "X13",
        question: "Has an app fifteen seconds for a task, or twenty-five?",
        handling: Handling::Numbers(&["allowances"]),
        meaning: "A number for each kind of task, with an addition if the app had to be launched for it.",
    },
    Reading {
        id: "X14",
        question: "Does the resource timeout count from the first resume, or from the earliest begin date?",
        handling: Handling::Switch(&["resource_timer"]),
        meaning: "SES-07 and SES-28 are judged by the reading that the policy names.",
    },
    Reading {
        id: "X15",
        question: "What does a force quit leave of the app's transfers?",
        handling: Handling::Held,
        meaning: "They are cancelled, nothing wakes the app until the user opens it, and each has one last message then.",
    },
    Reading {
        id: "X16",
        question: "May a transfer that was created in front be delayed?",
        handling: Handling::Numbers(&["start_slack"]),
        meaning: "The resume-rate limiter and discretion do not hold it; for other causes it has the slack.",
    },
    Reading {
        id: "X17",
        question: "Is a refresh over budget late, or may it never come?",
        handling: Handling::Held,
        meaning: "Late, and for ever only as long as a condition holds that forbids it. Apps get wakes that never come.",
    },
    Reading {
        id: "U1",
        question: "Is a task that expired without being completed ever delivered again?",
        handling: Handling::Optional,
        meaning: "SCH-06 says no.",
    },
    Reading {
        id: "U2",
        question: "What does completing a task twice do?",
        handling: Handling::Optional,
        meaning: "SCH-05 holds a scheduler to not counting it for another task; of an app it is an error (DEL-01a).",
    },
    Reading {
        id: "U3",
        question: "Is the hourly budget a rolling window, a fixed one, a bucket or a cool-down?",
        handling: Handling::Numbers(&["budget_window"]),
        meaning: "Anything that lets no more through in any window, and holds nothing back for longer than one.",
    },
    Reading {
        id: "U4",
        question: "Do several over-budget wakes of one session become one?",
        handling: Handling::Switch(&["over_budget_wakes"]),
        meaning: "SCH-15 is judged by the reading that the policy names.",
    },
    Reading {
        id: "U5",
        question: "Can a session's second task be delivered while its first is open?",
        handling: Handling::Allowed,
        meaning: "Either, as long as each wake has its own end of messages.",
    },
    Reading {
        id: "U6",
        question: "What becomes of a challenge that the app left unanswered when its wake ended?",
        handling: Handling::Allowed,
        meaning: "Offered again to the next process, or left to the resource timeout: Policy unanswered_challenge is for \
                  the reference.",
    },
    Reading {
        id: "U7",
        question: "Do messages survive an app that is killed in the wake that brings them?",
        handling: Handling::Held,
        meaning: "Yes (SES-18): they are kept until they have been delivered, and a message cut short has not been.",
    },
    Reading {
        id: "U8",
        question: "How long are the messages of a session kept that does not wake its app?",
        handling: Handling::Held,
        meaning: "Until the app opens the session: nothing says that they may be thrown away.",
    },
    Reading {
        id: "U9",
        question: "Is there a resume-rate limiter on a watch, and with which numbers?",
        handling: Handling::Numbers(&["limiter_floor", "limiter_factor"]),
        meaning: "Off by default: SES-24 and SES-25 are not judged without a floor.",
    },
    Reading {
        id: "U10",
        question: "Is a force quit on a watch what it is on a phone?",
        handling: Handling::Held,
        meaning: "Yes. A system without force quits says so (`Capability::ForceQuit`): SCH-27 and SES-23 do not bind it.",
    },
    Reading {
        id: "U11",
        question: "In which order do the messages of two sessions come in one wake?",
        handling: Handling::Allowed,
        meaning: "In any.",
    },
    Reading {
        id: "U12",
        question: "How much time is there between the call of the expiration handler and the end?",
        handling: Handling::Numbers(&["expiration_lead"]),
        meaning: "SCH-18 asks only that the handler is called before the deadline.",
    },
    Reading {
        id: "U13",
        question: "Who completes a task that no closure of the app's is for?",
        handling: Handling::Optional,
        meaning: "What runs the closures, by an optional rule; by default nobody has to.",
    },
    Reading {
        id: "U14",
        question: "Are the tasks of one call of `handle` in an order?",
        handling: Handling::Allowed,
        meaning: "No: they are a set, and apps get them in any order.",
    },
    Reading {
        id: "U15",
        question: "How often does the service try again, and after how long?",
        handling: Handling::Allowed,
        meaning: "As it likes, with no more than six hours between two tries: Policy retry is for the reference.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Policy;

    #[test]
    fn every_field_that_is_named_is_one_of_the_policys() {
        let policy = serde_json::to_value(Policy::default()).expect("it is plain data");
        for reading in READINGS {
            if let Handling::Switch(fields) | Handling::Numbers(fields) = reading.handling {
                for field in fields {
                    assert!(policy.get(field).is_some(), "{}: the policy has no {field}", reading.id);
                }
            }
        }
    }

    #[test]
    fn what_the_rules_sources_name_is_here() {
        for rule in RULES {
            let words = rule.source.split(|c: char| !c.is_ascii_alphanumeric());
            let open = words.filter(|word| {
                word.strip_prefix(['X', 'U']).is_some_and(|number| {
                    !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
                })
            });
            for word in open {
                assert!(of(rule).any(|reading| reading.id == word), "{}: {word} is not explained", rule.id);
            }
        }
    }

    #[test]
    fn what_says_that_a_rule_is_optional_names_an_optional_rule() {
        for reading in READINGS.iter().filter(|reading| reading.handling == Handling::Optional) {
            assert!(reading.rules().any(|rule| !rule.basis.is_default()), "{}", reading.id);
        }
    }
}

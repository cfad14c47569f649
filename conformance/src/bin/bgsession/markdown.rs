//! The catalogue as a Markdown page.

use std::fmt::Write;

use bgsession_conformance::Role;
use bgsession_conformance::contract::Policy;
use bgsession_conformance::readings::READINGS;
use bgsession_conformance::rules::{NOT_JUDGED_YET, RULES, Rule};

use crate::Outcome;
use crate::catalogue::name;
use crate::failure::Failure;
use crate::output;

const HEAD: &str = "\
# Rules

Made by `bgsession rules --markdown`; a test compares. Ids are never used again. A MUST or SHOULD rests on public documents
or on what the platform's makers said. OPT rules rest on developers' reports or on the documents' silence: `suite!` makes
ignored tests of them. *Put to the test by* says what a run must have seen for a pass to count. Fact numbers are those of
the project's dossier.
";

/// Prints the page.
pub(crate) fn print() -> Result<Outcome, Failure> {
    output::print(&page())?;
    Ok(Outcome::Passed)
}

fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n| subject | rules, optional ones included |\n| --- | --- |\n");
    let systems = [Role::Throttle, Role::Scheduler, Role::Sessions, Role::System];
    for role in systems.into_iter().chain([Role::Delegate, Role::Actions]) {
        let binding = RULES.iter().filter(|rule| rule.binds.contains(&role)).count();
        writeln!(text, "| {} | {binding} |", name(role)).expect("a string takes everything");
    }
    let families = [("SCH", "The scheduler"), ("SES", "Sessions and transfers"), ("DEL", "Apps")];
    for (family, title) in families {
        writeln!(text, "\n## {title}").expect("a string takes everything");
        for rule in RULES.iter().filter(|rule| rule.id.starts_with(family)) {
            entry(rule, &mut text);
        }
    }
    text.push_str(
        "\n## Where the documents disagree, or are silent\n\n| | open | settled | that is |\n| --- | --- | --- | --- |\n",
    );
    for reading in READINGS {
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            reading.id, reading.question, reading.handling, reading.meaning
        )
        .expect("a string takes everything");
    }
    text.push_str("\n## Not judged yet\n\n");
    for (id, state) in NOT_JUDGED_YET {
        writeln!(text, "- {id}: {state}.").expect("a string takes everything");
    }
    if NOT_JUDGED_YET.is_empty() {
        text.push_str("Nothing.\n");
    }
    text
}

fn entry(rule: &Rule, text: &mut String) {
    let mut binds: Vec<&str> = rule.binds.iter().map(|role| name(*role)).collect();
    if binds.is_empty() {
        binds.push("logs only");
    }
    let needs: Vec<String> = rule.needs.iter().map(|need| format!("{need:?}").to_lowercase()).collect();
    let needs = if needs.is_empty() { String::new() } else { format!(" Needs: {}.", needs.join(", ")) };
    let lacks = rule.lacks(&Policy::default());
    let needs = match lacks {
        Some(why) => format!("{needs} Not applicable by default: {why}."),
        None => needs,
    };
    writeln!(
        text,
        "\n**{}** {} · {}\n\n{}\n\n- Source: {}. Rests on {}.{needs}\n- Put to the test by: {}.",
        rule.id,
        rule.standing(),
        binds.join(", "),
        rule.sentence,
        rule.source,
        rule.basis,
        rule.witness,
    )
    .expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_repository_is_this_one() {
        let kept = include_str!("../../../RULES.md");
        assert!(
            kept == page(),
            "conformance/RULES.md is out of date: cargo run -- rules --markdown > conformance/RULES.md"
        );
    }
}

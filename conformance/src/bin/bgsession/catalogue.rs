//! The rules as a list, and finding one by its id.

use bgsession_conformance::Role;
use bgsession_conformance::rules::{self, RULES, Rule};

use crate::Outcome;
use crate::failure::Failure;
use crate::output::{self, WIDTH, wrap};

/// Columns: id, level, whom it binds; the rest is the sentence's.
const ID: usize = 8;
const LEVEL: usize = 8;
const BINDS: usize = 11;

/// Prints every rule.
pub(crate) fn print() -> Result<Outcome, Failure> {
    let mut text = format!("{:ID$}{:LEVEL$}{:BINDS$}sentence\n", "rule", "level", "binds");
    for rule in RULES {
        entry(rule, &mut text);
    }
    output::print(&text)?;
    Ok(Outcome::Passed)
}

/// A rule's lines: whom it binds stands in a column, one below the other.
fn entry(rule: &Rule, text: &mut String) {
    let mut roles = rule.binds.iter().map(|role| name(*role));
    let mut sentence = wrap(rule.sentence, WIDTH - ID - LEVEL - BINDS).into_iter();
    let (mut id, mut level) = (rule.id, rule.standing());
    loop {
        let (role, line) = (roles.next(), sentence.next());
        if role.is_none() && line.is_none() {
            break;
        }
        let (role, line) = (role.unwrap_or_default(), line.unwrap_or_default());
        text.push_str(format!("{id:ID$}{level:LEVEL$}{role:BINDS$}{line}").trim_end());
        text.push('\n');
        (id, level) = ("", "");
    }
}

/// A role's name as the macro `suite!` spells it.
pub(crate) const fn name(role: Role) -> &'static str {
    match role {
        Role::Throttle => "throttle",
        Role::Scheduler => "scheduler",
        Role::Sessions => "sessions",
        Role::System => "system",
        Role::Delegate => "delegate",
        Role::Actions => "actions",
    }
}

/// The rule of this id, or an error that names the nearest one.
pub(crate) fn find(id: &str) -> Result<&'static Rule, Failure> {
    rules::find(id.trim()).ok_or_else(|| {
        let wanted = id.to_ascii_uppercase();
        let nearest = RULES.iter().min_by_key(|rule| distance(&wanted, rule.id));
        Failure::UnknownRule { named: id.to_owned(), nearest: nearest.map_or("SCH-01", |rule| rule.id) }
    })
}

/// How many characters must be put in, left out, replaced or swapped with their neighbour to make one of the other.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // Row i holds the distances of the first i characters of `one` to every beginning of `other`.
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_mistakes_as_one() {
        for mistake in ["SCH13", "SCH-31", "SCH-113", "SCH-1", "SCI-13"] {
            assert_eq!(distance(mistake, "SCH-13"), 1, "{mistake}");
        }
        assert_eq!(distance("", "SCH"), 3);
    }

    #[test]
    fn no_line_of_the_list_is_too_wide() {
        for rule in RULES {
            let mut text = String::new();
            entry(rule, &mut text);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            assert!(text.starts_with(rule.id));
        }
    }
}

//! Hand-written histories as examples of a rule: the ones that the rules are tested with.

const TABLES: &[&str] = &include!("../../../tests/histories/tables.rs");

/// A history, in the notation of the tables.
pub(crate) struct Example {
    /// What is special about it.
    pub(crate) name: &'static str,
    /// What happens, a moment on each line; in one that breaks the rule `!` marks the place, and the last lines say what
    /// was expected and seen.
    pub(crate) lines: Vec<&'static str>,
}

/// The shortest history that meets a rule.
pub(crate) fn met(rule: &str) -> Option<Example> {
    shortest(rule, |finding| finding.starts_with("met"))
}

/// The shortest one that breaks it.
pub(crate) fn broken(rule: &str) -> Option<Example> {
    shortest(rule, |finding| finding == "broken")
}

fn shortest(rule: &str, wanted: impl Fn(&str) -> bool) -> Option<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for table in TABLES {
        let mut inside = false;
        for line in table.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            if line.starts_with(' ') {
                if let Some(example) = examples.last_mut().filter(|_| inside) {
                    example.lines.push(line.trim());
                }
                continue;
            }
            let head = line.strip_prefix(rule).and_then(|rest| rest.strip_prefix(' '));
            let found = head.and_then(|head| head.split_once(": ")).filter(|(finding, _)| wanted(finding));
            inside = found.is_some();
            examples.extend(found.map(|(_, name)| Example { name, lines: Vec::new() }));
        }
    }
    examples.into_iter().min_by_key(|example| example.lines.concat().len())
}

#[cfg(test)]
mod tests {
    use bgsession_conformance::rules::RULES;

    use super::*;

    #[test]
    fn every_rule_has_an_example_of_either_kind() {
        for rule in RULES {
            let met = met(rule.id).unwrap_or_else(|| panic!("{} is never met", rule.id));
            assert!(!met.lines.is_empty(), "{}", rule.id);
            let broken = broken(rule.id).unwrap_or_else(|| panic!("{} is never broken", rule.id));
            assert!(broken.lines.iter().any(|line| line.starts_with("expected ")), "{}", rule.id);
            assert!(broken.lines.iter().any(|line| line.contains('!')), "{}", rule.id);
        }
    }
}

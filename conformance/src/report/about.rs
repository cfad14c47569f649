//! What a finding is about: the tasks, sessions and transfers that its words name.

/// Names as the words of rules and the lines of timelines have them.
#[derive(Debug, Default)]
pub(super) struct About {
    /// `#1`, `s/t1`
    names: Vec<String>,
    /// `"s"`
    sessions: Vec<String>,
    /// Something that never came: what it was waited for in is the point, not the moment in which it began to be owed.
    pub(super) owed: bool,
}

impl About {
    /// What the words of a finding name.
    pub(super) fn of(expected: &str, seen: &str) -> Self {
        let mut words = seen.split_whitespace();
        let owed = words.any(|word| matches!(word, "never" | "none" | "nothing" | "no" | "not"));
        let mut this = Self { owed, ..Self::default() };
        for word in [expected, seen].iter().flat_map(|words| words.split_whitespace()) {
            let word =
                word.trim_matches(|c: char| matches!(c, '.' | ',' | ':' | ';' | '(' | ')' | '[' | ']'));
            if word.len() > 2 && word.starts_with('"') && word.ends_with('"') {
                this.sessions.push(word.to_owned());
            } else if is_task(word) || is_transfer(word) {
                this.names.push(word.to_owned());
            }
        }
        this
    }

    /// Does this line of a timeline name one of them? All lines about a session do, unless some of its transfers are named.
    pub(super) fn concerns(&self, line: &str) -> bool {
        let transfers = self.names.iter().any(|name| is_transfer(name));
        self.names.iter().any(|name| names(line, name))
            || self.sessions.iter().any(|quoted| {
                let session = quoted.trim_matches('"');
                line.contains(quoted.as_str())
                    || line.starts_with(&format!("{session}:"))
                    || (!transfers && line.contains(&format!("{session}/t")))
            })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

fn is_task(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(is_number)
}

fn is_transfer(word: &str) -> bool {
    word.rsplit_once("/t").is_some_and(|(session, number)| !session.is_empty() && is_number(number))
}

/// Is this name in the line, and not as a part of a longer one?
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::About;

    #[test]
    fn names_are_found_in_words_and_lines() {
        let about = About::of("the wake for session \"s2\":", "s2/t1 is under way, and #3 is open");
        assert!(!about.owed);
        for line in
            ["\"s2\" asks for a wake", "s2/t1: GET /", "s2: did_finish_events", "handle [#3 snapshot, #4 x]"]
        {
            assert!(about.concerns(line), "{line}");
        }
        for line in
            ["\"s\" asks for a wake", "s2/t12: GET /", "s2/t2: GET /", "completes #31", "as2/t1: GET /"]
        {
            assert!(!about.concerns(line), "{line}");
        }
    }

    #[test]
    fn a_session_is_all_its_transfers_unless_some_are_named() {
        let about = About::of("a refresh task for session \"s\": its transfers have ended", "it never came");
        assert!(about.owed);
        assert!(about.concerns("s/t7: 200"));
        assert!(!about.concerns("x/t7: 200"));
        assert!(!About::of("no name /t1", "# \"\" #x s/tx").concerns("#x /t1 s/tx \"\""));
    }
}

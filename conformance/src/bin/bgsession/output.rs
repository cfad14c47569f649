//! Where words go.

use std::io::{self, Write};

use crate::failure::Failure;

/// The width that texts are wrapped to.
pub(crate) const WIDTH: usize = 80;

/// Writes to standard output. A reader that has seen enough (`| head`) is no error, and changes no verdict.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Says what went wrong.
pub(crate) fn complain(failure: &Failure) {
    remark(&format!("error: {failure}"));
}

/// A line on standard error.
pub(crate) fn remark(line: &str) {
    // Nobody is left to tell when even this fails.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Breaks a text at spaces into lines of at most `width` characters; a longer word gets a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensibilities are", 7), ["incomprehensibilities", "are"]);
        assert!(wrap(" ", 7).is_empty());
    }
}

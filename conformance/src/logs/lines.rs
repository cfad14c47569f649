//! Lines of a log, one after the other, in bounded memory: whatever the file is.

use std::io::{self, BufRead};

/// The longest line that is read, in bytes. An honest one has a few hundred.
pub(super) const LONGEST: usize = 1 << 20;

/// One line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Its number in the file, from 1.
    pub(super) number: u64,
    pub(super) content: Content<'a>,
    /// A line break followed; if not, the writer may have been stopped in the middle of it.
    pub(super) ended: bool,
}

/// What is in it.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Text(&'a str),
    /// This many bytes.
    TooLong(usize),
    /// The bytes from this column on are not UTF-8.
    NotText(usize),
}

/// Reads lines.
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), number: 0 }
    }

    /// What kind of file this is instead, if its first bytes say so.
    pub(super) fn foreign(&mut self) -> io::Result<Option<&'static str>> {
        let start = self.input.fill_buf()?;
        let found = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| *what);
        if found.is_none() && start.starts_with(BOM) {
            self.input.consume(BOM.len());
        }
        Ok(found)
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let (mut length, mut ended) = (0_usize, false);
        while !ended {
            let chunk = match self.input.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let at = chunk.iter().position(|byte| *byte == b'\n');
            ended = at.is_some();
            let text = &chunk[..at.unwrap_or(chunk.len())];
            // One byte more than is allowed, so that it shows; the rest is only counted.
            let room = (LONGEST + 1).saturating_sub(self.buffer.len());
            self.buffer.extend_from_slice(&text[..text.len().min(room)]);
            length = length.saturating_add(text.len());
            let used = text.len() + usize::from(ended);
            self.input.consume(used);
        }
        if length == 0 && !ended {
            return Ok(None);
        }
        self.number += 1;
        if ended && self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        let content = if length > LONGEST {
            Content::TooLong(length)
        } else {
            match std::str::from_utf8(&self.buffer) {
                Ok(text) => Content::Text(text),
                Err(error) => Content::NotText(error.valid_up_to() + 1),
            }
        };
        Ok(Some(Line { number: self.number, content, ended }))
    }

    /// Is there nothing more but blank space?
    pub(super) fn is_over(&mut self) -> io::Result<bool> {
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(true);
            }
            if chunk.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(false);
            }
            let all = chunk.len();
            self.number += chunk.iter().fold(0, |count, byte| count + u64::from(*byte == b'\n'));
            self.input.consume(all);
        }
    }
}

const BOM: &[u8] = &[0xEF, 0xBB, 0xBF];

const MAGIC: &[(&[u8], &str)] = &[
    (&[0x1F, 0x8B], "compressed with gzip: gunzip -c FILE | bgsession judge -"),
    (b"PK\x03\x04", "a zip archive: unzip -p FILE | bgsession judge -"),
    (&[0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd: zstd -dc FILE | bgsession judge -"),
    (&[0xFD, b'7', b'z', b'X', b'Z', 0], "compressed with xz: xz -dc FILE | bgsession judge -"),
    (&[0xFF, 0xFE], "UTF-16, and a log is UTF-8: iconv -f UTF-16 -t UTF-8 FILE | bgsession judge -"),
    (&[0xFE, 0xFF], "UTF-16, and a log is UTF-8: iconv -f UTF-16 -t UTF-8 FILE | bgsession judge -"),
    (b"bplist", "a binary property list, and a log is lines of JSON"),
    (b"tracev3", "a trace of the unified log: print the app's own lines with `log show`, and judge those"),
];

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        // A small buffer, so that lines lie across its edges.
        let mut lines = Lines::new(BufReader::with_capacity(3, bytes));
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(format!("{} {:?} {}", line.number, line.content, line.ended));
        }
        all
    }

    #[test]
    fn lines_end_with_either_break_and_the_last_with_none() {
        assert_eq!(
            read(b"one\r\n\ntwo"),
            ["1 Text(\"one\") true", "2 Text(\"\") true", "3 Text(\"two\") false"]
        );
        assert!(read(b"").is_empty());
    }

    #[test]
    fn what_is_no_text_is_named_by_its_column() {
        assert_eq!(read(b"ab\xFFc\n"), ["1 NotText(3) true"]);
    }

    #[test]
    fn a_line_of_a_hundred_megabytes_is_counted_and_not_kept() {
        let endless = io::repeat(b'x').take(100 << 20);
        let mut lines = Lines::new(BufReader::new(endless));
        let line = lines.next().unwrap().unwrap();
        assert!(matches!(line.content, Content::TooLong(length) if length == 100 << 20));
        assert!(lines.buffer.capacity() <= 4 * LONGEST, "{}", lines.buffer.capacity());
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_other_formats_are_named() {
        let mut lines = Lines::new(&b"\xEF\xBB\xBF{}"[..]);
        assert_eq!(lines.foreign().unwrap(), None);
        assert!(matches!(lines.next().unwrap().unwrap().content, Content::Text("{}")));
        let mut lines = Lines::new(&b"\x1F\x8B\x08"[..]);
        assert!(lines.foreign().unwrap().unwrap().contains("gunzip"));
    }
}

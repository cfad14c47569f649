//! A log of any length, made while it is read: wakes of an app, one every quarter of an hour.

use std::fmt::Write as _;
use std::io::{self, BufReader, Read};

/// Lines of one wake.
const LINES: u64 = 10;
const QUARTER: u64 = 900_000;

/// Reads as the log.
pub(crate) struct Wakes {
    wake: u64,
    wakes: u64,
    text: String,
    read: usize,
}

impl Wakes {
    /// A log of about this many events.
    pub(crate) fn log(events: u64) -> BufReader<Self> {
        let text = "{\"at\":0,\"event\":\"launched\"}\n{\"at\":1,\"event\":\"foregrounded\"}\n\
                    {\"at\":2,\"event\":\"session_opened\",\"session\":\"downloads\"}\n\
                    {\"at\":9,\"event\":\"backgrounded\"}\n";
        let wakes = Self { wake: 0, wakes: events.div_ceil(LINES), text: text.to_owned(), read: 0 };
        BufReader::with_capacity(1 << 16, wakes)
    }

    fn fill(&mut self) {
        self.text.clear();
        self.read = 0;
        if self.wake == self.wakes {
            return;
        }
        self.wake += 1;
        let (number, at) = (self.wake, self.wake * QUARTER);
        let mut line = |after: u64, rest: &str| {
            writeln!(self.text, "{{\"at\":{},{rest}}}", at + after).expect("a string takes everything");
        };
        let transfer = format!("\"session\":\"downloads\",\"transfer\":{number}");
        line(
            0,
            &format!(
                "\"event\":\"handle_began\",\"task\":{number},\"kind\":\"url_session\",\"session\":\"downloads\""
            ),
        );
        line(20, &format!("\"event\":\"did_finish_downloading\",{transfer}"));
        line(21, "\"event\":\"file_moved\",\"session\":\"downloads\"");
        line(22, "\"event\":\"message_returned\",\"session\":\"downloads\"");
        line(23, &format!("\"event\":\"did_complete\",{transfer}"));
        line(24, "\"event\":\"message_returned\",\"session\":\"downloads\"");
        line(30, "\"event\":\"did_finish_events\",\"session\":\"downloads\"");
        line(31, "\"event\":\"message_returned\",\"session\":\"downloads\"");
        line(
            35,
            &format!(
                "\"event\":\"transfer_created\",\"session\":\"downloads\",\"transfer\":{},\"url\":\"https://example.com/{number}\"",
                number + 1
            ),
        );
        line(40, &format!("\"event\":\"task_completed\",\"task\":{number}"));
    }
}

impl Read for Wakes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() {
            self.fill();
        }
        let rest = &self.text.as_bytes()[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

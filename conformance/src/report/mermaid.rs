//! Histories as Mermaid sequence diagrams, for documents and reviews.

use std::fmt::Write as _;

use super::timeline::{Line, lines, said_of_gap};
use super::words::Lane;
use crate::history::{Event, History};

/// A history as a Mermaid sequence diagram, with the lanes of the [`timeline`](crate::timeline) as participants; the
/// entry `offending` stands on red ground.
///
/// ```
/// use bgsession_conformance::contract::{AppChange, Time};
/// use bgsession_conformance::history::{Event, History};
/// use bgsession_conformance::mermaid;
///
/// let history = History::new().then(Time::ZERO, Event::App { change: AppChange::Foregrounded });
/// assert!(mermaid(&history, None).starts_with("sequenceDiagram\n"));
/// ```
#[must_use]
pub fn mermaid(history: &History, offending: Option<usize>) -> String {
    let mut text = "sequenceDiagram\n".to_owned();
    for (name, title) in [("app", "app"), ("sch", "scheduler"), ("ses", "sessions"), ("net", "network")] {
        add(&mut text, &format!("participant {name} as {title}"));
    }
    let mut last = None;
    for line in lines(history, offending) {
        let now = line.entry.at.as_millis();
        if let Some(said) = said_of_gap(last.replace(now), now) {
            add(&mut text, &format!("Note over app,net: {said}"));
        }
        if line.offending {
            add(&mut text, "rect rgb(255, 214, 214)");
        }
        add(&mut text, &format!("{}: {} {}", place(&line), line.entry.at, escaped(&line.text)));
        if line.offending {
            add(&mut text, "end");
        }
    }
    text
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "    {line}").expect("a string takes everything");
}

/// Who says it to whom; what is not said to anybody is a note.
fn place(line: &Line<'_>) -> &'static str {
    match (&line.entry.event, line.lane) {
        (Event::HandleBegan { .. } | Event::ExpirationCalled { .. }, _) => "sch->>app",
        (Event::Scheduled { .. } | Event::TaskCompleted { .. }, _) => "app->>sch",
        (Event::WakeRequested { .. } | Event::WakeWithdrawn { .. }, _) => "ses->>sch",
        (Event::WakeResolved { .. }, _) => "sch-->>ses",
        (Event::MessageBegan { .. }, _) => "ses->>app",
        (Event::Answered { .. }, _) => "app-->>ses",
        (
            Event::SessionOpened { .. }
            | Event::TransferCreated { .. }
            | Event::TransferResumed { .. }
            | Event::TransferCancelled { .. },
            _,
        ) => "app->>ses",
        (Event::RequestSent { .. }, _) => "ses->>net",
        (Event::ResponseHead { .. } | Event::ExchangeEnded { .. }, _) => "net-->>ses",
        (_, Lane::App) => "Note over app",
        (_, Lane::Scheduler) => "Note over sch",
        (_, Lane::Session) => "Note over ses",
        (_, Lane::Network) => "Note over net",
    }
}

/// `#` and `;` mean something to Mermaid.
fn escaped(text: &str) -> String {
    text.replace('#', "\u{0}").replace(';', "#59;").replace('\u{0}', "#35;")
}

#[cfg(test)]
mod tests {
    use crate::contract::{AppChange, RefreshTaskId, Time};

    use super::*;
    use crate::history::Completed;

    #[test]
    fn arrows_notes_gaps_and_the_mark() {
        let task = RefreshTaskId::new(1);
        let history = History::new().then(Time::ZERO, Event::App { change: AppChange::Backgrounded }).then(
            Time::from_millis(7_200_000),
            Event::TaskCompleted { task, repeated: false, how: Completed::Plainly },
        );
        let text = mermaid(&history, Some(1));
        let expected = [
            "Note over app: 00:00.000 the user leaves the app",
            "Note over app,net: 2 h 0 min later",
            "rect rgb(255, 214, 214)",
            "app->>sch: 2:00:00.000 completes #35;1",
            "end",
        ];
        let said: Vec<&str> = text.lines().skip(5).map(str::trim).collect();
        assert_eq!(said, expected);
    }
}

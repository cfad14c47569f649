//! What a reader of a log should know about how it was read.

use std::collections::BTreeMap;

/// What can be remarkable about a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Note {
    NoHeader,
    CutOff,
    Skipped,
    ClockBack,
    SeqGap,
    UnknownEvent(String),
    ManyUnknownEvents,
    EndUnseen,
    LeftOpen,
    Resumed,
    Unreturned,
    NoSuchTask,
    NoSuchMessage,
    Renumbered,
    Lost,
    Forgotten,
    Phase,
}

/// How often, and where first.
#[derive(Clone, Debug)]
struct Seen {
    count: u64,
    first: u64,
    /// What is special about the first.
    detail: String,
}

/// All that was noted.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    seen: BTreeMap<Note, Seen>,
}

/// So many different unknown names are told apart.
const NAMES: usize = 16;

impl Notes {
    pub(super) fn add(&mut self, note: Note, line: u64, detail: impl Into<String>) {
        let note = match note {
            Note::UnknownEvent(name) if !self.seen.contains_key(&Note::UnknownEvent(name.clone())) => {
                let names = self.seen.keys().filter(|note| matches!(note, Note::UnknownEvent(_))).count();
                if names < NAMES { Note::UnknownEvent(name) } else { Note::ManyUnknownEvents }
            }
            note => note,
        };
        let first = Seen { count: 0, first: line, detail: detail.into() };
        self.seen.entry(note).or_insert(first).count += 1;
    }

    /// Each in words.
    pub(super) fn said(&self) -> Vec<String> {
        self.seen.iter().map(|(note, seen)| say(note, seen)).collect()
    }
}

fn say(note: &Note, seen: &Seen) -> String {
    let Seen { count, first, detail } = seen;
    let times = if *count == 1 { "once".to_owned() } else { format!("{count} times, first") };
    let at = format!("{times} in line {first}");
    match note {
        Note::NoHeader => format!("no header line: taken as {}", super::FORMAT),
        Note::CutOff => format!("line {first}, the last, is cut off: left out"),
        Note::Skipped => format!("lines that can not be read, {at}: left out ({detail})"),
        Note::ClockBack => format!(
            "the clock goes back, {at} ({detail}): the order of the lines counts, and time is taken as standing still"
        ),
        Note::SeqGap => format!("seq is not one more than before, {at}: lines may be missing"),
        Note::UnknownEvent(name) => {
            let nearest = super::words::nearest(name);
            format!("no event is called {name:?}, {at}: left out; the nearest is {nearest:?}")
        }
        Note::ManyUnknownEvents => format!("more names that are no events, {at}: left out"),
        Note::EndUnseen => format!(
            "a launch with nothing said of the end of the process before it, {at}: taken as ended unseen. If two processes \
             write this log, tell them apart with `process`"
        ),
        Note::LeftOpen => format!(
            "a process ended unseen with a task open, {at} ({detail}): if the system ended it for that, DEL-01b or DEL-08a \
             is broken; a log can not tell that from a crash"
        ),
        Note::Resumed => {
            format!("the app does something after a pause with no task open, {at}: taken as resumed")
        }
        Note::Unreturned => format!(
            "callbacks without a `message_returned`, {at}: taken as returned at once, so nothing is said of what they do \
             after that"
        ),
        Note::NoSuchTask => {
            format!("a task that handle was not given in this process, {at} ({detail}): left out")
        }
        Note::NoSuchMessage => format!("about a callback that is not in the log, {at} ({detail}): left out"),
        Note::Renumbered => {
            format!("numbers that were used before, {at} ({detail}): told apart by giving them new ones")
        }
        Note::Lost => format!(
            "no moment with nothing under way in so many lines, {at}: what goes on there ({detail}) is not judged across \
             that line, and until the next quiet moment only what needs no context is"
        ),
        Note::Forgotten => {
            format!("more is under way at once than is kept in mind, {at}: the oldest is forgotten")
        }
        Note::Phase => format!("`phase` is for the kit's own histories, {at}: left out"),
    }
}

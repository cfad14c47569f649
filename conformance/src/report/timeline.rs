//! Histories as people read them: one line per event, a lane for each part of the system, 80 columns, no colour.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::about::About;
use super::words::{Lane, describe, name};
use crate::contract::AppChange;
use crate::history::{Entry, Event, History, Phase};
use crate::report::wrap;
use crate::rules::Violation;

const WIDTH: usize = 80;
/// `▶ ` and the time, then four lanes of four columns.
const TIME: usize = 17;
const LANES: usize = 16;
const TEXT: usize = WIDTH - 2 - TIME - LANES;
/// More lines than this are folded in the middle.
const MOST: usize = 34;
/// More lines than this do not count as a block that repeats.
const LONGEST_REPEAT: usize = 20;
/// Lines shown after the offending one.
const AFTER: usize = 4;
/// Lines shown after the one from which on something was owed that never came.
const AFTER_OWED: usize = 12;
/// Of the lines after those, so many are shown that name what the finding is about.
const LATER: usize = 3;

/// The timeline of a history; the entry `offending` is marked and little of what follows it is shown.
#[must_use]
pub fn timeline(history: &History, offending: Option<usize>) -> String {
    written(&lines(history, offending), &About::default())
}

/// The same for a finding: of what is left out, what names the same things as the finding comes last.
pub(super) fn timeline_of_failure(history: &History, violation: &Violation) -> String {
    written(&lines(history, Some(violation.seq)), &about(violation))
}

fn about(violation: &Violation) -> About {
    About::of(&violation.expected, &violation.seen)
}

/// So many lines before the offending one are shown of a log.
const BEFORE: usize = 28;

/// The surroundings of an entry of a log, whose part begins at entry `from`: what comes before that is from earlier parts.
pub(crate) fn timeline_of_log(
    history: &History,
    violation: &Violation,
    from: usize,
    assumed: &dyn Fn(usize) -> bool,
) -> String {
    let mut lines = lines(history, Some(violation.seq));
    for line in lines.iter_mut().filter(|line| assumed(line.entry.seq)) {
        line.text.push_str(" (assumed)");
    }
    let marked = lines.iter().position(|line| line.offending).unwrap_or(0);
    let first = marked.saturating_sub(BEFORE);
    let earlier = lines[..first].iter().filter(|line| line.entry.seq >= from).count();
    let text = written(&lines[first..], &about(violation));
    match earlier {
        0 => text,
        some => text.replacen('\n', &format!("\n  {:>TIME$}⋮ {some} before\n", ""), 1),
    }
}

fn written(lines: &[Line<'_>], about: &About) -> String {
    let mut text = format!("  {:>TIME$}app sch ses net\n", "time   ");
    let marked = lines.iter().position(|line| line.offending);
    let after = if about.owed { AFTER_OWED } else { AFTER };
    let end = marked.map_or(lines.len(), |at| (at + 1 + after).min(lines.len()));
    let (shown, repeats) = without_repeats(&lines[..end]);
    let mut last = None;
    let mut left_out = 0;
    // What repeats has been told in few words already: the rest may take some more.
    let most = if repeats.is_empty() { MOST } else { MOST + 8 };
    for ((index, line), kept) in shown.iter().enumerate().zip(folded(&shown, most, about)) {
        if let Some((times, lines)) = repeats.get(&index) {
            if !kept && left_out > 0 {
                left_out += lines + 1;
                continue;
            }
            say_left_out(&mut text, &mut left_out);
            let times = if *times == 1 { "once more".to_owned() } else { format!("{times} times more") };
            writeln!(text, "  {:>TIME$}⋮ the same {times}", "").expect("a string takes everything");
            last = None;
        }
        if !kept {
            left_out += 1;
            last = None;
            continue;
        }
        say_left_out(&mut text, &mut left_out);
        gap(&mut text, last, line.entry.at.as_millis());
        last = Some(line.entry.at.as_millis());
        line.write(&mut text);
    }
    say_left_out(&mut text, &mut left_out);
    later(&mut text, &lines[end..], last, about);
    text
}

/// What comes long after the offending line: what is about the same things, a little of it, and how much else there is.
fn later(text: &mut String, lines: &[Line<'_>], mut last: Option<u64>, about: &About) {
    let mut left_out = 0;
    let named = lines.iter().enumerate().filter(|(_, line)| about.concerns(&line.text));
    let mut shown: Vec<usize> = named.map(|(index, _)| index).take(LATER).collect();
    // What has come only because the kit fetched it says something else.
    let fetched =
        lines.iter().position(|line| matches!(line.entry.event, Event::Phase { phase: Phase::Collected }));
    shown.extend(fetched.filter(|at| shown.last().is_some_and(|last| at < last)));
    for (index, line) in lines.iter().enumerate() {
        // To say that one line is left out takes a line.
        let between = left_out == 0 && shown.contains(&(index + 1));
        if shown.contains(&index) || between {
            if left_out > 0 {
                last = None;
            }
            say_left_out(text, &mut left_out);
            gap(text, last, line.entry.at.as_millis());
            last = Some(line.entry.at.as_millis());
            line.write(text);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        writeln!(text, "  {:>TIME$}⋮ {left_out} more", "").expect("a string takes everything");
    }
}

/// Which lines are shown: all of a short timeline; of a long one its beginning, its end, and between them what is about the
/// same things as the offending line, the device's conditions, the calls of `handle` and what the user does. If even that is
/// too much, what is farthest from the offending line goes, and what is about something else before the rest.
fn folded(lines: &[&Line<'_>], most: usize, about: &About) -> Vec<bool> {
    if lines.len() <= most {
        return vec![true; lines.len()];
    }
    let (head, tail) = (most / 3, lines.len() - most / 3);
    let marked = lines.iter().position(|line| line.offending).unwrap_or(lines.len());
    let ranked = |(index, line): (usize, &&Line<'_>)| {
        let far = marked.abs_diff(index);
        let rank = match () {
            () if line.offending || index < head / 2 || far < head / 2 => 0,
            () if about.concerns(&line.text) => 1,
            () if index < head || index >= tail || line.is_for_all() => 2,
            () if line.weighty => 3,
            () => return None,
        };
        Some((rank, far, index))
    };
    let mut ranked: Vec<_> = lines.iter().enumerate().filter_map(ranked).collect();
    ranked.sort_unstable();
    let mut kept = vec![false; lines.len()];
    for (.., index) in ranked.into_iter().take(most) {
        kept[index] = true;
    }
    // To say that one line is left out takes a line.
    for index in 1..kept.len().saturating_sub(1) {
        kept[index] |= kept[index - 1] && kept[index + 1];
    }
    kept
}

/// Leaves out what goes on and on: of lines that repeat with other numbers, three times or more, the first and the last
/// time are enough. Says before which of the remaining lines how many times, and lines, were left out.
fn without_repeats<'a, 'b>(lines: &'b [Line<'a>]) -> (Vec<&'b Line<'a>>, BTreeMap<usize, (usize, usize)>) {
    let shapes: Vec<String> = lines.iter().map(Line::shape).collect();
    let (mut shown, mut repeats) = (Vec::new(), BTreeMap::new());
    let mut at = 0;
    let times = |from: usize, period: usize| {
        let block = &shapes[from..from + period];
        shapes[from..].chunks_exact(period).take_while(|next| *next == block).count()
    };
    while at < lines.len() {
        let most = LONGEST_REPEAT.min((lines.len() - at) / 3);
        let found = (1..=most).map(|period| (period, times(at, period))).find(|(_, times)| *times >= 3);
        // A block that begins with its cause reads best, if that still leaves enough of them.
        if let Some((period, _)) = found
            && let Some(ahead) = (1..period).find(|ahead| lines[at + ahead].is_cause())
            && !lines[at].is_cause()
            && times(at + ahead, period) >= 3
        {
            shown.extend(&lines[at..at + ahead]);
            at += ahead;
            continue;
        }
        match found {
            Some((period, times)) => {
                shown.extend(&lines[at..at + period]);
                repeats.insert(shown.len(), (times - 2, (times - 2) * period));
                at += period * (times - 1);
                shown.extend(&lines[at..at + period]);
                at += period;
            }
            None => {
                shown.push(&lines[at]);
                at += 1;
            }
        }
    }
    (shown, repeats)
}

fn say_left_out(text: &mut String, count: &mut usize) {
    match std::mem::take(count) {
        0 => {}
        1 => writeln!(text, "  {:>TIME$}⋮ 1 line left out", "").expect("a string takes everything"),
        n => writeln!(text, "  {:>TIME$}⋮ {n} lines left out", "").expect("a string takes everything"),
    }
}

fn gap(text: &mut String, last: Option<u64>, now: u64) {
    if let Some(said) = said_of_gap(last, now) {
        writeln!(text, "  {:>TIME$}⋮ {said}", "").expect("a string takes everything");
    }
}

/// Says how much time has passed if it is a lot.
pub(super) fn said_of_gap(last: Option<u64>, now: u64) -> Option<String> {
    const LONG: u64 = 3_600_000;
    let span = last.map(|last| now - last).filter(|span| *span >= LONG)?;
    let (days, hours, minutes) = (span / 86_400_000, span / 3_600_000 % 24, span / 60_000 % 60);
    Some(match (days, hours) {
        (0, hours) => format!("{hours} h {minutes} min later"),
        (days, hours) => format!("{days} d {hours} h later"),
    })
}

pub(super) struct Line<'a> {
    pub(super) entry: &'a Entry,
    pub(super) lane: Lane,
    pub(super) text: String,
    pub(super) offending: bool,
    /// Kept when a long timeline is folded.
    weighty: bool,
}

impl Line<'_> {
    /// Does something begin here?
    fn is_cause(&self) -> bool {
        matches!(
            self.entry.event,
            Event::App { change: AppChange::Resumed | AppChange::Launched | AppChange::Foregrounded }
                | Event::RequestSent { .. }
        )
    }

    /// Has it changed something for everybody? That is part of the story, whatever it is about.
    fn is_for_all(&self) -> bool {
        matches!(self.entry.event, Event::Conditions { .. } | Event::ClockLeaps { .. })
    }

    /// What is the same about lines that differ in their numbers only. The offending line is like no other.
    fn shape(&self) -> String {
        let mut shape = if self.offending { "▶".to_owned() } else { String::new() };
        for c in self.text.chars() {
            match c {
                '0'..='9' | '.' | ':' if shape.ends_with('0') => {}
                '0'..='9' => shape.push('0'),
                other => shape.push(other),
            }
        }
        shape
    }

    fn write(&self, text: &mut String) {
        let column = match self.lane {
            Lane::App => 0,
            Lane::Scheduler => 1,
            Lane::Session => 2,
            Lane::Network => 3,
        };
        let mark = if self.offending { '▶' } else { ' ' };
        let lanes: String = (0..4).map(|lane| if lane == column { " ●  " } else { " ·  " }).collect();
        let time = self.entry.at.to_string();
        let mut pieces = wrap(&self.text, TEXT).into_iter();
        let first = pieces.next().unwrap_or_default();
        writeln!(text, "{mark} {time:>15}  {lanes}{first}").expect("a string takes everything");
        for piece in pieces {
            writeln!(text, "  {:15}   ·   ·   ·   ·    {piece}", "").expect("a string takes everything");
        }
    }
}

pub(super) fn lines(history: &History, offending: Option<usize>) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (index, entry) in history.entries.iter().enumerate() {
        let offending = offending == Some(entry.seq);
        let next = history.entries.get(index + 1);
        let Some((lane, text)) = describe(entry, next, history) else {
            // What goes without saying is said if it is the point; or the line that says it already is marked.
            match name(&entry.event, history) {
                _ if !offending => {}
                Some((lane, text)) => lines.push(Line { entry, lane, text, offending, weighty: true }),
                None => mark(&mut lines, &entry.event),
            }
            continue;
        };
        let weighty = matches!(
            entry.event,
            Event::HandleBegan { .. }
                | Event::App {
                    change: AppChange::Foregrounded
                        | AppChange::Backgrounded
                        | AppChange::Crashed
                        | AppChange::Purged
                        | AppChange::ForceQuit
                }
        );
        lines.push(Line { entry, lane, text, offending, weighty });
    }
    lines
}

/// Marks the line that an event without words belongs to.
fn mark(lines: &mut [Line<'_>], event: &Event) {
    let belongs = |line: &&mut Line<'_>| match (event, &line.entry.event) {
        (
            Event::MessageReturned { id } | Event::MessageInterrupted { id },
            Event::MessageBegan { id: of, .. },
        ) => id == of,
        (Event::ExchangeEnded { exchange, .. }, Event::ResponseHead { exchange: of, .. }) => exchange == of,
        _ => false,
    };
    let found = lines.iter_mut().rev().find(belongs);
    if let Some(line) = found {
        line.offending = true;
    } else if let Some(last) = lines.last_mut() {
        last.offending = true;
    }
}

//! What timelines say of closures.

use super::words::Lane;
use crate::history::{Entry, Event, History};

/// One line, or none if it says nothing new.
pub(super) fn say(entry: &Entry, history: &History) -> Option<(Lane, String)> {
    let text = match &entry.event {
        Event::ActionRegistered { action, pattern } => {
            // Each launch registers the same ones again.
            let earlier = history.entries.get(..entry.seq).unwrap_or_default();
            let known = earlier.iter().any(|entry| {
                matches!(&entry.event, Event::ActionRegistered { action: other, .. } if other == action)
            });
            if known {
                return None;
            }
            format!("registers closure {action}: {pattern}")
        }
        Event::ActionBegan { action, task, .. } => format!("closure {action} runs for {task}"),
        Event::ActionCancelled { run, dropped } => {
            let how = if *dropped { "dropped" } else { "cancelled" };
            format!("{} is {how}", name(*run, history))
        }
        Event::ActionReturned { run } => format!("{} returns", name(*run, history)),
        _ => return None,
    };
    Some((Lane::App, text))
}

fn name(run: u32, history: &History) -> String {
    let began = history.entries.iter().find_map(|entry| match entry.event {
        Event::ActionBegan { run: of, action, task } if of == run => Some((action, task)),
        _ => None,
    });
    began.map_or_else(|| "a closure".to_owned(), |(action, task)| format!("closure {action} for {task}"))
}

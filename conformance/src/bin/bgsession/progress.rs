//! How far a run is, on standard error: a bar on a terminal, else a line when a world begins and one when it is done.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, PoisonError};

use bgsession_conformance::{Progress, World};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::remark;

/// What [`Options::progress`](bgsession_conformance::Options) takes.
pub(crate) type Observer = Arc<dyn Fn(Progress) + Send + Sync>;

/// The observer for wherever standard error goes.
pub(crate) fn observer() -> Observer {
    if stderr().is_terminal() { bar() } else { lines() }
}

fn bar() -> Observer {
    let current: Mutex<Option<(World, ProgressBar)>> = Mutex::new(None);
    Arc::new(move |progress| {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|(world, _)| *world != progress.world) {
            let style = ProgressStyle::with_template("{msg:<5} {bar:40} {pos}/{len} scenarios, {eta} left");
            let bar = ProgressBar::new(progress.total).with_message(progress.world.name());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            *current = Some((progress.world, bar));
        }
        if let Some((_, bar)) = &*current {
            // Worker threads may overtake each other on their way here.
            bar.set_position(progress.done.max(bar.position()));
        }
        if progress.done == progress.total
            && let Some((_, bar)) = current.take()
        {
            bar.finish_and_clear();
        }
    })
}

/// Further seeds are played without a word: what was said of the first one goes for them.
fn lines() -> Observer {
    let told: Mutex<BTreeMap<World, bool>> = Mutex::default();
    Arc::new(move |progress| {
        let Progress { world, done, total, .. } = progress;
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let over = told.entry(world).or_insert_with(|| {
            remark(&format!("{world}: {total} scenarios"));
            false
        });
        if done == total && !std::mem::replace(over, true) {
            remark(&format!("{world}: all played"));
        }
    })
}

//! What the app uses of the processor.

use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use crate::contract::{AppState, Time};
use crate::history::Event;

/// The CPU time of the run of the process that goes on.
#[derive(Debug, Default)]
pub(crate) struct Cpu {
    /// How much of its code computes just now: none, or one thing, or several that share the processor.
    computing: u32,
    running: bool,
    starved: bool,
    /// What was used until `since`.
    used: Duration,
    since: Time,
}

impl Cpu {
    /// What was used until now.
    pub(crate) fn used(&self, now: Time) -> Duration {
        let busy = self.computing > 0 && self.running && !self.starved;
        if busy { self.used + now.since(self.since) } else { self.used }
    }

    fn settle(&mut self, now: Time) {
        self.used = self.used(now);
        self.since = now;
    }

    /// The process does this from now on.
    pub(super) fn process(&mut self, state: AppState, now: Time) {
        self.settle(now);
        self.running = state.is_running();
        if state == AppState::NotRunning {
            self.computing = 0;
            self.used = Duration::ZERO;
        }
    }

    /// From now on it gets no CPU time, or it does.
    pub(super) fn starve(&mut self, starved: bool, now: Time) {
        self.settle(now);
        self.starved = starved;
    }

    /// Something more computes. True if nothing did before.
    fn begin(&mut self, now: Time) -> bool {
        self.settle(now);
        self.computing += 1;
        self.computing == 1
    }

    /// Something has done computing. True if nothing else computes.
    fn end(&mut self, now: Time) -> bool {
        self.settle(now);
        self.computing = self.computing.saturating_sub(1);
        self.computing == 0
    }
}

impl App {
    /// The app's own code computes for as long as this: it uses all the CPU time that it gets.
    pub(super) async fn compute(self: &Arc<Self>, span: Duration) {
        if self.lock().cpu.begin(self.clock.now()) {
            self.recorder.record(Event::Computing { on: true });
        }
        self.sleep(span).await;
        if self.lock().cpu.end(self.clock.now()) {
            self.recorder.record(Event::Computing { on: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_while_the_process_computes_runs_and_is_not_starved() {
        let (mut cpu, at) = (Cpu::default(), Time::from_millis);
        cpu.process(AppState::Background, at(0));
        assert!(cpu.begin(at(1_000)));
        assert!(!cpu.begin(at(1_500)));
        cpu.starve(true, at(2_000));
        assert_eq!(cpu.used(at(2_500)), Duration::from_millis(1_000));
        cpu.starve(false, at(3_000));
        cpu.process(AppState::Suspended, at(4_000));
        cpu.process(AppState::Background, at(9_000));
        assert!(!cpu.end(at(9_500)));
        assert!(cpu.end(at(10_000)));
        assert_eq!(cpu.used(at(20_000)), Duration::from_millis(3_000));
        cpu.process(AppState::NotRunning, at(20_000));
        assert_eq!(cpu.used(at(21_000)), Duration::ZERO);
    }
}

//! One refresh task and the closures that run for it: one explicit table.

/// Where a task is between its closures and the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the rows of the table")]
pub enum Phase {
    /// Closures run for it.
    Running,
    /// Its time is nearly over: they have been cancelled, and have a moment to end.
    Ending,
    /// It has been completed.
    Completed,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the columns of the table")]
pub enum Event {
    /// A closure has returned, and others have not.
    OneReturned,
    /// The last closure has returned.
    LastReturned,
    /// Its time is nearly over.
    Expired,
    /// The moment that cancelled closures have is over.
    MomentOver,
}

/// What is to be done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do each")]
pub enum Output {
    /// Nothing.
    Nothing,
    /// Cancel the closures that still run, and say when the moment that they have is over.
    Cancel,
    /// Complete the task.
    Complete,
}

impl Phase {
    /// The table.
    #[must_use]
    pub const fn on(self, event: Event) -> (Self, Output) {
        match (self, event) {
            // SCH-24b: the last one completes it.
            (Self::Running | Self::Ending, Event::LastReturned) => (Self::Completed, Output::Complete),
            // SCH-24c: all that still run.
            (Self::Running, Event::Expired) => (Self::Ending, Output::Cancel),
            // SCH-24e: whatever they do.
            (Self::Ending, Event::MomentOver) => (Self::Completed, Output::Complete),
            (Self::Running | Self::Ending, Event::OneReturned)
            | (Self::Running, Event::MomentOver)
            | (Self::Ending, Event::Expired)
            // SCH-24b: once.
            | (Self::Completed, _) => (self, Output::Nothing),
        }
    }
}

/// A task and how many closures still run for it.
#[derive(Clone, Debug)]
pub struct Wake {
    phase: Phase,
    running: usize,
}

impl Wake {
    /// So many closures begin to run for a task. One that nothing runs for is completed at once (SCH-24d).
    #[must_use]
    pub const fn begin(running: usize) -> (Self, Output) {
        if running == 0 {
            (Self { phase: Phase::Completed, running }, Output::Complete)
        } else {
            (Self { phase: Phase::Running, running }, Output::Nothing)
        }
    }

    /// A closure has returned.
    pub const fn returned(&mut self) -> Output {
        self.running = self.running.saturating_sub(1);
        self.step(if self.running == 0 { Event::LastReturned } else { Event::OneReturned })
    }

    /// The task's expiration handler was called.
    pub const fn expired(&mut self) -> Output {
        self.step(Event::Expired)
    }

    /// The moment that cancelled closures have is over.
    pub const fn moment_over(&mut self) -> Output {
        self.step(Event::MomentOver)
    }

    const fn step(&mut self, event: Event) -> Output {
        let (phase, output) = self.phase.on(event);
        self.phase = phase;
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(running: usize) -> Wake {
        Wake::begin(running).0
    }

    #[test]
    fn the_last_return_completes_it_and_no_other() {
        let mut wake = of(2);
        assert_eq!(wake.returned(), Output::Nothing);
        assert_eq!(wake.returned(), Output::Complete);
        assert_eq!(wake.expired(), Output::Nothing);
    }

    #[test]
    fn what_nothing_runs_for_is_complete() {
        assert_eq!(Wake::begin(0).1, Output::Complete);
    }

    #[test]
    fn an_expired_one_is_completed_once_whoever_is_first() {
        let mut obedient = of(1);
        assert_eq!(obedient.expired(), Output::Cancel);
        assert_eq!(obedient.returned(), Output::Complete);
        assert_eq!(obedient.moment_over(), Output::Nothing);
        let mut stubborn = of(2);
        assert_eq!(stubborn.expired(), Output::Cancel);
        assert_eq!(stubborn.returned(), Output::Nothing);
        assert_eq!(stubborn.moment_over(), Output::Complete);
        assert_eq!(stubborn.returned(), Output::Nothing);
    }
}

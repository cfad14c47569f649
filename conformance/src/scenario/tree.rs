//! The shrinker: a scenario and the simpler ones that can be tried instead of it, as a proptest [`ValueTree`].
//!
//! It shrinks by what scenarios mean: steps are dropped first, then the set-up is made plain, then each step.

use proptest::strategy::ValueTree;

use super::Scenario;
use super::simpler::{simpler_setup, simpler_step, traded_setup};

/// A scenario and the simpler ones that can be tried instead of it.
#[derive(Clone, Debug)]
pub struct ScenarioTree {
    best: Scenario,
    candidate: Option<Scenario>,
    stage: Stage,
    /// Has anything become simpler in this round?
    progress: bool,
    rounds: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Leave out `len` steps from `at`.
    Drop {
        at: usize,
        len: usize,
    },
    /// Make the step at `at` simpler in its `way`th way.
    Simplify {
        at: usize,
        way: usize,
    },
    /// Leave out the step at `at`, and change the set-up in its `way`th way to make up for it.
    Trade {
        at: usize,
        way: usize,
    },
    /// Make the set-up simpler in its `way`th way.
    Setup {
        way: usize,
    },
    Done,
}

/// Rounds of shrinking at the most; two are usual.
const ROUNDS: u8 = 6;

impl ScenarioTree {
    /// Starts from a scenario, for instance one from a file.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let len = scenario.steps.len().div_ceil(2);
        Self {
            best: scenario,
            candidate: None,
            stage: Stage::Drop { at: 0, len },
            progress: false,
            rounds: 0,
        }
    }

    /// Puts the next candidate in place; false when there is none.
    fn advance(&mut self) -> bool {
        loop {
            let candidate = self.next_candidate();
            if self.stage == Stage::Done {
                return false;
            }
            if let Some(candidate) = candidate.filter(|candidate| *candidate != self.best) {
                self.candidate = Some(candidate);
                return true;
            }
        }
    }

    fn next_candidate(&mut self) -> Option<Scenario> {
        let count = self.best.steps.len();
        match self.stage {
            Stage::Drop { at, len } if len == 0 || count == 0 => {
                self.stage = Stage::Setup { way: 0 };
                let _ = at;
                None
            }
            Stage::Drop { at, len } if at >= count => {
                self.stage = Stage::Drop { at: 0, len: if len == 1 { 0 } else { len.div_ceil(2) } };
                None
            }
            Stage::Drop { at, len } => {
                self.stage = Stage::Drop { at: at + len, len };
                let mut shorter = self.best.clone();
                shorter.steps.drain(at..count.min(at + len));
                Some(shorter)
            }
            Stage::Setup { way } => {
                let simpler = simpler_setup(&self.best.setup, way);
                self.stage = if simpler.is_some() {
                    Stage::Setup { way: way + 1 }
                } else {
                    Stage::Simplify { at: 0, way: 0 }
                };
                simpler.map(|setup| Scenario { setup, steps: self.best.steps.clone() })
            }
            Stage::Simplify { at, .. } if at >= count => {
                self.stage = Stage::Trade { at: 0, way: 0 };
                None
            }
            Stage::Trade { at, .. } if at >= count => {
                self.rounds += 1;
                self.stage = if std::mem::take(&mut self.progress) && self.rounds < ROUNDS {
                    Stage::Drop { at: 0, len: count.div_ceil(2) }
                } else {
                    Stage::Done
                };
                None
            }
            Stage::Simplify { at, way } => {
                let simpler = simpler_step(&self.best.steps[at], way);
                self.stage = if simpler.is_some() {
                    Stage::Simplify { at, way: way + 1 }
                } else {
                    Stage::Simplify { at: at + 1, way: 0 }
                };
                simpler.map(|step| {
                    let mut scenario = self.best.clone();
                    scenario.steps[at] = step;
                    scenario
                })
            }
            Stage::Trade { at, way } => {
                let setup = traded_setup(&self.best.setup, way);
                self.stage = if setup.is_some() {
                    Stage::Trade { at, way: way + 1 }
                } else {
                    Stage::Trade { at: at + 1, way: 0 }
                };
                setup.map(|setup| {
                    let mut steps = self.best.steps.clone();
                    steps.remove(at);
                    Scenario { setup, steps }
                })
            }
            Stage::Done => None,
        }
    }
}

impl ValueTree for ScenarioTree {
    type Value = Scenario;

    fn current(&self) -> Scenario {
        self.candidate.as_ref().unwrap_or(&self.best).clone()
    }

    /// The current scenario fails too: keep it and try a simpler one.
    fn simplify(&mut self) -> bool {
        if let Some(simpler) = self.candidate.take() {
            self.progress = true;
            if let Stage::Trade { way, .. } = &mut self.stage {
                *way = 0;
            }
            // What stood behind a dropped piece has moved up to its place.
            if let Stage::Drop { at, len } = &mut self.stage
                && simpler.steps.len() < self.best.steps.len()
            {
                *at = at.saturating_sub(*len);
            }
            self.best = simpler;
        }
        self.advance()
    }

    /// The current scenario passes: forget it and try another.
    fn complicate(&mut self) -> bool {
        self.candidate = None;
        self.advance()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Download, Focus, Route, Setup, Span, Step, scenarios};
    use super::*;

    fn shrink(from: Scenario, fails: impl Fn(&Scenario) -> bool) -> (Scenario, u32) {
        let mut tree = ScenarioTree::new(from);
        let mut tries = 0;
        let mut more = tree.simplify();
        while more {
            tries += 1;
            more = if fails(&tree.current()) { tree.simplify() } else { tree.complicate() };
        }
        (tree.current(), tries)
    }

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let needs = |s: &Scenario| {
            s.steps.iter().any(|step| matches!(step, Step::Wait { span } if span.0 >= 900_000))
                && s.steps
                    .iter()
                    .any(|step| matches!(step, Step::Download(Download { route: Route::Cut, .. })))
        };
        let strategy = scenarios(Focus::GENERAL);
        let mut found = 0;
        for seed in (0..2_000).filter(|seed| needs(&strategy.generate(*seed))) {
            let (least, tries) = shrink(strategy.generate(seed), needs);
            assert_eq!(least.steps.len(), 2, "{least:?}");
            assert_eq!(least.setup, Setup::default());
            assert!(least.steps.contains(&Step::Wait { span: Span(900_000) }));
            let plain = |size| Step::Download(Download { route: Route::Cut, size, ..Download::default() });
            let plainest = least.steps.contains(&plain(0)) || least.steps.contains(&plain(1));
            assert!(plainest, "{least:?} of seed {seed}");
            assert!(tries < 400, "{tries}");
            found += 1;
        }
        assert!(found > 10);
    }

    #[test]
    fn shrinking_ends_even_if_everything_fails() {
        let (least, _) = shrink(scenarios(Focus::GENERAL).generate(3), |_| true);
        assert!(least.steps.is_empty());
    }
}

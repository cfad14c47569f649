//! The generator, as a proptest [`Strategy`].
//!
//! One flat strategy instead of a tree of proptest's combinators: it is an order of magnitude faster, and it can shrink
//! by what scenarios mean (drop steps first, then make each simpler, then the set-up).

use proptest::prelude::Rng;
use proptest::strategy::{NewTree, Strategy};
use proptest::test_runner::TestRunner;

use super::{
    Attempt, Begin, Challenges, Closure, Disposition, Download, Focus, For, Keep, Reopen, Return, Route,
    Scenario, ScenarioTree, Setup, Span, Step,
};
use crate::contract::AppClass;

/// Scenarios in which the premise of a rule is common.
///
/// ```
/// use bgsession_conformance::scenario::{Focus, scenarios};
/// use proptest::strategy::{Strategy, ValueTree};
/// use proptest::test_runner::TestRunner;
///
/// let tree = scenarios(Focus::GENERAL).new_tree(&mut TestRunner::deterministic()).unwrap();
/// assert!(!tree.current().steps.is_empty());
/// ```
#[must_use]
pub const fn scenarios(focus: Focus) -> Scenarios {
    Scenarios { focus }
}

/// See [`scenarios`].
#[derive(Clone, Copy, Debug)]
pub struct Scenarios {
    focus: Focus,
}

impl Strategy for Scenarios {
    type Tree = ScenarioTree;
    type Value = Scenario;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(ScenarioTree::new(self.generate(runner.rng().next_u64())))
    }
}

/// For so long a device may sleep: minutes matter to timeouts; no rule's patience is as short as the longest.
const LEAPS: [Span; 3] = [Span(60_000), Span(600_000), Span(3_600_000)];

/// Boundaries that budgets, allowances and timeouts turn on, each with its neighbours.
pub(super) const SPANS: [u64; 27] = [
    1,
    50,
    1_000,
    5_000,
    12_999,
    13_000,
    14_999,
    15_000,
    15_001,
    59_999,
    60_000,
    60_001,
    120_000,
    300_000,
    600_000,
    899_999,
    900_000,
    900_001,
    1_200_000,
    3_599_999,
    3_600_000,
    3_600_001,
    4_500_000,
    10_800_000,
    86_400_000,
    604_800_000,
    604_800_001,
];

/// Body sizes: nothing, one byte, around a piece, many pieces.
const SIZES: [u32; 6] = [0, 1, 15, 64, 1_000, 5_000];

/// What the app says to a delayed request.
const BEGINS: [Begin; 9] = [
    Begin::Continue,
    Begin::Continue,
    Begin::Instead,
    Begin::Instead,
    Begin::Cancel,
    Begin::Late(Span(1_000)),
    Begin::Late(Span(120_000)),
    Begin::LateInstead(Span(60_000)),
    Begin::Never,
];
/// What the app says to the response of a data transfer.
const DISPOSITIONS: [Disposition; 10] = [
    Disposition::Allow,
    Disposition::Allow,
    Disposition::Download,
    Disposition::Download,
    Disposition::LateDownload(Span(1_000)),
    Disposition::LateDownload(Span(1_000)),
    Disposition::LateDownload(Span(5_000)),
    Disposition::LateAllow(Span(1_000)),
    Disposition::Cancel,
    Disposition::Never,
];
/// How long work on a result takes: no time, some, longer than any allowance.
const WORK: [u64; 5] = [0, 200, 3_000, 8_000, 20_000];

impl Scenarios {
    /// The scenario of a seed.
    #[must_use]
    pub fn generate(&self, seed: u64) -> Scenario {
        let mut dice =
            Dice { rng: fastrand::Rng::with_seed(seed), focus: self.focus, steps: 0, sessions: vec![0] };
        // Swarm: each scenario does without some of what the focus allows.
        let mut swarm = fastrand::Rng::with_seed(!seed);
        dice.steps =
            u64::from(dice.rng.u16(..) | dice.rng.u16(..)) | ((swarm.u64(..) | swarm.u64(..)) & !0xfff);
        dice.choose_sessions();
        let mut setup = dice.setup();
        // What came later draws from the swarm's own stream, and last: older scenarios stay as they are.
        if self.focus.files > 0 && swarm.u8(..self.focus.files) == 0 {
            setup.files = (0..swarm.usize(1..=3))
                .map(|_| if swarm.bool() { Keep::Leave } else { Keep::Move })
                .collect();
        }
        if self.focus.wifi_only > 0 && swarm.u8(..self.focus.wifi_only) == 0 {
            setup.wifi_only = vec![dice.sessions[0]];
        }
        if self.focus.discretionary > 0 && swarm.u8(..self.focus.discretionary) == 0 {
            setup.discretionary = vec![dice.sessions[0]];
        }
        if self.focus.challenges > 0 && swarm.u8(..self.focus.challenges) == 0 {
            setup.challenges = Challenges::ALL[swarm.usize(..Challenges::ALL.len())];
        }
        if self.focus.fetches > 0 {
            setup.fetches = swarm.u8(..self.focus.fetches) == 0;
            setup.resource_timeout = setup.resource_timeout.max(Span(86_400_000));
            // A refresh now and then leaves quiet periods; one every few minutes does not.
            if swarm.u8(..4) > 0 {
                setup.reschedule = Some(Span(if swarm.bool() { 4_500_000 } else { 10_800_000 }));
            }
        }
        if self.focus.decides {
            setup.begins = (0..swarm.usize(0..=3)).map(|_| BEGINS[swarm.usize(..BEGINS.len())]).collect();
        }
        if self.focus.work > 0 && swarm.u8(..self.focus.work) == 0 {
            setup.work = (0..swarm.usize(1..=3)).map(|_| Span(WORK[swarm.usize(..WORK.len())])).collect();
        }
        if self.focus.closures > 0 {
            let count = swarm.u8(1..=self.focus.closures);
            setup.closures =
                (0..count).map(|_| closure(&mut swarm, self.focus.returns, &dice.sessions)).collect();
        }
        setup.early = self.focus.early > 0 && swarm.u8(..self.focus.early) == 0;
        if self.focus.weights.data > 0 {
            setup.dispositions =
                (0..swarm.usize(1..=3)).map(|_| DISPOSITIONS[swarm.usize(..DISPOSITIONS.len())]).collect();
        }
        if self.focus.few_connections {
            setup.connections = Some(swarm.u32(1..=2));
        }
        if self.focus.in_process {
            setup.in_process = vec![dice.sessions[0]];
        }
        let most = u32::from(self.focus.steps.max(1));
        let count = dice.rng.u32(1..=most);
        let mut front = true;
        let mut steps: Vec<Step> = (0..count).map(|_| dice.step(&mut front)).collect();
        if self.focus.uncharged > 0 && swarm.u8(..self.focus.uncharged) == 0 {
            steps.insert(0, Step::Charger { on: false });
        }
        let (one_in, episodes) = self.focus.episodes;
        if one_in > 0 && swarm.u8(..one_in) == 0 {
            let episode = episodes[swarm.usize(..episodes.len())];
            let at = swarm.usize(..=steps.len());
            steps.splice(at..at, episode.iter().cloned());
        }
        // An origin that never serves is asked again and again until the timeout: an hour of that is as good as a week.
        if steps.iter().any(|step| step.route() == Some(Route::NeverServed)) {
            setup.resource_timeout = setup.resource_timeout.min(Span(3_600_000));
        }
        Scenario { setup, steps }
    }
}

/// A closure of the app's: mostly for the sessions that there are, or for names that only look like theirs.
fn closure(swarm: &mut fastrand::Rng, returns: &[Return], sessions: &[u8]) -> Closure {
    let session = if swarm.u8(..4) > 0 { sessions[swarm.usize(..sessions.len())] } else { swarm.u8(..3) };
    let of = match swarm.u8(..16) {
        0..=2 => For::AnySession,
        3..=7 => For::Session(session),
        8 => For::SessionsThatStartWith(session),
        9 | 10 => For::AnyRefresh,
        11 | 12 => For::Refresh(swarm.u8(..3)),
        13 => For::Snapshots,
        14 if swarm.bool() => For::Connectivity,
        14 => For::Bluetooth,
        _ if swarm.bool() => For::Intents,
        _ => For::Shortcuts,
    };
    Closure { of, returns: returns[swarm.usize(..returns.len())] }
}

/// How many kinds of steps there are.
const KINDS: usize = 32;

struct Dice {
    rng: fastrand::Rng,
    focus: Focus,
    /// Which kinds of steps this scenario has, a bit for each place of the table.
    steps: u64,
    /// Which sessions it has.
    sessions: Vec<u8>,
}

impl Dice {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    fn one_in(&mut self, n: u8) -> bool {
        n > 0 && self.rng.u8(..n) == 0
    }

    /// Few sessions that get several transfers each show more than many; those with related names are the traps.
    fn choose_sessions(&mut self) {
        let most = self.focus.sessions.max(1);
        self.sessions = match self.rng.u8(..6) {
            0 | 1 if most > 1 => vec![0, 1],
            2 if most > 2 => vec![0, 2],
            3 if most > 2 => (0..most).collect(),
            4 if self.focus.several => vec![0, 2],
            _ if self.focus.several => vec![0, 1],
            _ => vec![self.rng.u8(..most)],
        };
        if self.rng.bool() {
            self.sessions.reverse();
        }
    }

    fn setup(&mut self) -> Setup {
        let finishes = (0..self.rng.usize(1..=3)).map(|_| self.pick(self.focus.finishes)).collect();
        let replies = (0..self.rng.usize(1..=3)).map(|_| self.pick(self.focus.replies)).collect();
        let chained = self.one_in(self.focus.chained);
        let minutes = self.pick(&[1, 5, 10, 14, 15, 16]);
        Setup {
            latency: Span(self.pick(&[1, 50, 50, 2_000])),
            launch: Span(self.pick(&[1, 100, 100, 1_500])),
            reopen: self.pick(&[Reopen::AtLaunch, Reopen::InHandle]),
            finishes,
            replies,
            callback: if self.one_in(self.focus.slow_callbacks) {
                Span(self.pick(&[10, 1_000, 6_000]))
            } else {
                Span(0)
            },
            reschedule: chained.then_some(Span(minutes * 60_000)),
            silent: if self.one_in(self.focus.silent) { vec![self.sessions[0]] } else { Vec::new() },
            chain: if chained { self.rng.u8(1..=7) } else { 0 },
            resource_timeout: Span(self.pick(&[600_000, 86_400_000, 604_800_000])),
            files: Vec::new(),
            wifi_only: Vec::new(),
            fetches: false,
            discretionary: Vec::new(),
            lists: self.focus.lists,
            challenges: Challenges::Task,
            begins: Vec::new(),
            work: Vec::new(),
            early: false,
            dispositions: Vec::new(),
            closures: Vec::new(),
            in_process: Vec::new(),
            connections: None,
        }
    }

    fn step(&mut self, front: &mut bool) -> Step {
        let table = self.table(*front);
        // Leaving, entering and waiting are never left out by the swarm: nothing would happen.
        let allowed = |kind: usize| self.steps & (1 << kind) != 0 || matches!(kind, 1 | 6 | 7 | 11);
        let weight = |kind: usize| if allowed(kind) { u32::from(table[kind]) } else { 0 };
        let total: u32 = (0..table.len()).map(weight).sum();
        let mut ticket = self.rng.u32(..total.max(1));
        let mut kind = 11;
        for candidate in 0..table.len() {
            let share = weight(candidate);
            if ticket < share {
                kind = candidate;
                break;
            }
            ticket -= share;
        }
        self.step_of_kind(kind, front)
    }

    /// The weight of each kind of step, with the app in front of the user or not: what only an app in front can do is
    /// not tried otherwise, for most of it would do nothing.
    fn table(&self, front: bool) -> [u8; KINDS] {
        let w = self.focus.weights;
        let (here, there) = if front { (1, 0) } else { (0, 1) };
        [
            here * w.open,
            here * w.download,
            here * w.upload,
            if front { w.cancel } else { w.cancel.min(1) },
            here * w.refresh,
            here * w.snapshot,
            here * w.leave,
            there * w.enter,
            there * w.purge,
            w.crash,
            w.link,
            if front { w.wait } else { w.wait.saturating_mul(2) },
            here * w.create,
            if front { w.suspend } else { w.suspend.min(1) },
            if front { w.resume } else { w.resume.min(1) },
            here * w.cancel_twice,
            here * w.stop,
            here * w.go_on,
            w.trigger,
            w.hold,
            w.prominence,
            w.starve,
            w.cellular,
            here * w.attempt,
            here * w.list,
            w.force_quit,
            here * w.invalidate,
            here * w.reopen,
            w.charger,
            there * w.stray,
            here * w.data,
            w.leap,
        ]
    }

    fn step_of_kind(&mut self, kind: usize, front: &mut bool) -> Step {
        let session = self.sessions[self.rng.usize(..self.sessions.len())];
        match kind {
            0 => Step::Open { session },
            1 => Step::Download(self.download(session)),
            2 => Step::Upload { session, size: self.pick(&SIZES), route: self.answer_to_upload() },
            3 => Step::Cancel { transfer: self.rng.u8(..4) },
            4 => Step::Refresh { after: self.span() },
            5 => Step::Snapshot { after: self.span() },
            6 => {
                *front = false;
                Step::Leave
            }
            7 => {
                *front = true;
                Step::Enter
            }
            8 => Step::Purge,
            9 => {
                *front = false;
                Step::Crash
            }
            10 => Step::Link { up: self.rng.bool() },
            12 => Step::Create(self.download(session)),
            // The oldest most of the time: what is begun with one transfer is to be finished with it.
            13 => Step::Suspend { transfer: self.rng.u8(..4) / 2 },
            14 => Step::Resume { transfer: self.rng.u8(..4) / 2 },
            15 => Step::CancelTwice { transfer: self.rng.u8(..4) / 2 },
            16 => Step::Stop { transfer: self.rng.u8(..4) / 2 },
            17 => Step::GoOn,
            18 => Step::Trigger { trigger: self.pick(self.focus.triggers) },
            19 if self.rng.bool() => Step::LowPower { on: self.rng.u8(..4) > 0 },
            19 => Step::Busy { on: self.rng.u8(..4) > 0 },
            20 => Step::Prominence {
                class: self.pick(&[AppClass::ComplicationOnFace, AppClass::Dock, AppClass::Other]),
            },
            21 => Step::Starve { on: self.rng.u8(..3) > 0 },
            22 => Step::Cellular,
            23 => Step::Attempt {
                session,
                what: self.pick(&[Attempt::Ftp, Attempt::File, Attempt::Relative, Attempt::MissingFile]),
            },
            24 => Step::List { session },
            25 => {
                *front = false;
                Step::ForceQuit
            }
            26 => Step::Invalidate { session, cancel: self.rng.bool() },
            27 => Step::Reopen { session, elsewhere: self.rng.u8(..6) == 0, changed: self.rng.u8(..4) > 0 },
            28 => Step::Charger { on: self.rng.u8(..4) == 0 },
            29 => Step::Stray { session: (self.rng.u8(..3) > 0).then_some(session) },
            30 => Step::Data(Download { not_before: None, ..self.download(session) }),
            31 => Step::Leap { span: self.pick(&LEAPS) },
            _ if self.focus.waits.is_empty() => Step::Wait { span: self.span() },
            _ => Step::Wait { span: self.pick(self.focus.waits) },
        }
    }

    /// Draws nothing unless the focus asks.
    fn answer_to_upload(&mut self) -> Route {
        if self.focus.refused_uploads { self.pick(self.focus.routes) } else { Route::Plain }
    }

    fn download(&mut self, session: u8) -> Download {
        Download {
            session,
            route: self.pick(self.focus.routes),
            size: self.pick(&SIZES),
            not_before: if self.one_in(self.focus.delayed) { Some(self.span()) } else { None },
        }
    }

    fn span(&mut self) -> Span {
        // Short spans oftener: wakes, drains and retries happen within minutes.
        let upto =
            if self.rng.u8(..4) == 0 && self.focus.spans > 12 { SPANS.len() } else { self.focus.spans };
        Span(SPANS[self.rng.usize(..upto)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_scenario() {
        let strategy = scenarios(Focus::GENERAL);
        assert_eq!(strategy.generate(42), strategy.generate(42));
        assert_ne!(strategy.generate(42), strategy.generate(43));
    }
}

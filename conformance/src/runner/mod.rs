//! Runs a subject through generated scenarios and judges what happened.
//!
//! The default run is a function of its options: the same seed gives the same scenarios, the same histories and the
//! same verdicts, whatever the number of threads. Stored regressions come first.

mod plan;
mod pool;
mod regressions;
mod shrink;
mod tally;

pub use regressions::RegressionError;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::contract::Policy;
use crate::history::{FaultKind, History, SubjectFault};
use crate::rules::{RULES, Rule};
use crate::scenario::Scenario;
use crate::subject::{Role, Subject};
use crate::verdict::{Failure, Fault, ReplayWith, Report, Row, Verdict, WorldReport};
use crate::world::{Worker, World};
use plan::{Enough, Plan, chunks};
use pool::Beat;
use tally::Tally;

/// What to run.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "built with struct update syntax")]
pub struct Options {
    /// Scenarios for each rule's focus in `sim`.
    pub cases_sim: u32,
    /// Scenarios for each rule's focus in `http`.
    pub cases_http: u32,
    /// Before that, in `sim`: every sequence of core actions up to this length
    /// ([`small_worlds`](crate::scenario::small_worlds)); 0 for none.
    pub small_worlds: usize,
    /// Simpler scenarios that are tried for one failure at the most; 0 leaves failures as they were found.
    pub shrink_tries: u32,
    /// Ends a world's run once every rule has failed in it: what follows would change no verdict.
    pub stop_when_failed: bool,
    /// Where the scenarios come from.
    pub seed: u64,
    /// The rules to judge; those that do not bind the subject's role are left out.
    pub rules: Vec<&'static Rule>,
    /// Where to play.
    pub worlds: Vec<World>,
    /// Worker threads; 0 for as many as there are processors.
    pub threads: usize,
    /// Folder of scenario files: replayed first, and where a failure leaves its own. `None` for neither.
    pub regressions: Option<PathBuf>,
    /// How the person at the other end can play a failure again.
    pub replay_with: ReplayWith,
    /// Only these scenarios, instead of generated ones.
    pub replay: Option<Vec<Scenario>>,
    /// Told of every scenario that has been played.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Where it is.
    pub world: World,
    /// Scenarios played there.
    pub done: u64,
    /// Scenarios to be played there.
    pub total: u64,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("seed", &self.seed)
            .field("worlds", &self.worlds)
            .finish_non_exhaustive()
    }
}

/// The seed of runs that name none.
pub const DEFAULT_SEED: u64 = 1;

impl Default for Options {
    /// Every rule of the default profile in both worlds, with a fixed seed.
    fn default() -> Self {
        Self {
            cases_sim: 400,
            cases_http: 150,
            small_worlds: 0,
            shrink_tries: 3_000,
            stop_when_failed: false,
            seed: DEFAULT_SEED,
            rules: RULES.iter().filter(|rule| rule.basis.is_default()).collect(),
            worlds: World::available().to_vec(),
            threads: 0,
            regressions: None,
            replay_with: ReplayWith::Scenario,
            replay: None,
            progress: None,
        }
    }
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No rule that was asked for binds the subject's role.
    #[error("none of these rules binds a subject of this role ({role:?}): nothing would be judged")]
    NothingToJudge {
        /// The role.
        role: Role,
    },
    /// A stored regression can not be used.
    #[error(transparent)]
    Regression(#[from] RegressionError),
    /// The operating system gives no thread, socket or folder.
    #[error("the {world} world can not be set up: {reason}")]
    World {
        /// Which.
        world: World,
        /// What the system says.
        reason: String,
    },
}

/// Runs a subject through scenarios and judges it.
///
/// # Errors
///
/// [`RunError`] if nothing can be judged: a run in which nothing was executed is never a pass.
///
/// ```no_run
/// use bgsession_conformance::{Options, Subject, run};
/// # fn mine() -> Subject { unimplemented!() }
/// let report = run(&mine(), &Options::default()).unwrap();
/// assert!(report.passed(), "{report}");
/// ```
pub fn run(subject: &Subject, options: &Options) -> Result<Report, RunError> {
    let started = now();
    let rules: Vec<&'static Rule> =
        options.rules.iter().copied().filter(|rule| rule.binds.contains(&subject.role())).collect();
    if rules.is_empty() {
        return Err(RunError::NothingToJudge { role: subject.role() });
    }
    let stored = match &options.regressions {
        Some(folder) => regressions::read(folder)?,
        None => Vec::new(),
    };
    let mut rows: Vec<Row> = rules.iter().map(|rule| Row { rule, verdicts: Vec::new() }).collect();
    let mut worlds = Vec::new();
    for world in &options.worlds {
        if *world == World::Http && subject.tokio_time {
            let reason = "the subject waits with tokio::time, which real sockets make leap ahead";
            for row in &mut rows {
                row.verdicts.push((*world, Verdict::NotApplicable { reason: reason.to_owned() }));
            }
            continue;
        }
        let begun = now();
        let judged = run_world(subject, options, &rules, *world, &stored)?;
        worlds.push(WorldReport {
            world: *world,
            scenarios: judged.scenarios,
            entries: judged.entries,
            small_worlds: judged.small,
            elapsed: begun.elapsed(),
        });
        for (row, verdict) in rows.iter_mut().zip(judged.verdicts) {
            row.verdicts.push((*world, verdict));
        }
    }
    Ok(Report {
        subject: subject.name().to_owned(),
        role: subject.role(),
        seed: options.seed,
        rows,
        worlds,
        elapsed: started.elapsed(),
    })
}

/// Plays single scenarios in one world and returns what was observed; keeps runtime, client and servers between them.
///
/// It belongs to the thread that made it. There is no watchdog: a subject that never gives the thread back hangs it.
///
/// ```
/// use bgsession_conformance::scenario::{Focus, scenarios};
/// use bgsession_conformance::{Player, Subject, World};
/// use bgsession_reference::throttle::SlidingWindow;
///
/// let subject = Subject::throttle("window", |policy| Box::new(SlidingWindow::new(policy.budget_window)));
/// let history = Player::new(World::Sim)?.play(&subject, &scenarios(Focus::GENERAL).generate(7))?;
/// assert!(!history.entries.is_empty());
/// # Ok::<(), bgsession_conformance::RunError>(())
/// ```
pub struct Player {
    worker: Worker,
    world: World,
}

impl Player {
    /// Sets a world up.
    ///
    /// # Errors
    ///
    /// [`RunError::World`] if that is not possible.
    pub fn new(world: World) -> Result<Self, RunError> {
        let failed = |error: std::io::Error| RunError::World { world, reason: error.to_string() };
        Ok(Self { worker: Worker::new(world).map_err(failed)?, world })
    }

    /// Plays one scenario.
    ///
    /// # Errors
    ///
    /// [`RunError::World`] if the operating system gives no file or socket.
    pub fn play(&mut self, subject: &Subject, scenario: &Scenario) -> Result<History, RunError> {
        let world = self.world;
        self.worker
            .run(subject, scenario)
            .map_err(|error| RunError::World { world, reason: error.to_string() })
    }
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player").field("world", &self.world).finish_non_exhaustive()
    }
}

/// Plays one scenario in one world and returns what was observed.
///
/// # Errors
///
/// [`RunError::World`] if the world can not be set up.
pub fn play(subject: &Subject, world: World, scenario: &Scenario) -> Result<History, RunError> {
    Player::new(world)?.play(subject, scenario)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a run took is told to people; no verdict depends on it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

struct Judged {
    verdicts: Vec<Verdict>,
    scenarios: u64,
    entries: u64,
    small: Option<(u64, Duration)>,
}

fn run_world(
    subject: &Subject,
    options: &Options,
    rules: &[&'static Rule],
    world: World,
    stored: &[Scenario],
) -> Result<Judged, RunError> {
    let mut plan = Plan::new(options, rules, world, stored);
    if subject.threads {
        // Each scenario takes a fraction of a second of real time.
        plan.cases = plan.cases.div_ceil(8);
    }
    let total = plan.total();
    let done = AtomicU64::new(0);
    let progress = options.progress.clone();
    let report = move |count: u64| {
        let done = done.fetch_add(count, Ordering::Relaxed) + count;
        if let Some(progress) = &progress {
            progress(Progress { world, done, total });
        }
    };
    let plan = Arc::new(plan);
    let policy = Arc::clone(&subject.policy);
    let rules: Arc<[&'static Rule]> = rules.into();
    let (for_work, subject_for_work, plan_for_work) =
        (Arc::clone(&rules), subject.clone(), Arc::clone(&plan));
    let enough = options.stop_when_failed.then(|| Enough::new(rules.len()));
    let work = Arc::new(move |worker: &mut Worker, beat: &Beat, chunk: Range<u64>| {
        let mut tally = Tally::new(for_work.len());
        if enough.as_ref().is_some_and(|enough| enough.is_before(chunk.start)) {
            return Ok(tally);
        }
        for number in chunk.clone() {
            beat.at(number);
            let scenario = plan_for_work.scenario(number);
            let history = worker.run(&subject_for_work, &scenario)?;
            tally.judge(&for_work, &history, &policy, number);
        }
        if let Some(enough) = &enough {
            enough.look(&tally.failed);
        }
        report(chunk.end - chunk.start);
        Ok(tally)
    });
    let mut tally = Tally::new(rules.len());
    let mut play = |chunks: Vec<Range<u64>>| {
        let work = Arc::clone(&work);
        let outcome =
            pool::run(world, threads(options), chunks, move |worker, beat, chunk| work(worker, beat, chunk))
                .map_err(|error| RunError::World { world, reason: error.to_string() })?;
        outcome.done.into_iter().for_each(|part| tally.add(part));
        for number in outcome.stuck {
            tally.fault(number, SubjectFault::new(FaultKind::Hang, pool::STUCK));
        }
        Ok::<(), RunError>(())
    };
    let begun = now();
    let count = plan.small.end - plan.small.start;
    play(chunks(plan.small.clone()))?;
    let small = (count > 0).then(|| (count, begun.elapsed()));
    play([chunks(0..plan.small.start), chunks(plan.small.end..total)].concat())?;
    Ok(Judged {
        scenarios: tally.scenarios,
        entries: tally.entries,
        small,
        verdicts: verdicts(subject, options, &rules, world, &plan, &tally),
    })
}

fn threads(options: &Options) -> usize {
    match options.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        some => some,
    }
}

/// Turns what was found into verdicts; shrinks what failed.
fn verdicts(
    subject: &Subject,
    options: &Options,
    rules: &[&'static Rule],
    world: World,
    plan: &Plan,
    tally: &Tally,
) -> Vec<Verdict> {
    let failed: Vec<(usize, u64)> =
        tally.failed.iter().enumerate().filter_map(|(index, number)| Some((index, (*number)?))).collect();
    let mut failures = shrink::all(subject, world, rules, &failed, |number| plan.scenario(number), options);
    let fault = tally.fault.as_ref().map(|(number, fault)| Fault {
        fault: fault.clone(),
        scenario: shrink::fault(subject, world, plan.scenario(*number), fault),
        number: *number,
    });
    let mut verdicts = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let known = subject.known_failures.iter().find(|(id, _)| id.eq_ignore_ascii_case(rule.id));
        let failure = failures[index].take().map(|mut failure| {
            failure.seed = options.seed;
            failure.replay_with = options.replay_with;
            failure.stored =
                options.regressions.as_ref().and_then(|folder| regressions::store(folder, &failure).ok());
            failure
        });
        verdicts.push(match (failure, known) {
            (Some(failure), Some((_, reason))) => {
                Verdict::KnownFail { reason: reason.clone(), failure: Box::new(failure) }
            }
            (Some(failure), None) => Verdict::Fail(Box::new(failure)),
            (None, Some((_, reason))) => Verdict::UnexpectedPass { reason: reason.clone() },
            (None, None) if lacking(subject, rule).is_some() => {
                Verdict::NotApplicable { reason: lacking(subject, rule).unwrap_or_default() }
            }
            (None, None) => match (&fault, tally.witnesses[index]) {
                (Some(fault), _) => Verdict::Inconclusive(Box::new(fault.clone())),
                (None, 0) => Verdict::Vacuous { scenarios: tally.scenarios },
                (None, witnesses) => Verdict::Pass { witnesses },
            },
        });
    }
    verdicts
}

/// Why a rule does not concern a subject, if it says that it lacks what the rule is about, or its policy does.
fn lacking(subject: &Subject, rule: &Rule) -> Option<String> {
    let without = rule.needs.iter().find_map(|needed| subject.limits.without.get(needed)).cloned();
    without.or_else(|| rule.lacks(&subject.policy).map(str::to_owned))
}

/// A scenario is given this much real time; then its thread counts as stuck.
pub(crate) const REAL_TIME: Duration = Duration::from_secs(10);

pub(crate) fn judge(rule: &Rule, history: &History, policy: &Policy) -> Option<crate::rules::Violation> {
    rule.judge(history, policy).violation
}

pub(crate) fn failure(
    rule: &'static Rule,
    world: World,
    scenario: Scenario,
    history: History,
    number: u64,
) -> Failure {
    Failure {
        rule,
        world,
        scenario,
        history,
        number,
        violation: None,
        shrunk_from: 0,
        tries: 0,
        seed: 0,
        stored: None,
        replay_with: ReplayWith::Scenario,
    }
}

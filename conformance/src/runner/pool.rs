//! Worker threads under a watchdog: foreign code may never give a thread back.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{REAL_TIME, now};
use crate::world::{Worker, World};

/// What is said of a scenario whose thread never came back.
pub(super) const STUCK: &str =
    "the subject kept the thread for 10 s of real time: an endless loop, or a wait that blocks the thread";

/// Threads that may be lost to a subject before the run is ended.
const MOST_STUCK: usize = 3;

/// Tells the watchdog which scenario a worker is at.
#[derive(Clone, Default)]
pub(super) struct Beat(Arc<AtomicU64>);

const RESTING: u64 = u64::MAX;

impl Beat {
    pub(super) fn at(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }
}

/// What came of a run.
pub(super) struct Outcome<R> {
    pub(super) done: Vec<R>,
    /// Numbers of the scenarios whose thread is lost.
    pub(super) stuck: Vec<u64>,
}

type Work<R> = dyn Fn(&mut Worker, &Beat, Range<u64>) -> io::Result<R> + Send + Sync;

struct Crew<R> {
    world: World,
    chunks: Arc<Mutex<VecDeque<Range<u64>>>>,
    work: Arc<Work<R>>,
    results: mpsc::Sender<io::Result<R>>,
}

/// Does all chunks on `threads` threads and waits for them. A thread that hangs is left behind.
pub(super) fn run<R: Send + 'static>(
    world: World,
    threads: usize,
    chunks: Vec<Range<u64>>,
    work: impl Fn(&mut Worker, &Beat, Range<u64>) -> io::Result<R> + Send + Sync + 'static,
) -> io::Result<Outcome<R>> {
    let expected = chunks.len();
    let (results, received) = mpsc::channel();
    let chunks = Arc::new(Mutex::new(VecDeque::from(chunks)));
    let crew = Crew { world, chunks, work: Arc::new(work), results };
    let mut watch = Vec::new();
    for _ in 0..threads.clamp(1, expected.max(1)) {
        watch.push(crew.hire()?);
    }
    let mut outcome = Outcome { done: Vec::with_capacity(expected), stuck: Vec::new() };
    while outcome.done.len() + outcome.stuck.len() < expected {
        match received.recv_timeout(Duration::from_millis(500)) {
            Ok(result) => outcome.done.push(result?),
            Err(RecvTimeoutError::Timeout) => {
                for hand in &mut watch {
                    if let Some(number) = hand.lost() {
                        outcome.stuck.push(number);
                        *hand = crew.hire()?;
                    }
                }
                if watch.iter().all(|hand| hand.thread.is_finished()) {
                    outcome.done.extend(received.try_iter().collect::<io::Result<Vec<R>>>()?);
                    break;
                }
                if outcome.stuck.len() >= MOST_STUCK {
                    break;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if outcome.done.len() + outcome.stuck.len() < expected && outcome.stuck.len() < MOST_STUCK {
        return Err(io::Error::other("a worker thread has ended early"));
    }
    Ok(outcome)
}

impl<R: Send + 'static> Crew<R> {
    fn hire(&self) -> io::Result<Hand> {
        let beat = Beat::default();
        beat.at(RESTING);
        let (chunks, work, results) =
            (Arc::clone(&self.chunks), Arc::clone(&self.work), self.results.clone());
        let (pulse, world) = (beat.clone(), self.world);
        let thread = std::thread::Builder::new().name(format!("bgsession-{world}")).spawn(move || {
            let mut worker = match Worker::new(world) {
                Ok(worker) => worker,
                Err(error) => {
                    // Nobody listens any more if the run has ended otherwise.
                    let _ = results.send(Err(error));
                    return;
                }
            };
            loop {
                let next = chunks.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(chunk) = next else { break };
                let result = work(&mut worker, &pulse, chunk);
                pulse.at(RESTING);
                if results.send(result).is_err() {
                    break;
                }
            }
        })?;
        Ok(Hand { beat, seen: RESTING, since: now(), thread })
    }
}

/// One thread, as the watchdog sees it.
struct Hand {
    beat: Beat,
    seen: u64,
    since: Instant,
    thread: JoinHandle<()>,
}

impl Hand {
    /// The scenario that this thread has been at for too long.
    fn lost(&mut self) -> Option<u64> {
        let number = self.beat.0.load(Ordering::Relaxed);
        if number != self.seen {
            (self.seen, self.since) = (number, now());
        }
        (number != RESTING && self.since.elapsed() > REAL_TIME).then_some(number)
    }
}

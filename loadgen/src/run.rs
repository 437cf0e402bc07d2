//! The run: threads that send on their connections when the schedule says so,
//! judge what comes back, and record it.

mod pool;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;

use crate::ask::Script;
use crate::clock::{self, Instant};
use crate::connection::Keeping;
use crate::honesty::Honesty;
use crate::results::Results;
use crate::schedule::Event;
use crate::target::Target;

#[cfg(test)]
mod tests;

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Its time or its requests were over.
    Done,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// The target went away.
    TargetClosed,
}

/// What a run gave.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub results: Results,
    /// Whether the generator kept its own promises.
    pub honesty: Honesty,
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// How long it took.
    pub took: Duration,
    /// Why it ended.
    pub ended: Ended,
}

/// A lazy schedule. Each thread reads its own copy, and takes its share.
pub type Events = dyn Fn() -> Box<dyn Iterator<Item = Event> + Send> + Send + Sync;

/// When requests are sent.
#[derive(Clone)]
pub enum Pace {
    /// When the answer to the last one has come, for so long or so many.
    Closed(Duration, Option<u64>),
    /// When they are due, whatever the target does.
    Open(Arc<Events>),
}

/// What to do.
#[derive(Clone)]
pub struct Load {
    /// Where to send.
    pub target: Target,
    /// What to send.
    pub script: Arc<dyn Script>,
    /// When to send.
    pub pace: Pace,
    /// Connections at most; a closed loop opens all of them.
    pub connections: usize,
    /// How they are kept.
    pub keeping: Keeping,
    /// Requests at once on each of them, where they can be shared.
    pub streams: usize,
    /// Threads, each with its share of the connections and of the schedule.
    pub threads: usize,
    /// The processors that threads are pinned to, in turns.
    pub cpus: Vec<usize>,
}

/// The results so far, of each thread: somebody may look while they grow.
#[derive(Clone)]
pub struct Board {
    results: Arc<[Mutex<Results>]>,
    /// Requests that the schedule came to, of all threads.
    due: Arc<AtomicU64>,
}

impl Board {
    /// For this load.
    #[must_use]
    pub fn new(load: &Load) -> Self {
        let groups = load.script.groups();
        let of_thread = || Mutex::new(Results::new(groups.clone()));
        let results = std::iter::repeat_with(of_thread).take(load.threads).collect();
        Self { results, due: Arc::default() }
    }

    /// The schedule came to a request.
    fn due(&self) {
        self.due.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests a schedule came to; none in a closed loop.
    #[must_use]
    pub fn came_due(&self) -> u64 {
        self.due.load(Ordering::Relaxed)
    }

    /// Looks at each thread's results, one after the other.
    pub fn look(&self, mut at: impl FnMut(&Results)) {
        for results in self.results.iter() {
            at(&results.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn take(&self) -> Results {
        let mut merged = Results::default();
        for results in self.results.iter() {
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            merged.merge(std::mem::take(&mut *results));
        }
        merged
    }
}

/// What all threads share.
struct Shared {
    load: Load,
    board: Board,
    began: Instant,
    /// The next number of a closed loop.
    next: AtomicU64,
    ended: watch::Sender<Option<Ended>>,
}

impl Shared {
    fn end(&self, why: Ended) {
        self.ended.send_if_modified(|ended| ended.is_none() && ended.replace(why).is_none());
    }

    /// A closed loop's next number, or none once it is over.
    fn turn(&self, duration: Duration, requests: Option<u64>) -> Option<u64> {
        if clock::now() - self.began >= duration || self.ended.borrow().is_some() {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        requests.is_none_or(|most| number < most).then_some(number)
    }
}

/// Runs until the schedule is over, the target goes away, or Ctrl-C.
///
/// # Errors
/// Where a thread or a timer cannot be had, or not on these processors.
pub async fn run(load: Load, board: Board) -> io::Result<Outcome> {
    let (threads, began, began_ms) = (load.threads, clock::now(), clock::wall_ms());
    let (next, ended) = (AtomicU64::new(0), watch::Sender::new(None));
    let shared = Arc::new(Shared { load, board, began, next, ended });
    let started: io::Result<Vec<_>> =
        (0..threads).map(|thread| start(shared.clone(), thread)).collect();
    let started = started?;
    let interrupted = {
        let shared = shared.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                shared.end(Ended::Interrupted);
            }
        })
    };
    let mut honesty = Honesty::default();
    for thread in started {
        // A thread that panicked has said so itself.
        let panicked = || io::Error::other("a thread of the run panicked");
        honesty.merge(&thread.await.map_err(|_| panicked())??);
    }
    interrupted.abort();
    let took = clock::now() - began;
    let mut results = shared.board.take();
    results.tally.count_duplicates();
    let ended = shared.ended.borrow().unwrap_or(Ended::Done);
    Ok(Outcome { results, honesty, began_ms, took, ended })
}

type Finished = oneshot::Receiver<io::Result<Honesty>>;

/// One thread with a runtime of its own.
fn start(shared: Arc<Shared>, thread: usize) -> io::Result<Finished> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        let honesty = pin(&shared.load.cpus, thread)
            .and_then(|()| LocalSet::new().block_on(&runtime, pool::work(shared, thread)));
        // Whoever waits for it is gone only when the process ends.
        let _ = sender.send(honesty);
    };
    std::thread::Builder::new().name(format!("loadgen-{thread}")).spawn(work)?;
    Ok(receiver)
}

/// Keeps this thread on its processor.
fn pin(cpus: &[usize], thread: usize) -> io::Result<()> {
    if cpus.is_empty() {
        return Ok(());
    }
    let cpu = cpus[thread % cpus.len()];
    let mut set = rustix::thread::CpuSet::new();
    if cpu >= rustix::thread::CpuSet::MAX_CPU {
        return Err(io::Error::other(format!("--cpus: there is no processor {cpu}")));
    }
    set.set(cpu);
    rustix::thread::sched_setaffinity(None, &set)
        .map_err(|error| io::Error::other(format!("--cpus: processor {cpu}: {error}")))
}

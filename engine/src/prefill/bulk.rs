//! Bundles of bulk jobs, beside which a citizen's own request stays fast.
//!
//! Whoever waits before a form comes first. So all jobs together have a bounded
//! number of bundles under way, and fewer while anybody asks by themselves: which keeps
//! the queues short that they share with everybody: a core's tasks, the registers'
//! connections and turns, the ledger. And their bundles are made on threads of their
//! own, spread over all cores, which yield to the cores' threads: a bunch of lines at a
//! time goes there for its first step, which is all but the record where nothing has to
//! be fetched. What waits is waited for on the job's core.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rayon::ThreadPool;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Asked, Attempt, Core, Rejection, count, identify};
use crate::clock::{self, Instant};
use crate::consent::Bundle;
use crate::ledger::Disclosed;

/// Lines of one job that have been read and whose answers have not been written:
/// enough to hide a register's latency, and 4 MiB at most of the longest lines.
pub const WINDOW: usize = 64;
/// Lines that are begun together: enough that handing them over costs little for each,
/// and few enough that all threads have some.
pub const BUNCH: usize = 16;
/// The same beside whoever waits before a form: a few of those that may be under way.
const BUNCH_BESIDE: usize = 4;
/// Bundles under way for all jobs while nobody else asks: so many are made while as many
/// are being recorded.
const UNDER_WAY_MAX: usize = 256;
/// The same beside whoever waits before a form: fewer than make a batch of the ledger, so
/// that they wait for each other there, or go with somebody's own entry; most of the time
/// the disk is then nobody's.
const UNDER_WAY_BESIDE: usize = 16;
/// Beside them, those for which something is fetched: the registers' connections and
/// turns are everybody's.
const FETCHING_MAX: usize = 16;
/// For how long after a request of their own somebody counts as being there: where one
/// comes every few seconds, none of them is the first.
const BESIDE: Duration = Duration::from_secs(10);
/// How often that is noted, in milliseconds.
const GIVE_WAY_EVERY: u64 = 50;
/// Jobs at a time. Each holds its connection and its window.
const JOBS_MAX: usize = 64;
/// How far the composing threads stand back, as `nice` counts.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// What all bulk jobs share.
pub struct Bulk {
    jobs: Arc<Semaphore>,
    /// First come, first served: jobs get equal shares.
    under_way: Arc<Semaphore>,
    fetching: Semaphore,
    /// Started by the first job.
    pool: OnceLock<Option<ThreadPool>>,
    steps: Arc<Steps>,
    since: Instant,
    /// Until when somebody is there who asks by themselves, in milliseconds from `since`.
    beside: AtomicU64,
}

impl Default for Bulk {
    fn default() -> Self {
        Self {
            jobs: Arc::new(Semaphore::new(JOBS_MAX)),
            under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
            fetching: Semaphore::new(FETCHING_MAX),
            pool: OnceLock::new(),
            steps: Arc::default(),
            since: clock::monotonic(),
            beside: AtomicU64::new(0),
        }
    }
}

/// A job's place, until it is dropped.
pub struct Job(#[expect(dead_code, reason = "it is held and not read")] OwnedSemaphorePermit);

/// A bundle's turn, until it is dropped.
pub struct Turn(#[expect(dead_code, reason = "it is held and not read")] OwnedSemaphorePermit);

/// First steps on the composing threads. They use their core's runtime: its timers panic
/// once it is being shut down.
#[derive(Default)]
struct Steps {
    /// Held while one is made.
    under_way: RwLock<()>,
    over: AtomicBool,
}

impl Steps {
    /// Makes one, unless a core has ended: then nothing of it happens, and `None`.
    fn make<T>(&self, step: impl FnOnce() -> T) -> Option<T> {
        let _under_way = self.under_way.read().unwrap_or_else(PoisonError::into_inner);
        (!self.over.load(Ordering::SeqCst)).then(step)
    }
}

/// Of a core: when it is dropped, no first step is being made, and none is made from then
/// on. A core that goes on makes its own.
pub struct OnACore(Arc<Steps>);

impl Drop for OnACore {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
        drop(self.0.under_way.write());
    }
}

/// The work for one line of a job.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// What is left of a bunch after its first step.
pub type Left<T> = FuturesUnordered<Work<T>>;

impl Bulk {
    /// Admits one more job.
    ///
    /// # Errors
    /// Where there are as many as there may be.
    pub fn admit(&self) -> Result<Job, Rejection> {
        self.jobs.clone().try_acquire_owned().map(Job).map_err(|_| Rejection::Overloaded)
    }

    /// Tells that somebody asks by themselves: each door says so, whatever is asked.
    pub fn give_way(&self) {
        let until = self.ms(clock::monotonic() + BESIDE);
        // Written now and then alone: all cores share it.
        if until > self.beside.load(Ordering::Relaxed) + GIVE_WAY_EVERY {
            self.beside.store(until, Ordering::Relaxed);
        }
    }

    /// Whether somebody asked by themselves of late.
    #[must_use]
    pub fn gives_way(&self) -> bool {
        self.ms(clock::monotonic()) < self.beside.load(Ordering::Relaxed)
    }

    /// How many lines are begun together now.
    #[must_use]
    pub fn bunch(&self) -> usize {
        if self.gives_way() { BUNCH_BESIDE } else { BUNCH }
    }

    /// Waits until it is the turn of so many bundles, [`BUNCH`] at most.
    pub async fn turns(&self, count: usize) -> Vec<Turn> {
        let each = if self.gives_way() { UNDER_WAY_MAX / UNDER_WAY_BESIDE } else { 1 };
        let all = (count * each) as u32;
        let taken = self.under_way.clone().acquire_many_owned(all).await;
        let mut taken = taken.expect("nobody closes it");
        let turn = |_| taken.split(each).map(Turn).expect("there are as many as were taken");
        (0..count).map(turn).collect()
    }

    /// What a core holds for as long as its runtime is there.
    #[must_use]
    pub fn steps_on_a_core(&self) -> OnACore {
        OnACore(self.steps.clone())
    }

    /// Does the first step of each on the composing threads; what has ended with it, and
    /// what is left: all of it, where the engine is ending.
    pub async fn begin<T: Send + 'static>(&self, work: Vec<Work<T>>) -> (Vec<T>, Left<T>) {
        let work: Left<T> = work.into_iter().collect();
        let Some(pool) = self.pool() else { return (Vec::new(), work) };
        let (runtime, (reply, begun)) = (Handle::current(), oneshot::channel());
        let steps = self.steps.clone();
        pool.spawn(move || {
            let mut work = Some(work);
            let made = steps.make(|| {
                // Its timers, connections and tasks are those of its core.
                let _core = runtime.enter();
                work.take().map(step)
            });
            let begun = made.flatten().or_else(|| work.map(|work| (Vec::new(), work)));
            // Whoever hung up needs no answer.
            drop(begun.map(|begun| reply.send(begun)));
        });
        begun.await.expect("a step that panics is caught where it is made")
    }

    /// Works on one of the composing threads. `None` where it panicked there.
    pub(super) async fn compose<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let Some(pool) = self.pool() else { return Some(work()) };
        if pool.current_thread_index().is_some() {
            return Some(work());
        }
        let (reply, composed) = oneshot::channel();
        // Whoever hung up needs no answer.
        pool.spawn(move || drop(reply.send(work())));
        composed.await.ok()
    }

    fn pool(&self) -> Option<&ThreadPool> {
        self.pool.get_or_init(pool).as_ref()
    }

    fn ms(&self, at: Instant) -> u64 {
        (at - self.since).as_millis() as u64
    }
}

/// Polls each once. Who is woken since is polled by whoever takes what is left, and is
/// woken there.
fn step<T>(mut work: Left<T>) -> (Vec<T>, Left<T>) {
    let mut context = Context::from_waker(Waker::noop());
    let mut done = Vec::new();
    while let Poll::Ready(Some(ended)) = work.poll_next_unpin(&mut context) {
        done.push(ended);
    }
    (done, work)
}

/// A thread for each core.
fn pool() -> Option<ThreadPool> {
    let built = rayon::ThreadPoolBuilder::new()
        .thread_name(|index| format!("bulk-{index}"))
        .start_handler(|_| stand_back())
        // The panic has told itself; its line is answered with a problem.
        .panic_handler(|_| {})
        .build();
    built.inspect_err(|error| tracing::warn!(%error, "bulk jobs compose on the cores")).ok()
}

/// Lets the kernel prefer other threads to the one that calls this.
fn stand_back() {
    // On Linux, a thread's niceness is its own.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "bulk jobs compose at the usual priority");
    }
}

/// Answers one request of a bulk job as [`prefill`](super::prefill), in its turn.
///
/// # Errors
/// As [`prefill`](super::prefill).
pub async fn prefill_in_bulk(
    core: &Arc<Core>,
    asked: &Asked,
    turn: Turn,
) -> Result<Disclosed<Bundle>, Rejection> {
    // A job may last for hours; each of its lines is a request.
    let (core, began) = (&core.renewed(), clock::monotonic());
    let answered = match kept(core, asked).await {
        Some(answered) => answered,
        None => {
            // Others go on while it waits for registers.
            drop(turn);
            let fetching = core.shared.bulk.fetching.acquire().await;
            let _fetching = fetching.map_err(|_| Rejection::Overloaded)?;
            // It begins here, with all of its time.
            answer(&core.renewed(), asked, None).await
        }
    };
    let procedure = core.terms.catalogue.find_procedure(&asked.procedure);
    count(core, procedure, began, &answered);
    answered
}

/// The answer that needs nothing fetched, where there is one.
async fn kept(core: &Arc<Core>, asked: &Asked) -> Option<Result<Disclosed<Bundle>, Rejection>> {
    let lacking = AtomicBool::new(false);
    let answered = answer(core, asked, Some(&lacking)).await;
    (!lacking.load(Ordering::Relaxed)).then_some(answered)
}

async fn answer(
    core: &Arc<Core>,
    asked: &Asked,
    lacking: Option<&AtomicBool>,
) -> Result<Disclosed<Bundle>, Rejection> {
    let request = identify::identify(core, asked)?;
    let about = identify::about(core, asked, &request);
    let attempt = Attempt::of(core, &request, about, asked, clock::monotonic());
    let attempt = Attempt { in_bulk: true, lacking, ..attempt };
    attempt.authorise()?;
    attempt.disclose().await.map(|(disclosed, _)| disclosed)
}

#[cfg(test)]
mod tests;

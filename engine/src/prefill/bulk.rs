//! Bundles of bulk jobs, beside which a citizen's own request stays fast.
//!
//! Whoever waits before a form comes first. So all jobs together have a bounded
//! number of bundles under way, which keeps the queues short that they share with
//! everybody: a core's tasks, the registers' connections and turns, the ledger.
//! And their bundles are composed on threads of their own, spread over all cores,
//! which yield to the cores' threads.

use std::sync::{Arc, OnceLock};

use rayon::ThreadPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Asked, Attempt, Core, Rejection, count, identify};
use crate::clock;
use crate::consent::Bundle;
use crate::ledger::Disclosed;

/// Lines of one job that have been read and whose answers have not been written:
/// enough to hide a register's latency, and 2 MiB at most of the longest lines.
pub const WINDOW: usize = 32;
/// Bundles under way for all jobs: what keeps the ledger's commits filled, and a
/// millisecond of a core's work before whoever comes meanwhile.
const UNDER_WAY_MAX: usize = 16;
/// Jobs at a time. Each holds its connection and its window.
const JOBS_MAX: usize = 64;
/// How far the composing threads stand back, as `nice` counts.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// What all bulk jobs share.
pub struct Bulk {
    jobs: Arc<Semaphore>,
    /// First come, first served: jobs get equal shares.
    under_way: Semaphore,
    /// Started by the first job.
    pool: OnceLock<Option<ThreadPool>>,
}

impl Default for Bulk {
    fn default() -> Self {
        Self {
            jobs: Arc::new(Semaphore::new(JOBS_MAX)),
            under_way: Semaphore::new(UNDER_WAY_MAX),
            pool: OnceLock::new(),
        }
    }
}

/// A job's place, until it is dropped.
pub struct Job(#[expect(dead_code, reason = "it is held and not read")] OwnedSemaphorePermit);

impl Bulk {
    /// Admits one more job.
    ///
    /// # Errors
    /// Where there are as many as there may be.
    pub fn admit(&self) -> Result<Job, Rejection> {
        self.jobs.clone().try_acquire_owned().map(Job).map_err(|_| Rejection::Overloaded)
    }

    /// Works on one of the composing threads. `None` where it panicked there.
    pub(super) async fn compose<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let Some(pool) = self.pool.get_or_init(pool) else { return Some(work()) };
        let (reply, composed) = oneshot::channel();
        // Whoever hung up needs no answer.
        pool.spawn(move || drop(reply.send(work())));
        composed.await.ok()
    }
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

/// Answers one request of a bulk job as [`prefill`](super::prefill), when it is
/// its turn.
///
/// # Errors
/// As [`prefill`](super::prefill).
pub async fn prefill_in_bulk(
    core: &Arc<Core>,
    asked: &Asked,
) -> Result<Disclosed<Bundle>, Rejection> {
    let place = core.shared.bulk.under_way.acquire().await;
    let _place = place.map_err(|_| Rejection::Overloaded)?;
    // A job may last for hours; each of its lines is a request.
    let core = &core.renewed();
    let began = clock::monotonic();
    let answered = answer(core, asked).await;
    let procedure = core.terms.catalogue.find_procedure(&asked.procedure);
    count(core, procedure, began, &answered);
    answered
}

async fn answer(core: &Arc<Core>, asked: &Asked) -> Result<Disclosed<Bundle>, Rejection> {
    let request = identify::identify(core, asked)?;
    let about = identify::about(core, asked, &request);
    let attempt = Attempt::of(core, &request, about, asked);
    let attempt = Attempt { in_bulk: true, ..attempt };
    attempt.authorise()?;
    attempt.disclose().await.map(|(disclosed, _)| disclosed)
}

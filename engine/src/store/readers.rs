//! Lets async callers read without blocking a core's runtime: a bounded pool on the blocking
//! threads.

use super::{Error, Read};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many callers may wait for a reader; a read takes well under a millisecond, so a longer queue
/// is an overload.
pub const WAITING_MAX: usize = 64;

/// A pool of readers. Clones share it.
#[derive(Clone)]
pub struct Readers(Mode);

#[derive(Clone)]
enum Mode {
    Blocking(Arc<Pool>),
    Inline(Arc<Mutex<Box<dyn Read>>>),
}

/// Invariant: whoever holds a permit of `free` finds a reader in `idle`.
struct Pool {
    idle: Mutex<Vec<Box<dyn Read>>>,
    free: Arc<Semaphore>,
    /// One permit for each caller that reads or waits.
    admitted: Arc<Semaphore>,
}

/// A reader on loan. It goes back also when the read panics or its caller goes away.
struct Loan {
    reader: Option<Box<dyn Read>>,
    pool: Arc<Pool>,
    // Dropped after `drop` has put the reader back, so the next holder finds it.
    _free: OwnedSemaphorePermit,
    _admitted: OwnedSemaphorePermit,
}

impl Readers {
    /// Reads run on tokio's blocking threads, as many at once as there are readers; at least one is
    /// needed.
    #[must_use]
    pub fn blocking(readers: Vec<Box<dyn Read>>) -> Readers {
        assert!(!readers.is_empty(), "a pool without readers would never answer");
        let free = Arc::new(Semaphore::new(readers.len()));
        let admitted = Arc::new(Semaphore::new(readers.len() + WAITING_MAX));
        Readers(Mode::Blocking(Arc::new(Pool { idle: Mutex::new(readers), free, admitted })))
    }

    /// Reads run at once on the calling thread: for a simulation, where order must follow from the
    /// seed.
    #[must_use]
    pub fn inline(reader: Box<dyn Read>) -> Readers {
        Readers(Mode::Inline(Arc::new(Mutex::new(reader))))
    }

    /// Runs one read; [`Error::Busy`] at once if [`WAITING_MAX`] callers wait already. A panic of
    /// `f` is passed on.
    pub async fn run<T, F>(&self, f: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Read) -> Result<T, Error> + Send + 'static,
    {
        match &self.0 {
            Mode::Inline(reader) => f(lock(reader).as_mut()),
            Mode::Blocking(pool) => {
                let mut loan = Pool::lend(pool).await?;
                match tokio::task::spawn_blocking(move || f(loan.reader())).await {
                    Ok(outcome) => outcome,
                    Err(failure) if failure.is_panic() => resume_unwind(failure.into_panic()),
                    Err(_) => Err(Error::Closed),
                }
            }
        }
    }
}

impl Pool {
    async fn lend(pool: &Arc<Pool>) -> Result<Loan, Error> {
        let admitted = Arc::clone(&pool.admitted).try_acquire_owned().map_err(|_| Error::Busy)?;
        let free = Arc::clone(&pool.free).acquire_owned().await.map_err(|_| Error::Closed)?;
        let reader = lock(&pool.idle).pop();
        Ok(Loan { reader, pool: Arc::clone(pool), _free: free, _admitted: admitted })
    }
}

impl Loan {
    fn reader(&mut self) -> &mut dyn Read {
        self.reader.as_mut().expect("a permit stands for an idle reader").as_mut()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        lock(&self.pool.idle).extend(self.reader.take());
    }
}

/// A panic of a read leaves its reader usable: it holds no state between calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

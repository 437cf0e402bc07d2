//! Copies the log back into the ledger's file: beside the writer, on a thread of its own, so that
//! no commit waits for the whole of it.
//!
//! What a log holds is durable before it is copied, so a copy may be late, and may be cut off at
//! any moment; only one that fails is news, and closes the storage. A log starts over when all of
//! it is copied, which it rarely is while somebody writes: what is left of a long one is copied in
//! ever shorter pieces, and the last of them by the writer.
//!
//! SQLite syncs the file only where it copied all of the log, so that the last copy would sync what
//! every other one wrote. The thread syncs it after each copy of its own, and the writer finds
//! little left to sync.

use super::Error;
use super::files::held;
use super::schema::{CHECKPOINT_BYTES, COPY_BYTES, LOG_BYTES_MAX, connect};
use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// How far the thread stands back, as `nice` counts. A kernel's thread that ends a sync of the
/// writer would else wait for the processor until a whole copy is done.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// For how long the writer, and all commits behind it, wait for a copy to end before the log is
/// cut: longer than a slice takes, and much shorter than what a disclosure may wait.
const COPY_PATIENCE: Duration = Duration::from_millis(200);

/// When the log is copied, and by whom.
pub(super) struct Checkpoints {
    copier: Copier,
    /// The size of a page in the log.
    frame: u64,
    /// How long the log was after the newest commit, in frames, as SQLite tells each time.
    told: Arc<AtomicU64>,
    /// And when it was looked at.
    seen: u64,
    /// Whether it is being copied, as far as is known.
    copying: bool,
    /// Frames that were copied when that began, and that were not.
    copied: u64,
    left: u64,
    /// The log length, in frames, from which on it is to start over.
    restart_at: u64,
}

/// What is seen of the log, while nothing is being copied.
struct Log {
    frames: u64,
    copied: u64,
    /// For the first time since it was.
    ended: bool,
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    /// It is copied by the thread beside.
    Beside,
    /// The writer copies it, and the commits wait.
    Here(&'static str),
}

impl Checkpoints {
    /// Takes the place of whatever else is told of `ledger`'s commits.
    pub(super) fn new(file: &Path, ledger: &mut Connection) -> Result<Checkpoints, Error> {
        let page: i64 = ledger.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let frame = page.cast_unsigned() + 24;
        let told = Arc::new(AtomicU64::new(0));
        let told_by = Arc::clone(&told);
        ledger.wal_hook(Some(move |_: &mut Wal, frames| {
            told_by.store(u64::try_from(frames).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let restart_at = CHECKPOINT_BYTES / frame;
        let (log, file) = (open(file)?, held(file)?);
        let copier = Copier::start(move || copy(&log, file))?;
        Ok(Checkpoints {
            copier,
            frame,
            told,
            seen: 0,
            copying: false,
            copied: 0,
            left: 0,
            restart_at,
        })
    }

    /// Copies the log, or has it copied; true where the commits behind it waited.
    pub(super) fn by_size(&mut self, ledger: &Connection) -> Result<bool, Error> {
        let idle = self.copier.is_idle()?;
        let ended = std::mem::replace(&mut self.copying, !idle) && idle;
        // Who copies keeps others from it: nothing could be done but to wait.
        if !idle || !ended && self.unseen() * self.frame < COPY_BYTES {
            return Ok(false);
        }
        let step = CHECKPOINT_BYTES / self.frame;
        let (frames, copied) = self.log(ledger, "NOOP")?;
        // Below `frames + step` of the last attempt the log must have started over.
        if frames + step < self.restart_at {
            self.restart_at = step;
        }
        match self.next(&Log { frames, copied, ended }) {
            Next::Nothing => Ok(false),
            Next::Beside => {
                (self.copying, self.copied, self.left) = (true, copied, frames - copied);
                self.copier.copy();
                Ok(false)
            }
            Next::Here(mode) => {
                self.restart_at = self.log(ledger, mode)?.0 + step;
                Ok(true)
            }
        }
    }

    /// Frames that were written since the log was looked at.
    fn unseen(&mut self) -> u64 {
        let frames = self.told.load(Ordering::Relaxed);
        // It started over: all of it is new.
        if frames < self.seen {
            self.seen = 0;
        }
        frames - self.seen
    }

    fn next(&self, log: &Log) -> Next {
        let (left, slice) = (log.frames - log.copied, COPY_BYTES / self.frame);
        // What a reader kept from being copied waits for the next slice.
        let stuck = log.ended && log.copied == self.copied;
        if log.frames < self.restart_at {
            let due = left >= slice && !stuck;
            return if due { Next::Beside } else { Next::Nothing };
        }
        if log.frames >= LOG_BYTES_MAX / self.frame {
            return Next::Here("RESTART");
        }
        // Each copy takes less time than the one before, in which less is written; unless so
        // much is written that no copy beside the commits would ever be the last.
        let shrinks = !log.ended || 2 * left <= self.left;
        match stuck {
            _ if left <= slice / 4 || (left <= 2 * slice && !shrinks) => Next::Here("PASSIVE"),
            false => Next::Beside,
            true => Next::Nothing,
        }
    }

    /// An error where a copy has failed since that was asked: nothing more is told durable
    /// by a disk that fails.
    pub(super) fn has_not_failed(&self) -> Result<(), Error> {
        self.copier.is_idle().map(drop)
    }

    /// Waits until nothing is being copied; false where that lasts.
    pub(super) fn wait(&self) -> Result<bool, Error> {
        self.copier.ends_within(COPY_PATIENCE)
    }

    /// As if a copy had failed just now.
    #[cfg(test)]
    pub(super) fn fail(&self, error: Error) {
        *self.copier.shared.lock() = Phase::Failed(error);
    }

    /// As if a copy lasted as long as the guard.
    #[cfg(test)]
    pub(super) fn hold(&self) -> Held {
        *self.copier.shared.lock() = Phase::Copying;
        Held(Arc::clone(&self.copier.shared))
    }

    /// Copies from here on end with a sync of another file.
    #[cfg(test)]
    pub(super) fn sync(&mut self, log: &Path, file: &'static File) {
        let log = open(log).unwrap();
        self.copier = Copier::start(move || copy(&log, file)).unwrap();
    }

    #[cfg(test)]
    pub(super) fn copied(&self) -> Result<bool, Error> {
        self.copier.ends_within(Duration::MAX)?;
        Ok(!self.copying)
    }

    /// The log is empty.
    pub(super) fn starts_over(&mut self) {
        self.seen = 0;
    }

    /// Frames in the log, and how many of them are copied, after doing what `mode` says.
    fn log(&mut self, ledger: &Connection, mode: &str) -> Result<(u64, u64), Error> {
        let mut statement = ledger.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
        let count = |count: i64| count.max(0).cast_unsigned();
        let read = |row: &rusqlite::Row<'_>| Ok((count(row.get(1)?), count(row.get(2)?)));
        let (frames, copied) = statement.query_row([], read)?;
        self.seen = frames;
        Ok((frames, copied.min(frames)))
    }
}

/// The writer's side of the thread.
struct Copier {
    shared: Arc<Shared>,
    /// None once it has ended.
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    phase: Mutex<Phase>,
    bell: Condvar,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Wanted,
    Copying,
    Failed(Error),
    /// The writer is gone.
    Over,
}

impl Copier {
    /// Starts the thread that will `copy`, with all that it needs for it: what cannot be had is told
    /// before anything is written.
    fn start(copy: impl Fn() -> Result<(), Error> + Send + 'static) -> io::Result<Copier> {
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let builder = std::thread::Builder::new().name("checkpoints".into());
        let thread = Some(builder.spawn(move || theirs.copy_all(copy))?);
        Ok(Copier { shared, thread })
    }

    /// Whether nothing is being copied; an error where a copy failed.
    fn is_idle(&self) -> Result<bool, Error> {
        let mut phase = self.shared.lock();
        match std::mem::take(&mut *phase) {
            Phase::Failed(error) => Err(error),
            found => {
                let idle = matches!(found, Phase::Idle);
                *phase = found;
                Ok(idle)
            }
        }
    }

    /// Has the log copied, as far as it reaches now.
    fn copy(&self) {
        *self.shared.lock() = Phase::Wanted;
        self.shared.bell.notify_all();
    }

    /// Whether nothing is being copied any more, after so long at most.
    fn ends_within(&self, patience: Duration) -> Result<bool, Error> {
        let busy = |phase: &mut Phase| matches!(phase, Phase::Wanted | Phase::Copying);
        let phase = self.shared.lock();
        drop(self.shared.bell.wait_timeout_while(phase, patience, busy).expect(NO_PANIC));
        self.is_idle()
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // A copy under way ends first.
        let busy = |phase: &mut Phase| matches!(phase, Phase::Wanted | Phase::Copying);
        let phase = self.shared.bell.wait_while(self.shared.lock(), busy);
        *phase.expect(NO_PANIC) = Phase::Over;
        self.shared.bell.notify_all();
        let _ = thread.join();
    }
}

const NO_PANIC: &str = "no panic under it";

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().expect(NO_PANIC)
    }

    /// The thread.
    fn copy_all(&self, copy: impl Fn() -> Result<(), Error>) {
        // On Linux, a thread's niceness is its own.
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::nice(NICENESS) {
            tracing::debug!(%error, "copies of the log do not stand back");
        }
        loop {
            let idle = |phase: &mut Phase| !matches!(phase, Phase::Wanted | Phase::Over);
            let mut phase = self.bell.wait_while(self.lock(), idle).expect(NO_PANIC);
            if matches!(*phase, Phase::Over) {
                return;
            }
            *phase = Phase::Copying;
            drop(phase);
            // A copy that panics has failed: nobody must take it for one that lasts.
            let copied = catch_unwind(AssertUnwindSafe(&copy));
            let copied = copied.unwrap_or_else(|_| Err(io::Error::other("it panicked").into()));
            *self.lock() = copied.map_or_else(Phase::Failed, |()| Phase::Idle);
            self.bell.notify_all();
        }
    }
}

/// See [`Checkpoints::hold`].
#[cfg(test)]
pub(super) struct Held(Arc<Shared>);

#[cfg(test)]
impl Drop for Held {
    fn drop(&mut self) {
        *self.0.lock() = Phase::Idle;
    }
}

/// Copies what it can without disturbing anybody: what readers still need stays for the next.
fn copy(log: &Connection, file: &File) -> Result<(), Error> {
    log.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(file.sync_data()?)
}

/// Reading makes SQLite open the log as well.
fn open(file: &Path) -> Result<Connection, Error> {
    let log = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    log.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = 0; SELECT count(*) FROM head;",
    )?;
    Ok(log)
}

#[cfg(test)]
mod tests;

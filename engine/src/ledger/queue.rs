//! What waits for the writer: bounded queues, consent changes first, and bulk jobs last.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::Refused;
use super::entry::{About, Draft, Snapshot};
use super::post::Reply;
use super::published::Latch;
use crate::catalogue::Catalogue;
use crate::clock;
use crate::consent::Change;
use crate::model::Subject;

/// One batch takes at most this many entries: past it a commit's time grows
/// with its size, and so does everybody's wait.
pub(super) const BATCH_MAX: usize = 512;
/// And at most this many bytes.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Consent changes have a queue of their own, so that no flood of disclosures
/// keeps a citizen's No out.
const CHANGES_MAX: usize = 1_024;
/// 16 full batches: further ones would wait for longer than their grace.
const OTHERS_MAX: usize = 16 * BATCH_MAX;

/// Disclosures of bulk jobs in one batch: whoever comes meanwhile waits for no more of them.
pub(super) const BULK_MAX: usize = 64;
/// The same where somebody waits for this very batch.
pub(super) const BULK_BESIDE: usize = 16;
/// So many of them make a batch of their own: each sync holds up whoever comes meanwhile.
pub(super) const BULK_LEAST: usize = 32;
/// For how long the first of them waits for others; as good as nothing to a job.
const BULK_TIME_MAX: Duration = Duration::from_millis(1);

/// Retention waits for each of its chores before it asks for the next.
const CHORES_MAX: usize = 4;

/// Something to be written.
pub(super) enum Submission {
    Change(Changed, Reply),
    Disclosure(Draft, Reply),
    /// One of a bulk job: others go before it.
    Bulk(Draft, Reply),
    Denial(Denied),
    /// Another catalogue holds.
    Catalogue(Arc<Catalogue>, Reply),
    /// Something of retention.
    Chore(Chore, Reply),
}

/// What the writer does for retention, one at a time beside a batch.
pub(super) enum Chore {
    /// Keeps a part of what the entries up to a cut lead to.
    Facts { cut: u64, part: u64, body: Vec<u8> },
    /// Says that entries are cut.
    Snapshot(Box<Snapshot>),
    /// Deletes so many of what is cut, and tells how many that were.
    Sweep { limit: usize, swept: Arc<AtomicUsize> },
    /// Takes what was deleted out of the log, too, and clears the mark once that is done.
    Scrub(Arc<AtomicBool>),
    /// Remembers from here on whom entries name, or no longer.
    Watch(bool),
    /// Forgets subjects whom no entry named since, and nobody's consent.
    Forget(Vec<(u64, Subject)>),
}

/// A citizen's change of their consent.
pub(super) struct Changed {
    pub(super) subject: Subject,
    pub(super) what: Wish,
    /// Who changed it for a company.
    pub(super) by: Option<By>,
}

/// Who acts for a company.
#[derive(Clone, Copy, Debug)]
pub struct By {
    /// The citizen.
    pub person: Subject,
    /// The version of their consent under which their mandate was shown, and that of
    /// the company's.
    pub versions: (u64, u64),
}

/// What is to change.
#[derive(Clone, Debug)]
pub enum Wish {
    /// What the entry will say.
    Change(Change),
    /// A mandate with another subject, whom the entry will name by number.
    Mandate {
        /// The other side.
        other: Subject,
        /// Whether it is used.
        allow: bool,
    },
}

/// A denial to be recorded.
#[derive(Clone, Debug)]
pub struct Denied {
    /// Who asked, for whom, for what.
    pub about: About,
    /// Whom it was about; nobody where repeats are counted into one.
    pub subjects: Vec<Subject>,
    /// The problem type that it was answered with.
    pub reason: &'static str,
    /// How often.
    pub count: u32,
}

/// The writer's queues.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

/// Submissions in their order, each with its size.
pub(super) type Batch = VecDeque<(usize, Submission)>;

#[derive(Default)]
struct Waiting {
    changes: Batch,
    others: Batch,
    bulk: Batch,
    chores: Batch,
    /// Of changes and others; neither bulk nor chores are anything to it.
    bytes: usize,
    closed: bool,
    /// Nobody takes anything any more.
    ended: bool,
}

impl Queue {
    /// Adds a submission of about `size` bytes, or refuses it at once.
    pub(super) fn push(&self, size: usize, submission: Submission) -> Result<(), Refused> {
        let mut waiting = self.lock();
        if waiting.ended {
            return Err(Refused::Closed(Latch::Stopped));
        }
        let (queue, most) = match submission {
            // Whoever floods the others keeps no catalogue out, either.
            Submission::Change(..) | Submission::Catalogue(..) => {
                (&mut waiting.changes, CHANGES_MAX)
            }
            Submission::Disclosure(..) | Submission::Denial(_) => (&mut waiting.others, OTHERS_MAX),
            Submission::Bulk(..) => (&mut waiting.bulk, OTHERS_MAX),
            Submission::Chore(..) => (&mut waiting.chores, CHORES_MAX),
        };
        if queue.len() >= most {
            return Err(Refused::Full);
        }
        let counts = !matches!(submission, Submission::Bulk(..) | Submission::Chore(..));
        queue.push_back((size, submission));
        // One more in bulk is no news to a writer that waits for the rest of them.
        let news = counts || !waiting.chores.is_empty() || waiting.begins_or_ends_a_wait();
        if counts {
            waiting.bytes += size;
        }
        drop(waiting);
        if news {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Puts what has arrived into an empty `batch`, changes first; false when nobody is
    /// left to write.
    pub(super) async fn take(&self, batch: &mut Batch) -> bool {
        // Until when bulk alone waits for more of it.
        let mut until = None;
        loop {
            let late = until.is_some_and(|until| until <= clock::monotonic());
            let gathers = {
                let mut waiting = self.lock();
                let gathers = waiting.gathers() && !late;
                if !gathers {
                    waiting.take(batch);
                    if !batch.is_empty() {
                        return true;
                    }
                    if waiting.closed {
                        return false;
                    }
                }
                gathers
            };
            if gathers {
                let until = *until.get_or_insert_with(|| clock::monotonic() + BULK_TIME_MAX);
                // Late or not, the queues are looked at.
                let _ = tokio::time::timeout_at(until, self.bell.notified()).await;
            } else {
                self.bell.notified().await;
            }
        }
    }

    /// Puts what has arrived meanwhile into an empty `batch` that goes on where one of `taken`
    /// submissions of `bytes` ended, if it has room for all of it; no chore, which is the last of
    /// its batch.
    pub(super) fn take_more(&self, batch: &mut Batch, taken: usize, bytes: usize) {
        let mut waiting = self.lock();
        let all = taken + waiting.changes.len() + waiting.others.len();
        if all <= BATCH_MAX && bytes + waiting.bytes <= BATCH_BYTES_MAX {
            waiting.take_all(batch);
        }
    }

    /// How many changes, and how many others, wait.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.changes.len(), waiting.others.len() + waiting.bulk.len())
    }

    /// Lets the writer end once it has written what waits.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.bell.notify_one();
    }

    /// The writer is gone: whoever waits is answered by the drop of what they asked for, and
    /// nobody waits any more.
    pub(super) fn end(&self) {
        let waiting =
            std::mem::replace(&mut *self.lock(), Waiting { ended: true, ..Waiting::default() });
        drop(waiting);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no panic under it")
    }
}

impl Waiting {
    /// Whether there is bulk alone, and little of it.
    fn gathers(&self) -> bool {
        let others = [&self.changes, &self.others, &self.chores];
        let alone = !self.closed && others.iter().all(|queue| queue.is_empty());
        alone && (1..BULK_LEAST).contains(&self.bulk.len())
    }

    /// Whether the last one in bulk was the first that waits, or makes a batch.
    fn begins_or_ends_a_wait(&self) -> bool {
        matches!(self.bulk.len(), 1 | BULK_LEAST)
    }

    fn take(&mut self, batch: &mut Batch) {
        let all = self.changes.len() + self.others.len();
        if all <= BATCH_MAX && self.bytes <= BATCH_BYTES_MAX {
            self.take_all(batch);
        } else {
            self.take_some(batch);
        }
        self.take_bulk(batch);
        // One at most, so that whoever waits for a batch waits for one slice of it.
        batch.extend(self.chores.pop_front());
    }

    /// Exchanged, not moved one by one: whoever submits waits for this lock.
    fn take_all(&mut self, batch: &mut Batch) {
        std::mem::swap(batch, &mut self.others);
        for change in self.changes.drain(..).rev() {
            batch.push_front(change);
        }
        self.bytes = 0;
    }

    fn take_some(&mut self, batch: &mut Batch) {
        let mut bytes = 0;
        while batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
            let Some(next) = self.changes.pop_front().or_else(|| self.others.pop_front()) else {
                break;
            };
            bytes += next.0;
            batch.push_back(next);
        }
        self.bytes -= bytes;
    }

    /// Some of it goes with every batch: nobody who is there keeps a job out for ever.
    fn take_bulk(&mut self, batch: &mut Batch) {
        let most = if batch.is_empty() { BULK_MAX } else { BULK_BESIDE };
        let mut bytes = 0;
        for _ in 0..most {
            let Some(next) = self.bulk.pop_front_if(|_| bytes < BATCH_BYTES_MAX) else { break };
            bytes += next.0;
            batch.push_back(next);
        }
    }
}

//! The one writer: takes a batch, orders it, checks it, commits it, publishes
//! it, answers.

mod chores;
mod order;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::entry::Event;
use super::force::InForce;
use super::post::{Post, Reply};
use super::published::{Latch, Published, Took};
use super::queue::{self, Queue, Submission};
use super::{OpenError, Refused, chain};
use crate::catalogue::Catalogue;
use crate::clock::{self, Civil, Instant};
use crate::consent::Consent;
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::model::{CivilMs, Subject};
use crate::planted::{self, Fault};
use crate::store::{self, Head, Storage};

/// A wall clock that goes forward by more than this against the monotonic one
/// is wrong: every expiry would come early, and ledger time never goes back.
const CLOCK_JUMP_MAX: Duration = Duration::from_secs(5 * 60);
/// How many entries lie between two heads in the log.
const HEAD_EVERY: u64 = if cfg!(test) { 1 << 6 } else { 1 << 16 };
/// From this many entries on, a batch tells that many more are being made: beside whoever
/// asks by themselves, bulk jobs have fewer under way.
const MANY: usize = 24;
/// How many commits count for the reserve.
const RECENT_COMMITS: usize = 128;
/// And for how long: one slow sync must not shorten every fetch for hours.
const RECENT: Duration = Duration::from_secs(60);

/// The one that writes.
pub struct Writer {
    storage: Box<dyn Storage>,
    queue: Arc<Queue>,
    published: Arc<Published>,
    civil: Civil,
    entropy: Entropy,
    metrics: Arc<Metrics>,
    head: Head,
    next_number: u64,
    /// See [`Published`]; with what is ordered and not yet published.
    turn: u64,
    in_force: InForce,
    /// Civil and monotonic time of the last batch.
    last: (CivilMs, Instant),
    recent: VecDeque<(Instant, Duration)>,
    /// The mark to clear once nothing that was deleted is in the log.
    scrub: Option<Arc<AtomicBool>>,
    /// Whom entries named, while retention looks for those whom none names.
    watched: Option<HashSet<u64>>,
}

/// What one batch changes, until it is committed.
#[derive(Default)]
struct Batch {
    numbers: HashMap<Subject, u64>,
    named: HashMap<u64, Subject>,
    consents: HashMap<Subject, Arc<Consent>>,
    answers: Vec<Answer>,
    /// Whose numbers are nobody's from here on.
    forgotten: Vec<(u64, Subject)>,
    /// Something changed that is no entry.
    changed: bool,
    /// How many submissions it has, and about how many bytes.
    taken: usize,
    bytes: usize,
}

type Answer = (Reply, Result<(), Refused>);

impl Writer {
    pub(super) fn new(
        storage: Box<dyn Storage>,
        queue: Arc<Queue>,
        published: Arc<Published>,
        civil: Civil,
        entropy: Entropy,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut head = published.head();
        if head.sequence == 0 {
            head.hash = chain::genesis(&head.stream);
        }
        let next_number = published.highest_number() + 1;
        let last = (civil.now(), clock::monotonic());
        let recent = VecDeque::with_capacity(RECENT_COMMITS);
        let in_force = InForce::default();
        Self {
            storage,
            queue,
            published,
            civil,
            entropy,
            metrics,
            head,
            next_number,
            turn: 0,
            in_force,
            last,
            recent,
            scrub: None,
            watched: None,
        }
    }

    /// Records under which catalogue the ledger goes on.
    pub(super) fn record_catalogue(&mut self, catalogue: &Catalogue) -> Result<(), OpenError> {
        let stamp = self.civil.now().max(self.head.stamp);
        self.supersede(stamp, catalogue)?;
        let began = clock::monotonic();
        self.storage.commit(&self.head)?;
        self.published.set_synced(self.took_since(began));
        self.published.publish(self.head, [], [], []);
        self.tell_head();
        Ok(())
    }

    /// Records that a subject is forgotten, in the batch that forgets them.
    pub(super) fn erase(&mut self, number: u64) -> Result<u64, OpenError> {
        let stamp = self.civil.now().max(self.head.stamp);
        self.storage.erase_subject(number)?;
        self.append(stamp, &Event::Erasure(number))?;
        self.storage.commit(&self.head)?;
        self.storage.scrub()?;
        Ok(self.head.sequence)
    }

    /// Writes until nobody is left who could ask for it.
    pub async fn run(mut self) {
        let (queue, mut batch) = (self.queue.clone(), queue::Batch::new());
        while queue.take(&mut batch).await {
            if self.write(&mut batch) >= MANY {
                // Whoever is ready to add to the next batch comes first: a sync costs the
                // same for many entries. Where a processor is free, nobody waits.
                std::thread::yield_now();
            }
        }
    }

    /// One batch: from submissions to answers; how many they were.
    fn write(&mut self, submissions: &mut queue::Batch) -> usize {
        let began = clock::monotonic();
        let before = self.head.sequence;
        let mut post = Post::default();
        let mut batch = Batch::default();
        let committed = self.commit(submissions, &mut batch);
        let taken = batch.taken;
        match committed {
            Ok(()) => {
                if planted::is(Fault::PublishAfterAcknowledgement) {
                    let early = std::mem::take(&mut batch.answers);
                    early.into_iter().for_each(|(reply, told)| reply.answer(told, &mut post));
                    std::mem::take(&mut post).send();
                    (0..1_000).for_each(|_| std::thread::yield_now());
                }
                let Batch { numbers, named, consents, forgotten, .. } = &mut batch;
                self.published.publish(self.head, numbers.drain(), named.drain(), consents.drain());
                self.published.forget(forgotten.drain(..));
                self.published.turns(self.turn);
                if before / HEAD_EVERY != self.head.sequence / HEAD_EVERY {
                    self.tell_head();
                }
                batch
                    .answers
                    .into_iter()
                    .for_each(|(reply, result)| reply.answer(result, &mut post));
            }
            Err(latch) => {
                tracing::error!(reason = %latch, "the ledger is closed");
                self.published.close(latch.clone());
                let closed = Refused::Closed(latch);
                batch.answers.into_iter().for_each(|(reply, _)| {
                    reply.answer(Err(closed.clone()), &mut post);
                });
            }
        }
        post.send();
        self.measure(began, taken);
        self.checkpoint();
        taken
    }

    /// Ledger time: the wall clock, but never back, and never far ahead of the
    /// monotonic clock.
    fn stamp(&mut self) -> Result<CivilMs, Latch> {
        if let Some(latch) = self.published.latch() {
            return Err(latch);
        }
        let (civil, now) = (self.civil.now(), clock::monotonic());
        let elapsed = self.civil.to_civil(now - self.last.1);
        let ahead = civil - self.last.0 - elapsed;
        let most = self.civil.to_civil(CLOCK_JUMP_MAX);
        if ahead > most {
            return Err(Latch::ClockJump(ahead as u64 / 1000));
        }
        self.last = (civil, now);
        if planted::is(Fault::ExpiryByWallClockGoneBackwards) {
            return Ok(civil);
        }
        Ok(civil.max(self.head.stamp))
    }

    /// Makes a batch durable. After an error, nothing is known of it.
    fn commit(&mut self, submissions: &mut queue::Batch, batch: &mut Batch) -> Result<(), Latch> {
        let before = self.head.sequence;
        self.order_all(submissions, batch)?;
        if !batch.changed && self.head.sequence == before {
            return Ok(());
        }
        let began = clock::monotonic();
        let committed = self.storage.commit(&self.head);
        let synced = self.took_since(began);
        self.metrics.ledger().sync(synced.took);
        committed.map_err(|error| unwritten(&error))?;
        self.published.set_synced(synced);
        Ok(())
    }

    /// Orders a batch, and whatever arrives meanwhile: it waits for one commit then, and not for
    /// the next one as well.
    fn order_all(
        &mut self,
        submissions: &mut queue::Batch,
        batch: &mut Batch,
    ) -> Result<(), Latch> {
        while !submissions.is_empty() {
            batch.taken += submissions.len();
            let mut stamp = self.stamp();
            for (bytes, submission) in submissions.drain(..) {
                batch.bytes += bytes;
                match stamp {
                    Ok(at) => {
                        let ordered = self.order(at, submission, batch);
                        stamp = ordered.map(|()| at).map_err(|error| unwritten(&error));
                    }
                    Err(_) => batch.answers.extend(unanswered(submission)),
                }
            }
            stamp?;
            // A chore is the last of its batch.
            if !batch.changed {
                self.queue.take_more(submissions, batch.taken, batch.bytes);
            }
        }
        Ok(())
    }

    pub(super) fn measure(&mut self, began: Instant, entries: usize) {
        let took = clock::monotonic() - began;
        self.metrics.ledger().batch(entries, took);
        if self.recent.len() == RECENT_COMMITS {
            self.recent.pop_front();
        }
        self.recent.retain(|(at, _)| began - *at < RECENT);
        self.recent.push_back((began, took));
        // Of 128, the 99th percentile is the second longest.
        let (mut longest, mut second) = (Duration::ZERO, Duration::ZERO);
        for (_, took) in &self.recent {
            if *took >= longest {
                (longest, second) = (*took, longest);
            } else if *took > second {
                second = *took;
            }
        }
        self.published.set_reserve(if self.recent.len() < 100 { longest } else { second });
    }

    fn took_since(&self, began: Instant) -> Took {
        Took { at: self.civil.now(), took: clock::monotonic() - began }
    }

    /// An old head in a log shows when the ledger is cut behind it.
    fn tell_head(&self) {
        tracing::info!(head = %super::head_text(&self.head), "the ledger's head");
        #[cfg(test)]
        tests::TOLD.set(tests::TOLD.get() + 1);
    }

    fn checkpoint(&mut self) {
        if self.published.latch().is_some() {
            return;
        }
        let began = clock::monotonic();
        let done = match self.scrub.take() {
            Some(mark) => self.scrub(&mark),
            None => self.storage.checkpoint(),
        };
        match done {
            Ok(false) => {}
            Ok(true) => {
                let stalled = self.took_since(began);
                self.metrics.ledger().checkpoint(stalled.took);
                self.published.set_stalled(stalled);
            }
            Err(error) => {
                tracing::error!(%error, "the ledger could not checkpoint");
                self.published.close(Latch::WriteFailed);
            }
        }
    }
}

impl Drop for Writer {
    /// Also when it panics: whoever waits, or asks from then on, must not wait for ever.
    fn drop(&mut self) {
        self.published.close(Latch::Stopped);
        self.queue.end();
    }
}

fn unwritten(error: &store::Error) -> Latch {
    tracing::error!(%error, "the ledger could not write");
    Latch::WriteFailed
}

fn unanswered(submission: Submission) -> Option<Answer> {
    match submission {
        Submission::Change(_, reply)
        | Submission::Disclosure(_, reply)
        | Submission::Bulk(_, reply)
        | Submission::Catalogue(_, reply)
        | Submission::Chore(_, reply) => Some((reply, Ok(()))),
        Submission::Denial(_) => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// How many heads the writers of this thread have told.
        pub(crate) static TOLD: Cell<usize> = const { Cell::new(0) };
    }
}

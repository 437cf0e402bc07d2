//! The one writer: takes a batch, orders it, checks it, commits it, publishes
//! it, answers.

mod chores;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::entry::{ByMandate, Change, Denial, Draft, Entry, Event, SubjectVersion};
use super::force::InForce;
use super::post::{Post, Reply};
use super::published::{Latch, Published, Took};
use super::queue::{self, By, Changed, Chore, Denied, Queue, Submission, Wish};
use super::{OpenError, Refused, chain};
use crate::catalogue::Catalogue;
use crate::clock::{self, Civil, Instant};
use crate::consent::{self, Consent};
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::model::{CivilMs, Subject};
use crate::planted::{self, Fault};
use crate::store::{self, Head, Row, Storage};

/// A wall clock that goes forward by more than this against the monotonic one
/// is wrong: every expiry would come early, and ledger time never goes back.
const CLOCK_JUMP_MAX: Duration = Duration::from_secs(5 * 60);
/// How many entries lie between two heads in the log.
const HEAD_EVERY: u64 = 1 << 16;
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
        self.append(stamp, Event::Erasure(number))?;
        self.storage.commit(&self.head)?;
        self.storage.scrub()?;
        Ok(self.head.sequence)
    }

    /// Writes until nobody is left who could ask for it.
    pub async fn run(mut self) {
        let (queue, mut batch) = (self.queue.clone(), queue::Batch::new());
        while queue.take(&mut batch).await {
            let many = batch.len() >= MANY;
            self.write(&mut batch);
            if many {
                // Whoever is ready to add to the next batch comes first: a sync costs the
                // same for many entries. Where a processor is free, nobody waits.
                std::thread::yield_now();
            }
        }
    }

    /// One batch: from submissions to answers.
    fn write(&mut self, submissions: &mut queue::Batch) {
        let began = clock::monotonic();
        let (entries, before) = (submissions.len(), self.head.sequence);
        let mut post = Post::default();
        let mut batch = Batch::default();
        let committed = match self.stamp() {
            Ok(stamp) => self.commit(stamp, submissions, &mut batch),
            Err(latch) => {
                let submissions = submissions.drain(..);
                batch.answers.extend(submissions.filter_map(|(_, it)| unanswered(it)));
                Err(latch)
            }
        };
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
        self.measure(began, entries);
        post.send();
        if before / HEAD_EVERY != self.head.sequence / HEAD_EVERY {
            self.tell_head();
        }
        self.checkpoint();
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
    fn commit(
        &mut self,
        stamp: CivilMs,
        submissions: &mut queue::Batch,
        batch: &mut Batch,
    ) -> Result<(), Latch> {
        let before = self.head.sequence;
        let mut failed = None;
        for (_, submission) in submissions.drain(..) {
            if failed.is_some() {
                batch.answers.extend(unanswered(submission));
                continue;
            }
            failed = self.order(stamp, submission, batch).err();
        }
        if failed.is_none() && (batch.changed || self.head.sequence != before) {
            let began = clock::monotonic();
            failed = self.storage.commit(&self.head).err();
            let synced = self.took_since(began);
            self.metrics.ledger().sync(synced.took);
            if failed.is_none() {
                self.published.set_synced(synced);
            }
        }
        failed.map_or(Ok(()), |error| {
            tracing::error!(%error, "the ledger could not write");
            Err(Latch::WriteFailed)
        })
    }

    /// Gives one submission its place, or refuses it.
    fn order(
        &mut self,
        stamp: CivilMs,
        submission: Submission,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        match submission {
            Submission::Change(Changed { subject, by: Some(by), .. }, reply)
                if !self.still_acts(subject, by, batch) =>
            {
                self.metrics.ledger().refused(Refused::Stale.kind());
                batch.answers.push((reply, Err(Refused::Stale)));
                Ok(())
            }
            Submission::Change(changed, reply) => {
                let written = self.change(stamp, changed, batch);
                let reply = early(Fault::AcknowledgeBeforeCommit, reply);
                batch.answers.extend(reply.map(|reply| (reply, Ok(()))));
                written
            }
            Submission::Disclosure(draft, reply) => match self.check(stamp, &draft, batch) {
                Err(refused) => {
                    self.metrics.ledger().refused(refused.kind());
                    batch.answers.push((reply, Err(refused)));
                    Ok(())
                }
                Ok(()) => {
                    let written = self.disclose(stamp, draft, batch);
                    let reply = early(Fault::RespondBeforeCommit, reply);
                    batch.answers.extend(reply.map(|reply| (reply, Ok(()))));
                    written
                }
            },
            Submission::Denial(denied) => self.deny(stamp, denied, batch),
            Submission::Catalogue(catalogue, reply) => {
                let known = self.in_force.is(catalogue.digest());
                let written = if known { Ok(()) } else { self.supersede(stamp, &catalogue) };
                batch.answers.push((reply, Ok(())));
                written
            }
            Submission::Chore(Chore::Snapshot(snapshot), reply) if !snapshot.holds_at(stamp) => {
                batch.answers.push((reply, Err(Refused::Stale)));
                Ok(())
            }
            Submission::Chore(chore, reply) => {
                batch.answers.push((reply, Ok(())));
                batch.changed = true;
                self.chore(stamp, chore, batch)
            }
        }
    }

    /// From here on, another catalogue holds.
    fn supersede(&mut self, stamp: CivilMs, catalogue: &Catalogue) -> Result<(), store::Error> {
        self.storage.put_text(catalogue.digest(), catalogue.text().as_bytes())?;
        self.append(stamp, Event::Catalogue(*catalogue.digest()))?;
        self.in_force.enter(*catalogue.digest(), stamp);
        Ok(())
    }

    fn change(
        &mut self,
        stamp: CivilMs,
        changed: Changed,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        let Changed { subject, what, by } = changed;
        let known = self.consent(subject, batch);
        let Some(what) = self.named(what, &known, batch)? else { return Ok(()) };
        let Some(next) = known.after(&what, stamp) else { return Ok(()) };
        let number = self.number(subject, batch)?;
        if !planted::is(Fault::ConsentStateNotStored) {
            self.storage.put_consent(number, &next.encode())?;
        }
        let subject_version = SubjectVersion { subject: number, version: next.version };
        let change = Change { subject: subject_version, what };
        let event = match by {
            None => Event::Change(change),
            Some(By { person, versions: (version, _) }) => {
                batch.named.insert(number, subject);
                let by = SubjectVersion { subject: self.number(person, batch)?, version };
                Event::ByMandate(ByMandate { by, change })
            }
        };
        self.append(stamp, event)?;
        batch.consents.insert(subject, Arc::new(next));
        Ok(())
    }

    /// Whether both sides' consents are those under which a mandate was shown.
    fn still_acts(&self, company: Subject, by: By, batch: &Batch) -> bool {
        let version = |subject| self.consent(subject, batch).version;
        by.versions == (version(by.person), version(company))
    }

    /// A wish as an entry says it; `None` where it can change nothing.
    fn named(
        &mut self,
        wish: Wish,
        consent: &Consent,
        batch: &mut Batch,
    ) -> Result<Option<consent::Change>, store::Error> {
        let (other, allow) = match wish {
            Wish::Change(change) => return Ok(Some(change)),
            Wish::Mandate { other, allow } => (other, allow),
        };
        let known = self.known_number(other, batch);
        // Nobody gets a number for a word that is not kept.
        if known.is_none() && (allow || !consent.takes_mandates()) {
            return Ok(None);
        }
        let number = self.number(other, batch)?;
        batch.named.insert(number, other);
        Ok(Some(consent::Change::Mandate { other: number, allow }))
    }

    /// Whether a disclosure's decision still holds at its place in the order.
    fn check(&self, stamp: CivilMs, draft: &Draft, batch: &Batch) -> Result<(), Refused> {
        if draft.facts.valid_until <= stamp && !planted::is(Fault::GrantTimeNotChecked) {
            return Err(Refused::Expired);
        }
        if !self.in_force.admits(&draft.facts.about.catalogue, stamp) {
            return Err(Refused::Superseded);
        }
        let current =
            |(subject, version): &(Subject, u64)| self.consent(*subject, batch).version == *version;
        let overtaking = planted::is(Fault::QueueOvertakingWithoutRecheck);
        match overtaking || draft.facts.subjects.iter().all(current) {
            true => Ok(()),
            false => Err(Refused::Stale),
        }
    }

    fn disclose(
        &mut self,
        stamp: CivilMs,
        draft: Draft,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        let mut subjects = Vec::with_capacity(draft.facts.subjects.len());
        for (subject, version) in &draft.facts.subjects {
            let subject = self.number(*subject, batch)?;
            subjects.push(SubjectVersion { subject, version: *version });
        }
        self.append(stamp, draft.into_event(subjects))
    }

    fn deny(
        &mut self,
        stamp: CivilMs,
        denied: Denied,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        let Denied { about, subjects: named, reason, count } = denied;
        let mut subjects = Vec::with_capacity(named.len());
        for subject in named {
            subjects.push(self.number(subject, batch)?);
        }
        let denial = Denial { about, subjects, reason: reason.into(), count };
        self.append(stamp, Event::Denial(denial))
    }

    fn append(&mut self, stamp: CivilMs, event: Event) -> Result<(), store::Error> {
        let sequence = self.head.sequence + 1;
        let entry = Entry { stream: self.head.stream, sequence, stamp, event };
        let row = Row { sequence, salt: self.entropy.bytes(), body: entry.encode() };
        self.storage.append(&row)?;
        let hash = match planted::is(Fault::ChainSkipsAnEntry) && sequence.is_multiple_of(64) {
            true => self.head.hash,
            false => chain::next(&self.head.hash, &row),
        };
        self.head = Head { sequence, stamp, hash, ..self.head };
        Ok(())
    }

    fn consent(&self, subject: Subject, batch: &Batch) -> Arc<Consent> {
        batch.consents.get(&subject).cloned().unwrap_or_else(|| self.published.consent(subject))
    }

    fn known_number(&self, subject: Subject, batch: &Batch) -> Option<u64> {
        batch.numbers.get(&subject).copied().or_else(|| self.published.number(subject))
    }

    /// The number by which an entry is to name a subject.
    fn number(&mut self, subject: Subject, batch: &mut Batch) -> Result<u64, store::Error> {
        let known = self.known_number(subject, batch);
        let number = known.unwrap_or(self.next_number);
        self.watched.iter_mut().for_each(|watched| watched.extend([number]));
        if known.is_none() {
            self.storage.put_subject(number, &subject.to_string())?;
            self.next_number += 1;
            batch.numbers.insert(subject, number);
        }
        Ok(number)
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
    /// Also when it panics: whoever asks then must not wait for an answer.
    fn drop(&mut self) {
        self.published.close(Latch::Stopped);
    }
}

/// The reply, where no fault answers it before its batch is durable.
fn early(fault: Fault, reply: Reply) -> Option<Reply> {
    if !planted::is(fault) {
        return Some(reply);
    }
    let mut post = Post::default();
    reply.answer(Ok(()), &mut post);
    post.send();
    None
}

fn unanswered(submission: Submission) -> Option<Answer> {
    match submission {
        Submission::Change(_, reply)
        | Submission::Disclosure(_, reply)
        | Submission::Catalogue(_, reply)
        | Submission::Chore(_, reply) => Some((reply, Ok(()))),
        Submission::Denial(_) => None,
    }
}

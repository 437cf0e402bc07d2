//! What everybody may read without waiting: consent state, numbers, the head.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use dashmap::DashMap;

use super::entry::SubjectVersion;
use super::{OpenError, RESERVE_MIN, stamps};
use crate::consent::{Consent, Parties};
use crate::model::{CivilMs, SUBJECTS_MAX, Subject};
use crate::store::{Head, Read};

/// Why the ledger takes nothing more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Latch {
    /// A write or a sync failed, and what is on the disk is not known.
    #[error("a write failed; restart the engine to recover")]
    WriteFailed,
    /// The wall clock went forward too far between two batches.
    #[error("the clock jumped forward by {0} s; check it, then restart the engine")]
    ClockJump(u64),
    /// The writer has ended.
    #[error("the engine is stopping")]
    Stopped,
}

/// When something was done by the writer, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// When it ended, in civil time.
    pub at: CivilMs,
    /// How long it took.
    pub took: Duration,
}

/// The published state. The writer alone changes it, after each commit and
/// before anybody is answered.
///
/// Invariant: a consent here is durable.
pub struct Published {
    consents: DashMap<Subject, Arc<Consent>>,
    numbers: DashMap<Subject, u64>,
    /// Who is named by number in the consents.
    named: DashMap<u64, Subject>,
    /// The highest number that the storage held when it was opened.
    highest: u64,
    unchanged: Arc<Consent>,
    /// Counts the batches after which somebody's consent or number is another than before.
    /// Somebody who gets a first number is none of them.
    turn: AtomicU64,
    head: Mutex<Head>,
    latch: OnceLock<Latch>,
    reserve_us: AtomicU64,
    synced: Mutex<Option<Took>>,
    stalled: Mutex<Option<Took>>,
}

impl Published {
    /// Loads what the storage holds.
    pub(super) fn load(storage: &mut dyn Read) -> Result<Self, OpenError> {
        let numbers = DashMap::new();
        let mut by_number = std::collections::HashMap::new();
        let (mut damaged, mut highest) = (None, 0);
        storage.subjects(&mut |number, identifier| match identifier.parse::<Subject>() {
            Ok(subject) => {
                highest = highest.max(number);
                numbers.insert(subject, number);
                by_number.insert(number, subject);
            }
            Err(_) => damaged = Some("a subject that is no identifier"),
        })?;
        storage.erased(&mut |number| highest = highest.max(number))?;
        let (consents, mut named) = (DashMap::new(), DashMap::new());
        storage.consents(&mut |number, state| match (
            by_number.get(&number),
            Consent::decode(state),
        ) {
            (Some(subject), Some(consent)) => {
                let others = consent.mandates().iter().map(|known| known.other);
                // Who was erased since is nobody's other side.
                let others = others.filter_map(|other| Some((other, *by_number.get(&other)?)));
                named.extend(others);
                // Who acted for a company is told which.
                if matches!(subject, Subject::Legal(_)) {
                    named.insert(number, *subject);
                }
                consents.insert(*subject, Arc::new(consent));
            }
            _ => damaged = Some("a consent state that cannot be read"),
        })?;
        if let Some(what) = damaged {
            return Err(OpenError::Damaged(what));
        }
        let head = storage.head()?;
        // What is too old to be kept, and what has expired, is told by this time.
        if stamps::newest(storage, &head)?.is_some_and(|newest| newest != head.stamp) {
            return Err(OpenError::Damaged("a head whose time is not that of its entry"));
        }
        Ok(Self {
            consents,
            numbers,
            named,
            highest,
            unchanged: Arc::default(),
            turn: AtomicU64::new(0),
            head: Mutex::new(head),
            latch: OnceLock::new(),
            reserve_us: AtomicU64::new(RESERVE_MIN.as_micros() as u64),
            synced: Mutex::default(),
            stalled: Mutex::default(),
        })
    }

    /// A subject's consent, whole and of one version.
    #[must_use]
    pub fn consent(&self, subject: Subject) -> Arc<Consent> {
        self.consents.get(&subject).map_or_else(|| self.unchanged.clone(), |found| found.clone())
    }

    /// A subject's number, once anything was recorded of them.
    #[must_use]
    pub fn number(&self, subject: Subject) -> Option<u64> {
        self.numbers.get(&subject).map(|number| *number)
    }

    /// The numbers of subjects under these versions of their consent, zero of who has none;
    /// and the turn at which all of it was so, unless it is so no longer.
    pub(super) fn look_up(
        &self,
        subjects: &[(Subject, u64)],
    ) -> (Option<u64>, Vec<SubjectVersion>) {
        // First: what is read after it is as it was at this turn, or of a later one.
        let turn = self.turn.load(Ordering::Acquire);
        let mut held = true;
        let mut numbers = Vec::with_capacity(subjects.len());
        for &(subject, version) in subjects {
            let number = self.number(subject);
            held &= number.is_some() && self.consent(subject).version == version;
            numbers.push(SubjectVersion { subject: number.unwrap_or(0), version });
        }
        (held.then_some(turn), numbers)
    }

    /// Tells the turn of all that was published and forgotten before.
    pub(super) fn turns(&self, turn: u64) {
        self.turn.store(turn, Ordering::Release);
    }

    /// What is known of the subjects of one request.
    #[must_use]
    pub fn parties(&self, subjects: &[Option<Subject>; SUBJECTS_MAX]) -> Parties {
        let consents = subjects.map(|subject| Some(self.consent(subject?)));
        let mut known = consents.iter().flatten();
        // A number is needed only where somebody names others by theirs.
        let numbers = match known.any(|consent| !consent.mandates().is_empty()) {
            true => subjects.map(|subject| self.number(subject?)),
            false => [None; SUBJECTS_MAX],
        };
        Parties { consents, numbers }
    }

    /// Whom a consent names by number; `None` of somebody who was erased.
    #[must_use]
    pub fn named(&self, number: u64) -> Option<Subject> {
        self.named.get(&number).map(|subject| *subject)
    }

    /// The highest number that was given before this start.
    pub(super) fn highest_number(&self) -> u64 {
        self.highest
    }

    /// The newest durable entry.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.head.lock().expect("no panic under it")
    }

    /// Why nothing more is taken, once that is so.
    #[must_use]
    pub fn latch(&self) -> Option<Latch> {
        self.latch.get().cloned()
    }

    /// The time to keep for a commit: the recent 99th percentile, at least
    /// [`RESERVE_MIN`].
    #[must_use]
    pub fn reserve(&self) -> Duration {
        Duration::from_micros(self.reserve_us.load(Ordering::Relaxed))
    }

    pub(super) fn set_reserve(&self, p99: Duration) {
        self.reserve_us.store(p99.max(RESERVE_MIN).as_micros() as u64, Ordering::Relaxed);
    }

    /// The last time that a batch was made durable.
    #[must_use]
    pub fn synced(&self) -> Option<Took> {
        *self.synced.lock().expect("no panic under it")
    }

    /// The last checkpoint, during which nothing was written.
    #[must_use]
    pub fn stalled(&self) -> Option<Took> {
        *self.stalled.lock().expect("no panic under it")
    }

    pub(super) fn set_synced(&self, took: Took) {
        *self.synced.lock().expect("no panic under it") = Some(took);
    }

    pub(super) fn set_stalled(&self, took: Took) {
        *self.stalled.lock().expect("no panic under it") = Some(took);
    }

    pub(super) fn close(&self, latch: Latch) {
        // The first reason is the one to tell.
        let _ = self.latch.set(latch);
    }

    /// Publishes a committed batch.
    pub(super) fn publish(
        &self,
        head: Head,
        numbers: impl IntoIterator<Item = (Subject, u64)>,
        named: impl IntoIterator<Item = (u64, Subject)>,
        consents: impl IntoIterator<Item = (Subject, Arc<Consent>)>,
    ) {
        // Before the consents: whoever reads one must find whom it names.
        for (subject, number) in numbers {
            self.numbers.insert(subject, number);
        }
        for (number, subject) in named {
            self.named.insert(number, subject);
        }
        for (subject, consent) in consents {
            self.consents.insert(subject, consent);
        }
        *self.head.lock().expect("no panic under it") = head;
    }

    /// Nobody has these numbers any more.
    pub(super) fn forget(&self, forgotten: impl IntoIterator<Item = (u64, Subject)>) {
        for (number, subject) in forgotten {
            self.numbers.remove(&subject);
            self.named.remove(&number);
        }
    }

    /// The newest ledger time.
    #[must_use]
    pub fn stamp(&self) -> CivilMs {
        self.head().stamp
    }
}

//! Answers kept in memory, bounded in bytes and in time.
//!
//! There is one entry for each subject, so that a request looks up once. An
//! entry is an immutable list of answers, replaced as a whole. Answers are
//! never filtered by consent, which is applied at each release; an answer of an
//! epoch that is not current is never found.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::notification::RemovalCause;
use moka::sync::Cache as Moka;

use crate::clock::Civil;
use crate::model::{
    Answer, AttributeMask, CivilMs, OrganisationId, ProcedureId, RegisterId, Subject,
};
use crate::planted::{self, Fault};

/// How much is kept at most, by default: 64 MiB are some 60,000 subjects over
/// four registers.
pub const BYTES_DEFAULT: u64 = 64 << 20;
/// Answers about one subject; the oldest go first. 15 registers, each for a few
/// procedures and organisations within minutes.
const ANSWERS_MAX: usize = 64;

/// Changes of so many subjects can go on at once, more than there are cores.
const STRIPES: usize = 64;

/// Bounds on the cache.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How many bytes of answers are kept.
    pub bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { bytes: BYTES_DEFAULT }
    }
}

/// Whom an answer may serve: it was fetched for this, and serves nothing else.
/// `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Under which terms, counted since the start: the other members are ids of
    /// their catalogue, and their registers' places.
    pub terms: u32,
    /// Who answered.
    pub register: RegisterId,
    /// The key, where it is not the subject's identifier.
    pub key: Option<Box<str>>,
    /// The organisation it was fetched for, unless the register shares with any.
    pub organisation: Option<OrganisationId>,
    /// What it was fetched for.
    pub purpose: ProcedureId,
    /// The epoch of (subject, register) read before the call.
    pub epoch: u64,
}

impl Slot {
    fn serves(&self, wanted: &Self) -> bool {
        if planted::is(Fault::FillAfterPurge) {
            return *self == Self { epoch: self.epoch, ..wanted.clone() };
        }
        self == wanted
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Slot");
        shown
            .field("terms", &self.terms)
            .field("register", &self.register)
            .field("organisation", &self.organisation);
        shown.field("purpose", &self.purpose).field("epoch", &self.epoch);
        shown.finish_non_exhaustive()
    }
}

/// What a lookup found.
#[derive(Clone, Debug)]
pub enum Found {
    /// It may be used.
    Fresh(Arc<Answer>),
    /// It is within its time, but older than what was asked for.
    Old(Arc<Answer>),
}

/// The answers about one subject.
#[derive(Debug, Default)]
pub struct Held(Vec<HeldAnswer>);

#[derive(Clone, Debug)]
struct HeldAnswer {
    slot: Slot,
    answer: Arc<Answer>,
    expires: CivilMs,
}

impl Held {
    /// The newest answer in a slot that covers `attributes`.
    #[must_use]
    pub fn find(
        &self,
        slot: &Slot,
        attributes: AttributeMask,
        now: CivilMs,
        max_age: Option<Duration>,
    ) -> Option<Found> {
        let usable = |held: &&HeldAnswer| {
            held.slot.serves(slot) && now < held.expires && held.answer.asked.covers(attributes)
        };
        let held = self.0.iter().filter(usable).max_by_key(|held| held.answer.since)?;
        let age = (now - held.answer.since).max(0) as u128;
        let young = max_age.is_none_or(|most| age < most.as_millis());
        let found = if young { Found::Fresh } else { Found::Old };
        Some(found(held.answer.clone()))
    }

    fn weight(&self) -> usize {
        let key = |held: &HeldAnswer| held.slot.key.as_ref().map_or(0, |key| key.len());
        let answer = |held: &HeldAnswer| size_of::<HeldAnswer>() + key(held) + held.answer.weight();
        size_of::<Self>() + self.0.iter().map(answer).sum::<usize>()
    }

    fn with(&self, new: HeldAnswer, now: CivilMs) -> Self {
        let superseded = |held: &HeldAnswer| {
            let same = held.slot == new.slot
                && held.answer.since <= new.answer.since
                && new.answer.asked.covers(held.answer.asked);
            same || held.slot.terms < new.slot.terms
        };
        let mut kept: Vec<_> =
            self.0.iter().filter(|held| now < held.expires && !superseded(held)).cloned().collect();
        if kept.len() == ANSWERS_MAX {
            kept.remove(0);
        }
        kept.push(new);
        Self(kept)
    }

    /// What stays when a register of these terms is refused. Of what was fetched under
    /// others, nobody can tell here whose it is.
    fn without(&self, terms: u32, register: RegisterId) -> Self {
        let stays = |held: &&HeldAnswer| held.slot.terms == terms && held.slot.register != register;
        Self(self.0.iter().filter(stays).cloned().collect())
    }
}

/// The cache of one engine, shared by its cores.
pub struct Cache {
    moka: Moka<Subject, Arc<Held>>,
    /// Whoever replaces what is held about a subject holds one of these: what was
    /// there goes into what comes. moka's own way to do so enters each subject into a
    /// map of those being changed.
    stripes: [Mutex<()>; STRIPES],
    hasher: RandomState,
    civil: Civil,
    bytes: u64,
    gone: Arc<Gone>,
}

/// Subjects whose answers were dropped, and not at anybody's wish.
#[derive(Default)]
struct Gone {
    size: AtomicU64,
    expired: AtomicU64,
}

/// What the cache holds and what it lost, about: both lag a little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Subjects.
    pub subjects: u64,
    /// Bytes.
    pub weight: u64,
    /// Bytes that it may hold.
    pub capacity: u64,
    /// Subjects dropped for want of room.
    pub evicted: u64,
    /// Subjects dropped because their last answer's time was over.
    pub expired: u64,
}

impl Cache {
    /// An empty cache.
    #[must_use]
    pub fn new(config: Config, civil: Civil) -> Self {
        let weigh =
            |_: &Subject, held: &Arc<Held>| u32::try_from(held.weight()).unwrap_or(u32::MAX);
        let moka = Moka::builder()
            .max_capacity(config.bytes)
            .weigher(weigh)
            .expire_after(LongestAnswer(civil.clone()));
        let gone = Arc::new(Gone::default());
        let counted = gone.clone();
        let moka = moka.eviction_listener(move |_, _, cause| {
            let counter = match cause {
                RemovalCause::Size => &counted.size,
                RemovalCause::Expired => &counted.expired,
                RemovalCause::Explicit | RemovalCause::Replaced => return,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        });
        Self {
            moka: moka.build(),
            stripes: [const { Mutex::new(()) }; STRIPES],
            hasher: RandomState::new(),
            civil,
            bytes: config.bytes,
            gone,
        }
    }

    /// What it holds and what it lost.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            subjects: self.moka.entry_count(),
            weight: self.moka.weighted_size(),
            capacity: self.bytes,
            evicted: self.gone.size.load(Ordering::Relaxed),
            expired: self.gone.expired.load(Ordering::Relaxed),
        }
    }

    /// Everything held about a subject.
    #[must_use]
    pub fn get(&self, subject: Subject) -> Option<Arc<Held>> {
        self.moka.get(&subject)
    }

    /// Keeps an answer for `ttl` of civil time from the start of its call; a
    /// zero keeps nothing.
    pub fn keep(&self, subject: Subject, slot: Slot, answer: Arc<Answer>, ttl: Duration) {
        let now = self.civil.now();
        let expires = answer.since.saturating_add(ttl.as_millis() as CivilMs);
        if expires <= now {
            return;
        }
        let new = HeldAnswer { slot, answer, expires };
        let _alone = self.alone(subject);
        let known = self.moka.get(&subject).unwrap_or_default();
        self.moka.insert(subject, Arc::new(known.with(new, now)));
    }

    /// Forgets what one register of these terms said about a subject, and all that was
    /// said under others.
    pub fn purge(&self, subject: Subject, terms: u32, register: RegisterId) {
        let _alone = self.alone(subject);
        if let Some(known) = self.moka.get(&subject) {
            self.moka.insert(subject, Arc::new(known.without(terms, register)));
        }
    }

    /// Keeps others from changing what is held about the subject.
    fn alone(&self, subject: Subject) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(subject) as usize % STRIPES;
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops an entry with its last answer.
struct LongestAnswer(Civil);

impl LongestAnswer {
    fn left(&self, held: &Held) -> Option<Duration> {
        let last = held.0.iter().map(|held| held.expires).max().unwrap_or(0);
        let left = Duration::from_millis((last - self.0.now()).max(0) as u64);
        Some(self.0.to_monotonic(left))
    }
}

impl Expiry<Subject, Arc<Held>> for LongestAnswer {
    fn expire_after_create(&self, _: &Subject, held: &Arc<Held>, _: Instant) -> Option<Duration> {
        self.left(held)
    }

    fn expire_after_update(
        &self,
        _: &Subject,
        held: &Arc<Held>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.left(held)
    }
}

#[cfg(test)]
mod tests;

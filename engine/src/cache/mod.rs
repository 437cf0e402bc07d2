//! Answers kept in memory, bounded in bytes and in time.
//!
//! There is one entry for each subject, so that a request looks up once. An
//! entry is an immutable list of answers, replaced as a whole. Answers are
//! never filtered by consent, which is applied at each release; an answer of an
//! epoch that is not current is never found.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache as Moka;

use crate::clock::Civil;
use crate::model::{
    Answer, AttributeMask, CivilMs, OrganisationId, ProcedureId, RegisterId, Subject,
};

/// How much is kept at most, by default: 64 MiB are some 60,000 subjects over
/// four registers.
pub const BYTES_DEFAULT: u64 = 64 << 20;
/// Answers about one subject; the oldest go first. 15 registers, each for a few
/// procedures and organisations within minutes.
const ANSWERS_MAX: usize = 64;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
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
            held.slot == *slot && now < held.expires && held.answer.asked.covers(attributes)
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
            held.slot == new.slot
                && held.answer.since <= new.answer.since
                && new.answer.asked.covers(held.answer.asked)
        };
        let mut kept: Vec<_> =
            self.0.iter().filter(|held| now < held.expires && !superseded(held)).cloned().collect();
        if kept.len() == ANSWERS_MAX {
            kept.remove(0);
        }
        kept.push(new);
        Self(kept)
    }

    fn without(&self, register: RegisterId) -> Self {
        Self(self.0.iter().filter(|held| held.slot.register != register).cloned().collect())
    }
}

/// The cache of one engine, shared by its cores.
pub struct Cache {
    moka: Moka<Subject, Arc<Held>>,
    civil: Civil,
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
            .expire_after(LongestAnswer(civil.clone()))
            .build();
        Self { moka, civil }
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
        self.moka.entry(subject).and_upsert_with(|held| {
            let known = held.map(moka::Entry::into_value).unwrap_or_default();
            Arc::new(known.with(new, now))
        });
    }

    /// Forgets what one register said about a subject.
    pub fn purge(&self, subject: Subject, register: RegisterId) {
        if self.moka.contains_key(&subject) {
            self.moka.entry(subject).and_upsert_with(|held| {
                let known = held.map(moka::Entry::into_value).unwrap_or_default();
                Arc::new(known.without(register))
            });
        }
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

//! Answers kept in memory, bounded in bytes and in time.
//!
//! There is one entry for each subject, so that a request looks up once. An
//! entry is an immutable list of answers, replaced as a whole. Answers are
//! never filtered by consent, which is applied at each release; an answer of an
//! epoch that is not current is never found.

mod held;
mod table;

use std::fmt;
use std::time::Duration;

pub use held::Held;

use crate::clock::Civil;
use crate::model::{Answer, OrganisationId, ProcedureId, RegisterId, Subject};
use table::Table;

/// How much is kept at most, by default: 64 MiB are some 200,000 subjects
/// over four registers.
pub const BYTES_DEFAULT: u64 = 64 << 20;
/// Answers about one subject; the oldest go first. 15 registers, each for a few
/// procedures and organisations within minutes.
const ANSWERS_MAX: usize = 64;

/// How often it looks for what is over. Such an answer is not found meanwhile.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

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
    Fresh(Answer),
    /// It is within its time, but older than what was asked for.
    Old(Answer),
}

/// The cache of one engine, shared by its cores.
pub struct Cache {
    table: Table,
    civil: Civil,
}

/// What the cache holds and what it lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Subjects.
    pub subjects: u64,
    /// Bytes.
    pub weight: u64,
    /// Bytes that it may hold.
    pub capacity: u64,
    /// Subjects dropped, or not kept, for want of room.
    pub evicted: u64,
    /// Subjects dropped because their last answer's time was over.
    pub expired: u64,
}

impl Cache {
    /// An empty cache.
    #[must_use]
    pub fn new(config: Config, civil: Civil) -> Self {
        Self { table: Table::new(config.bytes), civil }
    }

    /// What it holds and what it lost.
    #[must_use]
    pub fn load(&self) -> Load {
        self.table.load()
    }

    /// Everything held about a subject.
    #[must_use]
    pub fn get(&self, subject: Subject) -> Option<Held> {
        self.table.get(subject)
    }

    /// Keeps an answer for `ttl` of civil time from the start of its call; a
    /// zero keeps nothing.
    pub fn keep(&self, subject: Subject, slot: &Slot, answer: &Answer, ttl: Duration) {
        let now = self.civil.now();
        let lasts = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        if answer.since.saturating_add_unsigned(lasts) <= now {
            return;
        }
        self.table.change(subject, |before, number| {
            Some(Held::with(before, number, slot, (answer, lasts), now))
        });
    }

    /// Forgets what one register of these terms said about a subject, and all that was
    /// said under others.
    pub fn purge(&self, subject: Subject, terms: u32, register: RegisterId) {
        self.table.change(subject, |before, _| before?.without(terms, register));
    }

    /// Drops what is over, again and again: without it that would stay in memory until
    /// its room is needed.
    pub async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            self.table.sweep(self.civil.now());
        }
    }
}

#[cfg(test)]
mod tests;

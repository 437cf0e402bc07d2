//! The storage seam of the ledger: one writer that commits batches, readers that see committed
//! batches only.
//!
//! [`Storage`] is the writer's side and [`Read`] the readers'. [`Sqlite`] is what production runs
//! on, [`Memory`] what simulations and crash tests run on; both pass the same contract tests.
//! Nothing here knows what an entry says: the layer above passes a [`SubjectsOf`], the only thing
//! that a subject's own usages need to be found.

mod checkpoints;
pub(crate) mod copy;
mod cutting;
pub(crate) mod files;
mod index;
mod memory;
mod reader;
mod readers;
mod room;
mod schema;
mod sqlite;

#[cfg(test)]
mod tests;

pub use index::Indexer;
pub use memory::{CrashAt, Disk, Memory};
pub use reader::{Reader, open_read_only};
pub use readers::{Readers, WAITING_MAX};
pub use room::{FLOOR_DEFAULT, Room};
pub use sqlite::{Sqlite, backup};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// Which subjects an encoded entry is about; pure, and it may name a subject twice.
pub type SubjectsOf = fn(body: &[u8], each: &mut dyn FnMut(u64));

/// The newest committed state of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Names the chain; it never changes.
    pub stream: [u8; 16],
    /// The last entry's sequence; 0 while the ledger is empty.
    pub sequence: u64,
    /// The chain's hash up to and including the last entry.
    pub hash: Digest,
    /// Ledger time of the last batch, in milliseconds since the epoch.
    pub stamp: i64,
}

/// How far entries are gone, or are going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The last of those entries.
    pub sequence: u64,
    /// The chain's hash up to and including it.
    pub hash: Digest,
    /// The ledger time that every one of them is before, and no later one.
    pub before: i64,
    /// The entry that says so.
    pub entry: u64,
}

/// One stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place in the stream; the first entry has 1.
    pub sequence: u64,
    /// The random salt of its commitment.
    pub salt: [u8; 16],
    /// The encoded entry.
    pub body: Vec<u8>,
}

/// One stored entry, while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRef<'a> {
    /// Its place in the stream.
    pub sequence: u64,
    /// The random salt of its commitment.
    pub salt: [u8; 16],
    /// The encoded entry.
    pub body: &'a [u8],
}

impl Row {
    /// The same entry, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> RowRef<'_> {
        RowRef { sequence: self.sequence, salt: self.salt, body: &self.body }
    }
}

impl RowRef<'_> {
    fn to_owned(self) -> Row {
        Row { sequence: self.sequence, salt: self.salt, body: self.body.to_owned() }
    }
}

/// The writer's side: one owner, on its own thread.
///
/// Operations gather in one batch. After any error every later call fails with [`Error::Poisoned`]:
/// what a failed sync left on the disk is unknown, so only a restart may look again.
pub trait Storage: Send {
    /// Adds an entry; its sequence must be the last one's plus one.
    fn append(&mut self, row: &Row) -> Result<(), Error>;
    /// Gives a subject its number; a number is given once.
    fn put_subject(&mut self, number: u64, identifier: &str) -> Result<(), Error>;
    /// Replaces a subject's consent state.
    fn put_consent(&mut self, number: u64, state: &[u8]) -> Result<(), Error>;
    /// Keeps a text under its digest; a text that is there already stays.
    fn put_text(&mut self, digest: &Digest, text: &[u8]) -> Result<(), Error>;
    /// Takes a subject's identifier and consent state out, and keeps that the number was given.
    fn erase_subject(&mut self, number: u64) -> Result<(), Error>;
    /// Keeps a part of the facts of a cut that is to come, in place of an earlier one.
    fn put_facts(&mut self, cut: u64, part: u64, body: &[u8]) -> Result<(), Error>;
    /// From the commit on, nobody finds usages up to there any more, and entries up to there may
    /// be swept.
    fn set_cut(&mut self, cut: &Cut) -> Result<(), Error>;
    /// Deletes at most `limit` entries that are cut, oldest first; where none is left, a few parts
    /// of the facts of other cuts. How many that were: none when all is done.
    fn sweep(&mut self, limit: usize) -> Result<usize, Error>;
    /// Makes the whole batch durable and visible, or nothing of it; `head` must name the last entry
    /// appended.
    fn commit(&mut self, head: &Head) -> Result<(), Error>;
    /// Called between batches: bounds the log that a restart has to replay. True if it did any
    /// work.
    fn checkpoint(&mut self) -> Result<bool, Error>;
    /// Called between batches: when it comes back, no byte of what was erased is left in a log.
    fn scrub(&mut self) -> Result<(), Error>;
    /// Opens another reader.
    fn reader(&self) -> Result<Box<dyn Read>, Error>;
}

/// A reader's side: sees committed batches only, and blocks.
pub trait Read: Send {
    /// The head of the last committed batch.
    fn head(&mut self) -> Result<Head, Error>;
    /// Every subject's number and identifier, by number.
    fn subjects(&mut self, each: &mut dyn FnMut(u64, &str)) -> Result<(), Error>;
    /// The numbers of those who were erased, ascending.
    fn erased(&mut self, each: &mut dyn FnMut(u64)) -> Result<(), Error>;
    /// Every subject's consent state, by number.
    fn consents(&mut self, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Error>;
    /// How far entries are cut; nothing where they never were.
    fn cut(&mut self) -> Result<Option<Cut>, Error>;
    /// The parts of the facts of a cut, in order.
    fn facts(&mut self, cut: u64, each: &mut dyn FnMut(&[u8])) -> Result<(), Error>;
    /// Hands out at most `limit` entries with a sequence above `after`, ascending; also cut ones
    /// that are not swept yet.
    fn scan(
        &mut self,
        after: u64,
        limit: usize,
        each: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<(), Error>;
    /// The same entries, kept.
    fn entries(&mut self, after: u64, limit: usize) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.scan(after, limit, &mut |row| rows.push(row.to_owned()))?;
        Ok(rows)
    }
    /// The text with this digest.
    fn text(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, Error>;
    /// At most `limit` entries about a subject with a sequence below `before` (`None`: the newest),
    /// newest first, and none that is cut.
    fn usages(
        &mut self,
        subject: u64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Row>, Error>;
    /// How many entries are about a subject, without those that are cut.
    fn usage_count(&mut self, subject: u64) -> Result<u64, Error>;
}

/// Which time stands in a ledger. A replay's runs ahead of every calendar, so a
/// ledger opens only under the time that it was begun with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// The machine's.
    Real,
    /// Faster.
    Scaled,
}

/// Why the storage failed; internal, never shown to a caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite failed.
    #[error("SQLite failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A file could not be made, locked or removed.
    #[error("a file operation failed: {0}")]
    Io(#[from] std::io::Error),
    /// An entry or a head out of order.
    #[error("sequence {expected} must come next, not {got}")]
    Sequence {
        /// What the chain needs.
        expected: u64,
        /// What was passed.
        got: u64,
    },
    /// A head of another chain.
    #[error("the head belongs to another stream")]
    Stream,
    /// A cut that goes back, or beyond the entry that says so.
    #[error("entries cannot be cut up to {0}")]
    Cut(u64),
    /// The subject number is given to somebody already.
    #[error("subject number {0} is given already")]
    SubjectTaken(u64),
    /// Nobody has the subject number.
    #[error("nobody has subject number {0}")]
    NoSubject(u64),
    /// What was erased is still in a log, which another process reads.
    #[error("another process reads the ledger, so that its log cannot be cut; try again")]
    StillRead,
    /// A number above 2^63 - 1, the largest that SQLite keeps.
    #[error("{0} is larger than 2^63 - 1")]
    TooLarge(u64),
    /// An earlier write failed; only a restart helps.
    #[error("an earlier write failed, the storage is closed until a restart")]
    Poisoned,
    /// The files were written by a newer program.
    #[error("the ledger has schema version {found}, this program knows {supported}")]
    Version {
        /// The version in the file.
        found: i64,
        /// The version that this program writes.
        supported: i64,
    },
    /// The SQLite library carries the WAL corruption race that 3.51.3 closed.
    #[error("SQLite {0} is older than 3.51.3 and may corrupt its log")]
    TooOldSqlite(&'static str),
    /// The ledger was begun under the other time.
    #[error("{}", match .0 {
        Time::Real => "the ledger has real time: scaled time needs a data directory of its own",
        Time::Scaled => "the ledger has scaled time, and opens only with --time-scale",
    })]
    OtherTime(Time),
    /// SQLite names files in UTF-8.
    #[error("the path {} is not UTF-8", .0.display())]
    Name(std::path::PathBuf),
    /// Others than their owner may use the files.
    #[error(
        "{} has mode {mode:o}, and must be its owner's alone: chmod go= {}", .path.display(), .path.display()
    )]
    Exposed {
        /// A file, or the directory.
        path: std::path::PathBuf,
        /// Who may do what.
        mode: u32,
    },
    /// Another process owns the ledger.
    #[error("another process has the ledger open for writing")]
    Locked,
    /// The stored data contradicts itself.
    #[error("the ledger is damaged: {0}")]
    Damaged(&'static str),
    /// What an entry is committed to with has another length than it was written with.
    #[error("the ledger is damaged: the salt of entry {0} is not as it was written")]
    Salt(u64),
    /// Who a number stands for, or the number, is not as it was written.
    #[error("the ledger is damaged: who subject {0} is, or that number, is not as it was written")]
    Subject(u64),
    /// Too many callers wait for a reader.
    #[error("too many callers wait for a reader")]
    Busy,
    /// The runtime shut down before the read ran.
    #[error("the readers are shut down")]
    Closed,
    /// A power loss that a crash test asked for.
    #[error("a simulated power loss")]
    PowerLoss,
}

/// True if the encoded entry is about the subject.
fn is_about(subjects_of: SubjectsOf, body: &[u8], subject: u64) -> bool {
    let mut found = false;
    subjects_of(body, &mut |number| found |= number == subject);
    found
}

impl Cut {
    /// Whether it may follow what was cut before, in a ledger that ends at `last`.
    fn check(&self, before: Option<Cut>, last: u64) -> Result<(), Error> {
        let forward = self.sequence > before.map_or(0, |cut| cut.sequence);
        match forward && self.sequence < self.entry && self.entry <= last {
            true => Ok(()),
            false => Err(Error::Cut(self.sequence)),
        }
    }
}

/// A number as SQLite keeps it. Both storages refuse what SQLite cannot keep, so that they accept
/// the same calls.
fn stored(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::TooLarge(number))
}

//! The ledger in SQLite: its one writing connection. Any number read it, also from other processes.
//!
//! Every table grows at its end or is small; nothing on the insert path is ordered by subject. What
//! finds a subject's entries is in a second file, see [`super::Indexer`].

use super::checkpoints::Checkpoints;
use super::copy::copy;
use super::files::{create_private, keep_private, lock, sync_dir};
use super::index::{self, Makes};
use super::reader::{Reader, open_read_only};
use super::schema::{FILE, check_library, connect, mark_of, prepare, read_head};
use super::{
    Cut, Digest, Error, Head, Indexer, Read, Row, Storage, SubjectsOf, Time, cutting, stored,
};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of its own: closing any handle on the ledger's file would drop SQLite's locks on it.
const LOCK_FILE: &str = "ledger.lock";

/// The writer's side of a ledger in a directory, which it holds alone.
pub struct Sqlite {
    // Dropped first: the connection that closes last tidies the log away.
    checkpoints: Checkpoints,
    ledger: Connection,
    dir: PathBuf,
    subjects_of: SubjectsOf,
    stream: [u8; 16],
    /// The last entry appended, committed or not.
    last: u64,
    poisoned: bool,
    makes: Arc<Makes>,
    // Dropped last, when the connection has let go of the files.
    _lock: File,
}

impl Sqlite {
    /// Opens the ledger in `dir`, or starts one there with the name `stream_if_new`.
    pub fn open(
        dir: &Path,
        stream_if_new: [u8; 16],
        time: Time,
        subjects_of: SubjectsOf,
    ) -> Result<Sqlite, Error> {
        check_library(rusqlite::version_number())?;
        keep_private(dir, &[FILE, "ledger.db-wal", "ledger.db-shm", LOCK_FILE, index::FILE])?;
        let lock = lock(&dir.join(LOCK_FILE))?;
        create_private(&dir.join(FILE))?;
        let mut ledger = connect(&dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&mut ledger, stream_if_new, time)?;
        let head = read_head(&ledger)?;
        let last: Option<i64> =
            ledger.query_row("SELECT max(sequence) FROM entry", [], |row| row.get(0))?;
        if last.unwrap_or(0).cast_unsigned() != head.sequence {
            return Err(Error::Damaged("the head does not name the last entry"));
        }
        sync_dir(dir)?;
        let makes = Arc::<Makes>::default();
        index::repair(dir, &mut Reader::open(dir, subjects_of, Arc::clone(&makes))?)?;
        Ok(Sqlite {
            checkpoints: Checkpoints::new(&dir.join(FILE), &mut ledger)?,
            ledger,
            dir: dir.to_owned(),
            subjects_of,
            stream: head.stream,
            last: head.sequence,
            poisoned: false,
            makes,
            _lock: lock,
        })
    }

    /// What keeps the usage index up to date; one is enough.
    pub fn indexer(&self) -> Result<Indexer, Error> {
        Indexer::open(&self.dir, self.reader()?, self.subjects_of, Arc::clone(&self.makes))
    }

    /// Runs one operation, inside the open batch or a new one.
    fn write(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        // Until it has succeeded: a panic closes the storage too.
        self.poisoned = true;
        let outcome = self.begin().and_then(|()| operation(self));
        self.poisoned = outcome.is_err();
        if self.poisoned {
            // The lock goes with the connection anyway; what matters is the error that came first.
            let _ = self.ledger.execute_batch("ROLLBACK");
        }
        outcome
    }

    fn begin(&self) -> Result<(), Error> {
        if self.ledger.is_autocommit() {
            self.ledger.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        Ok(())
    }

    /// Leaves nothing in the log; false where somebody reads it meanwhile, or a copy of it lasts.
    /// A copy under way ends first, and nobody but this thread begins another: the log is cut
    /// whole, or not at all.
    fn cut_log(&mut self) -> Result<bool, Error> {
        if !self.checkpoints.wait()? {
            return Ok(false);
        }
        let mut cut = self.ledger.prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)")?;
        let whole = !cut.query_row([], |row| row.get::<_, bool>(0))?;
        if whole {
            self.checkpoints.starts_over();
        }
        Ok(whole)
    }

    #[cfg(test)]
    pub(super) fn fail_a_copy(&self, error: Error) {
        self.checkpoints.fail(error);
    }

    #[cfg(test)]
    pub(super) fn hold_a_copy(&self) -> super::checkpoints::Held {
        self.checkpoints.hold()
    }

    /// Copies of the log end with a sync of `file`.
    #[cfg(test)]
    pub(crate) fn sync_copies(&mut self, file: &'static File) {
        self.checkpoints.sync(&self.dir.join(FILE), file);
    }

    /// Waits for the copy under way; whether there was none since the last checkpoint.
    #[cfg(test)]
    pub(super) fn copied(&self) -> Result<bool, Error> {
        self.checkpoints.copied()
    }
}

impl Storage for Sqlite {
    fn append(&mut self, row: &Row) -> Result<(), Error> {
        self.write(|this| {
            let expected = this.last + 1;
            if row.sequence != expected {
                return Err(Error::Sequence { expected, got: row.sequence });
            }
            this.ledger
                .prepare_cached("INSERT INTO entry (sequence, salt, body) VALUES (?1, ?2, ?3)")?
                .execute((stored(row.sequence)?, row.salt, &row.body))?;
            this.last = expected;
            Ok(())
        })
    }

    fn put_subject(&mut self, number: u64, identifier: &str) -> Result<(), Error> {
        self.write(|this| {
            let number = stored(number)?;
            let inserted = this
                .ledger
                .prepare_cached(
                    "INSERT INTO subject (number, identifier, mark) SELECT ?1, ?2, ?3
                     WHERE NOT EXISTS (SELECT 1 FROM erased WHERE number = ?1) ON CONFLICT DO NOTHING",
                )?
                .execute((number, identifier, mark_of(number, identifier)))?;
            if inserted == 1 { Ok(()) } else { Err(Error::SubjectTaken(number.cast_unsigned())) }
        })
    }

    fn erase_subject(&mut self, number: u64) -> Result<(), Error> {
        self.write(|this| {
            let number = stored(number)?;
            let run = |statement| this.ledger.prepare_cached(statement)?.execute([number]);
            if run("DELETE FROM subject WHERE number = ?1")? == 0 {
                return Err(Error::NoSubject(number.cast_unsigned()));
            }
            run("DELETE FROM consent WHERE subject = ?1")?;
            run("INSERT INTO erased (number) VALUES (?1)")?;
            Ok(())
        })
    }

    fn put_consent(&mut self, number: u64, state: &[u8]) -> Result<(), Error> {
        self.write(|this| {
            this.ledger
                .prepare_cached(
                    "INSERT INTO consent (subject, state) VALUES (?1, ?2)
                     ON CONFLICT DO UPDATE SET state = excluded.state",
                )?
                .execute((stored(number)?, state))?;
            Ok(())
        })
    }

    fn put_text(&mut self, digest: &Digest, text: &[u8]) -> Result<(), Error> {
        self.write(|this| {
            this.ledger
                .prepare_cached(
                    "INSERT INTO text (digest, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                )?
                .execute((digest, text))?;
            Ok(())
        })
    }

    fn put_facts(&mut self, cut: u64, part: u64, body: &[u8]) -> Result<(), Error> {
        self.write(|this| cutting::put_facts(&this.ledger, cut, part, body))
    }

    fn set_cut(&mut self, cut: &Cut) -> Result<(), Error> {
        self.write(|this| {
            cut.check(cutting::read(&this.ledger)?, this.last)?;
            cutting::write(&this.ledger, cut)
        })
    }

    fn sweep(&mut self, limit: usize) -> Result<usize, Error> {
        let mut swept = 0;
        self.write(|this| {
            swept = cutting::sweep(&this.ledger, limit)?;
            Ok(())
        })?;
        Ok(swept)
    }

    fn commit(&mut self, head: &Head) -> Result<(), Error> {
        self.write(|this| {
            this.checkpoints.has_not_failed()?;
            if head.stream != this.stream {
                return Err(Error::Stream);
            }
            if head.sequence != this.last {
                return Err(Error::Sequence { expected: this.last, got: head.sequence });
            }
            this.ledger
                .prepare_cached("UPDATE head SET sequence = ?1, hash = ?2, stamp = ?3")?
                .execute((stored(head.sequence)?, head.hash, head.stamp))?;
            this.ledger.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        })
    }

    fn checkpoint(&mut self) -> Result<bool, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        if !self.ledger.is_autocommit() {
            return Ok(false);
        }
        let outcome = self.checkpoints.by_size(&self.ledger);
        self.poisoned = outcome.is_err();
        outcome
    }

    fn scrub(&mut self) -> Result<(), Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        let outcome = self.cut_log();
        self.poisoned = outcome.is_err();
        if outcome? { Ok(()) } else { Err(Error::StillRead) }
    }

    fn reader(&self) -> Result<Box<dyn Read>, Error> {
        Ok(Box::new(Reader::open(&self.dir, self.subjects_of, Arc::clone(&self.makes))?))
    }
}

/// Copies the ledger in `dir`, which another process may be writing, into another directory. What is
/// derived from it is not copied.
pub fn backup(dir: &Path, to: &Path) -> Result<(), Error> {
    // So that nothing else is copied in its place.
    drop(open_read_only(dir, |_, _| {})?);
    copy(&dir.join(FILE), &to.join(FILE))
}

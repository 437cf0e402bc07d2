//! The ledger in SQLite: one writing connection, any number of reading ones, also from other
//! processes.
//!
//! Every table grows at its end or is small; nothing on the insert path is ordered by subject. What
//! finds a subject's entries is in a second file, see [`super::Indexer`].

use super::checkpoints::Checkpoints;
use super::copy::copy;
use super::files::{create_private, keep_private, lock, sync_dir};
use super::index::{self, Index};
use super::schema::{
    ERASED_SINCE, MARKED_SINCE, check_library, check_schema, connect, mark_of, prepare, read_head,
};
use super::{
    Cut, Digest, Error, Head, Indexer, Read, Row, RowRef, Storage, SubjectsOf, Time, cutting,
    is_about, stored,
};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const FILE: &str = "ledger.db";

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
    index_rebuilds: Arc<AtomicU64>,
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
        let index_rebuilds = Arc::new(AtomicU64::new(0));
        index::repair(dir, &mut Reader::open(dir, subjects_of, Arc::clone(&index_rebuilds))?)?;
        Ok(Sqlite {
            checkpoints: Checkpoints::new(&dir.join(FILE), &mut ledger)?,
            ledger,
            dir: dir.to_owned(),
            subjects_of,
            stream: head.stream,
            last: head.sequence,
            poisoned: false,
            index_rebuilds,
            _lock: lock,
        })
    }

    /// What keeps the usage index up to date; one is enough.
    pub fn indexer(&self) -> Result<Indexer, Error> {
        Indexer::open(&self.dir, self.reader()?, self.subjects_of, Arc::clone(&self.index_rebuilds))
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
        Ok(Box::new(Reader::open(&self.dir, self.subjects_of, Arc::clone(&self.index_rebuilds))?))
    }
}

/// A reading connection.
pub struct Reader {
    ledger: Connection,
    version: i64,
    index: Option<Index>,
    subjects_of: SubjectsOf,
}

/// Copies the ledger in `dir`, which another process may be writing, into another directory. What is
/// derived from it is not copied.
pub fn backup(dir: &Path, to: &Path) -> Result<(), Error> {
    // So that nothing else is copied in its place.
    drop(open_read_only(dir, |_, _| {})?);
    copy(&dir.join(FILE), &to.join(FILE))
}

/// Opens a ledger that another process may be writing, to read it only.
pub fn open_read_only(dir: &Path, subjects_of: SubjectsOf) -> Result<Reader, Error> {
    check_library(rusqlite::version_number())?;
    Reader::open(dir, subjects_of, Arc::default())
}

impl Reader {
    fn open(
        dir: &Path,
        subjects_of: SubjectsOf,
        index_rebuilds: Arc<AtomicU64>,
    ) -> Result<Reader, Error> {
        let ledger = connect(&dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // Only the writer brings it up to date.
        let Some((_, version)) = check_schema(&ledger)? else {
            return Err(Error::Damaged("the ledger's file is empty"));
        };
        let mut reader = Reader { ledger, version, index: None, subjects_of };
        reader.index = Some(Index::open(dir, index_rebuilds, &mut reader));
        Ok(reader)
    }

    /// The sequence up to which entries are cut.
    fn cut_at(&self) -> Result<u64, Error> {
        if self.version < cutting::SINCE {
            return Ok(0);
        }
        Ok(cutting::read(&self.ledger)?.map_or(0, |cut| cut.sequence))
    }

    /// An entry that the index names; nothing where it was cut since.
    fn entry(&self, sequence: u64) -> Result<Option<Row>, Error> {
        let mut statement = self
            .ledger
            .prepare_cached("SELECT sequence, salt, body FROM entry WHERE sequence = ?1")?;
        let row = statement.query_row([stored(sequence)?], read_row).optional()?;
        if row.is_none() && sequence > self.cut_at()? {
            return Err(Error::Damaged("an indexed entry is missing"));
        }
        Ok(row)
    }

    /// The subject's entries above `indexed` and below `before`, newest first.
    fn tail(
        &self,
        subject: u64,
        indexed: u64,
        before: i64,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let mut statement = self.ledger.prepare_cached(
            "SELECT sequence, salt, body FROM entry WHERE sequence > ?1 AND sequence < ?2 ORDER BY sequence DESC",
        )?;
        let mut entries = statement.query((stored(indexed)?, before))?;
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(entry) = entries.next()?
        {
            if is_about(
                self.subjects_of,
                entry.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?,
                subject,
            ) {
                found.push(read_row(entry)?);
            }
        }
        Ok(found)
    }
}

impl Read for Reader {
    fn head(&mut self) -> Result<Head, Error> {
        read_head(&self.ledger)
    }

    fn subjects(&mut self, each: &mut dyn FnMut(u64, &str)) -> Result<(), Error> {
        let marked = self.version >= MARKED_SINCE;
        let columns = if marked { "number, identifier, mark" } else { "number, identifier" };
        let all = format!("SELECT {columns} FROM subject ORDER BY number");
        let mut statement = self.ledger.prepare_cached(&all)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            let identifier = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if marked && row.get::<_, Option<i64>>(2)? != Some(mark_of(number, identifier)) {
                return Err(Error::Damaged("a subject is not as it was written"));
            }
            each(number.cast_unsigned(), identifier);
        }
        Ok(())
    }

    fn erased(&mut self, each: &mut dyn FnMut(u64)) -> Result<(), Error> {
        if self.version < ERASED_SINCE {
            return Ok(());
        }
        let mut statement =
            self.ledger.prepare_cached("SELECT number FROM erased ORDER BY number")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(0).map(i64::cast_unsigned)?);
        }
        Ok(())
    }

    fn consents(&mut self, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Error> {
        let mut statement =
            self.ledger.prepare_cached("SELECT subject, state FROM consent ORDER BY subject")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(
                row.get(0).map(i64::cast_unsigned)?,
                row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?,
            );
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<Option<Cut>, Error> {
        if self.version < cutting::SINCE { Ok(None) } else { cutting::read(&self.ledger) }
    }

    fn facts(&mut self, cut: u64, each: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        if self.version < cutting::SINCE {
            return Ok(());
        }
        cutting::facts(&self.ledger, cut, each)
    }

    fn scan(
        &mut self,
        after: u64,
        limit: usize,
        each: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<(), Error> {
        let mut statement = self.ledger.prepare_cached(
            "SELECT sequence, salt, body FROM entry WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )?;
        let mut rows = statement.query((bound(after), bound(limit as u64)))?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let sequence = row.get(0).map(i64::cast_unsigned)?;
            each(RowRef { sequence, salt: row.get(1)?, body });
        }
        Ok(())
    }

    fn text(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let mut statement =
            self.ledger.prepare_cached("SELECT body FROM text WHERE digest = ?1")?;
        Ok(statement.query_row([digest], |row| row.get(0)).optional()?)
    }

    fn usages(
        &mut self,
        subject: u64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let before = before.map_or(i64::MAX, bound);
        // The index first: what is committed in between is then above `indexed`, hence in the tail.
        let cut = self.cut_at()?;
        let page = match &mut self.index {
            Some(index) => index.page(subject, cut, before, bound(limit as u64)),
            None => index::Page::default(),
        };
        let mut rows = self.tail(subject, page.indexed.max(cut), before, limit)?;
        for sequence in page.sequences.into_iter().take(limit - rows.len()) {
            rows.extend(self.entry(sequence)?);
        }
        Ok(rows)
    }

    fn usage_count(&mut self, subject: u64) -> Result<u64, Error> {
        let cut = self.cut_at()?;
        let index = self.index.as_mut();
        let (indexed, count) = index.map_or((0, 0), |index| index.count(subject, cut));
        let tail = self.tail(subject, indexed.max(cut), i64::MAX, usize::MAX)?;
        Ok(count + tail.len() as u64)
    }
}

/// A bound of a query: beyond what SQLite can keep it is as good as the largest number.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row { sequence: row.get(0).map(i64::cast_unsigned)?, salt: row.get(1)?, body: row.get(2)? })
}

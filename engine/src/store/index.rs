//! The usage index: which entries are about a subject. Derived, rebuildable, and never on the
//! writer's path.
//!
//! It lives in a file of its own, because a key that is random in the subject costs an insert more
//! than ten times what an append does. It trails the ledger, and whoever reads it adds the entries
//! that it does not know yet. An index that is absent, damaged or another ledger's therefore costs
//! time, never an answer; nor does a row that names somebody else's entry or none, since the entry
//! itself is asked, and the index is made anew then. What nobody sees is a row that is gone, where
//! the file is otherwise whole: that access is in no list until the index is made anew, and in the
//! ledger all the same. A count believes every row until a list has found a wrong one.

use super::files::{create_private, remove_if_there};
use super::schema::{connect, version};
use super::{Error, Read, Row, SubjectsOf, stored};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The index's file beside the ledger's. It is made anew where its version is another: the first
/// knew bundles only.
pub(super) const FILE: &str = "index.db";
const VERSION: i64 = 2;

// `indexed` holds how far the index reaches and the salt of that entry, by which it knows its own
// ledger again even after that was restored from a copy and went another way.
const SCHEMA: &str = "
    CREATE TABLE usage (subject INTEGER NOT NULL, sequence INTEGER NOT NULL,
        PRIMARY KEY (subject, sequence)) STRICT, WITHOUT ROWID;
    CREATE TABLE indexed (one INTEGER PRIMARY KEY CHECK (one = 1), stream BLOB NOT NULL,
        sequence INTEGER NOT NULL, salt BLOB NOT NULL) STRICT;
    PRAGMA user_version = 2;";

/// What is done between two looks at who else wants the processor: some 100 us.
const AT_ONCE: usize = 16;
/// Entries that are read between two such looks, which is quicker; and no log waits for
/// whoever reads a whole slice.
const READ_AT_ONCE: usize = 256;

/// What readers and the indexer tell each other of the index's file.
#[derive(Default)]
pub(super) struct Makes {
    /// How often it was made anew.
    made: AtomicU64,
    /// How often it must have been before anybody believes it.
    wanted: AtomicU64,
}

impl Makes {
    fn is_believed(&self) -> bool {
        self.wanted.load(Ordering::Acquire) <= self.made.load(Ordering::Acquire)
    }
}

/// Brings the index up to the ledger, a slice at a time; the caller chooses the thread and the
/// pace.
pub struct Indexer {
    // Dropped first: it reads the index too, and only a writing connection that closes last tidies
    // the log away.
    ledger: Box<dyn Read>,
    index: Connection,
    dir: PathBuf,
    subjects_of: SubjectsOf,
    makes: Arc<Makes>,
    /// Up to where usages that are cut are gone from it, as far as this one knows.
    purged: u64,
    walk: Option<Walk>,
}

/// A walk through the whole index, which is ordered by subject, for usages that are cut.
struct Walk {
    cut: u64,
    /// The last row seen.
    subject: i64,
    sequence: i64,
}

impl Indexer {
    pub(super) fn open(
        dir: &Path,
        ledger: Box<dyn Read>,
        subjects_of: SubjectsOf,
        makes: Arc<Makes>,
    ) -> Result<Indexer, Error> {
        Ok(Indexer {
            index: open_writable(dir)?,
            ledger,
            dir: dir.to_owned(),
            subjects_of,
            makes,
            purged: 0,
            walk: None,
        })
    }

    /// Indexes at most `slice` entries or, where none is left, looks through as many usages for
    /// those that are cut; how much is still to be done, none when it is up to date. An index
    /// that is damaged, or in which a reader found a wrong row, is rebuilt from nothing.
    pub fn step(&mut self, slice: usize) -> Result<u64, Error> {
        if !self.makes.is_believed() {
            self.rebuild()?;
        }
        match self.work(slice) {
            Err(Error::Sqlite(failure)) if is_damage(&failure) => {
                self.rebuild()?;
                self.work(slice)
            }
            outcome => outcome,
        }
    }

    fn work(&mut self, slice: usize) -> Result<u64, Error> {
        match self.advance(slice)? {
            0 => self.purge(slice),
            behind => Ok(behind),
        }
    }

    /// Whoever reads leaves out what is cut, so that this may take its time.
    fn purge(&mut self, slice: usize) -> Result<u64, Error> {
        let cut = self.ledger.cut()?.map_or(0, |cut| cut.sequence);
        if self.walk.is_none() && self.purged == cut {
            return Ok(0);
        }
        let begun = Walk { cut, subject: i64::MIN, sequence: i64::MIN };
        let walk = self.walk.get_or_insert(begun);
        let batch = self.index.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match pass(&batch, walk, slice)? {
            Some((subject, sequence)) => (walk.subject, walk.sequence) = (subject, sequence),
            None => {
                self.purged = walk.cut;
                self.walk = None;
            }
        }
        batch.commit()?;
        Ok(1)
    }

    fn advance(&mut self, slice: usize) -> Result<u64, Error> {
        let batch = self.index.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut indexed = read_indexed(&batch)?.sequence;
        let rows = read(&mut *self.ledger, indexed, slice)?;
        if let Some(last) = rows.last() {
            insert(&batch, &rows, self.subjects_of)?;
            batch
                .prepare_cached("UPDATE indexed SET sequence = ?1, salt = ?2")?
                .execute((stored(last.sequence)?, last.salt))?;
            indexed = last.sequence;
        }
        batch.commit()?;
        Ok(self.ledger.head()?.sequence.saturating_sub(indexed))
    }

    fn rebuild(&mut self) -> Result<(), Error> {
        let stream = self.ledger.head()?.stream;
        // The old connection must not outlive its file: it would write its log into the new one's.
        self.index = Connection::open_in_memory()?;
        create(&self.dir, stream)?;
        self.index = open_writable(&self.dir)?;
        // What is cut and not yet swept is in it again.
        (self.purged, self.walk) = (0, None);
        let made = self.makes.made.fetch_add(1, Ordering::AcqRel) + 1;
        tracing::warn!(made, "the index of accesses was damaged and is made anew");
        Ok(())
    }
}

/// Gives the processor to whoever waits for it: a core with a request would wait for
/// milliseconds otherwise, until the system takes it from this thread.
fn step_back() {
    std::thread::yield_now();
}

/// The entries after `indexed`, at most so many.
fn read(ledger: &mut dyn Read, indexed: u64, slice: usize) -> Result<Vec<Row>, Error> {
    let mut rows: Vec<Row> = Vec::new();
    while rows.len() < slice {
        let after = rows.last().map_or(indexed, |row| row.sequence);
        let few = ledger.entries(after, READ_AT_ONCE.min(slice - rows.len()))?;
        if few.is_empty() {
            break;
        }
        rows.extend(few);
        step_back();
    }
    Ok(rows)
}

/// Goes on with a walk for `slice` rows; where it then is, or nothing at its end.
fn pass(batch: &Connection, walk: &Walk, slice: usize) -> Result<Option<(i64, i64)>, Error> {
    let slice = i64::try_from(slice).unwrap_or(i64::MAX);
    let from = (walk.subject, walk.sequence);
    let last = batch
        .prepare_cached(
            "SELECT subject, sequence FROM (SELECT subject, sequence FROM usage
                 WHERE (subject, sequence) > (?1, ?2) ORDER BY subject, sequence LIMIT ?3)
             ORDER BY subject DESC, sequence DESC LIMIT 1",
        )?
        .query_row((from.0, from.1, slice), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((subject, sequence)) = last else { return Ok(None) };
    batch
        .prepare_cached(
            "DELETE FROM usage WHERE (subject, sequence) > (?1, ?2)
                 AND (subject, sequence) <= (?3, ?4) AND sequence <= ?5",
        )?
        .execute((from.0, from.1, subject, sequence, stored(walk.cut)?))?;
    Ok(Some((subject, sequence)))
}

// Sorted, because a slice has many entries of few pages only if its keys come in the index's order.
fn insert(batch: &Connection, rows: &[Row], subjects_of: SubjectsOf) -> Result<(), Error> {
    let mut usages = Vec::new();
    for few in rows.chunks(AT_ONCE) {
        for row in few {
            subjects_of(&row.body, &mut |subject| usages.push((subject, row.sequence)));
        }
        step_back();
    }
    usages.sort_unstable();
    usages.dedup();
    // Subjects are only compared for equality here, so their 64 bits serve as they are.
    let mut statement =
        batch.prepare_cached("INSERT INTO usage (subject, sequence) VALUES (?1, ?2)")?;
    for few in usages.chunks(AT_ONCE) {
        for (subject, sequence) in few {
            statement.execute((subject.cast_signed(), stored(*sequence)?))?;
        }
        step_back();
    }
    Ok(())
}

/// What the index knows of one subject. The default is an index that knows nothing.
#[derive(Default)]
pub(super) struct Page {
    /// Every entry up to this sequence is indexed.
    pub(super) indexed: u64,
    /// Newest first.
    pub(super) sequences: Vec<u64>,
}

/// A reader's view of the index.
pub(super) struct Index {
    connection: Option<Connection>,
    dir: PathBuf,
    makes: Arc<Makes>,
    /// The one that is open.
    make: u64,
}

impl Index {
    /// Opens what is there, if it belongs to the ledger.
    pub(super) fn open(dir: &Path, makes: Arc<Makes>, ledger: &mut dyn Read) -> Index {
        let make = makes.made.load(Ordering::Acquire);
        let connection =
            open_readable(dir).ok().filter(|index| belongs(index, ledger).unwrap_or(false));
        Index { connection, dir: dir.to_owned(), makes, make }
    }

    /// The newest `limit` indexed entries about a subject with a sequence above `after` and below
    /// `before`.
    pub(super) fn page(&mut self, subject: u64, after: u64, before: i64, limit: i64) -> Page {
        let between = (after.cast_signed(), before);
        let index = self.newest();
        let page = index.map(|index| read_page(index, subject.cast_signed(), between, limit));
        self.known(page)
    }

    /// How far is indexed, and how many entries above `after` and up to there are about a subject:
    /// as the rows say, whose entries nobody looks at for it.
    pub(super) fn count(&mut self, subject: u64, after: u64) -> (u64, u64) {
        let (subject, after) = (subject.cast_signed(), after.cast_signed());
        let count = self.newest().map(|index| read_count(index, subject, after));
        self.known(count)
    }

    /// What was read, or nothing where that failed.
    fn known<T: Default>(&self, outcome: Option<Result<T, Error>>) -> T {
        if let Some(Err(Error::Sqlite(failure))) = &outcome
            && is_damage(failure)
        {
            self.distrust();
        }
        outcome.and_then(Result::ok).unwrap_or_default()
    }

    /// The one that is open is wrong: no reader believes it any more, and the indexer makes
    /// another.
    pub(super) fn distrust(&self) {
        self.makes.wanted.fetch_max(self.make + 1, Ordering::AcqRel);
    }

    fn newest(&mut self) -> Option<&mut Connection> {
        let made = self.makes.made.load(Ordering::Acquire);
        if made != self.make {
            self.make = made;
            self.connection = open_readable(&self.dir).ok();
        }
        if self.makes.is_believed() { self.connection.as_mut() } else { None }
    }
}

// One transaction, or entries indexed between the two reads would be in neither the page nor the
// tail.
fn read_page(
    index: &mut Connection,
    subject: i64,
    (after, before): (i64, i64),
    limit: i64,
) -> Result<Page, Error> {
    let view = index.transaction()?;
    let indexed = read_indexed(&view)?.sequence;
    let mut statement = view.prepare_cached(
        "SELECT sequence FROM usage WHERE subject = ?1 AND sequence > ?2 AND sequence < ?3
         ORDER BY sequence DESC LIMIT ?4",
    )?;
    let sequences = statement
        .query_map((subject, after, before, limit), |row| row.get(0).map(i64::cast_unsigned))?;
    let sequences = sequences.collect::<Result<_, _>>()?;
    Ok(Page { indexed, sequences })
}

fn read_count(index: &mut Connection, subject: i64, after: i64) -> Result<(u64, u64), Error> {
    let view = index.transaction()?;
    let indexed = read_indexed(&view)?.sequence;
    let mut statement =
        view.prepare_cached("SELECT count(*) FROM usage WHERE subject = ?1 AND sequence > ?2")?;
    let count = statement.query_row((subject, after), |row| row.get(0).map(i64::cast_unsigned))?;
    Ok((indexed, count))
}

struct Indexed {
    stream: [u8; 16],
    sequence: u64,
    salt: [u8; 16],
}

fn read_indexed(index: &Connection) -> Result<Indexed, Error> {
    let mut statement = index.prepare_cached("SELECT stream, sequence, salt FROM indexed")?;
    let read = |row: &rusqlite::Row<'_>| {
        let sequence = row.get(1).map(i64::cast_unsigned)?;
        Ok(Indexed { stream: row.get(0)?, sequence, salt: row.get(2)? })
    };
    Ok(statement.query_row([], read)?)
}

/// True if the index was made from this very ledger and reaches no further.
fn belongs(index: &Connection, ledger: &mut dyn Read) -> Result<bool, Error> {
    if version(index)? != VERSION {
        return Ok(false);
    }
    let indexed = read_indexed(index)?;
    if indexed.stream != ledger.head()?.stream {
        return Ok(false);
    }
    let Some(before) = indexed.sequence.checked_sub(1) else { return Ok(true) };
    let last = ledger.entries(before, 1)?;
    Ok(last.first().is_some_and(|row| row.sequence == indexed.sequence && row.salt == indexed.salt))
}

/// Called before anything else opens the index: makes a new one unless the one there belongs to the
/// ledger.
pub(super) fn repair(dir: &Path, ledger: &mut dyn Read) -> Result<(), Error> {
    let usable = open_readable(dir).and_then(|index| belongs(&index, ledger)).unwrap_or(false);
    if usable { Ok(()) } else { create(dir, ledger.head()?.stream) }
}

fn create(dir: &Path, stream: [u8; 16]) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        remove_if_there(&dir.join(format!("{FILE}{suffix}")))?;
    }
    create_private(&dir.join(FILE))?;
    let mut index = open_writable(dir)?;
    let batch = index.transaction()?;
    batch.execute_batch(SCHEMA)?;
    batch.execute("INSERT INTO indexed VALUES (1, ?1, 0, zeroblob(16))", [stream])?;
    Ok(batch.commit()?)
}

// NORMAL, not OFF: it syncs at checkpoints only, and without it a power loss could keep the mark
// `indexed` and lose rows below it, which nothing would ever notice.
fn open_writable(dir: &Path) -> Result<Connection, Error> {
    let index = connect(&dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    index.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;",
    )?;
    Ok(index)
}

fn open_readable(dir: &Path) -> Result<Connection, Error> {
    connect(&dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// True for what a rebuild mends: pages that are no database's, or a database that is no index.
fn is_damage(failure: &rusqlite::Error) -> bool {
    use rusqlite::Error::{InvalidColumnType, QueryReturnedNoRows};
    match failure {
        InvalidColumnType(..) | QueryReturnedNoRows => true,
        other => matches!(
            other.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::ConstraintViolation
            )
        ),
    }
}

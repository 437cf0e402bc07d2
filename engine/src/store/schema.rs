//! The ledger's file: its tables, its version, and how a connection to it is set up.

use super::{Error, Head, Time, cutting};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::Duration;

/// The ledger's file.
pub(super) const FILE: &str = "ledger.db";

/// From here on the log is to start over.
pub(super) const CHECKPOINT_BYTES: u64 = 16 << 20;

/// What is copied back at a time, beside the commits: while a disk syncs more than this, they wait
/// for it.
pub(super) const COPY_BYTES: u64 = 512 << 10;

/// Readers that follow each other closely keep the log from starting over; from here on the writer
/// waits for them.
pub(super) const LOG_BYTES_MAX: u64 = 4 * CHECKPOINT_BYTES;

/// "PFLG", by which file(1) and this program tell a ledger from any other database.
const APPLICATION: i64 = 0x5046_4c47;
/// "PFLS": a ledger under scaled time.
const APPLICATION_SCALED: i64 = 0x5046_4c53;
const VERSION: i64 = MARKED_SINCE;

/// Earlier libraries may lose commits when a checkpoint races a log that starts over
/// (<https://sqlite.org/wal.html#walresetbug>).
const SQLITE_MIN: i32 = 3_051_003;

// The one that is linked, too; a library of the system is looked at again at start.
const _: () = assert!(
    rusqlite::ffi::SQLITE_VERSION_NUMBER >= SQLITE_MIN,
    "SQLite before 3.51.3 may corrupt its log"
);

/// A reader waits only while a log is recovered or reset, which takes less.
const READER_PATIENCE: Duration = Duration::from_secs(5);

/// Nobody else writes, so this bounds how long a slow reader may hold up a checkpoint, and the
/// commits behind it.
const WRITER_PATIENCE: Duration = Duration::from_millis(50);

/// The first version's tables. Whatever came later stands in [`STEPS`].
const SCHEMA: &str = "
    CREATE TABLE entry (sequence INTEGER PRIMARY KEY, salt BLOB NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE subject (number INTEGER PRIMARY KEY, identifier TEXT NOT NULL) STRICT;
    CREATE TABLE consent (subject INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;
    CREATE TABLE text (digest BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), stream BLOB NOT NULL,
        sequence INTEGER NOT NULL, hash BLOB NOT NULL, stamp INTEGER NOT NULL) STRICT;";

/// The version that first knew who was erased.
pub(super) const ERASED_SINCE: i64 = 2;

/// The version that first marked who a number stands for. It also brought bodies of entries that
/// earlier programs do not know.
pub(super) const MARKED_SINCE: i64 = 4;

/// What each version after the first added.
const STEPS: [&str; VERSION as usize - 1] = [
    "CREATE TABLE erased (number INTEGER PRIMARY KEY) STRICT;",
    cutting::TABLES,
    "ALTER TABLE subject ADD COLUMN mark INTEGER",
];

pub(super) fn read_head(ledger: &Connection) -> Result<Head, Error> {
    let mut statement = ledger.prepare_cached("SELECT stream, sequence, hash, stamp FROM head")?;
    let read = |row: &rusqlite::Row<'_>| {
        let sequence = row.get(1).map(i64::cast_unsigned)?;
        Ok(Head { stream: row.get(0)?, sequence, hash: row.get(2)?, stamp: row.get(3)? })
    };
    Ok(statement.query_row([], read)?)
}

pub(super) fn check_library(number: i32) -> Result<(), Error> {
    if number < SQLITE_MIN { Err(Error::TooOldSqlite(rusqlite::version())) } else { Ok(()) }
}

/// Sets the writing connection up, and the schema if the file is new.
pub(super) fn prepare(ledger: &mut Connection, stream: [u8; 16], time: Time) -> Result<(), Error> {
    // Before anything is changed: another program's file is left as it is.
    if let Some((found, _)) = check_schema(ledger)?
        && found != time
    {
        return Err(Error::OtherTime(found));
    }
    ledger.busy_timeout(WRITER_PATIENCE)?;
    ledger.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
         PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = {LOG_BYTES_MAX};
         PRAGMA wal_checkpoint(TRUNCATE);"
    ))?;
    let batch = ledger.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = check_schema(&batch)?.map(|(_, version)| version);
    if known.is_none() {
        let application = match time {
            Time::Real => APPLICATION,
            Time::Scaled => APPLICATION_SCALED,
        };
        batch.execute_batch(SCHEMA)?;
        batch.pragma_update(None, "application_id", application)?;
        batch.execute("INSERT INTO head VALUES (1, ?1, 0, zeroblob(32), 0)", [stream])?;
    }
    // With the tables, so that a crash leaves a file of the one version or of the other.
    for step in &STEPS[known.unwrap_or(1) as usize - 1..] {
        batch.execute_batch(step)?;
    }
    if known.is_some_and(|version| version < MARKED_SINCE) {
        mark_all(&batch)?;
    }
    batch.pragma_update(None, "user_version", VERSION)?;
    Ok(batch.commit()?)
}

/// By which it is seen that a number, or who it stands for, is damaged: both can be erased, so the
/// chain holds neither.
pub(super) fn mark_of(number: i64, identifier: &str) -> i64 {
    let digest = Sha256::new().chain_update(number.to_le_bytes()).chain_update(identifier);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finalize()[..8]);
    i64::from_le_bytes(first)
}

/// Marks those whom an earlier program wrote as they are found.
fn mark_all(ledger: &Connection) -> Result<(), Error> {
    let mut subjects = ledger.prepare("SELECT number, identifier FROM subject")?;
    let mut mark = ledger.prepare("UPDATE subject SET mark = ?2 WHERE number = ?1")?;
    let found = subjects.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (number, identifier) in found.collect::<Result<Vec<(i64, String)>, _>>()? {
        mark.execute((number, mark_of(number, &identifier)))?;
    }
    Ok(())
}

/// Nothing for a new file, else its time and version; an error for one that this program must not
/// touch.
pub(super) fn check_schema(ledger: &Connection) -> Result<Option<(Time, i64)>, Error> {
    let application: i64 = ledger.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version(ledger)?;
    let tables: i64 =
        ledger.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, found) {
        (0, 0) if tables == 0 => Ok(None),
        (APPLICATION, 1..=VERSION) => Ok(Some((Time::Real, found))),
        (APPLICATION_SCALED, 1..=VERSION) => Ok(Some((Time::Scaled, found))),
        (APPLICATION | APPLICATION_SCALED, found) if found > VERSION => {
            Err(Error::Version { found, supported: VERSION })
        }
        _ => Err(Error::Damaged("the file is not a ledger")),
    }
}

pub(super) fn version(database: &Connection) -> Result<i64, Error> {
    Ok(database.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(READER_PATIENCE)?;
    Ok(connection)
}

//! The vault in two SQLite files: what is sealed in one, the wrapped keys in the
//! other, so that whoever copies one file has nothing.
//!
//! What makes own data unreadable is that its key is gone, and that is what these
//! files promise: of a forgotten key no byte is left, while a piece of a document
//! may stay in a page until the page is written again. The ledger's lock on the
//! directory keeps a second engine out.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::pair;
use super::vault::{Record, Vault};
use super::{Error, Tag};
use crate::store::copy::copy;
use crate::store::files::{create_private, keep_private, sync_dir};

pub(super) const DOCUMENTS: &str = "space.db";
pub(super) const KEYS: &str = "keys.db";

/// "PFSP" and "PFKY": neither file is taken for the other, nor for anybody else's.
pub(super) const APPLICATIONS: [(&str, i64); 2] = [("main", 0x5046_5350), ("keys", 0x5046_4b59)];
const VERSION: i64 = 1;

/// Only another process that reads the files holds a lock for long.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Keys stand in the order in which they were made: pages that grow at their end
/// are not split, and what is seldom moved seldom leaves a copy to be wiped.
const SCHEMAS: [&str; 2] = [
    "CREATE TABLE main.document (tag BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;",
    "CREATE TABLE keys.key (number INTEGER PRIMARY KEY, tag BLOB NOT NULL UNIQUE,
        wrapped BLOB NOT NULL) STRICT;",
];

const GET: &str = "SELECT key.wrapped, document.sealed FROM keys.key JOIN main.document USING (tag)
    WHERE tag = ?1";
const PUT_KEY: &str = "INSERT INTO keys.key (tag, wrapped) VALUES (?1, ?2)
    ON CONFLICT (tag) DO UPDATE SET wrapped = excluded.wrapped WHERE wrapped <> excluded.wrapped";
const PUT_DOCUMENT: &str = "INSERT INTO main.document (tag, sealed) VALUES (?1, ?2)
    ON CONFLICT (tag) DO UPDATE SET sealed = excluded.sealed";
const FORGET_KEY: &str = "DELETE FROM keys.key WHERE tag = ?1";
const FORGET_DOCUMENT: &str = "DELETE FROM main.document WHERE tag = ?1";

/// Copies the vault of a directory, which an engine may be writing, into another. Documents come
/// before keys: each document in the copy then has its key, unless that was forgotten meanwhile.
///
/// # Errors
/// Where the files cannot be read or written, or one is missing.
pub fn backup(folder: &Path, to: &Path) -> Result<(), Error> {
    pair::look(folder)?;
    for file in [DOCUMENTS, KEYS] {
        // Who never ran an engine with own data has none.
        if folder.join(file).try_exists()? {
            copy(&folder.join(file), &to.join(file))?;
        }
    }
    pair::check(to)
}

/// What a crash between the two files leaves: a document without its key is
/// erased already, and a key without its document was never used.
const MEND: &str = "DELETE FROM main.document WHERE tag NOT IN (SELECT tag FROM keys.key);
    DELETE FROM keys.key WHERE tag NOT IN (SELECT tag FROM main.document);";

/// A vault in a directory.
pub struct Sqlite {
    folder: PathBuf,
    pub(super) writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// Readers share it; who erases has it alone, so that no reader keeps old
    /// bytes in a log, or meets the key of one life with the document of another.
    settled: RwLock<()>,
    /// What a failed write left on the disk is unknown until a restart.
    closed: AtomicBool,
}

impl Sqlite {
    /// Opens the vault in a directory, or starts one there.
    ///
    /// # Errors
    /// Where the files cannot be had, one is missing, or they are another program's.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        keep_private(folder, &[DOCUMENTS, KEYS, "space.db-wal", "keys.db-wal"])?;
        pair::look(folder)?;
        create_private(&folder.join(DOCUMENTS))?;
        create_private(&folder.join(KEYS))?;
        let writer = connect(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&writer)?;
        sync_dir(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            settled: RwLock::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Whether the directory holds anybody's own data, which needs its master key.
    ///
    /// # Errors
    /// Where its files cannot be read, or one is missing.
    pub fn holds_any(folder: &Path) -> Result<bool, Error> {
        pair::look(folder)
    }

    /// Makes one change, or closes the vault: never is a failed sync tried again.
    fn write(&self, change: impl FnOnce(&Connection) -> Result<(), Error>) -> Result<(), Error> {
        let writer = lock(&self.writer);
        if self.closed.swap(true, Ordering::AcqRel) {
            return Err(Error::Closed);
        }
        change(&writer)?;
        self.closed.store(false, Ordering::Release);
        Ok(())
    }
}

impl Vault for Sqlite {
    fn blocks(&self) -> bool {
        true
    }

    fn tags(&self) -> Result<Vec<Tag>, Error> {
        let writer = lock(&self.writer);
        let mut statement = writer.prepare("SELECT tag FROM main.document")?;
        let tags = statement.query_map([], |row| row.get(0))?;
        Ok(tags.collect::<Result<_, _>>()?)
    }

    fn get(&self, tag: &Tag) -> Result<Option<Record>, Error> {
        let _shared = self.settled.read().unwrap_or_else(PoisonError::into_inner);
        let idle = lock(&self.readers).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect(&self.folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let record =
            |row: &rusqlite::Row<'_>| Ok(Record { key: row.get(0)?, document: row.get(1)? });
        let found = reader.prepare_cached(GET)?.query_row([tag], record).optional()?;
        lock(&self.readers).push(reader);
        Ok(found)
    }

    fn put(&self, tag: &Tag, record: &Record) -> Result<(), Error> {
        self.write(|writer| {
            // The key first, each durable by itself: a document whose key is lost
            // would be lost with it.
            writer.prepare_cached(PUT_KEY)?.execute((tag, &record.key))?;
            writer.prepare_cached(PUT_DOCUMENT)?.execute((tag, &record.document))?;
            Ok(())
        })
    }

    fn forget(&self, tag: &Tag) -> Result<(), Error> {
        let _alone = self.settled.write().unwrap_or_else(PoisonError::into_inner);
        self.write(|writer| {
            writer.prepare_cached(FORGET_KEY)?.execute([tag])?;
            writer.prepare_cached(FORGET_DOCUMENT)?.execute([tag])?;
            Ok(())
        })?;
        // The pages are wiped, but their old images stand in the logs until then.
        let writer = lock(&self.writer);
        truncate(&writer, "keys")?;
        truncate(&writer, "main")
    }
}

fn connect(folder: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join(DOCUMENTS), flags)?;
    connection.busy_timeout(PATIENCE)?;
    let keys = folder.join(KEYS);
    let keys = keys.to_str().ok_or(Error::Damaged("the directory's name is not UTF-8"))?;
    connection.execute("ATTACH ?1 AS keys", [keys])?;
    Ok(connection)
}

/// Sets the writing connection up, and what a new file needs.
fn prepare(writer: &Connection) -> Result<(), Error> {
    // Nothing spills into files of its own that nobody wipes.
    writer.execute_batch("PRAGMA temp_store = MEMORY")?;
    let files = APPLICATIONS.iter().zip(SCHEMAS);
    for ((file, application), schema) in files.clone() {
        check(writer, file, *application)?;
        writer.execute_batch(&format!(
            "PRAGMA {file}.journal_mode = WAL; PRAGMA {file}.synchronous = FULL;
             PRAGMA {file}.secure_delete = ON; PRAGMA fullfsync = ON;"
        ))?;
        if number(writer, file, "user_version")? == 0 {
            writer.execute_batch(&format!(
                "BEGIN IMMEDIATE; {schema} PRAGMA {file}.application_id = {application};
                 PRAGMA {file}.user_version = {VERSION}; COMMIT;"
            ))?;
        }
    }
    writer.execute_batch(MEND)?;
    for ((file, _), _) in files {
        truncate(writer, file)?;
    }
    Ok(())
}

fn check(writer: &Connection, file: &str, application: i64) -> Result<(), Error> {
    let found = (number(writer, file, "application_id")?, number(writer, file, "user_version")?);
    match found {
        (0, 0) => Ok(()),
        (known, VERSION) if known == application => Ok(()),
        (known, version) if known == application => Err(Error::Version(version)),
        _ => Err(Error::Damaged("a file is not what it is named for")),
    }
}

fn number(connection: &Connection, file: &str, pragma: &str) -> Result<i64, Error> {
    Ok(connection.pragma_query_value(Some(file), pragma, |row| row.get(0))?)
}

/// Copies a log into its file and cuts it to nothing.
fn truncate(writer: &Connection, file: &str) -> Result<(), Error> {
    let checkpoint = format!("PRAGMA {file}.wal_checkpoint(TRUNCATE)");
    let busy: bool = writer.query_row(&checkpoint, [], |row| row.get(0))?;
    if busy { Err(Error::StillRead) } else { Ok(()) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Retention in SQLite's file: where the ledger is cut, what is kept of what was cut, and the
//! deleting itself, a slice at a time.

use super::{Cut, Error, stored};
use rusqlite::{Connection, OptionalExtension};

/// The version that first knew of retention.
pub(super) const SINCE: i64 = 3;

/// What the file gained with it.
pub(super) const TABLES: &str = "
    CREATE TABLE facts (cut INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (cut, part)) STRICT;
    CREATE TABLE cut (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL,
        hash BLOB NOT NULL, stamp INTEGER NOT NULL, entry INTEGER NOT NULL) STRICT;";

/// Parts of facts deleted at a time: each is some hundred times as large as an entry.
pub(super) const PARTS_AT_ONCE: usize = 8;

pub(super) fn read(ledger: &Connection) -> Result<Option<Cut>, Error> {
    let mut statement = ledger.prepare_cached("SELECT sequence, hash, stamp, entry FROM cut")?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Cut {
            sequence: row.get(0).map(i64::cast_unsigned)?,
            hash: row.get(1)?,
            before: row.get(2)?,
            entry: row.get(3).map(i64::cast_unsigned)?,
        })
    };
    Ok(statement.query_row([], read).optional()?)
}

pub(super) fn write(ledger: &Connection, cut: &Cut) -> Result<(), Error> {
    ledger
        .prepare_cached(
            "INSERT INTO cut (one, sequence, hash, stamp, entry) VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash,
                 stamp = excluded.stamp, entry = excluded.entry",
        )?
        .execute((stored(cut.sequence)?, cut.hash, cut.before, stored(cut.entry)?))?;
    Ok(())
}

pub(super) fn put_facts(
    ledger: &Connection,
    cut: u64,
    part: u64,
    body: &[u8],
) -> Result<(), Error> {
    ledger
        .prepare_cached(
            "INSERT INTO facts (cut, part, body) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET body = excluded.body",
        )?
        .execute((stored(cut)?, stored(part)?, body))?;
    Ok(())
}

pub(super) fn facts(
    ledger: &Connection,
    cut: u64,
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), Error> {
    let mut statement =
        ledger.prepare_cached("SELECT body FROM facts WHERE cut = ?1 ORDER BY part")?;
    let mut rows = statement.query([stored(cut)?])?;
    while let Some(row) = rows.next()? {
        each(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
    }
    Ok(())
}

/// Deletes entries that are cut, oldest first; where there are none, facts of other cuts.
pub(super) fn sweep(ledger: &Connection, limit: usize) -> Result<usize, Error> {
    let entries = ledger
        .prepare_cached(
            "DELETE FROM entry WHERE sequence <= (SELECT sequence FROM cut)
                 AND sequence < (SELECT min(sequence) FROM entry) + ?1",
        )?
        .execute([stored(limit as u64)?])?;
    if entries > 0 {
        return Ok(entries);
    }
    let parts = ledger
        .prepare_cached(
            "DELETE FROM facts WHERE rowid IN (SELECT rowid FROM facts
                 WHERE cut <> coalesce((SELECT sequence FROM cut), -1) LIMIT ?1)",
        )?
        .execute([PARTS_AT_ONCE.min(limit) as i64])?;
    Ok(parts)
}

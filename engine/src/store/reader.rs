//! A connection that reads a ledger in SQLite, which its writer, or another process, may be writing.

use super::index::{Index, Makes, Page};
use super::schema::{
    ERASED_SINCE, FILE, MARKED_SINCE, check_library, check_schema, connect, mark_of, read_head,
};
use super::{Cut, Digest, Error, Head, Read, Row, RowRef, SubjectsOf, cutting, is_about, stored};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::Path;
use std::sync::Arc;

/// A reading connection.
pub struct Reader {
    ledger: Connection,
    version: i64,
    index: Option<Index>,
    subjects_of: SubjectsOf,
}

/// Opens a ledger that another process may be writing, to read it only.
pub fn open_read_only(dir: &Path, subjects_of: SubjectsOf) -> Result<Reader, Error> {
    check_library(rusqlite::version_number())?;
    Reader::open(dir, subjects_of, Arc::default())
}

impl Reader {
    pub(super) fn open(
        dir: &Path,
        subjects_of: SubjectsOf,
        makes: Arc<Makes>,
    ) -> Result<Reader, Error> {
        let ledger = connect(&dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // Only the writer brings it up to date.
        let Some((_, version)) = check_schema(&ledger)? else {
            return Err(Error::Damaged("the ledger's file is empty"));
        };
        let mut reader = Reader { ledger, version, index: None, subjects_of };
        reader.index = Some(Index::open(dir, makes, &mut reader));
        Ok(reader)
    }

    /// The sequence up to which entries are cut.
    fn cut_at(&self) -> Result<u64, Error> {
        if self.version < cutting::SINCE {
            return Ok(0);
        }
        Ok(cutting::read(&self.ledger)?.map_or(0, |cut| cut.sequence))
    }

    /// The subject's entries below `before`, newest first, as the index has them and those that it
    /// does not know yet; nothing where a row of it is wrong.
    fn listed(
        &self,
        subject: u64,
        (page, cut): (Page, u64),
        before: i64,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, Error> {
        let mut rows = self.tail(subject, page.indexed.max(cut), before, limit)?;
        for sequence in page.sequences.into_iter().take(limit - rows.len()) {
            if sequence > page.indexed {
                return Ok(None);
            }
            match self.entry(sequence)? {
                Some(row) if !is_about(self.subjects_of, &row.body, subject) => return Ok(None),
                row => rows.extend(row),
            }
        }
        Ok(Some(rows))
    }

    /// An entry that was indexed; nothing where it was cut since.
    fn entry(&self, sequence: u64) -> Result<Option<Row>, Error> {
        let mut statement = self
            .ledger
            .prepare_cached("SELECT sequence, salt, body FROM entry WHERE sequence = ?1")?;
        let mut rows = statement.query([stored(sequence)?])?;
        let row = rows.next()?.map(read_row).transpose()?.map(RowRef::to_owned);
        if row.is_none() && sequence > self.cut_at()? {
            return Err(Error::Damaged("an entry is missing"));
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
            let entry = read_row(entry)?;
            if is_about(self.subjects_of, entry.body, subject) {
                found.push(entry.to_owned());
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
            let number: i64 = row.get(0)?;
            let identifier = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if marked && row.get::<_, Option<i64>>(2)? != Some(mark_of(number, identifier)) {
                return Err(Error::Subject(number.cast_unsigned()));
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
            each(read_row(row)?);
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
            None => Page::default(),
        };
        match self.listed(subject, (page, cut), before, limit)? {
            Some(rows) => Ok(rows),
            None => {
                self.index.iter().for_each(Index::distrust);
                self.tail(subject, cut, before, limit)
            }
        }
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

/// An entry of which sequence, salt and body are asked for.
fn read_row<'a>(row: &'a rusqlite::Row<'_>) -> Result<RowRef<'a>, Error> {
    let sequence = row.get(0).map(i64::cast_unsigned)?;
    let salt = row.get(1).map_err(|_| Error::Salt(sequence))?;
    let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(RowRef { sequence, salt, body })
}

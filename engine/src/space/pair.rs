//! Whether the vault's two files are there, and are what they are named for.
//!
//! One without the other is worth nothing, and whoever opened it would clear it
//! away as what a crash left. So it is looked at before anything is made.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::Error;
use super::sqlite::{APPLICATIONS, DOCUMENTS, KEYS, PATIENCE};

/// What one of the files holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// It is not there, is empty, or has no tables: nobody ever wrote into it.
    Nothing,
    /// Its tables, without a row.
    Tables,
    Rows,
}

/// Refuses a directory in which one file holds rows and the other was never made. A first start
/// that ended between the two leaves no row.
///
/// # Errors
/// Where that is so, or a file cannot be read. Tells otherwise whether there are keys.
pub(super) fn look(folder: &Path) -> Result<bool, Error> {
    // An engine that starts meanwhile makes both before it writes into either.
    let documents = holds(folder, DOCUMENTS, "document")?;
    let keys = holds(folder, KEYS, "key")?;
    match (documents, keys) {
        (Holds::Rows, Holds::Nothing) => Err(Error::Alone { missing: KEYS, there: DOCUMENTS }),
        (Holds::Nothing, Holds::Rows) => Err(Error::Alone { missing: DOCUMENTS, there: KEYS }),
        _ => Ok(keys == Holds::Rows),
    }
}

/// Looks through the files of a directory that no engine runs on.
///
/// # Errors
/// Where one is missing, damaged, or another program's.
pub fn check(folder: &Path) -> Result<(), Error> {
    for (file, (_, application)) in [DOCUMENTS, KEYS].into_iter().zip(APPLICATIONS) {
        if let Some(reader) = open(folder, file)? {
            sound(&reader, application).map_err(|why| Error::Unsound { file, why })?;
        }
    }
    look(folder).map(drop)
}

fn sound(reader: &Connection, application: i64) -> Result<(), String> {
    let ask = |pragma| reader.query_row(pragma, [], |row| row.get::<_, String>(0));
    let found = ask("PRAGMA quick_check(1)").map_err(|error| error.to_string())?;
    if found != "ok" {
        return Err(found);
    }
    let found = reader.query_row(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT count(*) FROM sqlite_schema)",
        [],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    );
    match found.map_err(|error| error.to_string())? {
        (0, 0) => Ok(()),
        (found, _) if found == application => Ok(()),
        _ => Err("it is not what it is named for".to_owned()),
    }
}

fn holds(folder: &Path, file: &'static str, table: &str) -> Result<Holds, Error> {
    let Some(reader) = open(folder, file)? else { return Ok(Holds::Nothing) };
    let ask = |question: &str| reader.query_row(question, [], |row| row.get::<_, bool>(0));
    let made = format!("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '{table}')");
    let any = format!("SELECT EXISTS (SELECT 1 FROM {table})");
    let found = ask(&made).and_then(|made| Ok((made, made && ask(&any)?)));
    match found.map_err(|error| unsound(file, &error))? {
        (false, _) => Ok(Holds::Nothing),
        (true, false) => Ok(Holds::Tables),
        (true, true) => Ok(Holds::Rows),
    }
}

fn open(folder: &Path, file: &'static str) -> Result<Option<Connection>, Error> {
    let path = folder.join(file);
    if !path.try_exists()? {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|reader| {
        reader.busy_timeout(PATIENCE)?;
        Ok(reader)
    });
    opened.map(Some).map_err(|error| unsound(file, &error))
}

fn unsound(file: &'static str, error: &rusqlite::Error) -> Error {
    Error::Unsound { file, why: error.to_string() }
}

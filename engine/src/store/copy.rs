//! Copies a database while others write it.

use super::Error;
use super::files::{create_private, sync_dir};
use super::schema::connect;
use rusqlite::OpenFlags;
use std::fs::File;
use std::path::Path;

/// Writes what `from` holds at one moment into `to`, a new file that only its owner may read. Whoever
/// writes `from` meanwhile is not held up; what it writes is not in the copy, and its log is not cut
/// before the copy is done.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let source = connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // SQLite fills a file that is there and empty, and so leaves its mode.
    create_private(to)?;
    let Some(name) = to.to_str() else { return Err(Error::Name(to.to_owned())) };
    source.execute("VACUUM INTO ?1", [name])?;
    File::open(to)?.sync_all()?;
    Ok(to.parent().map_or(Ok(()), sync_dir)?)
}

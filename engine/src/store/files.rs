//! Files that only their owner may read, made, locked and removed.

use super::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Holds the file's lock for as long as the handle lives, against other processes too.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    create_private(path)?;
    let file = File::open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked),
        Err(TryLockError::Error(failure)) => Err(failure.into()),
    }
}

/// Makes the file if it is not there, readable by its owner only; SQLite gives its log the same
/// mode.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    unless(options.open(path).map(drop), ErrorKind::AlreadyExists)
}

/// Removes the file, if there is one.
pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    unless(fs::remove_file(path), ErrorKind::NotFound)
}

fn unless(outcome: io::Result<()>, harmless: ErrorKind) -> io::Result<()> {
    outcome.or_else(|failure| if failure.kind() == harmless { Ok(()) } else { Err(failure) })
}

/// A new file is durable only when its name is.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

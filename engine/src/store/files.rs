//! Files that only their owner may read, made, locked and removed.

use super::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Mutex;

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

/// The handles of [`held`], each with what tells its file from others.
static HELD: Mutex<Vec<((u64, u64), &'static File)>> = Mutex::new(Vec::new());

/// A handle of one's own on a file that SQLite has open, to sync it. It stays open until the process
/// ends, one for each file: to close it would drop every lock that this process has on the file,
/// those of readers who outlive a writer too.
pub(super) fn held(path: &Path) -> io::Result<&'static File> {
    let mut held = HELD.lock().expect("no panic under it");
    let wanted = identity(&fs::metadata(path)?);
    if let Some((_, file)) = held.iter().find(|(found, _)| *found == wanted) {
        return Ok(file);
    }
    let file: &'static File =
        Box::leak(Box::new(OpenOptions::new().read(true).write(true).open(path)?));
    held.push((identity(&file.metadata()?), file));
    Ok(file)
}

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (found.dev(), found.ino())
}

/// Where closing a handle drops no lock of others, any file is as good as a new one.
#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, u64) {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    (0, NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
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

/// Makes the directory and those above it, where they are not there, for their owner only.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes a directory the owner's alone where nothing is in it yet; refuses one, or files of these
/// names in it, that others may use. What is not there is nobody's.
pub(crate) fn keep_private(dir: &Path, names: &[&str]) -> Result<(), Error> {
    create_private_dir(dir)?;
    #[cfg(unix)]
    if fs::read_dir(dir)?.next().is_none() {
        let alone = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(dir, alone)?;
    }
    let files = names.iter().map(|name| dir.join(name));
    for path in std::iter::once(dir.to_owned()).chain(files) {
        let mode = match fs::metadata(&path) {
            Ok(found) => mode(&found),
            Err(failure) if failure.kind() == ErrorKind::NotFound => continue,
            Err(failure) => return Err(failure.into()),
        };
        if mode & 0o077 != 0 {
            return Err(Error::Exposed { path, mode });
        }
    }
    Ok(())
}

#[cfg(unix)]
fn mode(found: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777
}

/// Where there are no modes, the directory's own rules hold.
#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
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

/// A directory of a test, as an engine wants it.
#[cfg(test)]
pub(crate) fn temporary() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    keep_private(folder.path(), &[]).expect("it is empty");
    folder
}

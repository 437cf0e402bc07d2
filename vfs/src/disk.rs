//! A watched directory: what happened to its files, and what is to go wrong.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use rusqlite::ffi;

use super::hooks;

/// What goes wrong from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No write has room.
    Full,
    /// Every sync fails, and nobody knows what is on the disk.
    FailingSync,
    /// Nothing can be written.
    ReadOnly,
    /// Nothing can be read.
    Unreadable,
}

/// Something that happened to a file.
#[derive(Clone, Debug)]
pub struct Event {
    /// The file's name in its directory.
    pub file: String,
    /// What happened.
    pub what: What,
    /// When, by the watcher's clock.
    pub at: u64,
    /// On which thread, where it has a name.
    pub thread: Option<Box<str>>,
}

/// What happened to a file.
#[derive(Clone, Debug)]
pub enum What {
    /// Bytes were written.
    Write {
        /// Where.
        offset: u64,
        /// These.
        data: Vec<u8>,
    },
    /// It was cut to this length.
    Truncate(u64),
    /// It was taken out of its directory.
    Delete,
    /// What happened to it before is durable.
    Sync,
    /// What was taken out of its directory before stays away.
    SyncDir,
}

/// A directory that is watched, as long as this is held.
pub struct Disk {
    dir: PathBuf,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    trouble: Option<Trouble>,
}

type Watched = HashMap<PathBuf, Weak<Disk>>;

static DISKS: LazyLock<Mutex<Watched>> = LazyLock::new(Mutex::default);

fn disks() -> MutexGuard<'static, Watched> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Watches the files that are opened in `dir` from now on; `clock` tells when
    /// something happens.
    ///
    /// # Panics
    /// Where the directory is not there, or SQLite takes no VFS.
    pub fn watch(dir: &Path, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Arc<Self> {
        hooks::install();
        let dir = dir.canonicalize().expect("the directory is there");
        let disk = Self { dir: dir.clone(), clock: Box::new(clock), state: Mutex::default() };
        let disk = Arc::new(disk);
        disks().insert(dir, Arc::downgrade(&disk));
        disk
    }

    /// What goes wrong from now on; nothing where there is none.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        self.lock().trouble = trouble;
    }

    /// Everything that has happened, in its order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The disk on which a file is, and its name there.
    pub(crate) fn of(path: &Path) -> Option<(Arc<Self>, String)> {
        let dir = path.parent()?.canonicalize().ok()?;
        let disk = disks().get(&dir)?.upgrade()?;
        Some((disk, path.file_name()?.to_str()?.to_owned()))
    }

    /// How a write, a cut or a removal fails, where it is to fail.
    pub(crate) fn write_fails(&self) -> Option<i32> {
        match self.lock().trouble? {
            Trouble::Full => Some(ffi::SQLITE_FULL),
            Trouble::ReadOnly => Some(ffi::SQLITE_READONLY),
            Trouble::FailingSync | Trouble::Unreadable => None,
        }
    }

    /// How a sync fails, where it is to fail.
    pub(crate) fn sync_fails(&self) -> Option<i32> {
        let failing = self.lock().trouble == Some(Trouble::FailingSync);
        failing.then_some(ffi::SQLITE_IOERR_FSYNC)
    }

    /// How a read fails, where it is to fail.
    pub(crate) fn read_fails(&self) -> Option<i32> {
        let failing = self.lock().trouble == Some(Trouble::Unreadable);
        failing.then_some(ffi::SQLITE_IOERR_READ)
    }

    pub(crate) fn happened(&self, file: &str, what: What) {
        let thread = std::thread::current().name().map(Box::from);
        let mut state = self.lock();
        // Under the lock, so that times stand in the order of events.
        let at = (self.clock)();
        state.events.push(Event { file: file.to_owned(), what, at, thread });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        disks().remove(&self.dir);
    }
}

//! Where SQLite calls: the only unsafe code of the workspace.
//!
//! The VFS is a copy of SQLite's own with another `xOpen` and `xDelete`. A file on a
//! watched disk keeps the object that SQLite's own VFS made, and gets a table of
//! methods that is a copy of its own with five of them replaced; which table it had
//! stands in [`FILES`].
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

use super::disk::{Disk, What};

/// A file of a watched disk, by the address of SQLite's object for it.
#[derive(Clone)]
struct Open {
    disk: Arc<Disk>,
    name: String,
    own: &'static ffi::sqlite3_io_methods,
    /// Whether its first sync is to sync its directory, too.
    new: bool,
}

static FILES: LazyLock<Mutex<HashMap<usize, Open>>> = LazyLock::new(Mutex::default);
/// Our tables, by the address of those that they are copies of: there are few.
static TABLES: LazyLock<Mutex<HashMap<usize, &'static ffi::sqlite3_io_methods>>> =
    LazyLock::new(Mutex::default);

/// SQLite's own VFS, which lives as long as the process.
#[derive(Clone, Copy)]
struct Own(&'static ffi::sqlite3_vfs);

// SAFETY: SQLite calls a VFS from any thread, and nothing changes it once it is
// registered.
unsafe impl Send for Own {}
// SAFETY: as above.
unsafe impl Sync for Own {}

static OWN: LazyLock<Own> = LazyLock::new(|| {
    // SAFETY: a null name asks for the default; SQLite initialises itself, and never
    // frees a VFS that is compiled in.
    let found = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()).as_ref() };
    Own(found.expect("SQLite has a VFS"))
});

/// Makes ours the default, once.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let own = *OWN;
        let ours = ffi::sqlite3_vfs {
            pNext: std::ptr::null_mut(),
            zName: c"watched".as_ptr(),
            xOpen: Some(open),
            xDelete: Some(delete),
            ..*own.0
        };
        // SAFETY: `ours` is never freed, and every pointer in it is SQLite's own or a
        // function of the type that it takes.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 1) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes a VFS");
    });
}

fn files() -> MutexGuard<'static, HashMap<usize, Open>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn file_at(file: *mut ffi::sqlite3_file) -> Open {
    files().get(&(file as usize)).cloned().expect("only files that are open here have our methods")
}

/// Our table for files that had this one.
fn table(own: &'static ffi::sqlite3_io_methods) -> &'static ffi::sqlite3_io_methods {
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    tables.entry(std::ptr::from_ref(own) as usize).or_insert_with(|| {
        Box::leak(Box::new(ffi::sqlite3_io_methods {
            xClose: Some(close),
            xRead: Some(read),
            xWrite: Some(write),
            xTruncate: Some(truncate),
            xSync: Some(sync),
            ..*own
        }))
    })
}

/// The file that SQLite names, where its disk is watched.
///
/// # Safety
/// `name` is null or ends with a zero byte.
unsafe fn watched(name: *const c_char) -> Option<(Arc<Disk>, String)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: it is not null, and the caller says that it ends.
    let name = unsafe { CStr::from_ptr(name) };
    Disk::of(Path::new(name.to_str().ok()?))
}

/// SQLite's own VFS syncs the directory with the first sync of every log that it was
/// to create where it was missing (`isNewJrnl` in os_unix.c).
fn is_new(flags: c_int) -> bool {
    let log = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
    flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & log != 0
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let own = OWN.0.xOpen.expect("a VFS opens files");
    // SAFETY: what SQLite passed is passed on; our VFS has the same data as its own.
    let code = unsafe { own(vfs, name, file, flags, out) };
    // SAFETY: SQLite passes a name that ends.
    let Some((disk, name)) = (unsafe { watched(name) }) else { return code };
    if code != ffi::SQLITE_OK {
        return code;
    }
    // SAFETY: the file is open, so that it has methods, which are constants of
    // SQLite's; nobody else knows the object yet.
    unsafe {
        let methods = (*file).pMethods.as_ref().expect("an open file has methods");
        files().insert(file as usize, Open { disk, name, own: methods, new: is_new(flags) });
        (*file).pMethods = table(methods);
    }
    code
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_dir: c_int,
) -> c_int {
    // SAFETY: SQLite passes a name that ends.
    let watched = unsafe { watched(name) };
    if let Some(code) = watched.as_ref().and_then(|(disk, _)| disk.write_fails()) {
        return code;
    }
    let own = OWN.0.xDelete.expect("a VFS deletes files");
    // SAFETY: what SQLite passed is passed on.
    let code = unsafe { own(vfs, name, sync_dir) };
    if let Some((disk, name)) = watched.filter(|_| code == ffi::SQLITE_OK) {
        disk.happened(&name, What::Delete);
        if sync_dir != 0 {
            disk.happened(&name, What::SyncDir);
        }
    }
    code
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let open = files().remove(&(file as usize)).expect("it was open here");
    let own = open.own.xClose.expect("a file can be closed");
    // SAFETY: it gets back what it had, and ends as it would have.
    unsafe {
        (*file).pMethods = open.own;
        own(file)
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    len: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let open = file_at(file);
    if let Some(code) = open.disk.read_fails() {
        return code;
    }
    let own = open.own.xRead.expect("a file can be read");
    // SAFETY: what SQLite passed is passed on.
    unsafe { own(file, into, len, offset) }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    len: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let open = file_at(file);
    if let Some(code) = open.disk.write_fails() {
        return code;
    }
    let own = open.own.xWrite.expect("a file can be written");
    // SAFETY: what SQLite passed is passed on.
    let code = unsafe { own(file, from, len, offset) };
    if code == ffi::SQLITE_OK {
        // SAFETY: SQLite passes `len` bytes that can be read.
        let data = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len as usize) };
        let data = data.to_vec();
        open.disk.happened(&open.name, What::Write { offset: offset as u64, data });
    }
    code
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let open = file_at(file);
    if let Some(code) = open.disk.write_fails() {
        return code;
    }
    let own = open.own.xTruncate.expect("a file can be cut");
    // SAFETY: what SQLite passed is passed on.
    let code = unsafe { own(file, size) };
    if code == ffi::SQLITE_OK {
        open.disk.happened(&open.name, What::Truncate(size as u64));
    }
    code
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    let open = file_at(file);
    if let Some(code) = open.disk.sync_fails() {
        return code;
    }
    // What survives is what is written down here: the real disk need not turn.
    open.disk.happened(&open.name, What::Sync);
    if open.new {
        open.disk.happened(&open.name, What::SyncDir);
        files().entry(file as usize).and_modify(|known| known.new = false);
    }
    ffi::SQLITE_OK
}

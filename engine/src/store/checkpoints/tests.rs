//! When the log is copied, and by whom.

use super::{Checkpoints, Copier, Log, Next, copy, held};
use crate::store::Error;
use rusqlite::Connection;
use std::fs::File;
use std::time::Duration;
use tempfile::TempDir;

/// Frames of 4 KiB: a slice, the length from which the log is to start over, and the greatest.
const SLICE: u64 = 127;
const LONG: u64 = 4_072;
const GREATEST: u64 = 16_288;

/// What follows on a log of so many frames, of which so many are left, after a copy that began with
/// others left.
fn check(frames: u64, left: u64, ended: Option<u64>, expected: &Next) {
    let (_folder, mut checkpoints) = checkpoints();
    checkpoints.left = ended.unwrap_or_default();
    let log = Log { frames, copied: frames - left, ended: ended.is_some() };
    assert_eq!(&checkpoints.next(&log), expected, "{frames}, {left}, {ended:?}");
}

/// Those of a file in which nothing is.
fn checkpoints() -> (TempDir, Checkpoints) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut ledger = Connection::open(&path).unwrap();
    ledger.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE head (one)").unwrap();
    let checkpoints = Checkpoints::new(&path, &mut ledger).unwrap();
    (folder, checkpoints)
}

#[test]
fn a_short_log_is_copied_in_slices_beside_the_writer() {
    check(SLICE - 1, SLICE - 1, None, &Next::Nothing);
    check(SLICE, SLICE, None, &Next::Beside);
    check(LONG - 1, SLICE - 1, Some(SLICE), &Next::Nothing);
    check(LONG - 1, LONG - 2, Some(SLICE), &Next::Beside);
}

#[test]
fn of_a_long_log_the_writer_copies_a_last_piece_that_is_short() {
    for left in [SLICE / 4 + 1, SLICE, 3 * SLICE, LONG - 1] {
        check(LONG, left, None, &Next::Beside);
        check(LONG, left, Some(2 * left), &Next::Beside);
    }
    for ended in [None, Some(SLICE)] {
        check(LONG, SLICE / 4, ended, &Next::Here("PASSIVE"));
    }
}

#[test]
fn where_as_much_is_written_as_is_copied_the_writer_ends_that() {
    for left in [SLICE / 4 + 1, SLICE, 2 * SLICE] {
        check(LONG, left, Some(2 * left - 1), &Next::Here("PASSIVE"));
    }
    check(LONG, 2 * SLICE + 1, Some(2 * SLICE), &Next::Beside);
}

#[test]
fn what_a_reader_keeps_is_not_copied_again_at_once_but_at_the_greatest_length() {
    let (_folder, mut checkpoints) = checkpoints();
    (checkpoints.copied, checkpoints.left) = (1, LONG);
    let mut log = Log { frames: LONG, copied: 1, ended: true };
    assert_eq!(checkpoints.next(&log), Next::Nothing);
    log.ended = false;
    assert_eq!(checkpoints.next(&log), Next::Beside);
    check(GREATEST, LONG, Some(LONG), &Next::Here("RESTART"));
}

/// Or the writer would have to sync what every copy wrote.
#[cfg(target_os = "linux")]
#[test]
fn a_copy_ends_with_a_sync_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let ledger = Connection::open(&path).unwrap();
    ledger.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE one (number)").unwrap();
    // Nothing that could be synced.
    let failed = copy(&ledger, &File::open("/dev/null").unwrap());
    assert!(matches!(failed, Err(Error::Io(_))), "{failed:?}");
    copy(&ledger, held(&path).unwrap()).unwrap();
}

#[test]
fn a_file_is_opened_once_to_sync_it_and_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    std::fs::write(&one, "").unwrap();
    std::fs::write(&other, "").unwrap();
    let first: &'static File = held(&one).unwrap();
    assert!(std::ptr::eq(first, held(&one).unwrap()));
    assert!(!std::ptr::eq(first, held(&other).unwrap()));
}

/// As `nice` counts, of each of this process' threads that copy.
#[cfg(target_os = "linux")]
fn niceness() -> Vec<i32> {
    let of = |thread: std::fs::DirEntry| {
        // One that ended meanwhile tells nothing.
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        let (name, rest) = stat.rsplit_once(") ")?;
        // The first after the name is the third of all, and this the nineteenth.
        let nice = rest.split(' ').nth(16)?.parse().ok();
        nice.filter(|_| name.ends_with("(checkpoints"))
    };
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads.filter_map(|thread| of(thread.unwrap())).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_copies_stands_back() {
    let (_folder, checkpoints) = checkpoints();
    checkpoints.copier.copy();
    checkpoints.copied().unwrap();
    // Other tests have such threads, too, of which some are new; and all may stand back.
    let found = niceness();
    assert!(found.iter().any(|it| *it >= super::NICENESS), "{found:?}");
}

#[test]
fn a_copy_that_panics_has_failed() {
    let copier = Copier::start(|| panic!("on purpose")).unwrap();
    copier.copy();
    let ended = copier.ends_within(Duration::from_secs(60));
    assert!(matches!(ended, Err(Error::Io(_))), "{ended:?}");
}

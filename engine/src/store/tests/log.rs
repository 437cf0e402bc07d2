//! How long SQLite's log grows, and who copies it.

use super::fixture::{STREAM, head_of, row, subjects_of};
use crate::store::{Cut, Error, Sqlite, Storage, Time};
use rusqlite::Connection;
use std::fs;
use std::path::Path;

const MEBIBYTE: usize = 1 << 20;

/// One more batch, and what is to be copied after it, to its end; true where the writer copied the
/// rest itself.
fn grow(ledger: &mut Sqlite, sequence: u64, bytes: usize) -> bool {
    ledger.append(&row(sequence, &vec![0; bytes])).unwrap();
    commit(ledger, sequence)
}

fn commit(ledger: &mut Sqlite, sequence: u64) -> bool {
    assert!(!ledger.checkpoint().unwrap(), "a batch is open");
    ledger.commit(&head_of(sequence, 1)).unwrap();
    settle(ledger)
}

fn settle(ledger: &mut Sqlite) -> bool {
    let mut stalled = ledger.checkpoint().unwrap();
    while !ledger.copied().unwrap() {
        stalled |= ledger.checkpoint().unwrap();
    }
    stalled
}

fn log_bytes(dir: &Path) -> u64 {
    fs::metadata(dir.join("ledger.db-wal")).unwrap().len()
}

#[test]
fn the_log_is_copied_beside_the_writer() {
    let folder = crate::store::files::temporary();
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    assert!(!ledger.checkpoint().unwrap());
    let stalls = (1..=40).filter(|sequence| grow(&mut ledger, *sequence, MEBIBYTE)).count();
    assert_eq!(stalls, 0);
    // It starts over whenever all of it is copied.
    let log = log_bytes(folder.path());
    assert!(log < 3 << 20, "{log}");
    let file = fs::metadata(folder.path().join("ledger.db")).unwrap().len();
    assert!(file > 39 << 20, "{file}");
}

/// What of the log is not copied, in bytes.
fn left(dir: &Path) -> u64 {
    let ledger = Connection::open(dir.join("ledger.db")).unwrap();
    // Whoever has read nothing knows of no log.
    ledger.execute_batch("SELECT count(*) FROM head").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
    let frames: i64 = ledger.query_row("PRAGMA wal_checkpoint(NOOP)", [], read).unwrap();
    frames.cast_unsigned() * 4_120
}

/// Two hundred batches leave no more than is copied at a time and what one batch writes.
#[track_caller]
fn check_length(ledger: &mut Sqlite, dir: &Path, mut write: impl FnMut(&mut Sqlite, u64)) {
    let head = ledger.reader().unwrap().head().unwrap();
    let (mut written, mut after) = (0, left(dir));
    for batch in 0..200 {
        write(ledger, batch);
        ledger.commit(&head).unwrap();
        written += left(dir).saturating_sub(after);
        settle(ledger);
        after = left(dir);
        assert!(after < 1 << 20, "{after} bytes are not copied after {batch} batches");
    }
    assert!(written > 6 << 20, "{written} bytes are not much");
    assert!(log_bytes(dir) < 4 << 20, "{}", log_bytes(dir));
}

#[test]
fn whatever_is_written_counts_as_it_lengthens_the_log() {
    const EACH: u64 = 64;
    let folder = crate::store::files::temporary();
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    let last = 200 * 512 + 1;
    for sequence in 1..=last {
        ledger.append(&row(sequence, &[0; 200])).unwrap();
        if sequence.is_multiple_of(1_024) || sequence == last {
            commit(&mut ledger, sequence);
        }
    }
    check_length(&mut ledger, folder.path(), |ledger, batch| {
        let numbers = (0..16 * EACH).map(|it| 16 * EACH * batch + it);
        numbers.for_each(|number| ledger.put_subject(number, "1986021456789").unwrap());
    });
    // Whoever comes first makes room, and then each is on a page of its own.
    for state in [[7; 200], [8; 200]] {
        check_length(&mut ledger, folder.path(), |ledger, batch| {
            let numbers = (0..EACH).map(|it| 200 * it + batch);
            numbers.for_each(|number| ledger.put_consent(number, &state).unwrap());
        });
    }
    check_length(&mut ledger, folder.path(), |ledger, batch| {
        ledger.put_facts(1, batch, &[7; 32 << 10]).unwrap();
    });
    ledger.set_cut(&Cut { sequence: last - 1, hash: [7; 32], before: 3, entry: last }).unwrap();
    check_length(&mut ledger, folder.path(), |ledger, _| {
        assert_eq!(ledger.sweep(512).unwrap(), 512);
    });
}

#[test]
fn what_was_ordered_when_a_copy_failed_is_not_committed() {
    let folder = crate::store::files::temporary();
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    grow(&mut ledger, 1, 100);
    ledger.append(&row(2, b"ordered")).unwrap();
    ledger.fail_a_copy(Error::Io(std::io::Error::other("the disk is gone")));
    let failure = ledger.commit(&head_of(2, 1));
    assert!(matches!(failure, Err(Error::Io(_))), "{failure:?}");
    assert!(matches!(ledger.append(&row(2, b"again")), Err(Error::Poisoned)));
    let mut reader = ledger.reader().unwrap();
    assert_eq!(reader.head().unwrap().sequence, 1);
    drop(ledger);
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    assert!(!grow(&mut ledger, 2, 100));
}

#[test]
fn a_slow_reader_keeps_the_log_from_being_copied_and_fails_nothing() {
    let folder = crate::store::files::temporary();
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    grow(&mut ledger, 1, MEBIBYTE);
    let slow = Connection::open(folder.path().join("ledger.db")).unwrap();
    slow.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
    // The writer waits for it at 64 MiB, and not after every batch.
    let stalls = (2..=70).filter(|sequence| grow(&mut ledger, *sequence, MEBIBYTE)).count();
    assert_eq!(stalls, 1);
    let file = fs::metadata(folder.path().join("ledger.db")).unwrap().len();
    assert!(file < 2 << 20, "{file}");
    slow.execute_batch("COMMIT").unwrap();
    for sequence in 71..=84 {
        grow(&mut ledger, sequence, MEBIBYTE);
    }
    let log = log_bytes(folder.path());
    assert!(log <= 84 << 20, "{log}");
    let file = fs::metadata(folder.path().join("ledger.db")).unwrap().len();
    assert!(file > 82 << 20, "{file}");
}

#[test]
fn the_writer_copies_what_a_copy_beside_it_left_where_the_log_is_long() {
    let folder = crate::store::files::temporary();
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    let read = || {
        let reader = Connection::open(folder.path().join("ledger.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
        reader
    };
    let first = read();
    let early = (1..=16).filter(|sequence| grow(&mut ledger, *sequence, MEBIBYTE)).count();
    let second = read();
    drop(first);
    // The second keeps back what comes after it, which is short at first.
    let late = (17..=40).filter(|sequence| grow(&mut ledger, *sequence, MEBIBYTE / 4)).count();
    assert_eq!((early, late), (0, 1));
    drop(second);
}

#[test]
fn a_log_is_cut_whole_while_it_is_copied() {
    let folder = crate::store::files::temporary();
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    let name = |number: u64| format!("identifier-{number:013}");
    for number in 1..=12 {
        ledger.put_subject(number, &name(number)).unwrap();
        ledger.append(&row(number, &vec![0; 2 * MEBIBYTE])).unwrap();
        ledger.commit(&head_of(number, 1)).unwrap();
        ledger.erase_subject(number).unwrap();
        ledger.commit(&head_of(number, 1)).unwrap();
        // A copy begins, and nobody waits for it but the cut.
        assert!(!ledger.checkpoint().unwrap());
        // On a busy machine a copy may last for longer than a cut waits.
        if ledger.scrub().is_err() {
            ledger.copied().unwrap();
            ledger.scrub().unwrap();
        }
        assert_eq!(log_bytes(folder.path()), 0);
        let file = fs::read(folder.path().join("ledger.db")).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains(&name(number)));
    }
}

#[test]
fn beside_a_copy_that_lasts_nobody_waits_and_no_stall_is_told() {
    let folder = crate::store::files::temporary();
    let mut ledger = Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of).unwrap();
    let held = ledger.hold_a_copy();
    for sequence in 1..=70 {
        ledger.append(&row(sequence, &vec![0; MEBIBYTE])).unwrap();
        ledger.commit(&head_of(sequence, 1)).unwrap();
        assert!(!ledger.checkpoint().unwrap(), "{sequence}");
    }
    assert!(log_bytes(folder.path()) > 70 << 20);
    // A cut waits for a moment, and leaves it for another time.
    assert!(matches!(ledger.scrub(), Err(Error::StillRead)));
    drop(held);
    ledger.scrub().unwrap();
    assert_eq!(log_bytes(folder.path()), 0);
}

/// So that one process more, or a low limit, does not close a ledger that runs.
#[cfg(target_os = "linux")]
#[test]
fn whoever_copies_has_all_its_files_from_the_start() {
    let folder = crate::store::files::temporary();
    let [at_first, later] = ["at first", "later"].map(|name| folder.path().join(name));
    let mut ledger = Sqlite::open(&at_first, STREAM, Time::Real, subjects_of).unwrap();
    // Nothing is found under its name from here on.
    fs::rename(&at_first, &later).unwrap();
    let stalls = (1..=4).filter(|sequence| grow(&mut ledger, *sequence, MEBIBYTE)).count();
    assert_eq!(stalls, 0);
    let file = fs::metadata(later.join("ledger.db")).unwrap().len();
    assert!(file > 3 << 20, "{file}");
}

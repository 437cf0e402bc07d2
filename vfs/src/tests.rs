//! The watch itself, on a database of two rows.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::{Disk, Shadow, Trouble, What};

fn watched(dir: &Path) -> Arc<Disk> {
    let clock = AtomicU64::new(0);
    Disk::watch(dir, move || clock.fetch_add(1, Ordering::SeqCst))
}

fn open(dir: &Path) -> Connection {
    let connection = Connection::open(dir.join("file")).expect("a database");
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
    connection.execute_batch(settings).expect("a setting");
    connection
}

fn count(dir: &Path) -> rusqlite::Result<i64> {
    open(dir).query_row("SELECT count(*) FROM row", [], |row| row.get(0))
}

#[test]
fn of_what_was_written_a_power_loss_leaves_what_was_synced() {
    let (dir, copy) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let disk = watched(dir.path());
    let connection = open(dir.path());
    connection.execute_batch("CREATE TABLE row (n); INSERT INTO row VALUES (1)").expect("a row");
    let before = disk.events().len();
    connection.execute_batch("INSERT INTO row VALUES (2)").expect("a row");
    let events = disk.events();
    // The second row's commit, before its sync and after it.
    let sync = events.iter().skip(before).position(|event| matches!(event.what, What::Sync));
    let sync = before + sync.expect("a commit syncs");
    assert!(sync > before, "something is written before it is synced");
    let mut shadow = Shadow::default();
    events[..sync].iter().for_each(|event| shadow.apply(event));
    shadow.write_to(copy.path(), || false).expect("room");
    assert_eq!(count(copy.path()).expect("a table"), 1);
    let copy = tempfile::tempdir().expect("a place");
    shadow.apply(&events[sync]);
    shadow.write_to(copy.path(), || false).expect("room");
    assert_eq!(count(copy.path()).expect("a table"), 2);
}

#[test]
fn troubles_come_and_go_and_other_directories_have_none() {
    let (dir, other) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let disk = watched(dir.path());
    let (watched, free) = (open(dir.path()), open(other.path()));
    let create = "CREATE TABLE IF NOT EXISTS row (n); INSERT INTO row VALUES (1)";
    watched.execute_batch(create).expect("nothing is wrong yet");
    for trouble in [Trouble::Full, Trouble::FailingSync, Trouble::ReadOnly] {
        disk.trouble(Some(trouble));
        assert!(watched.execute_batch("INSERT INTO row VALUES (2)").is_err(), "{trouble:?}");
        free.execute_batch(create).expect("it is not its disk");
    }
    disk.trouble(Some(Trouble::Unreadable));
    assert!(
        Connection::open(dir.path().join("file"))
            .and_then(|it| it.execute_batch("SELECT * FROM row"))
            .is_err()
    );
    disk.trouble(None);
    watched.execute_batch("INSERT INTO row VALUES (3)").expect("nothing is wrong any more");
}

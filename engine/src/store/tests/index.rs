//! The usage index: whatever is wrong with it, lists say what the ledger does.

use super::files::{copy, indexed};
use super::fixture::{Ledger, body, subjects_of};
use crate::store::{Error, open_read_only};
use rusqlite::Connection;
use std::fs;

/// Reads rightly with the index as it is, and has a whole one again after one step.
fn check_recovery(ledger: &mut Ledger) {
    ledger.model.check(&mut open_read_only(ledger.dir(), subjects_of).unwrap());
    ledger.reopen();
    ledger.check();
    assert_eq!(ledger.index_all(), 0);
    ledger.check();
    assert_eq!(rows_indexed(ledger), 14);
}

/// Damage to the file alone would go unseen: a log holds whole copies of its pages.
fn close_with_no_log(ledger: &mut Ledger) {
    ledger.close();
    assert!(!ledger.dir().join("index.db-wal").exists());
}

fn change_index(ledger: &Ledger, statements: &str) {
    let index = Connection::open(ledger.dir().join("index.db")).unwrap();
    index.execute_batch(statements).unwrap();
}

/// The table `usage` has the second page; the mark `indexed` lies behind it and stays whole.
fn damage_usages(ledger: &Ledger) {
    let path = ledger.dir().join("index.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..8192].fill(0xa5);
    fs::write(&path, bytes).unwrap();
}

fn rows_indexed(ledger: &Ledger) -> i64 {
    let index = Connection::open(ledger.dir().join("index.db")).unwrap();
    index.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_intact_index_is_kept() {
    let mut ledger = indexed();
    ledger.reopen();
    assert_eq!(rows_indexed(&ledger), 14);
    check_recovery(&mut ledger);
}

#[test]
fn an_absent_index_is_made_again() {
    let mut ledger = indexed();
    ledger.close();
    fs::remove_file(ledger.dir().join("index.db")).unwrap();
    check_recovery(&mut ledger);
}

#[test]
fn an_index_that_is_no_database_is_made_again() {
    let mut ledger = indexed();
    close_with_no_log(&mut ledger);
    fs::write(ledger.dir().join("index.db"), vec![0xa5; 9000]).unwrap();
    check_recovery(&mut ledger);
}

#[test]
fn an_index_of_another_version_is_made_again() {
    let mut ledger = indexed();
    ledger.close();
    change_index(&ledger, "PRAGMA user_version = 1; DROP TABLE usage;");
    check_recovery(&mut ledger);
}

#[test]
fn an_index_damaged_below_its_first_page_is_made_again_while_readers_read() {
    let mut ledger = indexed();
    close_with_no_log(&mut ledger);
    damage_usages(&ledger);
    ledger.reopen();
    let mut reader = ledger.reader();
    ledger.commit(&[body(&[2, 3])]);
    ledger.model.check(reader.as_mut());
    while ledger.index_all() > 0 {}
    ledger.model.check(reader.as_mut());
    assert_eq!(rows_indexed(&ledger), 16);
    // A usage that only the new file lacks shows that the old reader follows it.
    change_index(&ledger, "DELETE FROM usage WHERE subject = 4");
    assert_eq!(reader.usages(4, None, 9).unwrap().len(), 0);
}

/// Rows that no entry led to: somebody else's, of an entry that is not yet indexed or that there
/// is not, and what they do to a list.
const WRONG_ROWS: [&str; 4] = [
    "INSERT INTO usage VALUES (4, 4)",
    "UPDATE usage SET sequence = 6 WHERE subject = 4",
    "INSERT INTO usage VALUES (4, 11)",
    "INSERT INTO usage VALUES (4, 1000)",
];

#[test]
fn a_list_shows_what_entries_say_and_not_what_a_wrong_row_of_the_index_does() {
    for wrong in WRONG_ROWS {
        let mut ledger = indexed();
        // The index stays behind.
        drop(ledger.take_indexer());
        ledger.commit(&[body(&[4]), body(&[1])]);
        change_index(&ledger, wrong);
        for limit in [1, 2, 9] {
            let first: Vec<_> = [11, 9].into_iter().take(limit).collect();
            assert_eq!(ledger.usages(4, None, limit), first, "{wrong}, {limit} at once");
            assert_eq!(ledger.usages(4, Some(11), limit), [9], "{wrong}, {limit} at once");
        }
    }
}

#[test]
fn an_index_with_a_wrong_row_that_was_read_is_made_again_while_readers_read() {
    for wrong in WRONG_ROWS {
        let mut ledger = indexed();
        let (mut finder, mut other) = (ledger.reader(), ledger.reader());
        change_index(&ledger, wrong);
        assert_eq!(finder.usages(4, None, 9).unwrap().len(), 1, "{wrong}");
        // Nobody believes it from here on, who counts neither.
        assert_eq!(other.usage_count(4).unwrap(), 1, "{wrong}");
        assert_eq!(ledger.index_all(), 0);
        assert_eq!(rows_indexed(&ledger), 14, "{wrong}");
        for reader in [finder.as_mut(), other.as_mut()] {
            ledger.model.check(reader);
        }
        // A usage that only the new file lacks shows that both believe it, and that it is kept.
        change_index(&ledger, "DELETE FROM usage WHERE subject = 4");
        for reader in [&mut finder, &mut other] {
            assert_eq!(reader.usages(4, None, 9).unwrap().len(), 0, "{wrong}");
        }
        assert_eq!(ledger.index_all(), 0);
        assert_eq!(rows_indexed(&ledger), 13, "{wrong}");
    }
}

#[test]
fn an_index_that_only_readers_find_damaged_is_made_again() {
    let mut ledger = indexed();
    close_with_no_log(&mut ledger);
    damage_usages(&ledger);
    ledger.reopen();
    let mut reader = ledger.reader();
    assert_eq!(reader.usages(4, None, 9).unwrap().len(), 1);
    assert_eq!(ledger.index_all(), 0);
    assert_eq!(rows_indexed(&ledger), 14);
    ledger.model.check(reader.as_mut());
}

#[test]
fn an_entry_that_the_ledger_lost_stops_the_list_and_is_no_fault_of_the_index() {
    let mut ledger = indexed();
    let lost = Connection::open(ledger.dir().join("ledger.db")).unwrap();
    lost.execute_batch("DELETE FROM entry WHERE sequence = 9").unwrap();
    for _ in 0..2 {
        let failure = ledger.reader().usages(4, None, 9).unwrap_err();
        assert!(matches!(failure, Error::Damaged(_)), "{failure}");
        assert_eq!(ledger.index_all(), 0);
    }
    assert_eq!(rows_indexed(&ledger), 14);
}

#[test]
fn an_index_of_another_ledger_is_not_believed() {
    let mut ledger = indexed();
    ledger.close();
    change_index(&ledger, "DELETE FROM usage; UPDATE indexed SET stream = zeroblob(16)");
    check_recovery(&mut ledger);
}

#[test]
fn an_index_ahead_of_its_ledger_is_not_believed() {
    let mut ledger = indexed();
    ledger.close();
    let earlier = (ledger.model.clone(), crate::store::files::temporary());
    copy(ledger.dir(), earlier.1.path(), &["ledger.db"]);
    ledger.reopen();
    ledger.commit(&vec![body(&[1]); 3]);
    ledger.close();
    copy(earlier.1.path(), ledger.dir(), &["ledger.db"]);
    ledger.model = earlier.0;
    check_recovery(&mut ledger);
}

#[test]
fn an_index_is_not_believed_by_a_ledger_that_went_another_way() {
    let mut ledger = indexed();
    ledger.close();
    change_index(&ledger, "DELETE FROM usage; UPDATE indexed SET salt = zeroblob(16)");
    check_recovery(&mut ledger);
}

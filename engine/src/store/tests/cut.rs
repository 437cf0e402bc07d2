//! Retention: what is cut is found by nobody, and what is swept is in no file.

use super::fixture::{Kind, Ledger, body, subjects_of};
use crate::store::{Cut, Error, Read, open_read_only};
use rusqlite::Connection;
use std::fs;

pub(super) fn what_is_cut_is_no_usage_and_what_is_swept_is_no_entry(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    for number in 0..5 {
        ledger.commit(&[body(&[1, number]), body(&[2])]);
    }
    assert_eq!(ledger.reader().cut().unwrap(), None);
    ledger.cut(4);
    ledger.commit(&[]);
    for left in [3, 4, 4] {
        ledger.check();
        assert_eq!(ledger.usages(1, None, 9), [9, 7, 5]);
        assert_eq!(ledger.reader().usage_count(2).unwrap(), 4);
        ledger.sweep(left);
        ledger.commit(&[body(&[3])]);
        ledger.reopen();
    }
    ledger.check();
    assert_eq!(ledger.reader().entries(0, 1).unwrap()[0].sequence, 5);
    assert_eq!(ledger.storage.sweep(9).unwrap(), 0, "nothing is left to be swept");
}

pub(super) fn facts_of_the_newest_cut_alone_outlive_a_sweep(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&vec![body(&[1]); 6]);
    let facts = |ledger: &Ledger, cut| {
        let mut found = Vec::new();
        ledger.reader().facts(cut, &mut |part| found.push(part.to_vec())).unwrap();
        found
    };
    for (cut, part, text) in [(2, 1, "b"), (2, 0, "x"), (2, 0, "a"), (4, 0, "c")] {
        ledger.storage.put_facts(cut, part, text.as_bytes()).unwrap();
    }
    assert!(facts(&ledger, 2).is_empty(), "an uncommitted batch is invisible");
    ledger.cut(2);
    ledger.commit(&[]);
    assert_eq!(facts(&ledger, 2), [b"a", b"b"]);
    // Those of a cut that never came about are swept, too.
    while ledger.sweep(1) > 0 {}
    ledger.commit(&[]);
    ledger.reopen();
    assert_eq!((facts(&ledger, 2).len(), facts(&ledger, 4).len()), (2, 0));
    ledger.check();
}

pub(super) fn a_cut_that_goes_back_or_beyond_its_entry_is_refused(kind: Kind) {
    for (sequence, entry) in [(0, 6), (2, 6), (3, 6), (6, 6), (7, 6), (5, 7)] {
        let mut ledger = Ledger::new(kind);
        ledger.commit(&vec![body(&[1]); 6]);
        ledger.cut(3);
        ledger.commit(&[]);
        let cut = Cut { sequence, entry, ..ledger.model.cut.unwrap() };
        let refused = ledger.storage.set_cut(&cut).unwrap_err();
        assert!(matches!(refused, Error::Cut(named) if named == sequence), "{refused}");
    }
}

#[test]
fn usages_that_are_cut_leave_the_index_a_slice_at_a_time() {
    let mut ledger = Ledger::new(Kind::SqliteUnindexed);
    ledger.commit(&vec![body(&[1, 2, u64::MAX]); 9]);
    assert_eq!(ledger.index_all(), 0);
    let count = |ledger: &Ledger| -> i64 {
        let index = Connection::open(ledger.dir().join("index.db")).unwrap();
        index.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&ledger), 27);
    ledger.cut(6);
    ledger.commit(&[]);
    let mut indexer = ledger.take_indexer();
    let mut steps = 0;
    while indexer.step(2).unwrap() > 0 {
        ledger.check();
        steps += 1;
    }
    assert_eq!((count(&ledger), steps), (9, 15));
    // What is swept before it was ever indexed is not missed.
    ledger.commit(&vec![body(&[1]); 3]);
    ledger.cut(11);
    while ledger.sweep(5) > 0 {}
    ledger.commit(&[]);
    while indexer.step(2).unwrap() > 0 {}
    assert_eq!(count(&ledger), 1);
    drop(indexer);
    ledger.check();
    ledger.reopen();
    ledger.check();
}

#[test]
fn an_index_that_is_made_anew_is_rid_again_of_usages_that_are_cut() {
    let mut ledger = Ledger::new(Kind::SqliteUnindexed);
    ledger.commit(&vec![body(&[1, 2]); 9]);
    ledger.cut(6);
    ledger.commit(&[]);
    let mut indexer = ledger.take_indexer();
    let open = || Connection::open(ledger.dir().join("index.db")).unwrap();
    let count =
        || -> i64 { open().query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap() };
    while indexer.step(4).unwrap() > 0 {}
    assert_eq!(count(), 6);
    open().execute_batch("DELETE FROM indexed").unwrap();
    while indexer.step(4).unwrap() > 0 {}
    assert_eq!(count(), 6);
    drop(indexer);
    ledger.check();
}

#[test]
fn what_is_swept_is_in_no_file() {
    let mut ledger = Ledger::new(Kind::SqliteIndexed);
    let secret = |number: u64| body(&[1, 0x5ec2_e75e_c2e7_0000 + number]);
    ledger.commit(&(0..300).map(secret).collect::<Vec<_>>());
    ledger.storage.put_facts(100, 0, &[0xfa; 9_000]).unwrap();
    ledger.cut(100);
    ledger.commit(&[]);
    ledger.storage.put_facts(250, 0, b"newer").unwrap();
    ledger.cut(250);
    ledger.commit(&[]);
    while ledger.sweep(64) > 0 {
        ledger.commit(&[]);
    }
    ledger.commit(&[]);
    ledger.take_indexer();
    ledger.storage.scrub().unwrap();
    let holds = |wanted: &[u8]| {
        let files = fs::read_dir(ledger.dir()).unwrap();
        let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
        let mut read = files.map(|path| fs::read(path).unwrap());
        read.any(|bytes| bytes.windows(wanted.len()).any(|it| it == wanted))
    };
    assert!(holds(&secret(299)) && holds(b"newer"));
    for gone in 0..250 {
        assert!(!holds(&secret(gone)), "{gone}");
    }
    assert!(!holds(&[0xfa; 64]));
}

#[test]
fn what_is_cut_while_a_reader_reads_is_no_damage() {
    let mut ledger = Ledger::new(Kind::SqliteIndexed);
    ledger.commit(&vec![body(&[1]); 40]);
    let dir = ledger.dir().to_owned();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reader = open_read_only(&dir, subjects_of).unwrap();
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                let found = reader.usages(1, None, 50).unwrap();
                assert_eq!(found[0].sequence, reader.head().unwrap().sequence.min(40));
                reader.usage_count(1).unwrap();
            }
        });
        for cut in 1..39 {
            ledger.cut(cut);
            ledger.commit(&[]);
            ledger.sweep(5);
            ledger.commit(&[]);
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        reading.join().unwrap();
    });
    ledger.check();
}

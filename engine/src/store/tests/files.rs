//! What SQLite's files add to the contract: other processes, damage, versions.

use super::fixture::{Kind, Ledger, Model, STREAM, body, head_of, row, subjects_of};
use crate::store::{Error, Read, Sqlite, Storage, Time, open_read_only};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) fn indexed() -> Ledger {
    let mut ledger = Ledger::new(Kind::SqliteIndexed);
    for number in 0..5 {
        ledger.commit(&[body(&[number, 1]), body(&[2])]);
    }
    ledger
}

pub(super) fn copy(from: &Path, to: &Path, names: &[&str]) {
    for name in names {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn pragma(dir: &Path, statement: &str) {
    Connection::open(dir.join("ledger.db")).unwrap().execute_batch(statement).unwrap();
}

#[test]
fn a_subject_is_found_while_writer_and_indexer_run() {
    let mut ledger = Ledger::new(Kind::SqliteUnindexed);
    let (mut indexer, mut reader) = (ledger.take_indexer(), ledger.reader());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                indexer.step(7).unwrap();
            }
        });
        scope.spawn(|| {
            let mut newest = 0;
            while !done.load(Ordering::Acquire) {
                let found: Vec<u64> =
                    reader.usages(1, None, 20).unwrap().iter().map(|row| row.sequence).collect();
                let first = found.first().copied().unwrap_or(0);
                assert!(first >= newest);
                newest = first;
                assert!(
                    found
                        .iter()
                        .rev()
                        .zip((first + 1).saturating_sub(20).max(1)..)
                        .all(|(a, b)| *a == b)
                );
                assert_eq!(found.len() as u64, first.min(20));
            }
        });
        for _ in 0..300 {
            ledger.commit(&[body(&[1]), body(&[1, 2])]);
        }
        done.store(true, Ordering::Release);
    });
    ledger.check();
}

#[test]
fn another_process_reads_while_the_writer_writes() {
    let mut ledger = indexed();
    let mut audit = open_read_only(ledger.dir(), subjects_of).unwrap();
    ledger.model.check(&mut audit);
    ledger.commit(&[body(&[1])]);
    ledger.model.check(&mut audit);
    ledger.close();
    ledger.model.check(&mut audit);
    ledger.model.check(&mut open_read_only(ledger.dir(), subjects_of).unwrap());
}

#[test]
fn a_read_only_opener_makes_no_ledger() {
    let dir = crate::store::files::temporary();
    assert!(open_read_only(dir.path(), subjects_of).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_second_writer_is_refused() {
    let ledger = indexed();
    assert!(matches!(
        Sqlite::open(ledger.dir(), STREAM, Time::Real, subjects_of),
        Err(Error::Locked)
    ));
}

#[test]
fn an_existing_ledger_keeps_its_stream() {
    let mut ledger = indexed();
    ledger.close();
    drop(Sqlite::open(ledger.dir(), [8; 16], Time::Real, subjects_of).unwrap());
    assert_eq!(open_read_only(ledger.dir(), subjects_of).unwrap().head().unwrap().stream, STREAM);
}

#[test]
fn a_ledger_opens_only_under_the_time_that_it_was_begun_with() {
    for (begun, other) in [(Time::Real, Time::Scaled), (Time::Scaled, Time::Real)] {
        let dir = crate::store::files::temporary();
        drop(Sqlite::open(dir.path(), STREAM, begun, subjects_of).unwrap());
        let refused = Sqlite::open(dir.path(), STREAM, other, subjects_of).err();
        assert!(matches!(refused, Some(Error::OtherTime(found)) if found == begun), "{refused:?}");
        drop(Sqlite::open(dir.path(), STREAM, begun, subjects_of).unwrap());
        assert_eq!(open_read_only(dir.path(), subjects_of).unwrap().head().unwrap().sequence, 0);
    }
}

#[test]
fn a_commit_survives_a_process_that_never_closes() {
    let mut ledger = indexed();
    ledger.commit(&[body(&[1])]);
    let copied = crate::store::files::temporary();
    copy(ledger.dir(), copied.path(), &["ledger.db", "ledger.db-wal"]);
    let _reopened = Sqlite::open(copied.path(), STREAM, Time::Real, subjects_of).unwrap();
    ledger.model.check(&mut open_read_only(copied.path(), subjects_of).unwrap());
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let mut ledger = indexed();
    ledger.close();
    pragma(ledger.dir(), "PRAGMA user_version = 5");
    let before = fs::read(ledger.dir().join("ledger.db")).unwrap();
    for failure in [
        Sqlite::open(ledger.dir(), STREAM, Time::Real, subjects_of).err(),
        open_read_only(ledger.dir(), subjects_of).err(),
    ] {
        assert!(matches!(failure, Some(Error::Version { found: 5, supported: 4 })), "{failure:?}");
    }
    assert_eq!(fs::read(ledger.dir().join("ledger.db")).unwrap(), before);
}

#[test]
fn a_database_that_is_no_ledger_is_refused_and_left_alone() {
    let dir = crate::store::files::temporary();
    crate::store::files::create_private(&dir.path().join("ledger.db")).unwrap();
    pragma(dir.path(), "CREATE TABLE other (a)");
    let before = fs::read(dir.path().join("ledger.db")).unwrap();
    assert!(matches!(
        Sqlite::open(dir.path(), STREAM, Time::Real, subjects_of),
        Err(Error::Damaged(_))
    ));
    assert_eq!(fs::read(dir.path().join("ledger.db")).unwrap(), before);
}

#[test]
fn a_ledger_that_lost_its_last_entry_is_refused() {
    let mut ledger = indexed();
    ledger.close();
    pragma(ledger.dir(), "DELETE FROM entry WHERE sequence = 10");
    assert!(matches!(
        Sqlite::open(ledger.dir(), STREAM, Time::Real, subjects_of),
        Err(Error::Damaged(_))
    ));
}

#[test]
fn an_entry_whose_salt_was_cut_is_told_by_its_sequence() {
    let mut ledger = indexed();
    ledger.close();
    pragma(ledger.dir(), "UPDATE entry SET salt = x'00' WHERE sequence = 7");
    let mut reader = open_read_only(ledger.dir(), subjects_of).unwrap();
    for found in [reader.entries(0, 100), reader.usages(1, None, 100)] {
        assert!(matches!(found, Err(Error::Salt(7))), "{found:?}");
    }
}

#[test]
fn an_old_library_is_refused() {
    use crate::store::schema::check_library;
    assert!(matches!(check_library(3_051_002), Err(Error::TooOldSqlite(_))));
    check_library(3_051_003).unwrap();
}

/// Else a commit that comes alone would also wait until it is written when the log was last changed.
#[test]
fn sqlite_is_told_that_there_is_fdatasync() {
    let flags = option_env!("LIBSQLITE3_FLAGS").unwrap_or_default();
    assert!(flags.contains("-DHAVE_FDATASYNC=1"), "see .cargo/config.toml: {flags:?}");
}

#[test]
fn a_subject_who_became_another_is_seen() {
    for (damage, number) in [
        ("UPDATE subject SET identifier = 'R15' WHERE number = 2", 2),
        ("UPDATE subject SET number = 9 WHERE number = 2", 9),
        ("UPDATE subject SET mark = NULL WHERE number = 2", 2),
        ("UPDATE subject SET mark = mark + 1 WHERE number = 2", 2),
    ] {
        let mut ledger = indexed();
        ledger.put_subject(1, "A15");
        ledger.put_subject(2, "B15");
        ledger.commit(&[]);
        ledger.close();
        pragma(ledger.dir(), damage);
        let mut reader = open_read_only(ledger.dir(), subjects_of).unwrap();
        let found = reader.subjects(&mut |_, _| {});
        assert!(
            matches!(found, Err(Error::Subject(told)) if told == number),
            "{damage}: {found:?}"
        );
    }
}

/// The tables of the first version, as they landed with it.
const FIRST: &str = "
    CREATE TABLE entry (sequence INTEGER PRIMARY KEY, salt BLOB NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE subject (number INTEGER PRIMARY KEY, identifier TEXT NOT NULL) STRICT;
    CREATE TABLE consent (subject INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;
    CREATE TABLE text (digest BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), stream BLOB NOT NULL,
        sequence INTEGER NOT NULL, hash BLOB NOT NULL, stamp INTEGER NOT NULL) STRICT;
    PRAGMA application_id = 0x50464c47; PRAGMA user_version = 1;";

/// What the second version added.
const SECOND: &str = "
    CREATE TABLE erased (number INTEGER PRIMARY KEY) STRICT;
    PRAGMA user_version = 2;";

#[test]
fn a_ledger_of_every_earlier_version_is_read_as_it_is_and_brought_up_to_date_when_opened() {
    for tables in [FIRST.to_owned(), format!("{FIRST}{SECOND}")] {
        is_brought_up_to_date(&tables);
    }
}

fn is_brought_up_to_date(tables: &str) {
    let dir = crate::store::files::temporary();
    crate::store::files::create_private(&dir.path().join("ledger.db")).unwrap();
    pragma(dir.path(), tables);
    let row = row(1, &body(&[1]));
    let first = Connection::open(dir.path().join("ledger.db")).unwrap();
    first.execute("INSERT INTO entry VALUES (1, ?1, ?2)", (row.salt, row.body.clone())).unwrap();
    let head = head_of(1, 7);
    first.execute("INSERT INTO head VALUES (1, ?1, 1, ?2, 7)", (head.stream, head.hash)).unwrap();
    first.execute_batch("INSERT INTO subject VALUES (1, 'one'), (2, 'two')").unwrap();
    drop(first);
    let expected = Model {
        head,
        rows: vec![row],
        subjects: [(1, "one".to_owned()), (2, "two".to_owned())].into(),
        ..Model::new()
    };
    let mut reader = open_read_only(dir.path(), subjects_of).unwrap();
    expected.check(&mut reader);
    reader.erased(&mut |number| panic!("{number} was not erased")).unwrap();
    drop(reader);
    let mut storage = Sqlite::open(dir.path(), STREAM, Time::Real, subjects_of).unwrap();
    expected.check(storage.reader().unwrap().as_mut());
    storage.erase_subject(1).unwrap();
    storage.put_facts(1, 0, b"facts").unwrap();
    storage.commit(&head).unwrap();
    drop(storage);
    let mut storage = Sqlite::open(dir.path(), STREAM, Time::Real, subjects_of).unwrap();
    let mut erased = Vec::new();
    storage.reader().unwrap().erased(&mut |number| erased.push(number)).unwrap();
    assert_eq!(erased, [1]);
    assert!(matches!(storage.put_subject(1, "one"), Err(Error::SubjectTaken(1))));
}

/// Pages are split, merged and moved about: no copy of an identifier may stay behind.
#[test]
fn of_many_identifiers_exactly_those_erased_are_gone_from_every_file() {
    const COUNT: u64 = 3_000;
    let name = |number: u64| format!("identifier-{:013}", number * 7_919);
    let mut ledger = Ledger::new(Kind::SqliteIndexed);
    for number in 0..COUNT {
        ledger.put_subject(number, &name(number));
        ledger.put_consent(number, format!("consent of {}", name(number)).as_bytes());
        if number % 100 == 99 {
            ledger.commit(&[body(&[number])]);
        }
    }
    let is_erased = |number: u64| number.is_multiple_of(3) || (1_000..1_400).contains(&number);
    for number in (0..COUNT).filter(|number| is_erased(*number)) {
        ledger.storage.erase_subject(number).unwrap();
        if number.is_multiple_of(50) {
            ledger.commit(&[]);
        }
    }
    ledger.commit(&[]);
    ledger.storage.scrub().unwrap();
    let files = fs::read_dir(ledger.dir()).unwrap().map(|file| fs::read(file.unwrap().path()));
    let bytes = files.map(Result::unwrap).collect::<Vec<_>>().concat();
    let text = String::from_utf8_lossy(&bytes);
    let left: std::collections::HashSet<&str> =
        text.match_indices("identifier-").map(|(at, _)| &text[at..at + 24]).collect();
    for number in 0..COUNT {
        assert_eq!(left.contains(&*name(number)), !is_erased(number), "{}", name(number));
    }
}

#[test]
fn a_log_that_another_process_reads_is_not_called_cut() {
    let mut ledger = indexed();
    ledger.put_subject(7, "seven");
    ledger.commit(&[]);
    let other = Connection::open(ledger.dir().join("ledger.db")).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM subject").unwrap();
    ledger.storage.erase_subject(7).unwrap();
    ledger.commit(&[]);
    assert!(matches!(ledger.storage.scrub(), Err(Error::StillRead)));
    drop(other);
    ledger.storage.scrub().unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let ledger = indexed();
    let files: Vec<_> = fs::read_dir(ledger.dir()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[cfg(unix)]
#[test]
fn what_others_may_use_is_refused_and_an_empty_directory_is_closed() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let folder = tempfile::tempdir().unwrap();
    mode(folder.path(), 0o755).unwrap();
    let open = || Sqlite::open(folder.path(), STREAM, Time::Real, subjects_of);
    drop(open().unwrap());
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["", "ledger.db", "index.db", "ledger.lock"] {
        let path = folder.path().join(name);
        for wrong in [0o740, 0o604] {
            mode(&path, wrong).unwrap();
            let refused = open().err().unwrap();
            let named = matches!(&refused, Error::Exposed { mode, .. } if *mode == wrong);
            assert!(named, "{name}: {refused}");
            assert!(refused.to_string().contains(name), "{refused}");
            mode(&path, 0o700).unwrap();
        }
        drop(open().unwrap());
    }
}

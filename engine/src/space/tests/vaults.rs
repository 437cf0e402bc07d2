//! The contract that both vaults keep, and what SQLite's files add to it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use super::*;
use crate::store::files::create_private;

/// Checks something of both.
fn each(check: impl Fn(&dyn Vault)) {
    check(&Memory::default());
    let folder = crate::store::files::temporary();
    check(&Sqlite::open(folder.path()).unwrap());
}

fn record(byte: u8) -> Record {
    Record { key: vec![byte; 73], document: vec![byte ^ 0xff; 40 + usize::from(byte)] }
}

fn sorted(vault: &dyn Vault) -> Vec<Tag> {
    let mut tags = vault.tags().unwrap();
    tags.sort_unstable();
    tags
}

#[test]
fn a_record_is_found_as_it_was_put() {
    each(|vault| {
        assert_eq!(vault.get(&[1; 16]).unwrap(), None);
        vault.put(&[1; 16], &record(1)).unwrap();
        vault.put(&[2; 16], &record(2)).unwrap();
        assert_eq!(vault.get(&[1; 16]).unwrap(), Some(record(1)));
        assert_eq!(vault.get(&[2; 16]).unwrap(), Some(record(2)));
        assert_eq!(sorted(vault), [[1; 16], [2; 16]]);
    });
}

#[test]
fn a_record_takes_the_place_of_the_one_before() {
    each(|vault| {
        vault.put(&[1; 16], &record(1)).unwrap();
        vault.put(&[1; 16], &Record { document: vec![9; 500], ..record(1) }).unwrap();
        let found = vault.get(&[1; 16]).unwrap().unwrap();
        assert_eq!((found.key, found.document), (record(1).key, vec![9; 500]));
        vault.put(&[1; 16], &record(3)).unwrap();
        assert_eq!(vault.get(&[1; 16]).unwrap(), Some(record(3)));
        assert_eq!(sorted(vault), [[1; 16]]);
    });
}

#[test]
fn a_record_that_is_forgotten_is_gone_and_others_stay() {
    each(|vault| {
        vault.put(&[1; 16], &record(1)).unwrap();
        vault.put(&[2; 16], &record(2)).unwrap();
        vault.forget(&[1; 16]).unwrap();
        vault.forget(&[1; 16]).unwrap();
        vault.forget(&[3; 16]).unwrap();
        assert_eq!(vault.get(&[1; 16]).unwrap(), None);
        assert_eq!(vault.get(&[2; 16]).unwrap(), Some(record(2)));
        assert_eq!(sorted(vault), [[2; 16]]);
        vault.put(&[1; 16], &record(4)).unwrap();
        assert_eq!(vault.get(&[1; 16]).unwrap(), Some(record(4)));
    });
}

#[test]
fn records_are_there_after_a_restart() {
    let folder = crate::store::files::temporary();
    let vault = Sqlite::open(folder.path()).unwrap();
    vault.put(&[1; 16], &record(1)).unwrap();
    drop(vault);
    let vault = Sqlite::open(folder.path()).unwrap();
    assert_eq!(vault.get(&[1; 16]).unwrap(), Some(record(1)));
    assert_eq!(sorted(&vault), [[1; 16]]);
}

#[test]
fn a_record_is_durable_before_anything_is_closed() {
    let (folder, copy) = (crate::store::files::temporary(), crate::store::files::temporary());
    let vault = Sqlite::open(folder.path()).unwrap();
    vault.put(&[1; 16], &record(1)).unwrap();
    for file in ["space.db", "space.db-wal", "keys.db", "keys.db-wal"] {
        fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let found = Sqlite::open(copy.path()).unwrap().get(&[1; 16]).unwrap();
    assert_eq!(found, Some(record(1)));
}

#[test]
fn only_the_owner_may_read_the_files() {
    let folder = crate::store::files::temporary();
    let vault = Sqlite::open(folder.path()).unwrap();
    vault.put(&[1; 16], &record(1)).unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 4, "two files and their logs");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

/// What a crash between the two files leaves, in either order.
#[test]
fn half_a_record_is_none_and_is_cleared_away() {
    let folder = crate::store::files::temporary();
    let vault = Sqlite::open(folder.path()).unwrap();
    vault.put(&[1; 16], &record(1)).unwrap();
    vault.put(&[2; 16], &record(2)).unwrap();
    vault.put(&[3; 16], &record(3)).unwrap();
    let change = |file: &str, statement: &str| {
        Connection::open(folder.path().join(file)).unwrap().execute(statement, []).unwrap()
    };
    assert_eq!(change("keys.db", "DELETE FROM key WHERE hex(tag) LIKE '01%'"), 1);
    assert_eq!(change("space.db", "DELETE FROM document WHERE hex(tag) LIKE '02%'"), 1);
    assert_eq!(vault.get(&[1; 16]).unwrap(), None);
    assert_eq!(vault.get(&[2; 16]).unwrap(), None);
    drop(vault);
    let vault = Sqlite::open(folder.path()).unwrap();
    assert_eq!(sorted(&vault), [[3; 16]]);
    assert!(!found_in(folder.path(), &record(1).document));
    assert!(!found_in(folder.path(), &record(2).key));
    vault.put(&[1; 16], &record(4)).unwrap();
    assert_eq!(vault.get(&[1; 16]).unwrap(), Some(record(4)));
}

#[test]
fn a_write_that_fails_closes_the_vault_until_a_restart() {
    let folder = crate::store::files::temporary();
    let vault = Sqlite::open(folder.path()).unwrap();
    vault.put(&[1; 16], &record(1)).unwrap();
    let other = Connection::open(folder.path().join("keys.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(vault.put(&[2; 16], &record(2)), Err(Error::Sqlite(_))));
    drop(other);
    assert!(matches!(vault.put(&[2; 16], &record(2)), Err(Error::Closed)));
    assert!(matches!(vault.forget(&[1; 16]), Err(Error::Closed)));
    assert_eq!(vault.get(&[1; 16]).unwrap(), Some(record(1)));
    drop(vault);
    Sqlite::open(folder.path()).unwrap().put(&[2; 16], &record(2)).unwrap();
}

#[test]
fn files_of_others_are_left_alone() {
    let refused = |prepare: &str| {
        let folder = crate::store::files::temporary();
        drop(Sqlite::open(folder.path()).unwrap());
        Connection::open(folder.path().join("keys.db")).unwrap().execute_batch(prepare).unwrap();
        Sqlite::open(folder.path()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refused(""), "");
    assert!(refused("PRAGMA user_version = 2").contains("version 2"));
    assert!(refused("PRAGMA application_id = 7").contains("not what it is named for"));
    let folder = crate::store::files::temporary();
    create_private(&folder.path().join("space.db")).unwrap();
    fs::write(folder.path().join("space.db"), vec![0xa5; 9000]).unwrap();
    assert!(matches!(Sqlite::open(folder.path()), Err(Error::Unsound { file: "space.db", .. })));
}

#[test]
fn a_directory_says_whether_it_holds_anybodys_own_data() {
    let folder = crate::store::files::temporary();
    let holds = || Sqlite::holds_any(folder.path()).unwrap();
    assert!(!holds());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it made nothing");
    create_private(&folder.path().join("space.db")).unwrap();
    create_private(&folder.path().join("keys.db")).unwrap();
    assert!(!holds(), "a first start that ended early");
    let vault = Sqlite::open(folder.path()).unwrap();
    assert!(!holds());
    vault.put(&[1; 16], &record(1)).unwrap();
    assert!(holds());
    drop(vault);
    assert!(holds());
}

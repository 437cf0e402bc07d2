//! One of the vault's two files without the other.

use std::fs;

use rusqlite::Connection;

use super::*;
use crate::store::files::{create_private, temporary};

const FILES: [(&str, &str); 2] = [("space.db", "keys.db"), ("keys.db", "space.db")];

fn record() -> Record {
    Record { key: vec![1; 73], document: vec![2; 90] }
}

/// Every way in, with what it says of the one file that is lost.
#[track_caller]
fn check_refused(folder: &Path, lost: &str) {
    let copy = temporary();
    let said = [
        Sqlite::open(folder).map(drop),
        Sqlite::holds_any(folder).map(drop),
        backup(folder, copy.path()),
        check(folder),
    ];
    for said in said {
        let said = said.unwrap_err().to_string();
        assert!(said.starts_with(&format!("{lost} is missing or empty")), "{said}");
    }
    assert_eq!(fs::read_dir(copy.path()).unwrap().count(), 0, "nothing is copied");
}

#[test]
fn a_file_with_rows_and_without_its_other_is_refused_and_left_as_it_is() {
    for (lost, _) in FILES {
        let (folder, aside) = (temporary(), temporary());
        Sqlite::open(folder.path()).unwrap().put(&[1; 16], &record()).unwrap();
        let (file, kept) = (folder.path().join(lost), aside.path().join(lost));
        fs::rename(&file, &kept).unwrap();
        check_refused(folder.path(), lost);
        assert!(!file.exists(), "none is made in its place");
        create_private(&file).unwrap();
        check_refused(folder.path(), lost);
        // Whoever finds it again has lost nothing.
        fs::rename(&kept, &file).unwrap();
        check(folder.path()).unwrap();
        let found = Sqlite::open(folder.path()).unwrap().get(&[1; 16]).unwrap();
        assert_eq!(found, Some(record()));
    }
}

#[test]
fn a_first_start_that_ended_between_its_files_is_gone_on_with() {
    for (there, other) in FILES {
        let folder = temporary();
        create_private(&folder.path().join(there)).unwrap();
        assert!(!Sqlite::holds_any(folder.path()).unwrap());
        drop(Sqlite::open(folder.path()).unwrap());
        // Without a row, tables are worth as little.
        fs::remove_file(folder.path().join(other)).unwrap();
        assert!(!Sqlite::holds_any(folder.path()).unwrap());
        Sqlite::open(folder.path()).unwrap().put(&[1; 16], &record()).unwrap();
        assert!(Sqlite::holds_any(folder.path()).unwrap());
    }
}

#[test]
fn a_record_of_which_a_crash_left_half_is_no_missing_file() {
    for (file, statement) in [("space.db", "DELETE FROM document"), ("keys.db", "DELETE FROM key")]
    {
        let folder = temporary();
        Sqlite::open(folder.path()).unwrap().put(&[1; 16], &record()).unwrap();
        let changed = Connection::open(folder.path().join(file)).unwrap();
        assert_eq!(changed.execute(statement, []).unwrap(), 1);
        drop(changed);
        assert_eq!(Sqlite::open(folder.path()).unwrap().tags().unwrap(), Vec::<Tag>::new());
    }
}

#[test]
fn a_damaged_file_is_told_by_name() {
    for (file, other) in FILES {
        let folder = temporary();
        let vault = Sqlite::open(folder.path()).unwrap();
        for number in 0..200 {
            vault.put(&[number; 16], &record()).unwrap();
        }
        drop(vault);
        check(folder.path()).unwrap();
        let path = folder.path().join(file);
        let whole = fs::read(&path).unwrap();
        let refused = |bytes: Vec<u8>| {
            fs::write(&path, bytes).unwrap();
            let said = check(folder.path()).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{file} cannot be used: ")), "{said}");
        };
        refused(vec![0xa5; whole.len()]);
        // The header stands, and a page behind it does not.
        let mut torn = whole.clone();
        let last = torn.len() - 4096;
        torn[last..].fill(0xa5);
        refused(torn);
        refused(whole[..whole.len() / 2].to_vec());
        refused(fs::read(folder.path().join(other)).unwrap());
    }
}

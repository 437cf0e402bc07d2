//! Of a key that is erased, no byte is left in any file.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rusqlite::Connection;

use super::*;

#[tokio::test]
async fn whoever_is_erased_has_no_value_and_begins_anew() {
    let folder = crate::store::files::temporary();
    for space in [open(Memory::default()), sqlite(folder.path())] {
        space.put(alice(), attribute("email"), "a@example.lu", NOW).await.unwrap();
        space.erase(alice()).await.unwrap();
        space.erase(alice()).await.unwrap();
        assert_eq!(shown(&space, alice(), "email").await, None);
        space.put(alice(), attribute("mobile"), "+352621123456", NOW).await.unwrap();
        assert_eq!(shown(&space, alice(), "email").await, None);
        assert!(shown(&space, alice(), "mobile").await.is_some());
    }
}

#[tokio::test]
async fn an_erased_subject_leaves_no_byte_of_key_or_document_in_any_file() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    space.put(alice(), attribute("email"), "a@example.lu", NOW).await.unwrap();
    let first = stored(folder.path());
    space.put(alice(), attribute("email"), "b@example.lu", NOW).await.unwrap();
    let second = stored(folder.path());
    assert_eq!(first.key, second.key);
    assert_ne!(first.document, second.document);
    assert!(has_piece_of(folder.path(), &second.key));
    assert!(has_piece_of(folder.path(), &second.document));
    space.erase(alice()).await.unwrap();
    for bytes in [&first.key, &first.document, &second.document] {
        assert!(!has_piece_of(folder.path(), bytes));
    }
}

#[tokio::test]
async fn removing_the_last_value_forgets_the_key() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    space.put(alice(), attribute("email"), "a@example.lu", NOW).await.unwrap();
    space.put(alice(), attribute("mobile"), "+352621123456", NOW).await.unwrap();
    let before = stored(folder.path());
    space.delete(alice(), attribute("email")).await.unwrap();
    assert!(has_piece_of(folder.path(), &before.key));
    space.delete(alice(), attribute("mobile")).await.unwrap();
    assert!(!has_piece_of(folder.path(), &before.key));
    assert!(space.inner.held.is_empty());
}

/// Pages split, merge and are moved about: no copy of a key may stay behind.
#[test]
fn of_many_keys_exactly_those_forgotten_are_gone() {
    let folder = crate::store::files::temporary();
    let vault = Sqlite::open(folder.path()).unwrap();
    let at_once = "PRAGMA main.synchronous = OFF; PRAGMA keys.synchronous = OFF";
    vault.writer.lock().unwrap().execute_batch(at_once).unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let (mut kept, mut forgotten) = (BTreeMap::new(), Vec::new());
    for step in 0..2_000 {
        if step > 600 && random.random_bool(0.6) {
            let any = random.random_range(0..kept.len());
            let tag: Tag = *kept.keys().nth(any).unwrap();
            vault.forget(&tag).unwrap();
            forgotten.push(kept.remove(&tag).unwrap());
        } else {
            let (mut tag, mut key) = ([0; 16], vec![0; 73]);
            random.fill_bytes(&mut tag);
            random.fill_bytes(&mut key);
            let record = Record { key, document: vec![7; step % 400] };
            vault.put(&tag, &record).unwrap();
            kept.insert(tag, record);
        }
    }
    assert!(forgotten.len() > 500 && kept.len() > 10);
    let files = ["keys.db", "keys.db-wal", "space.db", "space.db-wal"];
    let files = files.map(|file| std::fs::read(folder.path().join(file)).unwrap());
    let pieces: HashSet<&[u8]> = files.iter().flat_map(|file| file.windows(PIECE)).collect();
    let left = |record: &Record| record.key.windows(PIECE).any(|it| pieces.contains(it));
    assert_eq!(forgotten.iter().filter(|record| left(record)).count(), 0);
    assert!(kept.values().all(left));
    for (tag, record) in &kept {
        assert_eq!(vault.get(tag).unwrap().as_ref(), Some(record));
    }
}

#[test]
fn a_key_that_another_process_still_reads_is_not_told_to_be_gone() {
    let folder = crate::store::files::temporary();
    let vault = Sqlite::open(folder.path()).unwrap();
    let record = Record { key: vec![7; 73], document: vec![8; 40] };
    vault.put(&[1; 16], &record).unwrap();
    let other = Connection::open(folder.path().join("keys.db")).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM key").unwrap();
    let read = "SELECT count(*) FROM key";
    assert_eq!(other.query_row(read, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    assert!(matches!(vault.forget(&[1; 16]), Err(Error::StillRead)));
    assert_eq!(vault.get(&[1; 16]).unwrap(), None);
    drop(other);
    vault.forget(&[1; 16]).unwrap();
    assert!(!has_piece_of(folder.path(), &record.key));
}

/// Long enough that random bytes never agree.
const PIECE: usize = 8;

fn has_piece_of(folder: &Path, bytes: &[u8]) -> bool {
    bytes.windows(PIECE).any(|piece| found_in(folder, piece))
}

/// The only record, as the files hold it.
fn stored(folder: &Path) -> Record {
    let vault = Sqlite::open(folder).unwrap();
    let tags = vault.tags().unwrap();
    let [tag] = &tags[..] else { panic!("one record") };
    vault.get(tag).unwrap().unwrap()
}

//! Values, sealing, vaults, and the space over them.

mod changed;
mod document;
mod erased;
mod master;
mod pair;
mod sealed;
mod values;
mod vaults;

use std::path::Path;

use super::*;

const ALICE: &str = "1893120105732";
const NOW: CivilMs = 1_780_272_000_000;

fn alice() -> Subject {
    ALICE.parse().unwrap()
}

/// Another: few texts of 13 digits are somebody's, because of their check digits.
fn bob() -> Subject {
    (0..100_000).find_map(|end| format!("19900101{end:05}").parse().ok()).unwrap()
}

fn key(byte: u8) -> MasterKey {
    MasterKey::new([byte; 32])
}

fn attribute(name: &str) -> Attribute {
    Attribute::named(name).unwrap()
}

fn open(vault: impl Vault + 'static) -> Space {
    Space::open(Box::new(vault), &key(1), Entropy::seeded(1)).unwrap()
}

fn sqlite(folder: &Path) -> Space {
    open(Sqlite::open(folder).unwrap())
}

/// One value as a bundle would show it, with the day of its change.
async fn shown(space: &Space, subject: Subject, name: &str) -> Option<(String, String)> {
    let index = usize::from(attribute(name).0);
    let answer = space.answer(subject, AttributeMask::only(index), NOW).await.unwrap();
    let value = String::from_utf8(answer.value(index)?.to_vec()).unwrap();
    Some((value, answer.last_updated(index)?.to_string()))
}

/// Whether any file below a folder has these bytes.
fn found_in(folder: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let has = |path| std::fs::read(path).unwrap().windows(bytes.len()).any(|it| it == bytes);
    files.into_iter().any(has)
}

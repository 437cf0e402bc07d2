//! Secrets: each is in a file of its own or in the environment, and never in the
//! configuration.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use zeroize::Zeroizing;

use super::Reading;
use crate::catalogue::reader::{Line, Placed, Table};
use crate::space::MasterKey;

/// Who else may read a secret's file: nobody of the rest of the world.
const OTHERS: u32 = 0o007;

/// The bytes that `{ file = ".." }` or `{ env = ".." }` leads to, without white
/// space around them.
pub(super) fn bytes(
    reading: &Reading<'_>,
    table: &Table<'_>,
    key: &'static str,
) -> Option<Zeroizing<Vec<u8>>> {
    let line = table.line_of(key);
    let Some(place) = table.table(key) else {
        reading.mistake(line, format!("`{key}` is missing; write {key} = {{ file = \"..\" }}"));
        return None;
    };
    found(reading, key, line, place)
}

/// The same under a key that is free.
pub(super) fn named(
    reading: &Reading<'_>,
    table: &Table<'_>,
    key: &Placed,
) -> Option<Zeroizing<Vec<u8>>> {
    found(reading, &key.text, key.line, table.table_under(key)?)
}

fn found(
    reading: &Reading<'_>,
    key: &str,
    line: Line,
    place: Table<'_>,
) -> Option<Zeroizing<Vec<u8>>> {
    let (file, variable) = (place.text("file"), place.text("env"));
    place.finish();
    let found = match (file, variable) {
        (Some(file), None) => of_file(reading, &file)?,
        (None, Some(variable)) => match std::env::var(&*variable.text) {
            Ok(value) => Zeroizing::new(value.into_bytes()),
            Err(_) => {
                let what = format!("the environment has no `{}`", variable.text);
                reading.mistake(variable.line, what);
                return None;
            }
        },
        _ => {
            reading.mistake(line, format!("`{key}` needs either `file` or `env`"));
            return None;
        }
    };
    let trimmed = found.trim_ascii();
    if trimmed.is_empty() {
        reading.mistake(line, format!("`{key}` leads to nothing"));
        return None;
    }
    Some(Zeroizing::new(trimmed.to_vec()))
}

/// A secret's file, which others must not be able to read.
pub(super) fn of_file(reading: &Reading<'_>, file: &Placed) -> Option<Zeroizing<Vec<u8>>> {
    let found = Zeroizing::new(reading.bytes(file)?);
    let path = reading.path(file);
    let open = fs::metadata(&path).is_ok_and(|it| it.permissions().mode() & OTHERS != 0);
    if open {
        let what = format!("everybody may read {}; chmod o= takes that away", path.display());
        reading.mistake(file.line, what);
        return None;
    }
    Some(found)
}

pub(super) fn master_key(reading: &Reading<'_>, table: &Table<'_>) -> Option<MasterKey> {
    let line = table.line_of("master-key");
    let key = MasterKey::from_hex(&bytes(reading, table, "master-key")?);
    if key.is_none() {
        reading
            .mistake(line, "`master-key` must lead to 64 hexadecimal digits: engine key makes one");
    }
    key
}

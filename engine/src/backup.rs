//! `engine backup` and `engine restore`: a data directory in a second place, and
//! back.
//!
//! A backup is taken while the engine runs, and counts only once the copy has
//! passed an audit of its own. The master key is kept outside of the data
//! directory, and so outside of its backups. A restored directory knows nothing
//! of what came after its backup: a No, a withdrawal, an erasure.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::ledger::{self, AuditError, Report};
use crate::space;
use crate::store::files::{create_private_dir, sync_dir};
use crate::store::{self, Head};

/// Why a backup or a restoration did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is in the way.
    #[error("{0} is there already; name a place where nothing is")]
    Taken(PathBuf),
    /// What it would hold would outlive an erasure, which looks at files of the directory itself.
    #[error(
        "{} is inside the data directory, where an erasure would miss it: name a place outside",
        .0.display()
    )]
    Inside(PathBuf),
    /// The backup ends before a head that was expected of it.
    #[error(
        "the backup ends at entry {found}, before the expected head's {expected}: what citizens \
         withdrew after it would be forgotten; --roll-back restores it all the same"
    )]
    Behind {
        /// Where it ends.
        found: u64,
        /// What was expected.
        expected: u64,
    },
    /// The ledger does not hold what it promises.
    #[error("violated: {0}")]
    Violated(ledger::Violation),
    /// Whether the ledger contains an expected head cannot be told.
    #[error("{0}")]
    Untold(String),
    /// The files cannot be read or written.
    #[error(transparent)]
    Storage(#[from] store::Error),
    /// The citizens' own data is not whole, or cannot be read or written.
    #[error("the citizens' own data: {0}")]
    Space(#[from] space::Error),
    /// A file or a directory cannot be had.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl From<AuditError> for Error {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Violated(violation) => Self::Violated(violation),
            AuditError::Unreadable(error) => Self::Storage(error),
            error @ AuditError::BeyondRetention { .. } => Self::Untold(error.to_string()),
        }
    }
}

/// Copies a data directory, whose engine may be running, to a new place.
///
/// # Errors
/// Where it cannot be read, the place is taken or inside of it, or the copy does not pass an audit.
pub fn backup(data: &Path, to: &Path) -> Result<Report, Error> {
    if is_inside(to, data)? {
        return Err(Error::Inside(to.to_owned()));
    }
    settle(to, sync_dir, |partial| {
        store::backup(data, partial)?;
        // Documents before keys: each document in the copy then has its key, unless
        // its citizen was forgotten in between.
        space::backup(data, partial)?;
        audit(partial, None)
    })
}

/// Brings a backup back as a data directory, where there is none yet.
///
/// # Errors
/// Where it ends before `expected` and `roll_back` does not say that it may; where
/// it does not pass an audit, or the place is taken.
pub fn restore(
    from: &Path,
    data: &Path,
    expected: Option<&Head>,
    roll_back: bool,
) -> Result<Report, Error> {
    let found = store::open_read_only(from, ledger::subjects_of)
        .and_then(|mut it| store::Read::head(&mut it))?;
    let behind = expected.filter(|expected| found.sequence < expected.sequence);
    match behind {
        Some(expected) if !roll_back => {
            return Err(Error::Behind { found: found.sequence, expected: expected.sequence });
        }
        _ => {}
    }
    // A head that is told to be behind cannot be found in it.
    audit(from, expected.filter(|_| behind.is_none()))?;
    space::check(from)?;
    settle(data, sync_dir, |partial| {
        store::backup(from, partial)?;
        space::backup(from, partial)?;
        audit(partial, None)
    })
}

/// Whether a place, which need not be there, is a directory or below it, whatever links lead there.
fn is_inside(place: &Path, dir: &Path) -> Result<bool, Error> {
    let at = |path: &Path, error| Error::File { path: path.to_owned(), error };
    let dir = dir.canonicalize().map_err(|error| at(dir, error))?;
    let place = std::path::absolute(place).map_err(|error| at(place, error))?;
    let known = place.ancestors().find_map(|above| above.canonicalize().ok());
    Ok(known.is_some_and(|known| known.starts_with(&dir)))
}

/// Fills a directory beside `place`, and gives it that name once it is whole. The name is durable
/// when it comes back.
fn settle<T>(
    place: &Path,
    sync: impl Fn(&Path) -> io::Result<()>,
    fill: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::File { path, error }
    };
    if place.try_exists().map_err(at(place))? {
        // An empty directory is often made beforehand, with its owner and mode.
        fs::remove_dir(place).map_err(|_| Error::Taken(place.to_owned()))?;
    }
    let mut partial = place.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if partial.try_exists().map_err(at(&partial))? {
        return Err(Error::Taken(partial));
    }
    let above = to_sync(place);
    create_private_dir(&partial).map_err(at(&partial))?;
    let filled = fill(&partial).and_then(|filled| {
        fs::rename(&partial, place).map_err(at(place))?;
        Ok(filled)
    });
    if filled.is_err() {
        // Half a copy is worse than none.
        let _ = fs::remove_dir_all(&partial);
    }
    let filled = filled?;
    above.iter().try_for_each(|above| sync(above).map_err(at(above)))?;
    Ok(filled)
}

/// The directories above a place whose names, or what they hold, change when it is made: those
/// that are not there, and the first that is.
fn to_sync(place: &Path) -> Vec<PathBuf> {
    let named = place.ancestors().skip(1);
    // What is above a plain name is where the program runs.
    let named = named.map(|above| match above.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => above.to_owned(),
    });
    let mut found = false;
    named.take_while(|above| !std::mem::replace(&mut found, above.exists())).collect()
}

fn audit(data: &Path, expected: Option<&Head>) -> Result<Report, Error> {
    let mut storage = store::open_read_only(data, ledger::subjects_of)?;
    Ok(ledger::audit(&mut storage, expected)?)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::store::files::temporary;

    #[test]
    fn a_new_directory_and_those_made_above_it_are_durable_under_their_names() {
        let outer = temporary();
        for (name, above) in [("copy", vec![""]), ("a/b/copy", vec!["a/b", "a", ""])] {
            let (place, synced) = (outer.path().join(name), RefCell::new(Vec::<String>::new()));
            let sync = |dir: &Path| {
                assert!(place.exists(), "its name comes first");
                let dir = dir.strip_prefix(outer.path()).unwrap();
                synced.borrow_mut().push(dir.to_str().unwrap().to_owned());
                Ok(())
            };
            settle(&place, sync, |_| Ok(())).unwrap();
            assert_eq!(synced.into_inner(), above);
        }
    }

    #[test]
    fn a_name_that_is_not_known_to_be_durable_is_told() {
        let outer = temporary();
        let place = outer.path().join("copy");
        let failed = settle(&place, |_| Err(io::ErrorKind::Other.into()), |_| Ok(())).unwrap_err();
        assert!(matches!(&failed, Error::File { path, .. } if path == outer.path()), "{failed}");
    }

    #[test]
    fn a_plain_name_is_below_the_directory_where_the_program_runs() {
        assert_eq!(to_sync(Path::new("nowhere")), [Path::new(".")]);
        assert_eq!(to_sync(Path::new("no/where")), [Path::new("no"), Path::new(".")]);
    }
}

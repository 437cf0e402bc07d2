//! `engine backup` and `engine restore`: a data directory in a second place, and
//! back.
//!
//! A backup is taken while the engine runs, and counts only once the copy has
//! passed an audit of its own. The master key is kept outside of the data
//! directory, and so outside of its backups. A restored directory knows nothing
//! of what came after its backup: a No, a withdrawal, an erasure.

use std::fs;
use std::path::{Path, PathBuf};

use crate::ledger::{self, AuditError, Report};
use crate::space;
use crate::store::files::create_private_dir;
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
        error: std::io::Error,
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
    settle(to, |partial| {
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
    settle(data, |partial| {
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

/// Fills a directory beside `place`, and gives it that name once it is whole.
fn settle<T>(place: &Path, fill: impl FnOnce(&Path) -> Result<T, Error>) -> Result<T, Error> {
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
    create_private_dir(&partial).map_err(at(&partial))?;
    let filled = fill(&partial).and_then(|filled| {
        fs::rename(&partial, place).map_err(at(place))?;
        Ok(filled)
    });
    if filled.is_err() {
        // Half a copy is worse than none.
        let _ = fs::remove_dir_all(&partial);
    }
    filled
}

fn audit(data: &Path, expected: Option<&Head>) -> Result<Report, Error> {
    let mut storage = store::open_read_only(data, ledger::subjects_of)?;
    Ok(ledger::audit(&mut storage, expected)?)
}

//! `engine erase`: what is held about a subject is gone, and the chain stands.
//!
//! The subject's own data goes with its key, their identifier and consent out of the
//! ledger's tables. Entries know a number only, which nobody has any more and nobody
//! gets again. No engine may run on the directory meanwhile. Backups made before it
//! hold what was erased: they are to be erased, too, or thrown away.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::clock::Civil;
use crate::entropy::Entropy;
use crate::ledger::{self, OpenError};
use crate::model::Subject;
use crate::space::{self, MasterKey, Space};
use crate::store::{self, Sqlite, Time};

/// Read at a time when files are searched.
const CHUNK: usize = 1 << 20;

/// What was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The entry of the erasure; none where the ledger knew nobody of that name.
    pub entry: Option<u64>,
    /// Files in which the identifier stands all the same.
    pub found: Vec<PathBuf>,
}

/// Why it is not known to be erased.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no ledger.
    #[error("{} holds no ledger", .0.display())]
    NoLedger(PathBuf),
    /// Own data is found by its subject under the master key only.
    #[error("the directory holds citizens' own data: name the file of its master key")]
    NoMasterKey,
    /// The ledger cannot be opened or written.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The own data cannot be opened or written.
    #[error("the citizens' own data: {0}")]
    Space(#[from] space::Error),
    /// A file cannot be read.
    #[error("a file cannot be searched: {0}")]
    Io(#[from] std::io::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// Erases a subject from a data directory, and then searches its files for them.
///
/// # Errors
/// Where that is not known to be done; it may be tried again.
pub fn erase(data: &Path, master: Option<&MasterKey>, subject: Subject) -> Result<Erased, Error> {
    if !data.join("ledger.db").try_exists()? {
        return Err(Error::NoLedger(data.to_owned()));
    }
    let entropy = Entropy::system();
    // Its lock keeps an engine out until all is done.
    let sqlite = open(data, &entropy)?;
    if space::Sqlite::holds_any(data)? {
        let master = master.ok_or(Error::NoMasterKey)?;
        let vault = Box::new(space::Sqlite::open(data)?);
        let space = Space::open(vault, master, Entropy::system())?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(space.erase(subject))?;
    }
    let entry = ledger::erase(Box::new(sqlite), Civil::system(), entropy, subject)?;
    Ok(Erased { entry, found: search(data, subject.to_string().as_bytes())? })
}

/// A ledger is erased from in the time that it was begun with.
fn open(data: &Path, entropy: &Entropy) -> Result<Sqlite, store::Error> {
    let open = |time| Sqlite::open(data, entropy.bytes(), time, ledger::subjects_of);
    match open(Time::Real) {
        Err(store::Error::OtherTime(other)) => open(other),
        outcome => outcome,
    }
}

/// The files of a directory in which some bytes stand.
fn search(data: &Path, wanted: &[u8]) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in fs::read_dir(data)? {
        let path = file?.path();
        if path.is_file() && holds(File::open(&path)?, wanted)? {
            found.push(path);
        }
    }
    Ok(found)
}

fn holds(mut file: File, wanted: &[u8]) -> std::io::Result<bool> {
    let mut window = Vec::with_capacity(CHUNK + wanted.len());
    loop {
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
        if window.windows(wanted.len()).any(|it| it == wanted) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // What may go on in the next piece.
        let kept = window.len().saturating_sub(wanted.len() - 1);
        window.drain(..kept);
    }
}

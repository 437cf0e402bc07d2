//! Proves what a ledger promises, from the ledger alone.

mod cuts;
mod kept;
mod named;
mod replay;
mod rows;
mod witness;

use std::sync::{Mutex, PoisonError};

use super::catalogues;
use crate::store::{self, Head, Read};
use kept::Place;
use replay::Replay;
pub use witness::{Witness, Witnessed, witness};

const CHANGED: &str = "its hash is not that of the head: this entry or one before it was changed";
const ANOTHER_TIME: &str = "its time is not that of the head";
const OTHER: &str = "its hash is not that of the expected head";

/// What an audit found in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bundles that left.
    pub disclosures: u64,
    /// Changes of consent.
    pub changes: u64,
    /// Denials, repeats counted once.
    pub denials: u64,
    /// Starts, and changes of catalogue while it ran; each names its catalogue.
    pub catalogues: u64,
    /// Subjects who were erased.
    pub erasures: u64,
    /// Subjects who were forgotten: nothing was left of them but a number.
    pub forgotten: u64,
    /// How often entries were cut, as far as the entries that are left tell.
    pub cuts: u64,
    /// Entries up to this one are cut; none where it is zero. What they led to is
    /// what the proof began with.
    pub cut: u64,
    /// The newest entry.
    pub head: Option<Head>,
}

/// The first promise that is broken, and the entry that breaks it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence}: {what}")]
pub struct Violation {
    /// The entry.
    pub sequence: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Why an audit did not come to an end in order.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A promise is broken.
    #[error(transparent)]
    Violated(#[from] Violation),
    /// The ledger cannot be read.
    #[error(transparent)]
    Unreadable(#[from] store::Error),
    /// All holds, but what was expected is older than what is kept.
    #[error(
        "the chain holds, but whether it contains the expected head cannot be told: entry \
         {expected} is beyond retention, and entries up to {cut} are cut"
    )]
    BeyondRetention {
        /// The expected head's.
        expected: u64,
        /// Where the ledger begins.
        cut: u64,
    },
}

/// Replays a ledger up to the head that it has now.
///
/// `expected` is an old head: where the ledger no longer contains it, it was
/// cut or rewritten since.
///
/// # Errors
/// The first violation, or why the ledger cannot be read.
pub fn audit(storage: &mut dyn Read, expected: Option<&Head>) -> Result<Report, Error> {
    let mut look = true;
    loop {
        let place = Place::find(storage, look)?;
        let outcome = prove(storage, place, expected);
        if outcome.is_ok() || Place::find(storage, look)? == place {
            return outcome;
        }
        // What was cut or swept under way is not what broke it.
        look = false;
    }
}

fn prove(storage: &mut dyn Read, place: Place, expected: Option<&Head>) -> Result<Report, Error> {
    let head = storage.head()?;
    let expected =
        expected.filter(|expected| expected.sequence > 0 || expected.stream != head.stream);
    if expected.is_some_and(|expected| expected.stream != head.stream) {
        return Err(violation(0, "this is another ledger than the expected head's").into());
    }
    let start = place.start(storage)?;
    let (from, hash) = start.after().unwrap_or((0, head.hash));
    if expected.is_some_and(|it| it.sequence == from && it.hash != hash) {
        return Err(violation(from, OTHER).into());
    }
    let storage = Mutex::new(storage);
    // Texts of catalogues are read between two slices of rows.
    let catalogue = |digest: &_| {
        let mut storage = storage.lock().unwrap_or_else(PoisonError::into_inner);
        catalogues::load(&mut **storage, digest)
    };
    let mut replay = Replay::new(&head, start, catalogue)?;
    rows::each(&storage, from, &head, |row| {
        replay.row(row, catalogue)?;
        let known = expected.filter(|expected| expected.sequence == row.sequence);
        match known.is_some_and(|known| known.hash != replay.hash()) {
            true => Err(violation(row.sequence, OTHER).into()),
            false => Ok(()),
        }
    })?;
    if head.sequence > 0 && replay.hash() != head.hash {
        return Err(violation(head.sequence, CHANGED).into());
    }
    if head.sequence > 0 && replay.stamp() != head.stamp {
        return Err(violation(head.sequence, ANOTHER_TIME).into());
    }
    if expected.is_some_and(|expected| expected.sequence > head.sequence) {
        return Err(violation(head.sequence, "the ledger ends before the expected head").into());
    }
    let storage = storage.into_inner().unwrap_or_else(PoisonError::into_inner);
    replay.compare(storage, &head)?;
    if let Some(beyond) = expected.filter(|it| it.sequence < from) {
        return Err(Error::BeyondRetention { expected: beyond.sequence, cut: from });
    }
    Ok(Report { head: Some(head), ..replay.into_report() })
}

fn violation(sequence: u64, what: &str) -> Violation {
    Violation { sequence, what: what.to_owned() }
}

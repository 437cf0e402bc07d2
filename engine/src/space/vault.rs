//! The storage seam: keeps what is sealed, and forgets it so that nothing of a
//! key remains.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Error, Tag};

/// One subject's, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The subject's key, wrapped.
    pub key: Vec<u8>,
    /// The subject's document, sealed under that key.
    pub document: Vec<u8>,
}

/// Keeps records. Calls may come from several threads; those that change
/// anything come one after another.
pub trait Vault: Send + Sync {
    /// Whether calls wait for a disk, and so must not be made on a core.
    fn blocks(&self) -> bool;
    /// Every tag with a record, in any order.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn tags(&self) -> Result<Vec<Tag>, Error>;
    /// A tag's record: whole, as one `put` left it, or none.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn get(&self, tag: &Tag) -> Result<Option<Record>, Error>;
    /// Puts a record in the place of any before; durable when it comes back.
    ///
    /// # Errors
    /// Where it is not known to be durable. Nothing more is taken then.
    fn put(&self, tag: &Tag, record: &Record) -> Result<(), Error>;
    /// Removes a record, if there is one. When it comes back, no byte of its key
    /// is left anywhere; after a crash it may be there whole or not at all.
    ///
    /// # Errors
    /// Where that is not known.
    fn forget(&self, tag: &Tag) -> Result<(), Error>;
}

/// A vault in memory: for simulations and tests.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<Tag, Record>>);

impl Memory {
    fn records(&self) -> MutexGuard<'_, BTreeMap<Tag, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for Memory {
    fn blocks(&self) -> bool {
        false
    }

    fn tags(&self) -> Result<Vec<Tag>, Error> {
        Ok(self.records().keys().copied().collect())
    }

    fn get(&self, tag: &Tag) -> Result<Option<Record>, Error> {
        Ok(self.records().get(tag).cloned())
    }

    fn put(&self, tag: &Tag, record: &Record) -> Result<(), Error> {
        self.records().insert(*tag, record.clone());
        Ok(())
    }

    fn forget(&self, tag: &Tag) -> Result<(), Error> {
        self.records().remove(tag);
        Ok(())
    }
}

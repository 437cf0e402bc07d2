//! What citizens add themselves: kept sealed, one key for each subject.
//!
//! ```text
//! identifier -> tag (keyed hash)    values -> document, sealed under the subject's key
//!                                   that key -> wrapped under the master key
//! ```
//!
//! The files know tags, sealed documents and wrapped keys, and neither
//! identifiers nor values. To erase somebody is to forget their key. The set of
//! tags is in memory, so that whoever added nothing costs no look at a disk.

mod country;
mod document;
#[cfg(feature = "internals")]
pub mod doors;
mod iban;
mod invalid;
mod invisible;
mod master;
mod pair;
mod seal;
mod sqlite;
mod turns;
mod values;
mod vault;

use std::sync::Arc;

use dashmap::DashSet;

pub use invalid::Invalid;
pub use master::MasterKey;
pub use pair::check;
pub use seal::Tag;
pub use sqlite::{Sqlite, backup};
pub use values::Attribute;
pub use vault::{Memory, Record, Vault};

use crate::entropy::Entropy;
use crate::model::{Answer, AttributeMask, CivilMs, Subject};
use document::Document;
use seal::{DataKey, Keyring};
use turns::{Turn, Turns};

/// A value that is durable, on its way to the citizen who wrote it. Only the
/// space makes one.
pub struct Kept {
    attribute: Attribute,
    value: String,
    changed: CivilMs,
}

impl Kept {
    /// Which attribute, its value as it is kept, and when it changed.
    #[must_use]
    pub fn into_parts(self) -> (Attribute, String, CivilMs) {
        (self.attribute, self.value, self.changed)
    }
}

/// The citizens' own data. Cheap to clone.
#[derive(Clone)]
pub struct Space {
    inner: Arc<Inner>,
    turns: Arc<Turns>,
}

struct Inner {
    vault: Box<dyn Vault>,
    keyring: Keyring,
    entropy: Entropy,
    /// Invariant: a tag whose record was told to be durable is in it.
    held: DashSet<Tag>,
}

impl Space {
    /// Opens a vault with its master key.
    ///
    /// # Errors
    /// Where it cannot be read, or was sealed under another key.
    pub fn open(
        vault: Box<dyn Vault>,
        master: &MasterKey,
        entropy: Entropy,
    ) -> Result<Self, Error> {
        let keyring = Keyring::new(master);
        let tags = vault.tags()?;
        // One record tells: all are under one key.
        if let Some(tag) = tags.first()
            && let Some(record) = vault.get(tag)?
            && keyring.unwrap(tag, &record.key).is_none()
        {
            return Err(Error::WrongKey);
        }
        let held = tags.into_iter().collect();
        let inner = Arc::new(Inner { vault, keyring, entropy, held });
        Ok(Self { inner, turns: Arc::default() })
    }

    /// What a subject added, of the attributes asked for. Whoever added nothing,
    /// and every legal person, has an answer without values.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn answer(
        &self,
        subject: Subject,
        asked: AttributeMask,
        now: CivilMs,
    ) -> Result<Answer, Error> {
        let document = match self.inner.tag(subject).filter(|tag| self.inner.holds(tag)) {
            None => Document::default(),
            Some(tag) => {
                let turn = self.turns.to_read().await?;
                self.run(turn, move |inner| inner.read(&tag)).await?
            }
        };
        Ok(document.answer(asked, now))
    }

    /// Everything that a citizen added, for that citizen.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn all(&self, subject: Subject) -> Result<Vec<Kept>, Error> {
        let Some(tag) = self.inner.tag(subject).filter(|tag| self.inner.holds(tag)) else {
            return Ok(Vec::new());
        };
        let turn = self.turns.to_read().await?;
        self.run(turn, move |inner| Ok(inner.read(&tag)?.kept())).await
    }

    /// Keeps a value in the place of any before. It is durable when it comes back.
    ///
    /// # Errors
    /// Where the value is none for its attribute, or is not known to be kept.
    pub async fn put(
        &self,
        subject: Subject,
        attribute: Attribute,
        text: &str,
        now: CivilMs,
    ) -> Result<Kept, Error> {
        let tag = self.inner.tag(subject).ok_or(Error::Legal)?;
        let value = attribute.normalised(text)?;
        let kept = Kept { attribute, value: value.clone(), changed: now };
        let change = move |document: &mut Document| {
            document.set(attribute, value, now);
            true
        };
        let turn = self.turns.to_change(&tag).await?;
        self.run(turn, move |inner| inner.change(&tag, change)).await?;
        Ok(kept)
    }

    /// Removes a value, if there is one. Whoever removes their last is erased.
    ///
    /// # Errors
    /// Where that is not known to be durable.
    pub async fn delete(&self, subject: Subject, attribute: Attribute) -> Result<(), Error> {
        let Some(tag) = self.inner.tag(subject) else { return Ok(()) };
        let change = move |document: &mut Document| document.remove(attribute);
        let turn = self.turns.to_change(&tag).await?;
        self.run(turn, move |inner| inner.change(&tag, change)).await
    }

    /// Forgets a subject's key, and with it everything that was sealed under it.
    /// When it comes back, no file holds a byte of that key.
    ///
    /// # Errors
    /// Where that is not known; it may be tried again.
    pub async fn erase(&self, subject: Subject) -> Result<(), Error> {
        let Some(tag) = self.inner.tag(subject) else { return Ok(()) };
        let turn = self.turns.to_change(&tag).await?;
        self.run(turn, move |inner| inner.forget(&tag)).await
    }

    /// Does some work in its turn, away from the core where it waits for a disk.
    /// Work that has begun ends, also when nobody waits for it any more.
    async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.inner.clone();
        let work = move || {
            let _turn = turn;
            work(&inner)
        };
        if !self.inner.vault.blocks() {
            return work();
        }
        // It panicked, or the runtime is shutting down.
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Closed))
    }
}

impl Inner {
    /// Legal persons add nothing.
    fn tag(&self, subject: Subject) -> Option<Tag> {
        matches!(subject, Subject::Natural(_)).then(|| self.keyring.tag(subject))
    }

    fn holds(&self, tag: &Tag) -> bool {
        self.held.contains(tag)
    }

    fn read(&self, tag: &Tag) -> Result<Document, Error> {
        let found = self.vault.get(tag)?;
        found.map_or(Ok(Document::default()), |record| Ok(self.opened(tag, &record)?.1))
    }

    /// Changes a document by what tells whether it did.
    fn change(&self, tag: &Tag, by: impl FnOnce(&mut Document) -> bool) -> Result<(), Error> {
        let found = self.vault.get(tag)?;
        let (key, wrapped, mut document) = match found {
            Some(record) => {
                let (key, document) = self.opened(tag, &record)?;
                (key, record.key, document)
            }
            None => {
                let key = DataKey::random(&self.entropy);
                let wrapped = self.keyring.wrap(tag, &key, &self.entropy);
                (key, wrapped, Document::default())
            }
        };
        if !by(&mut document) {
            return Ok(());
        }
        if document.is_empty() {
            return self.forget(tag);
        }
        let sealed = key.seal(tag, &document.encoded(), &self.entropy);
        self.vault.put(tag, &Record { key: wrapped, document: sealed })?;
        self.held.insert(*tag);
        Ok(())
    }

    fn forget(&self, tag: &Tag) -> Result<(), Error> {
        self.vault.forget(tag)?;
        self.held.remove(tag);
        Ok(())
    }

    fn opened(&self, tag: &Tag, record: &Record) -> Result<(DataKey, Document), Error> {
        let damaged = Error::Damaged("a record does not open under its key");
        let opened = || {
            let key = self.keyring.unwrap(tag, &record.key)?;
            let document = Document::decode(&key.open(tag, &record.document)?)?;
            Some((key, document))
        };
        opened().ok_or(damaged)
    }
}

/// Why something was not done. Only [`Error::Invalid`]'s text may be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The value is none for its attribute.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A legal person has no space.
    #[error("legal persons add no data of their own")]
    Legal,
    /// Too much waits.
    #[error("too many callers wait for own data")]
    Busy,
    /// The vault's records are under another key.
    #[error("the own data was sealed under another master key")]
    WrongKey,
    /// An earlier write failed, or the engine is stopping.
    #[error("own data takes no change until a restart")]
    Closed,
    /// What was forgotten is still in a log, which another process reads.
    #[error("another process reads the own data, so that its log cannot be cut")]
    StillRead,
    /// The files are a newer program's.
    #[error("the own data has version {0}, which this program does not know")]
    Version(i64),
    /// The files contradict themselves.
    #[error("the own data is damaged: {0}")]
    Damaged(&'static str),
    /// One of the two files is not there, or was never written.
    #[error(
        "{missing} is missing or empty, and what citizens added cannot be read from {there} alone: \
         put {missing} back, or remove {there} too if all of it is to be given up"
    )]
    Alone {
        /// The one that is not there.
        missing: &'static str,
        /// The one that is.
        there: &'static str,
    },
    /// A file is damaged, or another program's.
    #[error("{file} cannot be used: {why}")]
    Unsound {
        /// Which one.
        file: &'static str,
        /// What SQLite says of it.
        why: String,
    },
    /// SQLite failed.
    #[error("SQLite failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Others than their owner may use the files.
    #[error(transparent)]
    Files(#[from] crate::store::Error),
    /// A file could not be had.
    #[error("a file operation failed: {0}")]
    Io(#[from] std::io::Error),
}

#[cfg(test)]
mod tests;

//! Who may read or change own data now, who waits, and who is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Error, Tag};

/// Documents read at a time: a read takes tens of microseconds.
const READING_MAX: usize = 4;
/// Callers that read, or wait to. A bundle waits for its reads no longer than its
/// deadline, and this many take a tenth of a second at the worst. Further ones
/// are refused as [`Error::Busy`].
pub(super) const READS_ADMITTED_MAX: usize = 1_024;
/// Callers that change, or wait to: apart from those that read, since a change
/// waits for two syncs and is a hundred times as slow. A disk makes about this
/// many durable in the two seconds that a caller waits.
pub(super) const CHANGES_ADMITTED_MAX: usize = 512;
/// Changes of one subject, the one under way included: a form that is saved
/// sends a few at once, and whoever sends more takes nobody else's place.
pub(super) const CHANGES_OF_ONE_MAX: usize = 16;

/// Turns at a vault.
pub(super) struct Turns {
    reading: Arc<Semaphore>,
    /// One permit: changes are made one after another, so that two of one
    /// subject never work on the same document.
    pub(super) changing: Arc<Semaphore>,
    pub(super) reads: Arc<Semaphore>,
    changes: Arc<Semaphore>,
    /// Invariant: a tag is in it as often as it has a [`Place`], and never with
    /// a zero.
    places: Arc<Mutex<HashMap<Tag, usize>>>,
}

/// A turn; the next one's when dropped.
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    _admitted: OwnedSemaphorePermit,
    _place: Option<Place>,
}

impl Default for Turns {
    fn default() -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self {
            reading: permits(READING_MAX),
            changing: permits(1),
            reads: permits(READS_ADMITTED_MAX),
            changes: permits(CHANGES_ADMITTED_MAX),
            places: Arc::default(),
        }
    }
}

impl Turns {
    /// Waits until a document may be read.
    pub(super) async fn to_read(&self) -> Result<Turn, Error> {
        turn(&self.reading, &self.reads, None).await
    }

    /// Waits until this subject's document may be changed.
    pub(super) async fn to_change(&self, tag: &Tag) -> Result<Turn, Error> {
        let place = Place::take(&self.places, tag)?;
        turn(&self.changing, &self.changes, Some(place)).await
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.places).is_empty()
    }
}

async fn turn(
    turns: &Arc<Semaphore>,
    admitted: &Arc<Semaphore>,
    place: Option<Place>,
) -> Result<Turn, Error> {
    let admitted = admitted.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
    let turn = turns.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
    Ok(Turn { _turn: turn, _admitted: admitted, _place: place })
}

/// One of a subject's places among those who change; left when dropped.
struct Place {
    places: Arc<Mutex<HashMap<Tag, usize>>>,
    tag: Tag,
}

impl Place {
    fn take(places: &Arc<Mutex<HashMap<Tag, usize>>>, tag: &Tag) -> Result<Self, Error> {
        let mut taken = lock(places);
        let count = taken.get(tag).copied().unwrap_or(0);
        if count >= CHANGES_OF_ONE_MAX {
            return Err(Error::Busy);
        }
        taken.insert(*tag, count + 1);
        Ok(Self { places: places.clone(), tag: *tag })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.places);
        match taken.get_mut(&self.tag) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.tag)),
        }
    }
}

fn lock(places: &Mutex<HashMap<Tag, usize>>) -> MutexGuard<'_, HashMap<Tag, usize>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

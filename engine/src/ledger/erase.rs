//! Forgets a subject: their number stays in the chain, and nobody knows whose it was.

use std::sync::Arc;

use super::published::Published;
use super::queue::Queue;
use super::{OpenError, Writer};
use crate::clock::Civil;
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::model::Subject;
use crate::store::Storage;

/// Takes a subject's identifier and consent out of a ledger that no engine runs on,
/// and records that. When it comes back, no byte of either is left in its files; what
/// it tells is the entry, where anything was held.
///
/// # Errors
/// Where that is not known; it may be tried again.
pub fn erase(
    mut storage: Box<dyn Storage>,
    civil: Civil,
    entropy: Entropy,
    subject: Subject,
) -> Result<Option<u64>, OpenError> {
    let published = Arc::new(Published::load(&mut *storage.reader()?)?);
    let Some(number) = published.number(subject) else {
        // An erasure before it may have ended here.
        storage.scrub()?;
        return Ok(None);
    };
    let (queue, metrics) = (Arc::new(Queue::default()), Arc::new(Metrics::default()));
    let mut writer = Writer::new(storage, queue, published, civil, entropy, metrics);
    writer.erase(number).map(Some)
}

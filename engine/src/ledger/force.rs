//! Under which catalogue a disclosure may stand.
//!
//! A request keeps the catalogue that it began with, so its entry may follow the
//! one of the catalogue that superseded it: as long as a request may take, and no
//! longer. Counted in ledger time, so that an audit can tell the same.

use crate::model::CivilMs;
use crate::store::Digest;

use super::SUPERSEDED_MAX;

/// The catalogue in force, and those that were of late.
#[derive(Default)]
pub(super) struct InForce {
    now: Option<Digest>,
    /// Each with the stamp of the entry that superseded it.
    before: Vec<(Digest, CivilMs)>,
}

impl InForce {
    /// Another one holds from here on.
    pub(super) fn enter(&mut self, digest: Digest, stamp: CivilMs) {
        self.before.retain(|(known, since)| *known != digest && is_late(*since, stamp));
        if let Some(superseded) = self.now.replace(digest).filter(|known| *known != digest) {
            self.before.push((superseded, stamp));
        }
    }

    /// Whether it is the one that holds.
    pub(super) fn is(&self, digest: &Digest) -> bool {
        self.now.as_ref() == Some(digest)
    }

    /// Whether a disclosure under it may stand at this stamp.
    pub(super) fn admits(&self, digest: &Digest, stamp: CivilMs) -> bool {
        let late = |(known, since): &(Digest, CivilMs)| known == digest && is_late(*since, stamp);
        self.is(digest) || self.before.iter().any(late)
    }
}

/// Whether so little time has passed that a request of before may still end.
pub(super) fn is_late(since: CivilMs, stamp: CivilMs) -> bool {
    stamp - since <= SUPERSEDED_MAX.as_millis() as CivilMs
}

//! Where a proof begins: at the first entry, or with what was kept of those that are cut.

use super::{Error, violation};
use crate::ledger::facts::Facts;
use crate::store::{self, Cut, Digest, Read};

/// What was kept of a cut, as its entry names it.
pub(super) struct Kept {
    pub(super) cut: Cut,
    pub(super) facts: Facts,
}

/// Where a proof begins, and what it must come by.
pub(super) enum Start {
    /// The first entry.
    First,
    /// The first entry, too: of those that are cut, none is swept yet, so that what was
    /// kept of them can be compared with what they lead to.
    Unswept(Box<Kept>),
    /// After the cut.
    Cut(Box<Kept>),
}

/// What a ledger holds of entries that are cut, at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    cut: Option<Cut>,
    unswept: bool,
}

impl Place {
    /// `look` says whether entries that are cut are looked at where all are there.
    pub(super) fn find(storage: &mut dyn Read, look: bool) -> Result<Self, store::Error> {
        let cut = storage.cut()?;
        let first = storage.entries(0, 1)?.pop().map(|row| row.sequence);
        Ok(Self { cut, unswept: look && cut.is_some() && first == Some(1) })
    }

    /// Reads what was kept.
    pub(super) fn start(self, storage: &mut dyn Read) -> Result<Start, Error> {
        let Some(cut) = self.cut else { return Ok(Start::First) };
        let facts = Facts::of(&cut, storage).map_err(|error| match error {
            store::Error::Damaged(what) => Error::from(violation(cut.entry, what)),
            error => error.into(),
        })?;
        let kept = Box::new(Kept { cut, facts });
        Ok(if self.unswept { Start::Unswept(kept) } else { Start::Cut(kept) })
    }
}

impl Start {
    /// The last entry that is not looked at, and the chain's hash after it.
    pub(super) fn after(&self) -> Option<(u64, Digest)> {
        match self {
            Self::First | Self::Unswept(_) => None,
            Self::Cut(kept) => Some((kept.cut.sequence, kept.cut.hash)),
        }
    }
}

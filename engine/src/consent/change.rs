//! What citizens may change in their consent, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::reuse::{Reuse, STANDING_MAX, Terms};
use super::state::{Consent, Preference};
use crate::model::CivilMs;

/// One change of a subject's consent.
///
/// It is what an entry of the ledger says, so that its form is fixed: further
/// kinds come last. Everything in a catalogue goes by name and outlives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Yes or No to prefilling from a register.
    Preference {
        /// The register.
        register: Box<str>,
        /// Yes or No.
        allow: bool,
    },
    /// A reuse consent is given.
    Give(Terms),
    /// A reuse consent is withdrawn.
    Withdraw {
        /// Which one.
        id: [u8; 16],
    },
    /// A mandate is withdrawn or restored, by one of its two sides.
    Mandate {
        /// The other side's number in the ledger.
        other: u64,
        /// Whether it is used.
        allow: bool,
    },
}

impl Consent {
    /// The state after a change at ledger time `at`, or `None` where nothing
    /// changes.
    #[must_use]
    pub fn after(&self, change: &Change, at: CivilMs) -> Option<Self> {
        match change {
            Change::Preference { register, allow } => self.with_preference(register, *allow, at),
            Change::Give(terms) => self.with_reuse(terms, at),
            Change::Withdraw { id } => self.without_reuse(id, at),
            Change::Mandate { other, allow } => self.with_mandate(*other, *allow, at),
        }
    }

    /// The state after a Yes or No.
    #[must_use]
    pub fn with_preference(&self, register: &str, allow: bool, since: CivilMs) -> Option<Self> {
        if self.allows(register) == allow {
            return None;
        }
        let mut next = self.next();
        let known = self.preference(register);
        let epoch = if allow { known.map_or(0, |known| known.epoch) } else { next.version };
        next.preferences.retain(|known| &*known.register != register);
        next.preferences.push(Preference { register: register.into(), allow, since, epoch });
        Some(next)
    }

    /// A consent that has ended makes room for a new one; one that stands does not.
    fn with_reuse(&self, terms: &Terms, at: CivilMs) -> Option<Self> {
        let known = self.reuse.iter().any(|known| known.terms.id == terms.id);
        if known || terms.expires <= at {
            return None;
        }
        let mut next = self.next();
        if next.reuse.len() >= STANDING_MAX {
            let ended = next.reuse.iter().position(|known| !known.stands(at))?;
            next.reuse.remove(ended);
        }
        next.reuse.push(Reuse { terms: terms.clone(), given: at, withdrawn: None });
        Some(next)
    }

    fn without_reuse(&self, id: &[u8; 16], at: CivilMs) -> Option<Self> {
        let index = self.reuse.iter().position(|known| known.terms.id == *id)?;
        if !self.reuse[index].stands(at) {
            return None;
        }
        let mut next = self.next();
        next.reuse[index].withdrawn = Some(at);
        Some(next)
    }

    pub(super) fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

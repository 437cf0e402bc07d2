//! A subject's consent: one immutable value, replaced by each change.

use serde::{Deserialize, Serialize};

use super::mandate::Mandates;
use super::reuse::Reuse;
use crate::catalogue::Catalogue;
use crate::model::{CivilMs, RegisterId, RegisterSet};

/// Everything that a subject has decided, under one version.
///
/// Registers go by name, so that it outlives the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Counts the changes; zero for who never changed anything.
    pub version: u64,
    pub(super) preferences: Vec<Preference>,
    /// In the order in which they were given; ended ones stay for a while.
    pub(super) reuse: Vec<Reuse>,
    pub(super) mandates: Mandates,
}

/// A citizen's Yes or No to prefilling from one register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// The register's name.
    pub register: Box<str>,
    /// Yes or No.
    pub allow: bool,
    /// Ledger time of the change.
    pub since: CivilMs,
    /// The version of the newest No. An answer fetched before it is never used
    /// again, even after a later Yes.
    pub epoch: u64,
}

impl Consent {
    /// The preference on a register, where one was ever set.
    #[must_use]
    pub fn preference(&self, register: &str) -> Option<&Preference> {
        self.preferences.iter().find(|known| &*known.register == register)
    }

    /// Yes until they say No.
    #[must_use]
    pub fn allows(&self, register: &str) -> bool {
        self.preference(register).is_none_or(|known| known.allow)
    }

    /// The epoch that a usable answer of this register carries.
    #[must_use]
    pub fn epoch(&self, register: &str) -> u64 {
        self.preference(register).map_or(0, |known| known.epoch)
    }

    /// The reuse consents, also ended ones, in the order in which they were given.
    #[must_use]
    pub fn reuse(&self) -> &[Reuse] {
        &self.reuse
    }

    /// One reuse consent.
    #[must_use]
    pub fn find_reuse(&self, id: &[u8; 16]) -> Option<&Reuse> {
        self.reuse.iter().find(|known| known.terms.id == *id)
    }

    /// The registers refused, in the ids of `catalogue`.
    #[must_use]
    pub fn refused(&self, catalogue: &Catalogue) -> RegisterSet {
        let refused = self.preferences.iter().filter(|known| !known.allow);
        refused
            .filter_map(|known| catalogue.find_register(&known.register))
            .map(RegisterId::index)
            .collect()
    }
}

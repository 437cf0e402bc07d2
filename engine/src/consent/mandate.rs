//! Mandates that are withdrawn: nobody fills forms for a company on one, whatever
//! the register of mandates lists.
//!
//! Each side says so in its own state: a citizen for whom they no longer act, a
//! company who no longer acts for it. Neither undoes the other's word.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Consent;
use crate::catalogue::Procedure;
use crate::model::{CivilMs, SUBJECTS_MAX};
use crate::planted::{self, Fault};

/// What one subject says of this many others; what was restored makes room. A
/// citizen acts for a handful of companies, and a large company has dozens who do.
pub const MANDATES_MAX: usize = 64;

/// What a subject says of their mandate with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// The other side, by their number in the ledger: no identifier of somebody
    /// else stands in a state, and whoever is erased is nobody's other side.
    pub other: u64,
    /// Whether it is used.
    pub allow: bool,
    /// Ledger time of the change.
    pub since: CivilMs,
}

/// Everything that a subject says of mandates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mandates {
    said: Vec<Mandate>,
    /// The version of the newest withdrawal. What was fetched before it is not used
    /// after it for anybody's mandate with this subject, even once it is restored.
    pub(super) epoch: u64,
}

impl Consent {
    /// What the subject said of mandates, in the order in which they said it.
    #[must_use]
    pub fn mandates(&self) -> &[Mandate] {
        &self.mandates.said
    }

    /// Whether they withdrew the mandate with another.
    #[must_use]
    pub fn withdrew(&self, other: u64) -> bool {
        self.mandates.said.iter().any(|known| known.other == other && !known.allow)
    }

    /// Whether a word about a mandate of which nothing was said yet would be kept.
    #[must_use]
    pub fn takes_mandates(&self) -> bool {
        let said = &self.mandates.said;
        said.len() < MANDATES_MAX || said.iter().any(|known| known.allow)
    }

    /// The state after a mandate is withdrawn or restored.
    pub(super) fn with_mandate(&self, other: u64, allow: bool, since: CivilMs) -> Option<Self> {
        if self.withdrew(other) != allow {
            return None;
        }
        let mut next = self.next();
        let said = &mut next.mandates.said;
        said.retain(|known| known.other != other);
        if said.len() >= MANDATES_MAX {
            let restored = said.iter().position(|known| known.allow)?;
            said.remove(restored);
        }
        said.push(Mandate { other, allow, since });
        if !allow {
            next.mandates.epoch = next.version;
        }
        Some(next)
    }
}

/// Whom a request is about, by role.
#[derive(Clone, Debug, Default)]
pub struct Parties {
    /// Their consent.
    pub consents: [Option<Arc<Consent>>; SUBJECTS_MAX],
    /// Their numbers in the ledger, read after the consents: of whom a consent names,
    /// the number was there before it.
    pub numbers: [Option<u64>; SUBJECTS_MAX],
}

impl Parties {
    /// The roles whose subject is listed by another, and one of the two withdrew the
    /// mandate between them.
    pub(super) fn without_mandate(&self, procedure: &Procedure) -> impl Iterator<Item = usize> {
        let mut known = self.consents.iter().flatten();
        let any = known.any(|consent| !consent.mandates.said.is_empty())
            && !planted::is(Fault::WithdrawnMandateUsed);
        let listed = procedure
            .calls
            .iter()
            .filter(move |_| any)
            .filter_map(|call| Some((procedure.calls[call.proof?.call].role, call.role)));
        let barred = listed.filter(|(by, role)| self.barred(*by, *role) || self.barred(*role, *by));
        barred.map(|(_, role)| role)
    }

    fn barred(&self, one: usize, other: usize) -> bool {
        let (consent, number) = (self.consents[one].as_ref(), self.numbers[other]);
        consent.zip(number).is_some_and(|(consent, number)| consent.withdrew(number))
    }

    /// Tells apart what was fetched before and after each withdrawal among them. Zero
    /// where there was none.
    pub(super) fn epoch(&self, procedure: &Procedure) -> u64 {
        let epoch = |consent: &Arc<Consent>| consent.mandates.epoch;
        let epochs = self.consents.each_ref().map(|it| it.as_ref().map_or(0, epoch));
        if procedure.roles.len() < 2 || epochs == [0; SUBJECTS_MAX] {
            return 0;
        }
        // Versions of two subjects count apart from each other: a sum of theirs could
        // come up again for another company.
        let mut hasher = DefaultHasher::new();
        (epochs, self.numbers).hash(&mut hasher);
        hasher.finish()
    }
}

//! What was disclosed once may be told again, as long as its decision stands.

use std::fmt;

use super::{Disclosed, Facts, Published, Refused};
use crate::consent::Bundle;
use crate::model::{CivilMs, Subject};
use crate::planted::{self, Fault};

/// A disclosure that its client may ask for again: the exact bytes, and what was
/// decided on for them. It is in the ledger already, and needs no second entry.
/// `Debug` shows nothing of it.
pub struct Repeatable {
    bundle: Bundle,
    facts: Facts,
}

impl fmt::Debug for Repeatable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeatable").finish_non_exhaustive()
    }
}

impl Disclosed<Bundle> {
    /// Keeps a copy for its repeats. `facts` are those that it was disclosed with.
    #[must_use]
    pub fn repeatable(&self, facts: Facts) -> Repeatable {
        Repeatable { bundle: self.0.clone(), facts }
    }
}

impl Repeatable {
    /// The same bytes again, where the writer would still take them: under the
    /// same catalogue, the same consents, and in time.
    ///
    /// # Errors
    /// As the writer refuses.
    pub fn again(
        &self,
        catalogue: &[u8; 32],
        published: &Published,
        now: CivilMs,
    ) -> Result<Disclosed<Bundle>, Refused> {
        if let Some(latch) = published.latch() {
            return Err(Refused::Closed(latch));
        }
        if self.facts.about.catalogue != *catalogue || !self.stands(published) {
            return Err(Refused::Stale);
        }
        match self.facts.valid_until > now.max(published.stamp()) {
            true => Ok(Disclosed(self.bundle.clone())),
            false => Err(Refused::Expired),
        }
    }

    /// Whether the consents are still those that it was disclosed under.
    #[must_use]
    pub fn stands(&self, published: &Published) -> bool {
        let mut subjects = self.facts.subjects.iter();
        planted::is(Fault::FilteredOutputCached)
            || subjects.all(|(subject, version)| published.consent(*subject).version == *version)
    }

    /// Whether it is about somebody.
    #[must_use]
    pub fn is_about(&self, subject: Subject) -> bool {
        self.facts.subjects.iter().any(|(known, _)| *known == subject)
    }

    /// How many bytes it keeps.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bundle.body.len()
    }
}

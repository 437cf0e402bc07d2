//! Who is still named in a ledger that was cut: by an entry that is left, by their own
//! consent, or by somebody else's.

use super::entry::Entry;
use crate::consent::Consent;
use crate::model::Subject;
use crate::store::{self, Read};

/// How many entries are read at a time.
const SLICE: usize = 1_024;

/// Numbers, each with a bit that says whether it is named.
pub(super) struct Left {
    bits: Vec<u64>,
    /// The last entry that was looked at.
    sequence: u64,
}

impl Left {
    /// Whom consents name, which are few; entries follow, after `cut`.
    pub(super) fn by_consents(storage: &mut dyn Read, cut: u64) -> Result<Self, store::Error> {
        let mut highest = 0;
        storage.subjects(&mut |number, _| highest = highest.max(number))?;
        let words = usize::try_from(highest / u64::from(u64::BITS) + 1);
        let words = words.map_err(|_| store::Error::Damaged("a number that nobody was given"))?;
        let mut left = Self { bits: vec![0; words], sequence: cut };
        storage.consents(&mut |number, state| {
            left.name(number);
            // What cannot be read is the audit's to find.
            let consent = Consent::decode(state).unwrap_or_default();
            consent.mandates().iter().for_each(|known| left.name(known.other));
        })?;
        Ok(left)
    }

    /// Looks at some more entries; whether there were any.
    pub(super) fn follow(&mut self, storage: &mut dyn Read) -> Result<bool, store::Error> {
        let (before, mut unreadable) = (self.sequence, false);
        storage.scan(before, SLICE, &mut |row| {
            self.sequence = row.sequence;
            match Entry::decode(row.body) {
                Ok(entry) => entry.event.each_number(&mut |number| self.name(number)),
                Err(_) => unreadable = true,
            }
        })?;
        match unreadable {
            // It may name anybody.
            true => Err(store::Error::Damaged("an entry that cannot be read")),
            false => Ok(self.sequence > before),
        }
    }

    /// Those who have a number, and are named nowhere.
    pub(super) fn others(
        &self,
        storage: &mut dyn Read,
    ) -> Result<Vec<(u64, Subject)>, store::Error> {
        let mut others = Vec::new();
        storage.subjects(&mut |number, identifier| {
            let (word, bit) = place(number);
            // Who came later is named later.
            let unnamed = self.bits.get(word).is_some_and(|word| word & bit == 0);
            if unnamed && let Ok(subject) = identifier.parse() {
                others.push((number, subject));
            }
        })?;
        Ok(others)
    }

    fn name(&mut self, number: u64) {
        let (word, bit) = place(number);
        if let Some(word) = self.bits.get_mut(word) {
            *word |= bit;
        }
    }
}

/// In which word, and which bit of it.
fn place(number: u64) -> (usize, u64) {
    let word = usize::try_from(number / u64::from(u64::BITS)).unwrap_or(usize::MAX);
    (word, 1 << (number % u64::from(u64::BITS)))
}

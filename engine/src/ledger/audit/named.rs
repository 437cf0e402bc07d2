//! Who was named, and when last: whoever is forgotten must be named by nothing that is left.

use crate::consent::Consent;
use crate::ledger::entry::Event;

/// An entry names so many subjects at most: the four of a request.
const NAMED_MAX: u64 = 4;

/// The last entry that names each number.
#[derive(Default)]
pub(super) struct Named {
    last: Vec<u64>,
    /// No more numbers can have been given by now: an entry that says otherwise is not
    /// to cost memory.
    given: u64,
    /// Whom somebody's consent ever named as the other side of a mandate.
    others: std::collections::HashSet<u64>,
}

impl Named {
    /// Those of a ledger whose first entries are cut.
    pub(super) fn begin<'a>(&mut self, given: u64, states: impl Iterator<Item = &'a Consent>) {
        self.given = given;
        for consent in states {
            self.others.extend(consent.mandates().iter().map(|known| known.other));
        }
    }

    /// One more entry.
    pub(super) fn take(&mut self, sequence: u64, event: &Event) {
        self.given = self.given.saturating_add(NAMED_MAX);
        // Who is forgotten is not kept by that.
        if matches!(event, Event::Forgotten(_)) {
            return;
        }
        event.each_number(&mut |number| {
            if number <= self.given {
                let place = number as usize;
                if self.last.len() <= place {
                    self.last.resize(place + 1, 0);
                }
                self.last[place] = sequence;
            }
        });
    }

    /// Somebody's consent names another.
    pub(super) fn other(&mut self, number: u64) {
        self.others.insert(number);
    }

    /// Whether an entry after `cut` names a number.
    pub(super) fn after(&self, cut: u64, number: u64) -> bool {
        let last = usize::try_from(number).ok().and_then(|place| self.last.get(place));
        last.is_some_and(|last| *last > cut)
    }

    /// Whether a consent names a number as the other side of a mandate.
    pub(super) fn in_consent<'a>(
        &self,
        number: u64,
        mut states: impl Iterator<Item = &'a Consent>,
    ) -> bool {
        let names = |consent: &Consent| consent.mandates().iter().any(|it| it.other == number);
        // Few are ever named, so that all are seldom looked through.
        self.others.contains(&number) && states.any(names)
    }
}

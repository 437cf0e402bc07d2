//! What each person's consent was at each version, by the ledger's entries alone.
//!
//! A replay of its own: it shares the entries' format with the engine, and none of
//! its reasoning.

use std::collections::HashMap;

use engine::consent::Change;
use engine::ledger::{Disclosure, Entry, Event};
use engine::model::{CivilMs, Subject};
use engine::store::{self, Read};
use uuid::Uuid;

use crate::world::{REGISTERS, register_index};

/// Everything that a ledger says.
#[derive(Default)]
pub struct Facts {
    /// By person.
    pub people: HashMap<Subject, Person>,
    /// Disclosures by id, with their ledger time.
    pub disclosures: HashMap<Uuid, (CivilMs, Disclosure)>,
    /// People by number.
    pub numbers: HashMap<u64, Subject>,
    /// How many entries there are.
    pub entries: u64,
}

/// One person's consent over time.
#[derive(Default)]
pub struct Person {
    /// The changes: the one at index `n` made version `n + 1`.
    pub changes: Vec<Change>,
    /// What was refused under each version, and since which: the one at index `n`
    /// held at version `n`.
    pub refusals: Vec<[Refusal; REGISTERS.len()]>,
    /// Consents to reuse.
    pub consents: Vec<Standing>,
}

/// One register's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Whether it was refused.
    pub refused: bool,
    /// The version of the newest No.
    pub newest: u64,
}

/// A consent to reuse.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its id.
    pub id: Uuid,
    /// To whom.
    pub organisation: Box<str>,
    /// In which case.
    pub case: Box<str>,
    /// Of which fields.
    pub fields: Vec<Box<str>>,
    /// When it ends.
    pub expires: CivilMs,
    /// The first version under which it stood.
    pub from: u64,
    /// The first under which it no longer stood.
    pub until: u64,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub fn read(ledger: &mut dyn Read) -> Result<Self, store::Error> {
        let mut facts = Self::default();
        let mut numbers = HashMap::new();
        ledger.subjects(&mut |number, identifier| {
            numbers.extend(identifier.parse().map(|subject: Subject| (number, subject)));
        })?;
        facts.numbers = numbers;
        ledger.scan(0, usize::MAX, &mut |row| {
            facts.entries += 1;
            // The audit tells of one that cannot be read.
            let Ok(entry) = Entry::decode(row.body) else { return };
            facts.take(entry);
        })?;
        Ok(facts)
    }

    fn take(&mut self, entry: Entry) {
        match entry.event {
            Event::Disclosure(disclosure) => {
                let id = Uuid::from_bytes(disclosure.id);
                self.disclosures.insert(id, (entry.stamp, disclosure));
            }
            Event::Change(change) => {
                let Some(subject) = self.numbers.get(&change.subject.subject) else { return };
                self.people.entry(*subject).or_default().change(change.what);
            }
            Event::ByMandate(acted) => {
                let change = acted.change;
                let Some(subject) = self.numbers.get(&change.subject.subject) else { return };
                self.people.entry(*subject).or_default().change(change.what);
            }
            // Nobody is erased while an engine is driven.
            Event::Catalogue(_) | Event::Denial(_) | Event::Erasure(_) => {}
        }
    }
}

impl Person {
    fn change(&mut self, what: Change) {
        let version = self.changes.len() as u64 + 1;
        let mut refusals = self.refusals_at(version - 1);
        match &what {
            Change::Preference { register, allow } => {
                if let Some(known) = register_index(register).map(|index| &mut refusals[index]) {
                    known.refused = !allow;
                    known.newest = if *allow { known.newest } else { version };
                }
            }
            Change::Give(terms) => self.consents.push(Standing {
                id: Uuid::from_bytes(terms.id),
                organisation: terms.organisation.clone(),
                case: terms.case.clone(),
                fields: terms.fields.clone(),
                expires: terms.expires,
                from: version,
                until: u64::MAX,
            }),
            Change::Withdraw { id } => {
                let id = Uuid::from_bytes(*id);
                let theirs = self.consents.iter_mut().filter(|known| known.id == id);
                theirs.for_each(|known| known.until = known.until.min(version));
            }
            Change::Mandate { .. } => {}
        }
        if self.refusals.is_empty() {
            self.refusals.push(Default::default());
        }
        self.refusals.push(refusals);
        self.changes.push(what);
    }

    /// The newest version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.changes.len() as u64
    }

    /// What was refused under a version; nothing under one that there is not.
    #[must_use]
    pub fn refusals_at(&self, version: u64) -> [Refusal; REGISTERS.len()] {
        self.refusals.get(version as usize).copied().unwrap_or_default()
    }

    /// Whether a field could be re-read under a version, at a moment of ledger time.
    #[must_use]
    pub fn lets(&self, at: (u64, CivilMs), who: &str, case: &str, field: &str) -> bool {
        let (version, stamp) = at;
        self.consents.iter().any(|known| {
            (known.from..known.until).contains(&version)
                && stamp < known.expires
                && *known.organisation == *who
                && *known.case == *case
                && known.fields.iter().any(|name| **name == *field)
        })
    }
}

//! What each person's consent was at each version, by the ledger's entries alone.
//!
//! A replay of its own: it shares the entries' format with the engine, and none of
//! its reasoning.

use std::collections::{HashMap, HashSet};

use engine::consent::Change as What;
use engine::ledger::{ByMandate, Change, Disclosure, Entry, Event};
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
    /// Of these, the ones about somebody and a company whose mandate one of the two had
    /// withdrawn at their place in the ledger.
    pub without_mandate: HashSet<Uuid>,
    /// Places at which somebody acted for a company without a mandate.
    pub acted_without: Vec<u64>,
    /// People by number.
    pub numbers: HashMap<u64, Subject>,
    /// How many entries there are.
    pub entries: u64,
}

/// One person's consent over time.
#[derive(Default)]
pub struct Person {
    /// The changes: the one at index `n` made version `n + 1`.
    pub changes: Vec<What>,
    /// What was refused under each version, and since which: the one at index `n`
    /// held at version `n`.
    pub refusals: Vec<[Refusal; REGISTERS.len()]>,
    /// Mandates that were withdrawn under each version, as `refusals` has registers: the
    /// other side, and since which.
    pub withdrawn: Vec<Vec<(Subject, Refusal)>>,
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
                if let [one, other] = disclosure.subjects[..]
                    && self.without(one.subject, other.subject)
                {
                    self.without_mandate.insert(id);
                }
                self.disclosures.insert(id, (entry.stamp, disclosure));
            }
            Event::Change(change) => self.change(change),
            Event::ByMandate(ByMandate { by, change }) => {
                if self.without(by.subject, change.subject.subject) {
                    self.acted_without.push(entry.sequence);
                }
                self.change(change);
            }
            // Nobody is erased while an engine is driven.
            Event::Catalogue(_)
            | Event::Denial(_)
            | Event::Erasure(_)
            | Event::Snapshot(_)
            | Event::Forgotten(_) => {}
        }
    }

    fn change(&mut self, change: Change) {
        let Some(subject) = self.numbers.get(&change.subject.subject) else { return };
        let other = match change.what {
            What::Mandate { other, .. } => self.numbers.get(&other).copied(),
            _ => None,
        };
        self.people.entry(*subject).or_default().change(change.what, other);
    }

    /// Whether one of two has withdrawn the mandate between them by now.
    fn without(&self, one: u64, other: u64) -> bool {
        let known = |number| self.numbers.get(&number).copied();
        let (Some(one), Some(other)) = (known(one), known(other)) else { return false };
        let says = |who, whom| {
            self.people.get(&who).is_some_and(|it| it.mandate_at(it.version(), whom).refused)
        };
        says(one, other) || says(other, one)
    }
}

impl Person {
    fn change(&mut self, what: What, other: Option<Subject>) {
        let version = self.changes.len() as u64 + 1;
        let mut refusals = self.refusals_at(version - 1);
        match &what {
            What::Preference { register, allow } => {
                if let Some(known) = register_index(register).map(|index| &mut refusals[index]) {
                    known.refused = !allow;
                    known.newest = if *allow { known.newest } else { version };
                }
            }
            What::Give(terms) => self.consents.push(Standing {
                id: Uuid::from_bytes(terms.id),
                organisation: terms.organisation.clone(),
                case: terms.case.clone(),
                fields: terms.fields.clone(),
                expires: terms.expires,
                from: version,
                until: u64::MAX,
            }),
            What::Withdraw { id } => {
                let id = Uuid::from_bytes(*id);
                let theirs = self.consents.iter_mut().filter(|known| known.id == id);
                theirs.for_each(|known| known.until = known.until.min(version));
            }
            What::Mandate { allow, .. } => {
                let mut withdrawn = self.withdrawn.last().cloned().unwrap_or_default();
                if let Some(other) = other {
                    let before = self.mandate_at(version - 1, other);
                    let newest = if *allow { before.newest } else { version };
                    withdrawn.retain(|(known, _)| *known != other);
                    withdrawn.push((other, Refusal { refused: !allow, newest }));
                }
                self.withdrawn
                    .resize(version as usize, self.withdrawn.last().cloned().unwrap_or_default());
                self.withdrawn.push(withdrawn);
            }
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

    /// What was said under a version of the mandate with another.
    #[must_use]
    pub fn mandate_at(&self, version: u64, other: Subject) -> Refusal {
        // Under later versions it is as it was last.
        let said = self.withdrawn.get(version as usize).or_else(|| self.withdrawn.last());
        let found = said.into_iter().flatten().find(|(known, _)| *known == other);
        found.map(|(_, said)| *said).unwrap_or_default()
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

//! How often who received what, by civil year: counts that outlive their entries.
//!
//! Everything goes by name, so that a count means the same under every catalogue.
//! Who they are about is not in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accesses::receiver;
use super::catalogues::Catalogues;
use super::entry::{Disclosure, Entry, Event};
use super::facts::Facts;
use crate::catalogue::Catalogue;
use crate::clock;
use crate::model::{CivilMs, RegisterSet};
use crate::store::{self, Cut, Read};

/// How many rows are read at a time, so that no writer waits long.
const SLICE: usize = 4_096;

/// Who received what, in which year.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kind {
    /// The civil year of ledger time, in UTC.
    pub year: i16,
    /// The organisation that received; `self` where citizens looked at their own.
    pub organisation: Box<str>,
    /// The form.
    pub procedure: Box<str>,
}

/// How often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Bundles that left.
    pub disclosures: u64,
    /// Bundles that each register, or citizens' own data, was asked for or is in.
    pub registers: BTreeMap<Box<str>, u64>,
}

/// Counts by kind of use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses(BTreeMap<Kind, Count>);

impl Uses {
    /// Each kind of use, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Kind, &Count)> {
        self.0.iter()
    }

    /// Adds counts that were kept.
    pub(super) fn extend(&mut self, kept: impl IntoIterator<Item = (Kind, Count)>) {
        self.0.extend(kept);
    }

    /// Counts one disclosure. One that its catalogue cannot mean is the audit's.
    pub(super) fn count(&mut self, catalogue: &Catalogue, stamp: CivilMs, of: &Disclosure) {
        let about = &of.about;
        let Some(procedure) = catalogue.procedures().get(about.procedure.index()) else { return };
        if catalogue.organisations().len() <= about.organisation.index() {
            return;
        }
        let kind = Kind {
            year: clock::date(stamp).year(),
            organisation: receiver(catalogue, about).into(),
            procedure: procedure.name.clone(),
        };
        let count = self.0.entry(kind).or_default();
        count.disclosures += 1;
        let mut sources: RegisterSet = of.called.iter().flat_map(|about| about.iter()).collect();
        of.fields.iter().for_each(|(_, source)| sources.insert(source.index()));
        for source in sources.iter().filter_map(|index| catalogue.sources().get(index)) {
            *count.registers.entry(source.name.clone()).or_default() += 1;
        }
    }
}

/// The uses that a ledger tells of, those of entries that are cut included, and its
/// newest ledger time. Whoever writes it meanwhile is not held up.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn uses(storage: &mut dyn Read) -> Result<(Uses, CivilMs), store::Error> {
    loop {
        let cut = storage.cut()?;
        let counted = count(storage, cut);
        // What was cut meanwhile may be missed; each cut is a day after the one before.
        if counted.is_ok() || storage.cut()? == cut {
            return counted;
        }
    }
}

fn count(storage: &mut dyn Read, cut: Option<Cut>) -> Result<(Uses, CivilMs), store::Error> {
    let head = storage.head()?;
    let (mut uses, mut last) = match cut {
        Some(cut) => (Facts::of(&cut, storage)?.uses, cut.sequence),
        None => (Uses::default(), 0),
    };
    let catalogues = Catalogues::default();
    while last < head.sequence {
        let rows = storage.entries(last, SLICE)?;
        if rows.first().is_none_or(|first| first.sequence != last + 1) {
            return Err(store::Error::Damaged("entries are missing"));
        }
        for row in rows.iter().filter(|row| row.sequence <= head.sequence) {
            last = row.sequence;
            let entry = Entry::decode(&row.body);
            let entry = entry.map_err(|_| store::Error::Damaged("an entry that cannot be read"))?;
            if let Event::Disclosure(disclosure) = &entry.event {
                let catalogue = catalogues.get(storage, &disclosure.about.catalogue)?;
                uses.count(&catalogue, entry.stamp, disclosure);
            }
        }
    }
    Ok((uses, head.stamp))
}

//! Proves what a ledger promises, from the ledger alone.

use std::collections::HashMap;

use super::chain;
use super::entry::{Change, Disclosure, Entry, Event, SubjectVersion};
use crate::catalogue::Digest;
use crate::model::CivilMs;
use crate::store::{self, Head, Read, Row};

/// How many rows are read at a time, so that no writer waits long.
const SLICE: usize = 4_096;

/// What an audit found in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bundles that left.
    pub disclosures: u64,
    /// Changes of consent.
    pub changes: u64,
    /// Denials, repeats counted once.
    pub denials: u64,
    /// Changes of catalogue, and starts.
    pub catalogues: u64,
    /// The newest entry.
    pub head: Option<Head>,
}

/// The first promise that is broken, and the entry that breaks it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence}: {what}")]
pub struct Violation {
    /// The entry.
    pub sequence: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Why an audit did not come to an end in order.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A promise is broken.
    #[error(transparent)]
    Violated(#[from] Violation),
    /// The ledger cannot be read.
    #[error(transparent)]
    Unreadable(#[from] store::Error),
}

/// Replays a ledger up to the head that it has now.
///
/// `expected` is an old head: where the ledger no longer contains it, it was
/// cut or rewritten since.
///
/// # Errors
/// The first violation, or why the ledger cannot be read.
pub fn audit(storage: &mut dyn Read, expected: Option<&Head>) -> Result<Report, Error> {
    let head = storage.head()?;
    let mut replay = Replay::new(&head);
    if expected.is_some_and(|expected| expected.stream != head.stream) {
        return Err(violation(0, "this is another ledger than the expected head's").into());
    }
    while replay.sequence < head.sequence {
        let rows = storage.entries(replay.sequence, SLICE)?;
        if rows.is_empty() {
            return Err(
                violation(replay.sequence + 1, "missing, though the head is past it").into()
            );
        }
        for row in rows.iter().take_while(|row| row.sequence <= head.sequence) {
            replay.row(storage, row)?;
            let known = expected.filter(|expected| expected.sequence == row.sequence);
            if known.is_some_and(|known| known.hash != replay.hash) {
                return Err(
                    violation(row.sequence, "its hash is not that of the expected head").into()
                );
            }
        }
    }
    if head.sequence > 0 && replay.hash != head.hash {
        return Err(violation(head.sequence, "its hash is not that of the head").into());
    }
    if expected.is_some_and(|expected| expected.sequence > head.sequence) {
        return Err(violation(head.sequence, "the ledger ends before the expected head").into());
    }
    Ok(Report { head: Some(head), ..replay.report })
}

/// What is known after so many entries.
struct Replay {
    stream: [u8; 16],
    sequence: u64,
    hash: Digest,
    stamp: CivilMs,
    catalogue: Option<Digest>,
    versions: HashMap<u64, u64>,
    report: Report,
}

impl Replay {
    fn new(head: &Head) -> Self {
        Self {
            stream: head.stream,
            sequence: 0,
            hash: chain::genesis(&head.stream),
            stamp: CivilMs::MIN,
            catalogue: None,
            versions: HashMap::new(),
            report: Report::default(),
        }
    }

    fn row(&mut self, storage: &mut dyn Read, row: &Row) -> Result<(), Error> {
        let wrong = |what: &str| Err(violation(row.sequence, what).into());
        let Ok(entry) = Entry::decode(&row.body) else { return wrong("it cannot be decoded") };
        if row.sequence != self.sequence + 1 || entry.sequence != row.sequence {
            return wrong("it is out of sequence");
        }
        if entry.stream != self.stream {
            return wrong("it is of another stream");
        }
        if entry.stamp < self.stamp {
            return wrong("ledger time goes back");
        }
        self.sequence = row.sequence;
        self.stamp = entry.stamp;
        self.hash = chain::next(&self.hash, row);
        match entry.event {
            Event::Catalogue(digest) => {
                self.report.catalogues += 1;
                if storage.text(&digest)?.is_none() {
                    return wrong("the text of its catalogue is missing");
                }
                self.catalogue = Some(digest);
            }
            Event::Disclosure(disclosure) => {
                self.report.disclosures += 1;
                self.disclosure(&disclosure)?;
            }
            Event::Change(change) => {
                self.report.changes += 1;
                self.change(&change)?;
            }
            Event::Denial(_) => self.report.denials += 1,
        }
        Ok(())
    }

    fn disclosure(&self, disclosure: &Disclosure) -> Result<(), Violation> {
        if self.catalogue != Some(disclosure.about.catalogue) {
            return Err(violation(self.sequence, "it names a catalogue that was not in force"));
        }
        if disclosure.valid_until <= self.stamp {
            return Err(violation(self.sequence, "its grant was no longer valid"));
        }
        for SubjectVersion { subject, version } in &disclosure.subjects {
            if self.versions.get(subject).copied().unwrap_or(0) != *version {
                let what = "it was disclosed under a consent that had changed before it";
                return Err(violation(self.sequence, what));
            }
        }
        Ok(())
    }

    fn change(&mut self, change: &Change) -> Result<(), Violation> {
        let SubjectVersion { subject, version } = change.subject;
        let known = self.versions.entry(subject).or_insert(0);
        if version != *known + 1 {
            return Err(violation(
                self.sequence,
                "its consent version does not follow the one before",
            ));
        }
        *known = version;
        Ok(())
    }
}

fn violation(sequence: u64, what: &str) -> Violation {
    Violation { sequence, what: what.to_owned() }
}

//! What a ledger that was cut off left behind, against what clients hold.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context as _;
use engine::consent::Consent;
use engine::ledger::{self, AuditError};
use engine::model::{CivilMs, Subject};
use engine::store::{self, Head, Read, Sqlite, Storage, Time};
use uuid::Uuid;

use crate::check::{Broken, Promise};
use crate::facts::Facts;
use crate::history::{Operation, Told, Wanted};

/// What is known of a ledger from outside of it.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Under which time it was written.
    pub time: Time,
    /// What clients were told.
    pub held: &'a [&'a Operation],
    /// A head of before.
    pub older: Option<&'a Head>,
    /// How many bundles left since the first entry, at the least.
    pub bundles: u64,
    /// How many people were erased, at the least.
    pub erased: u64,
}

/// What stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Where it ends.
    pub head: Head,
    /// Up to where entries are cut.
    pub cut: u64,
    /// How many bundles that clients hold are beyond retention.
    pub beyond: u64,
}

/// Opens what a ledger left, and holds it against what is known: the audit, also
/// against an older head; an entry for every bundle, or its time is over; every change
/// that was acknowledged; and in its counts every bundle, whose entry may be cut.
///
/// # Errors
/// What cannot be opened, and the first promise that is broken.
pub fn stands(dir: &Path, known: &Known<'_>) -> anyhow::Result<Standing> {
    let storage = open(dir, known.time)?;
    let mut reader = storage.reader()?;
    let report = match ledger::audit(reader.as_mut(), known.older) {
        // The chain holds, and what came before the cut is in the counts.
        Err(AuditError::BeyondRetention { .. }) => ledger::audit(reader.as_mut(), None),
        audited => audited,
    };
    let report = report.context("the audit")?;
    let left = Left::read(reader.as_mut())?;
    let mut beyond = 0;
    for operation in known.held {
        left.lost(operation).map_or(Ok(()), |lost| Err(anyhow::Error::from(lost)))?;
        beyond += u64::from(left.is_beyond(operation));
    }
    let least = |promise, what: &str, found: u64, expected: u64| {
        let how = || format!("{what}: {found} are known of {expected}");
        if found < expected { Err(Broken { promise, how: how() }) } else { Ok(()) }
    };
    let (uses, _) = ledger::uses(reader.as_mut())?;
    let counted = uses.iter().map(|(_, count)| count.disclosures).sum();
    least(Promise::EveryResponseHasItsEntry, "bundles that left", counted, known.bundles)?;
    let what = "people who were erased";
    least(Promise::AnAcknowledgedChangeIsInForce, what, left.erased, known.erased)?;
    Ok(Standing { head: reader.head()?, cut: report.cut, beyond })
}

/// How many bundles clients hold, each once.
#[must_use]
pub fn bundles(held: &[&Operation]) -> u64 {
    let ids = held.iter().filter_map(|operation| match &operation.told {
        Told::Bundle(held) => Some(held.id),
        _ => None,
    });
    ids.collect::<HashSet<_>>().len() as u64
}

/// Opens a ledger as an engine does.
///
/// # Errors
/// Where it cannot be opened.
pub fn open(dir: &Path, time: Time) -> Result<Sqlite, store::Error> {
    Sqlite::open(dir, [1; 16], time, ledger::subjects_of)
}

/// The files of a directory in which somebody's identifier stands.
///
/// # Errors
/// Where they cannot be read.
pub fn naming(dir: &Path, subject: Subject) -> io::Result<Vec<PathBuf>> {
    let identifier = subject.to_string();
    let mut found = Vec::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let bytes = fs::read(&path)?;
        if bytes.windows(identifier.len()).any(|window| window == identifier.as_bytes()) {
            found.push(path);
        }
    }
    Ok(found)
}

/// What a ledger holds.
struct Left {
    facts: Facts,
    /// The version of each subject's consent from which an engine starts: the audit
    /// proves it from the entries, and from what is kept of those that are cut.
    versions: HashMap<Subject, u64>,
    erased: u64,
    /// Entries of before that time may be cut.
    kept_from: CivilMs,
}

impl Left {
    fn read(ledger: &mut dyn Read) -> Result<Self, store::Error> {
        let facts = Facts::read(ledger)?;
        let mut versions = HashMap::new();
        ledger.consents(&mut |number, state| {
            let version = Consent::decode(state).map_or(0, |consent| consent.version);
            versions.extend(facts.numbers.get(&number).map(|subject| (*subject, version)));
        })?;
        let mut erased = 0;
        ledger.erased(&mut |_| erased += 1)?;
        let kept_from = ledger.cut()?.map_or(CivilMs::MIN, |cut| cut.before);
        Ok(Self { facts, versions, erased, kept_from })
    }

    /// What of an operation is not in the ledger.
    fn lost(&self, operation: &Operation) -> Option<Broken> {
        let how = || format!("{:?}, told at tick {}", operation.wanted, operation.completed);
        match (&operation.told, &operation.wanted) {
            (Told::Bundle(held), _) => {
                let found = self.facts.disclosures.get(&held.id);
                let whole = found.is_some_and(|(_, entry)| entry.digest == held.digest);
                let gone = found.is_none() && self.is_beyond(operation);
                let promise = Promise::EveryResponseHasItsEntry;
                (!whole && !gone).then(|| Broken { promise, how: how() })
            }
            (Told::Version(version, _), wanted) if !matches!(wanted, Wanted::Bundle(_)) => {
                let found = self.versions.get(&wanted.subjects()[0]).copied();
                let promise = Promise::AnAcknowledgedChangeIsInForce;
                (found.unwrap_or(0) < *version).then(|| Broken { promise, how: how() })
            }
            _ => None,
        }
    }

    /// Whether a bundle was made before what is kept.
    fn is_beyond(&self, operation: &Operation) -> bool {
        let Told::Bundle(held) = &operation.told else { return false };
        made(held.id).is_some_and(|made| made < self.kept_from)
    }
}

/// When an id was made.
fn made(id: Uuid) -> Option<CivilMs> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Some(seconds as CivilMs * 1_000 + CivilMs::from(nanos / 1_000_000))
}

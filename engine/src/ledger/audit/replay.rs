//! What the entries lead to, one after another, and what each of them may say.

mod disclosed;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::cuts::Cuts;
use super::kept::{Kept, Start};
use super::named::Named;
use super::rows::Committed;
use super::{Error, Report, Violation, violation};
use crate::catalogue::Catalogue;
use crate::consent::{self, Consent};
use crate::ledger::entry::{ByMandate, Change, Entry, Event, SubjectVersion};
use crate::ledger::{SUPERSEDED_MAX, chain};
use crate::model::CivilMs;
use crate::store::{self, Digest, Head, Read};

const LATE_MS: CivilMs = SUPERSEDED_MAX.as_millis() as CivilMs;

/// What is known after so many entries.
pub(super) struct Replay {
    stream: [u8; 16],
    pub(super) sequence: u64,
    pub(super) hash: Digest,
    stamp: CivilMs,
    /// The catalogue in force.
    pub(super) catalogue: Option<Arc<Catalogue>>,
    /// Those before it, and when each was superseded: what began under one of them
    /// may end under it.
    pub(super) superseded: Vec<(Arc<Catalogue>, CivilMs)>,
    /// Each subject's consent, from its changes alone.
    pub(super) consents: HashMap<u64, Consent>,
    pub(super) erased: HashSet<u64>,
    /// The highest number of a subject that was named.
    pub(super) numbers: u64,
    /// Catalogues whose text is there.
    texts: HashSet<Digest>,
    cuts: Cuts,
    named: Named,
    report: Report,
}

impl Replay {
    /// Before the first entry that is looked at; `catalogue` reads one back.
    pub(super) fn new(
        head: &Head,
        start: Start,
        catalogue: impl Fn(&Digest) -> Result<Arc<Catalogue>, store::Error>,
    ) -> Result<Self, Error> {
        let mut new = Self {
            stream: head.stream,
            sequence: 0,
            hash: chain::genesis(&head.stream),
            stamp: CivilMs::MIN,
            catalogue: None,
            superseded: Vec::new(),
            consents: HashMap::new(),
            erased: HashSet::new(),
            numbers: 0,
            texts: HashSet::new(),
            cuts: Cuts::default(),
            named: Named::default(),
            report: Report::default(),
        };
        match start {
            Start::First => {}
            Start::Unswept(kept) => new.cuts.ahead = Some(kept),
            Start::Cut(kept) => new.begin_with(*kept, catalogue)?,
        }
        Ok(new)
    }

    /// Believes what was kept of a cut: its digest is in the chain that follows.
    fn begin_with(
        &mut self,
        Kept { cut, facts }: Kept,
        catalogue: impl Fn(&Digest) -> Result<Arc<Catalogue>, store::Error>,
    ) -> Result<(), Error> {
        let wrong = |what: &str| Error::from(violation(cut.entry, what));
        let read = |digest: &Digest| {
            catalogue(digest).map_err(|error| match error {
                store::Error::Damaged(what) => wrong(what),
                error => error.into(),
            })
        };
        (self.sequence, self.hash, self.stamp) = (cut.sequence, cut.hash, cut.before);
        self.catalogue = facts.catalogue.as_ref().map(read).transpose()?;
        for (digest, since) in &facts.superseded {
            self.superseded.push((read(digest)?, *since));
        }
        for (number, state) in &facts.consents {
            let state = Consent::decode(state);
            let state = state.ok_or_else(|| wrong("a consent that it names cannot be read"))?;
            self.consents.insert(*number, state);
        }
        self.named.begin(facts.numbers, self.consents.values());
        self.erased.extend(&facts.erased);
        self.numbers = facts.numbers;
        self.report.cut = cut.sequence;
        self.cuts.begun = Some(cut);
        Ok(())
    }

    /// The chain's hash after the newest entry.
    pub(super) fn hash(&self) -> Digest {
        self.hash
    }

    /// The ledger time of the newest entry.
    pub(super) fn stamp(&self) -> CivilMs {
        self.stamp
    }

    pub(super) fn into_report(self) -> Report {
        self.report
    }

    /// One more entry; `catalogue` reads one back.
    pub(super) fn row(
        &mut self,
        row: Committed<'_>,
        catalogue: impl Fn(&Digest) -> Result<Arc<Catalogue>, store::Error>,
    ) -> Result<(), Error> {
        let wrong = |what: &str| Err(violation(row.sequence, what).into());
        let Ok(entry) = Entry::decode(row.body) else { return wrong("it cannot be decoded") };
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
        self.hash = chain::link(&self.hash, &row.commitment);
        self.named.take(row.sequence, &entry.event);
        match entry.event {
            Event::Catalogue(digest) => {
                self.report.catalogues += 1;
                if self.catalogue.as_ref().is_none_or(|known| *known.digest() != digest) {
                    let catalogue = self.read(&digest, catalogue)?;
                    self.supersede(catalogue);
                }
            }
            Event::Disclosure(disclosure) => {
                self.report.disclosures += 1;
                self.disclosure(&disclosure)?;
            }
            Event::Change(change) => {
                self.report.changes += 1;
                self.change(&change)?;
            }
            Event::ByMandate(acted) => {
                self.report.changes += 1;
                self.by_mandate(&acted)?;
            }
            Event::Denial(denial) => {
                self.report.denials += 1;
                let named = denial.about.catalogue;
                if !self.texts.contains(&named) {
                    self.read(&named, catalogue)?;
                }
                self.living(denial.subjects)?;
            }
            Event::Erasure(subject) => {
                self.report.erasures += 1;
                self.living([subject])?;
                self.erased.insert(subject);
                self.consents.remove(&subject);
            }
            Event::Forgotten(numbers) => {
                self.report.forgotten += numbers.len() as u64;
                self.forget(numbers)?;
            }
            Event::Snapshot(snapshot) => {
                self.report.cuts += 1;
                self.cuts.pass(row.sequence, entry.stamp, &snapshot)?;
            }
        }
        self.cuts.compare(self)
    }

    /// A catalogue that an entry names.
    fn read(
        &mut self,
        digest: &Digest,
        catalogue: impl Fn(&Digest) -> Result<Arc<Catalogue>, store::Error>,
    ) -> Result<Arc<Catalogue>, Error> {
        match catalogue(digest) {
            Ok(catalogue) => {
                self.texts.insert(*digest);
                Ok(catalogue)
            }
            Err(store::Error::Damaged(what)) => Err(violation(self.sequence, what).into()),
            Err(error) => Err(error.into()),
        }
    }

    fn supersede(&mut self, catalogue: Arc<Catalogue>) {
        let now = self.stamp;
        self.superseded.retain(|(_, since)| now - since <= LATE_MS);
        if let Some(before) = self.catalogue.replace(catalogue) {
            self.superseded.push((before, now));
        }
    }

    /// The catalogue of this digest, where a disclosure may stand under it now.
    fn in_force(&self, digest: &Digest) -> Option<&Arc<Catalogue>> {
        let late = self.superseded.iter().filter(|(_, since)| self.stamp - since <= LATE_MS);
        let mut known = self.catalogue.iter().chain(late.map(|(before, _)| before));
        known.find(|known| known.digest() == digest)
    }

    /// Nothing is about somebody who was forgotten.
    fn living(&mut self, subjects: impl IntoIterator<Item = u64>) -> Result<(), Violation> {
        let mut dead = false;
        for subject in subjects {
            self.numbers = self.numbers.max(subject);
            dead |= self.erased.contains(&subject);
        }
        match dead {
            true => Err(violation(self.sequence, "it is about a subject who was erased before it")),
            false => Ok(()),
        }
    }

    /// Whoever is forgotten has nothing left: no consent, nobody else's that names them,
    /// and no entry.
    fn forget(&mut self, numbers: Vec<u64>) -> Result<(), Violation> {
        let wrong = |what: &str| Err(violation(self.sequence, what));
        let cut = self.cuts.newest();
        for number in &numbers {
            if self.consents.contains_key(number) {
                return wrong("it forgets somebody whose consent is kept");
            }
            if self.named.in_consent(*number, self.consents.values()) {
                return wrong("it forgets somebody whom another's consent names");
            }
            if self.named.after(cut, *number) {
                return wrong("it forgets somebody about whom entries are kept");
            }
        }
        self.living(numbers.iter().copied())?;
        self.erased.extend(numbers);
        Ok(())
    }

    /// A company's change stands under its author's consent of the moment, and under a
    /// mandate that neither side had withdrawn.
    fn by_mandate(&mut self, acted: &ByMandate) -> Result<(), Violation> {
        let sequence = self.sequence;
        let wrong = |what: &str| Err(violation(sequence, what));
        let (by, company) = (acted.by, acted.change.subject.subject);
        self.living([by.subject])?;
        let known = |subject: u64| self.consents.get(&subject);
        if known(by.subject).map_or(0, |consent| consent.version) != by.version {
            return wrong(
                "somebody acted for a company under a consent that had changed before it",
            );
        }
        let withdrew = |one: u64, other: u64| {
            let mut said = known(one).into_iter().flat_map(Consent::mandates);
            said.any(|known| known.other == other && !known.allow)
        };
        if withdrew(by.subject, company) || withdrew(company, by.subject) {
            return wrong("somebody acted for a company under a mandate that had been withdrawn");
        }
        self.change(&acted.change)
    }

    fn change(&mut self, change: &Change) -> Result<(), Violation> {
        let SubjectVersion { subject, version } = change.subject;
        self.living([subject])?;
        if let consent::Change::Mandate { other, .. } = change.what {
            // Who was erased may still be the other side.
            self.numbers = self.numbers.max(other);
            self.named.other(other);
        }
        let known = self.consents.entry(subject).or_default();
        match known.after(&change.what, self.stamp) {
            Some(next) if next.version == version => *known = next,
            Some(_) => {
                let what = "its consent version does not follow the one before";
                return Err(violation(self.sequence, what));
            }
            None => return Err(violation(self.sequence, "it changes nothing")),
        }
        Ok(())
    }

    /// Whether the consent state that an engine starts from is what the entries
    /// lead to. Where more was written meanwhile, that cannot be told.
    pub(super) fn compare(&self, storage: &mut dyn Read, head: &Head) -> Result<(), Error> {
        let (mut seen, mut differs) = (0, None);
        storage.consents(&mut |subject, state| {
            seen += 1;
            let stored = Consent::decode(state);
            if stored.as_ref() != self.consents.get(&subject) {
                differs = Some(subject);
            }
        })?;
        let (mut erased, mut known) = (HashSet::new(), false);
        let mut present = 0;
        storage.erased(&mut |number| {
            present += u64::from(number <= self.numbers);
            erased.insert(number);
        })?;
        storage.subjects(&mut |number, _| {
            present += u64::from(number <= self.numbers);
            known |= self.erased.contains(&number);
        })?;
        if storage.head()? != *head {
            return Ok(());
        }
        let wrong = |what: &str| Err(violation(head.sequence, what).into());
        if differs.is_some() || seen != self.consents.len() {
            return wrong("a stored consent is not what the changes before lead to");
        }
        if known {
            return wrong("the identifier of a subject who was erased is still stored");
        }
        if erased != self.erased {
            return wrong("those who were erased are not those whose erasure is recorded");
        }
        // Numbers are given one after another, so that none is missing.
        if present < self.numbers {
            return wrong("a subject whose number an entry names is stored nowhere");
        }
        self.cuts.end(head.sequence)
    }
}

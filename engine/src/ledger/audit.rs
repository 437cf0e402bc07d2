//! Proves what a ledger promises, from the ledger alone.

use std::collections::HashMap;
use std::sync::Arc;

use super::entry::{Change, Disclosure, Entry, Event, SubjectVersion};
use super::{catalogues, chain};
use crate::catalogue::{Catalogue, Procedure};
use crate::consent::Consent;
use crate::model::{Channel, CivilMs, RegisterId};
use crate::store::{self, Digest, Head, Read, Row};

/// How many rows are read at a time, so that no writer waits long.
const SLICE: usize = 4_096;

const CHANGED: &str = "its hash is not that of the head: this entry or one before it was changed";

/// What an audit found in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bundles that left.
    pub disclosures: u64,
    /// Changes of consent.
    pub changes: u64,
    /// Denials, repeats counted once.
    pub denials: u64,
    /// Starts; each names its catalogue.
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
        return Err(violation(head.sequence, CHANGED).into());
    }
    if expected.is_some_and(|expected| expected.sequence > head.sequence) {
        return Err(violation(head.sequence, "the ledger ends before the expected head").into());
    }
    replay.compare(storage, &head)?;
    Ok(Report { head: Some(head), ..replay.report })
}

/// What is known after so many entries.
struct Replay {
    stream: [u8; 16],
    sequence: u64,
    hash: Digest,
    stamp: CivilMs,
    /// The catalogue in force.
    catalogue: Option<Arc<Catalogue>>,
    /// Each subject's consent, from its changes alone.
    consents: HashMap<u64, Consent>,
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
            consents: HashMap::new(),
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
                if self.catalogue.as_ref().is_none_or(|known| *known.digest() != digest) {
                    match catalogues::load(storage, &digest) {
                        Ok(catalogue) => self.catalogue = Some(catalogue),
                        Err(store::Error::Damaged(what)) => return wrong(what),
                        Err(error) => return Err(error.into()),
                    }
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
            Event::Denial(_) => self.report.denials += 1,
        }
        Ok(())
    }

    fn disclosure(&self, disclosure: &Disclosure) -> Result<(), Violation> {
        let wrong = |what: &str| Err(violation(self.sequence, what));
        let named = disclosure.about.catalogue;
        let Some(catalogue) = self.catalogue.as_ref().filter(|known| *known.digest() == named)
        else {
            return wrong("it names a catalogue that was not in force");
        };
        if disclosure.valid_until <= self.stamp {
            return wrong("its grant was no longer valid");
        }
        let current = |known: &SubjectVersion| {
            self.consents.get(&known.subject).map_or(0, |consent| consent.version) == known.version
        };
        if !disclosure.subjects.iter().all(current) {
            return wrong("it was disclosed under a consent that had changed before it");
        }
        let Some(procedure) = catalogue.procedures().get(disclosure.about.procedure.index()) else {
            return wrong("it names a procedure that its catalogue does not have");
        };
        for (field, register) in &disclosure.fields {
            self.field(catalogue, procedure, disclosure, usize::from(*field), *register)?;
        }
        Ok(())
    }

    /// Whether one field may have had its value from that register.
    fn field(
        &self,
        catalogue: &Catalogue,
        procedure: &Procedure,
        disclosure: &Disclosure,
        field: usize,
        register: RegisterId,
    ) -> Result<(), Violation> {
        let wrong = |what: &str| Err(violation(self.sequence, what));
        let candidates = procedure.fields.get(field).map_or(0..0, |field| field.candidates.clone());
        let theirs: Vec<usize> =
            candidates.filter(|index| procedure.candidates[*index].register == register).collect();
        if theirs.is_empty() {
            return wrong("a field has its value from a register that cannot fill it");
        }
        let about = &disclosure.about;
        let mut authority = procedure.authority_of(about.organisation, about.channel);
        if about.channel == Channel::BackOffice && !self.consented(catalogue, disclosure, field) {
            authority = authority.intersection(procedure.by_law(about.organisation));
        }
        let authorised = theirs.into_iter().filter(|index| authority.contains(*index));
        let mut authorised = authorised.peekable();
        if authorised.peek().is_none() {
            return wrong("a field was disclosed without authority");
        }
        let allowed = |index: usize| {
            let candidate = &procedure.candidates[index];
            let call = &procedure.calls[candidate.call];
            let above = call.ancestors.iter().map(|index| &procedure.calls[index]);
            above.chain([call]).all(|call| {
                let subject = disclosure.subjects.get(call.role);
                let consent = subject.and_then(|known| self.consents.get(&known.subject));
                let register = &catalogue.register(call.register).name;
                consent.is_none_or(|consent| consent.allows(register))
            })
        };
        match authorised.any(allowed) {
            true => Ok(()),
            false => wrong("a field was disclosed from a register that the citizen had refused"),
        }
    }

    /// Whether the applicant's own consent for this case gave a field to the back
    /// office, at this moment of ledger time.
    fn consented(&self, catalogue: &Catalogue, disclosure: &Disclosure, field: usize) -> bool {
        let about = &disclosure.about;
        let procedure = catalogue.procedure(about.procedure);
        let field = &procedure.fields[field];
        let applicant = disclosure.subjects.first();
        let consent = applicant.and_then(|known| self.consents.get(&known.subject));
        let organisation = &catalogue.organisation(about.organisation).name;
        field.back_office
            && consent.into_iter().flat_map(Consent::reuse).any(|known| {
                let terms = &known.terms;
                known.withdrawn.is_none()
                    && self.stamp < terms.expires
                    && terms.organisation == *organisation
                    && about.case.as_ref() == Some(&terms.case)
                    && terms.procedure == procedure.name
                    && terms.purpose == procedure.purpose
                    && terms.fields.contains(&field.name)
            })
    }

    fn change(&mut self, change: &Change) -> Result<(), Violation> {
        let SubjectVersion { subject, version } = change.subject;
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
    fn compare(&self, storage: &mut dyn Read, head: &Head) -> Result<(), Error> {
        let (mut seen, mut differs) = (0, None);
        storage.consents(&mut |subject, state| {
            seen += 1;
            let stored = Consent::decode(state);
            if stored.as_ref() != self.consents.get(&subject) {
                differs = Some(subject);
            }
        })?;
        if storage.head()? != *head || (differs.is_none() && seen == self.consents.len()) {
            return Ok(());
        }
        let what = "a stored consent is not what the changes before lead to";
        Err(violation(head.sequence, what).into())
    }
}

fn violation(sequence: u64, what: &str) -> Violation {
    Violation { sequence, what: what.to_owned() }
}

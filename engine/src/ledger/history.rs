//! What else the ledger holds about a citizen: their changes of consent, and who was
//! denied.

use super::accesses::Page;
use super::catalogues::Catalogues;
use super::entry::{ByMandate, Change, Denial, Entry, Event, HISTORY};
use super::{Accesses, Own, accesses};
use crate::consent;
use crate::model::{CivilMs, Subject};
use crate::store::{self, Read};

/// The newest that are told at once, of each kind of list.
const MOMENTS_MAX: usize = 10_000;

/// What the ledger holds about one citizen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Who read what, newest first; `next` goes on in the list of accesses.
    pub accesses: accesses::Usages,
    /// All else, newest first.
    pub history: Vec<Moment>,
    /// How much else there is in all.
    pub history_total: u64,
}

/// One entry that is no disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its place in the ledger.
    pub sequence: u64,
    /// Ledger time.
    pub at: CivilMs,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The citizen changed their consent, and it got this version.
    Changed(u64, consent::Change),
    /// Somebody acted for the company of this number: the citizen themselves, or
    /// somebody else upon their mandate.
    ByMandate(u64, consent::Change),
    /// Somebody asked about the citizen, and was denied.
    Denied {
        /// For whom it was asked.
        organisation: String,
        /// Who asked.
        operator: String,
        /// For which form.
        procedure: String,
        /// How.
        channel: &'static str,
        /// The problem that they were told.
        reason: String,
    },
}

impl Accesses {
    /// Everything that the ledger holds about a citizen.
    ///
    /// # Errors
    /// Where it cannot be read, or too many are reading it.
    pub async fn held(&self, subject: Subject) -> Result<Own<Held>, store::Error> {
        let Some(number) = self.published.number(subject) else {
            return Ok(Own(Held::default()));
        };
        let catalogues = self.catalogues.clone();
        let read = move |storage: &mut dyn Read| read(storage, &catalogues, number);
        self.readers.run(read).await.map(Own)
    }
}

fn read(
    storage: &mut dyn Read,
    catalogues: &Catalogues,
    number: u64,
) -> Result<Held, store::Error> {
    let page = Page { limit: MOMENTS_MAX, ..Page::default() };
    let accesses = accesses::read(storage, catalogues, number, &page)?;
    let mut history = Vec::new();
    for row in storage.usages(number | HISTORY, None, MOMENTS_MAX)? {
        let entry = Entry::decode(&row.body);
        let entry = entry.map_err(|_| store::Error::Damaged("an entry that cannot be read"))?;
        let what = match entry.event {
            Event::Change(Change { subject, what }) => What::Changed(subject.version, what),
            Event::ByMandate(ByMandate { change: Change { subject, what }, .. }) => {
                What::ByMandate(subject.subject, what)
            }
            Event::Denial(denial) => denied(storage, catalogues, denial)?,
            Event::Catalogue(_)
            | Event::Disclosure(_)
            | Event::Erasure(_)
            | Event::Snapshot(_)
            | Event::Forgotten(_) => continue,
        };
        history.push(Moment { sequence: row.sequence, at: entry.stamp, what });
    }
    Ok(Held { accesses, history, history_total: storage.usage_count(number | HISTORY)? })
}

fn denied(
    storage: &mut dyn Read,
    catalogues: &Catalogues,
    denial: Denial,
) -> Result<What, store::Error> {
    let about = denial.about;
    let catalogue = catalogues.get(storage, &about.catalogue)?;
    Ok(What::Denied {
        organisation: catalogue.organisation(about.organisation).name.to_string(),
        operator: catalogue.organisation(about.operator).name.to_string(),
        procedure: catalogue.procedure(about.procedure).name.to_string(),
        channel: about.channel.as_str(),
        reason: denial.reason.to_string(),
    })
}

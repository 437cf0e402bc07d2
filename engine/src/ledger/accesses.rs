//! A citizen's own list: who read what about them, when, and why.
//!
//! Old entries are read under the catalogue that they name, which the ledger
//! keeps by its digest.

use std::sync::Arc;

use uuid::Uuid;

use super::catalogues::Catalogues;
use super::entry::{About, Disclosure, Entry, Event};
use super::keeper::kept_from;
use super::{Own, Published};
use crate::catalogue::Catalogue;
use crate::model::{Channel, CivilMs, RegisterSet, Subject};
use crate::store::{self, Read, Readers};

/// The most that one page holds.
pub const PAGE_MAX: usize = 500;
/// How many rows are looked through at a time when not every one is wanted.
const SLICE: usize = 256;
/// And for one page: who asks for what is rare gets a short page, and goes on from
/// there.
const LOOKED_MAX: usize = 40 * SLICE;

/// Who received what citizens looked at themselves.
const SELF: &str = "self";
const YOU: &str = "Yourself";
/// In a company's list. Who it was is not told: the list is the company's, and of
/// whoever acts for it next.
const FOR_YOU: &str = "Somebody who acts for the company";

/// Which part of the list is wanted.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// At most this many.
    pub limit: usize,
    /// Only entries before this sequence.
    pub before: Option<u64>,
    /// Only from this ledger time on.
    pub from: Option<CivilMs>,
    /// Only before this ledger time.
    pub to: Option<CivilMs>,
    /// Only what this organisation received, as the list names it.
    pub organisation: Option<Box<str>>,
    /// Only for this form.
    pub procedure: Option<Box<str>>,
}

impl Page {
    /// Whether every entry about the reader is wanted.
    fn is_whole(&self) -> bool {
        let Self { limit: _, before: _, from, to, organisation, procedure } = self;
        from.is_none() && to.is_none() && organisation.is_none() && procedure.is_none()
    }

    /// Whether an entry is wanted for whom it went to, and for what.
    fn wants(&self, catalogue: &Catalogue, about: &About) -> bool {
        let is = |wanted: &Option<Box<str>>, name: &str| {
            wanted.as_ref().is_none_or(|wanted| **wanted == *name)
        };
        is(&self.organisation, receiver(catalogue, about))
            && is(&self.procedure, &catalogue.procedure(about.procedure).name)
    }
}

/// A part of the list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usages {
    /// How many there are in all.
    pub total: u64,
    /// This part.
    pub usages: Vec<Usage>,
    /// Where the next part goes on; `None` at the end.
    pub next: Option<u64>,
    /// What is before this ledger time is no longer kept, where anything was cut.
    pub kept_from: Option<CivilMs>,
}

/// One disclosure, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Ledger time.
    pub at: CivilMs,
    /// What the form is called, in English.
    pub action: String,
    /// The organisation that received.
    pub receiver_code: String,
    /// What people call it, in English.
    pub receiver_name: String,
    /// The operator that asked.
    pub receiver_system: String,
    /// The id that stands in the bundle.
    pub disclosure: Uuid,
    /// The form.
    pub procedure: String,
    /// Why.
    pub purpose: String,
    /// Under which law.
    pub legal_basis: String,
    /// How it was asked.
    pub channel: &'static str,
    /// The sources called about the reader, and own data where it was given out.
    pub registers: Vec<String>,
    /// The fields about the reader that had a value, by name.
    pub fields: Vec<String>,
}

/// Reads citizens' lists, off the cores.
#[derive(Clone)]
pub struct Accesses {
    pub(super) readers: Readers,
    pub(super) published: Arc<Published>,
    pub(super) catalogues: Arc<Catalogues>,
}

impl Accesses {
    /// Over a ledger's readers and its published state.
    #[must_use]
    pub fn new(readers: Readers, published: Arc<Published>) -> Self {
        Self { readers, published, catalogues: Arc::default() }
    }

    /// A part of a citizen's list.
    ///
    /// # Errors
    /// Where the ledger cannot be read, or too many are reading it.
    pub async fn of(&self, subject: Subject, page: Page) -> Result<Own<Usages>, store::Error> {
        let Some(number) = self.published.number(subject) else {
            return Ok(Own(Usages::default()));
        };
        let catalogues = self.catalogues.clone();
        let read = move |storage: &mut dyn Read| read(storage, &catalogues, number, &page);
        self.readers.run(read).await.map(Own)
    }
}

pub(super) fn read(
    storage: &mut dyn Read,
    catalogues: &Catalogues,
    number: u64,
    page: &Page,
) -> Result<Usages, store::Error> {
    let kept_from = kept_from(storage)?;
    let found = list(storage, catalogues, number, page)?;
    // After the list, which may have found that the index cannot be believed.
    Ok(Usages { total: storage.usage_count(number)?, kept_from, ..found })
}

/// Without what is told of the whole.
fn list(
    storage: &mut dyn Read,
    catalogues: &Catalogues,
    number: u64,
    page: &Page,
) -> Result<Usages, store::Error> {
    let mut found = Usages::default();
    let mut before = page.before;
    let slice = if page.is_whole() { page.limit + 1 } else { SLICE };
    let mut looked = 0;
    loop {
        if looked >= LOOKED_MAX {
            found.next = before;
            return Ok(found);
        }
        let rows = storage.usages(number, before, slice)?;
        let exhausted = rows.len() < slice;
        looked += rows.len();
        for row in rows {
            let Ok(Entry { stamp, event: Event::Disclosure(disclosure), .. }) =
                Entry::decode(&row.body)
            else {
                return Err(store::Error::Damaged("an entry that cannot be read"));
            };
            if page.from.is_some_and(|from| stamp < from) {
                return Ok(found);
            }
            if page.to.is_none_or(|to| stamp < to) {
                let catalogue = catalogues.get(storage, &disclosure.about.catalogue)?;
                if page.wants(&catalogue, &disclosure.about) {
                    if found.usages.len() == page.limit {
                        found.next = before;
                        return Ok(found);
                    }
                    found.usages.push(usage(&catalogue, stamp, &disclosure, number));
                }
            }
            before = Some(row.sequence);
        }
        if exhausted {
            return Ok(found);
        }
    }
}

/// Who received, by name.
pub(super) fn receiver<'a>(catalogue: &'a Catalogue, about: &About) -> &'a str {
    match about.channel {
        Channel::Own => SELF,
        Channel::FrontOffice | Channel::BackOffice => {
            &catalogue.organisation(about.organisation).name
        }
    }
}

/// What an entry says to one of its subjects: what was asked and given out about
/// them. What it says of others in it is theirs.
fn usage(catalogue: &Catalogue, stamp: CivilMs, disclosure: &Disclosure, reader: u64) -> Usage {
    let about = &disclosure.about;
    let procedure = catalogue.procedure(about.procedure);
    let organisation = catalogue.organisation(about.organisation);
    let theirs = |role: usize| disclosure.subjects.get(role).is_some_and(|it| it.subject == reader);
    let given = disclosure.fields.iter().map(|(field, source)| (usize::from(*field), *source));
    let given: Vec<_> = given.filter(|(field, _)| theirs(procedure.fields[*field].role)).collect();
    let called = |role: usize, register| {
        disclosure.called.get(role).is_some_and(|about| about.contains(register))
    };
    // An entry of the first format says of every subject what it says of one.
    let asked = procedure.calls.iter().map(|call| (call.role, call.register.index()));
    let asked = asked.filter(|(role, register)| theirs(*role) && called(*role, *register));
    let mut sources: RegisterSet = asked.map(|(_, register)| register).collect();
    // What came out of own data was not called for.
    given.iter().for_each(|(_, source)| sources.insert(source.index()));
    let name = |index: usize| catalogue.sources()[index].name.to_string();
    let own = match about.channel {
        Channel::Own if theirs(0) => Some(YOU),
        Channel::Own => Some(FOR_YOU),
        Channel::FrontOffice | Channel::BackOffice => None,
    };
    Usage {
        at: stamp,
        action: procedure.label.en.to_string(),
        receiver_code: receiver(catalogue, about).to_owned(),
        receiver_name: own.unwrap_or(&organisation.label.en).to_owned(),
        receiver_system: catalogue.organisation(about.operator).name.to_string(),
        disclosure: Uuid::from_bytes(disclosure.id),
        procedure: procedure.name.to_string(),
        purpose: procedure.purpose.to_string(),
        legal_basis: procedure.legal_basis.to_string(),
        channel: about.channel.as_str(),
        registers: sources.iter().map(name).collect(),
        fields: given.iter().map(|(field, _)| procedure.fields[*field].name.to_string()).collect(),
    }
}

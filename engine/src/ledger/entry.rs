//! The entry format, fixed from the first day.
//!
//! A body is one format byte and then postcard (its wire format is specified
//! and stable). The first format had one set of registers for all subjects of a
//! disclosure; its bodies are read for ever. Ids of organisations, procedures, registers and fields are
//! dense and mean something under the catalogue digest that the entry names;
//! purpose and legal basis stand in that catalogue. A subject is a number.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::{Facts, Published, skim};
use crate::consent::{self, Bundle};
use crate::model::{
    Channel, CivilMs, OrganisationId, ProcedureId, RegisterId, RegisterSet, Subject,
};
use crate::store::Digest;

/// The first byte of every body.
pub(super) const FORMAT: u8 = 2;
/// The format of bodies that do not tell about whom a register was called.
pub(super) const FIRST: u8 = 1;
/// The size of entries that are neither long nor counted.
pub(super) const SMALL: usize = 128;

/// One line of the ledger; `C` is what a disclosure says of the registers called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<C = Vec<RegisterSet>> {
    /// Which writer's chain it stands in.
    pub stream: [u8; 16],
    /// Its place there, from one.
    pub sequence: u64,
    /// Ledger time at which the writer took it: never goes back.
    pub stamp: CivilMs,
    /// What happened.
    pub event: Event<C>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event<C = Vec<RegisterSet>> {
    /// From here on, this catalogue holds.
    Catalogue(Digest),
    /// A bundle left.
    Disclosure(Disclosure<C>),
    /// A citizen changed their mind.
    Change(Change),
    /// An operator was denied.
    Denial(Denial),
    /// A subject's identifier, consent and own data are gone. Nothing later is about
    /// their number.
    Erasure(u64),
    /// Somebody who acts for a company changed its mind.
    ByMandate(ByMandate),
    /// Entries are cut: their time is over. What they led to is kept.
    Snapshot(Snapshot),
    /// The identifiers of these subjects are gone: no entry names them that is left, and
    /// no consent. Nothing later is about their numbers.
    Forgotten(Vec<u64>),
}

impl Event {
    /// Every subject that it names by number, as often as it does.
    pub(super) fn each_number(&self, each: &mut dyn FnMut(u64)) {
        let change = |change: &Change, each: &mut dyn FnMut(u64)| {
            each(change.subject.subject);
            if let consent::Change::Mandate { other, .. } = change.what {
                each(other);
            }
        };
        match self {
            Self::Disclosure(it) => it.subjects.iter().for_each(|known| each(known.subject)),
            Self::Change(it) => change(it, each),
            Self::ByMandate(it) => {
                each(it.by.subject);
                change(&it.change, each);
            }
            Self::Denial(it) => it.subjects.iter().for_each(|number| each(*number)),
            Self::Erasure(number) => each(*number),
            Self::Forgotten(numbers) => numbers.iter().for_each(|number| each(*number)),
            Self::Catalogue(_) | Self::Snapshot(_) => {}
        }
    }
}

/// Up to where entries are cut, and what is kept of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last of them.
    pub upto: u64,
    /// The chain's hash up to and including it.
    pub hash: Digest,
    /// Every one of them is before this ledger time, and no later one.
    pub before: CivilMs,
    /// How long entries are kept, in milliseconds.
    pub kept_ms: CivilMs,
    /// The highest number that a subject had by then.
    pub numbers: u64,
    /// What they led to.
    pub facts: Digests,
}

impl Snapshot {
    /// Whether what it cuts is as old at this ledger time as it says.
    pub(super) fn holds_at(&self, stamp: CivilMs) -> bool {
        self.before <= stamp.saturating_sub(self.kept_ms)
    }
}

/// SHA-256 of the parts that are kept, by kind: of each part its length, and then its
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// The catalogue in force, and those superseded of late.
    pub catalogues: Digest,
    /// Who was erased.
    pub erased: Digest,
    /// The consent of each subject who ever changed it.
    pub consents: Digest,
    /// How often who received what.
    pub uses: Digest,
}

/// Who asked, for whom, for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The catalogue that gives the ids their meaning.
    pub catalogue: Digest,
    /// The authenticated client.
    pub operator: OrganisationId,
    /// The body that receives.
    pub organisation: OrganisationId,
    /// The form.
    pub procedure: ProcedureId,
    /// Its version.
    pub version: u32,
    /// How it was asked.
    pub channel: Channel,
    /// The case, where there is one.
    pub case: Option<Box<str>>,
    /// The id of the presence token, where there is one.
    pub presence: Option<Box<str>>,
    /// The client's key for repeating the request, where there is one.
    pub idempotency: Option<Box<str>>,
}

/// A bundle that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure<C = Vec<RegisterSet>> {
    /// UUIDv7: it stands in the bundle and finds the entry through its time.
    pub id: [u8; 16],
    /// Who asked, for whom, for what.
    pub about: About,
    /// Whom it was about, and under which consent.
    pub subjects: Vec<SubjectVersion>,
    /// The first moment at which its grant no longer held.
    pub valid_until: CivilMs,
    /// The registers called about each subject, in their order.
    pub called: C,
    /// The fields that had a value, and where it came from.
    pub fields: Vec<(u8, RegisterId)>,
    /// Whether no field was missing.
    pub complete: bool,
    /// SHA-256 of the exact bytes.
    pub digest: Digest,
}

/// A subject under one version of their consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectVersion {
    /// The subject's number in the erasable table.
    pub subject: u64,
    /// The consent version.
    pub version: u64,
}

/// A change of consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose, and the version after it.
    pub subject: SubjectVersion,
    /// What changed.
    pub what: consent::Change,
}

/// A change of a company's consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByMandate {
    /// Who acted for it, and under which consent of theirs.
    pub by: SubjectVersion,
    /// The company's change.
    pub change: Change,
}

/// An operator was denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// Who asked, for whom, for what.
    pub about: About,
    /// Whom it was about, by number; nobody where repeats are counted into one.
    pub subjects: Vec<u64>,
    /// The problem type that it was answered with.
    pub reason: Box<str>,
    /// How often, where repeats were counted into one entry.
    pub count: u32,
}

/// About how many bytes the entry of a change takes.
pub(super) fn size_of(change: &consent::Change) -> usize {
    match change {
        consent::Change::Preference { .. }
        | consent::Change::Withdraw { .. }
        | consent::Change::Mandate { .. } => SMALL,
        consent::Change::Give(terms) => {
            let fields: usize = terms.fields.iter().map(|name| name.len() + 1).sum();
            2 * SMALL + terms.purpose.len() + fields
        }
    }
}

/// A disclosure before the writer gives it its place. What can be done before is done
/// here, where it was asked for: the writer is one for all cores.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// Whom it is about, by role, and the versions decided on.
    pub(super) subjects: Vec<(Subject, u64)>,
    /// The first moment at which its grant no longer holds.
    pub(super) valid_until: CivilMs,
    /// The catalogue that it was decided under.
    pub(super) catalogue: Digest,
    /// The turn at which these versions were in force, and the numbers in the event theirs;
    /// none, where one was not, or somebody had no number yet.
    pub(super) held_at: Option<u64>,
    /// What its entry says.
    pub(super) event: Encoded,
}

impl Draft {
    pub(super) fn of(bundle: &Bundle, digest: Digest, facts: Facts, published: &Published) -> Self {
        let Facts { subjects, valid_until, about } = facts;
        let (held_at, numbers) = published.look_up(&subjects);
        let (released, catalogue) = (&bundle.released, about.catalogue);
        let event = Event::Disclosure(Disclosure {
            id: bundle.disclosure.into_bytes(),
            about,
            subjects: numbers,
            valid_until,
            called: released.called.clone(),
            fields: released.fields.clone(),
            complete: released.complete,
            digest,
        });
        Self { subjects, valid_until, catalogue, held_at, event: event.encode() }
    }

    /// About how many bytes its entry takes.
    pub(super) fn size(&self) -> usize {
        SMALL + self.event.0.len()
    }
}

/// An event as a body has it.
#[derive(Clone, Debug)]
pub(super) struct Encoded(Vec<u8>);

impl Encoded {
    /// The event of a disclosure, with these subjects instead of its own.
    pub(super) fn about(&self, subjects: Vec<SubjectVersion>) -> Event {
        match postcard::from_bytes(&self.0) {
            Ok(Event::Disclosure(disclosure)) => {
                Event::Disclosure(Disclosure { subjects, ..disclosure })
            }
            _ => unreachable!("we wrote it, and it is one"),
        }
    }

    /// The body of an entry at this place.
    pub(super) fn body(&self, stream: &[u8; 16], sequence: u64, stamp: CivilMs) -> Vec<u8> {
        let mut body = Vec::with_capacity(SMALL + self.0.len());
        body.push(FORMAT);
        // A structure is its members, one after the other.
        let body = postcard::serialize_with_flavor(&(stream, sequence, stamp), Body(body));
        let mut body = body.expect("a vector takes every byte");
        body.extend_from_slice(&self.0);
        body
    }
}

impl Event {
    pub(super) fn encode(&self) -> Encoded {
        let event = Body(Vec::with_capacity(2 * SMALL));
        let event = postcard::serialize_with_flavor(self, event);
        Encoded(event.expect("a vector takes every byte"))
    }
}

/// Where a body is written: byte for byte as `postcard::to_extend` does, which takes
/// many times as long for the digests in it.
struct Body(Vec<u8>);

impl Flavor for Body {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// A body that is no entry of a format that this engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry of an unknown format, or a damaged one")]
pub struct Undecodable;

impl Entry {
    /// The body that is stored and committed to.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.event.encode().body(&self.stream, self.sequence, self.stamp)
    }

    /// Reads a body back.
    ///
    /// # Errors
    /// Where it is no entry of a known format.
    pub fn decode(body: &[u8]) -> Result<Self, Undecodable> {
        match body {
            [FORMAT, rest @ ..] => postcard::from_bytes(rest).map_err(|_| Undecodable),
            [FIRST, rest @ ..] => {
                let entry = postcard::from_bytes::<Entry<RegisterSet>>(rest);
                entry.map(Self::from).map_err(|_| Undecodable)
            }
            _ => Err(Undecodable),
        }
    }
}

impl From<Entry<RegisterSet>> for Entry {
    /// Whoever may have been asked about by a register counts as asked about.
    fn from(first: Entry<RegisterSet>) -> Self {
        let Entry { stream, sequence, stamp, event } = first;
        let event = match event {
            Event::Disclosure(it) => Event::Disclosure(Disclosure {
                called: vec![it.called; it.subjects.len()],
                id: it.id,
                about: it.about,
                subjects: it.subjects,
                valid_until: it.valid_until,
                fields: it.fields,
                complete: it.complete,
                digest: it.digest,
            }),
            Event::Catalogue(it) => Event::Catalogue(it),
            Event::Change(it) => Event::Change(it),
            Event::Denial(it) => Event::Denial(it),
            Event::Erasure(it) => Event::Erasure(it),
            Event::ByMandate(it) => Event::ByMandate(it),
            Event::Snapshot(it) => Event::Snapshot(it),
            Event::Forgotten(it) => Event::Forgotten(it),
        };
        Self { stream, sequence, stamp, event }
    }
}

/// What a subject's entries that are no disclosures are found by, beside the number.
pub(super) const HISTORY: u64 = 1 << 63;

/// The subjects that an entry is about: by number where a bundle left, in whose list
/// of accesses it then stands, and by number and `HISTORY` for all else.
pub fn subjects_of(body: &[u8], each: &mut dyn FnMut(u64)) {
    if skim::disclosed(body, each).is_some() {
        return;
    }
    let Ok(entry) = Entry::decode(body) else { return };
    match entry.event {
        Event::Disclosure(it) => it.subjects.iter().for_each(|known| each(known.subject)),
        Event::Change(it) => each(it.subject.subject | HISTORY),
        Event::Denial(it) => it.subjects.iter().for_each(|number| each(number | HISTORY)),
        // It is the company's, who acted, and whose mandate it was.
        Event::ByMandate(ByMandate { by, change }) => {
            each(change.subject.subject | HISTORY);
            each(by.subject | HISTORY);
            match change.what {
                consent::Change::Mandate { other, .. } if other != by.subject => {
                    each(other | HISTORY);
                }
                _ => {}
            }
        }
        Event::Catalogue(_) | Event::Erasure(_) | Event::Snapshot(_) | Event::Forgotten(_) => {}
    }
}

//! What the entries up to one lead to, kept when they are cut: which catalogues may
//! stand, who was erased, each consent, and the counts of uses.
//!
//! It is stored in parts of bounded size. The entry that cuts names a digest of each
//! kind of part, so that nothing kept can change unseen.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::catalogues::Catalogues;
use super::entry::{Digests, Entry, Event, Snapshot};
use super::force::is_late;
use super::uses::{Count, Kind, Uses};
use super::{Change, chain};
use crate::consent::Consent;
use crate::model::CivilMs;
use crate::planted::{self, Fault};
use crate::store::{self, Cut, Digest, Head, Read, Row};

/// The first byte of every part.
const FORMAT: u8 = 1;
/// About how large a part is: what one batch of the writer bears beside its entries.
const PART_BYTES: usize = 32 << 10;
/// About how large a count is.
const COUNT_BYTES: usize = 256;

/// What the entries up to one lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The last of the entries.
    pub(super) sequence: u64,
    /// The chain's hash up to and including it.
    pub(super) hash: Digest,
    /// The highest number that a subject had by then.
    pub(super) numbers: u64,
    /// The catalogue in force.
    pub(super) catalogue: Option<Digest>,
    /// Those before it, and when each was superseded.
    pub(super) superseded: Vec<(Digest, CivilMs)>,
    pub(super) erased: BTreeSet<u64>,
    /// Each subject's consent, as it is stored.
    pub(super) consents: BTreeMap<u64, Vec<u8>>,
    pub(super) uses: Uses,
}

/// A piece of them. Its place in this list is its kind: further ones come last.
#[derive(Serialize, Deserialize)]
enum Part {
    Catalogues(Option<Digest>, Vec<(Digest, CivilMs)>),
    Erased(Vec<u64>),
    Consents(Vec<(u64, Vec<u8>)>),
    Uses(Vec<(Kind, Count)>),
}

const KINDS: usize = 4;

impl Facts {
    /// Before the first entry.
    pub(super) fn at_first(head: &Head) -> Self {
        Self {
            sequence: 0,
            hash: chain::genesis(&head.stream),
            numbers: 0,
            catalogue: None,
            superseded: Vec::new(),
            erased: BTreeSet::new(),
            consents: BTreeMap::new(),
            uses: Uses::default(),
        }
    }

    /// One entry further. The audit judges it; here it is believed.
    pub(super) fn follow(
        &mut self,
        row: &Row,
        storage: &mut dyn Read,
        catalogues: &Catalogues,
    ) -> Result<(), store::Error> {
        let entry = Entry::decode(&row.body)
            .map_err(|_| store::Error::Damaged("an entry that cannot be read"))?;
        if row.sequence != self.sequence + 1 {
            return Err(store::Error::Damaged("an entry is missing"));
        }
        self.sequence = row.sequence;
        self.hash = chain::next(&self.hash, row);
        entry.event.each_number(&mut |number| self.numbers = self.numbers.max(number));
        match &entry.event {
            Event::Catalogue(digest) => self.supersede(*digest, entry.stamp),
            Event::Disclosure(disclosure) => {
                let catalogue = catalogues.get(storage, &disclosure.about.catalogue)?;
                self.uses.count(&catalogue, entry.stamp, disclosure);
            }
            Event::Change(change) => self.change(change, entry.stamp)?,
            Event::ByMandate(acted) => self.change(&acted.change, entry.stamp)?,
            Event::Erasure(number) => {
                self.erased.insert(*number);
                self.consents.remove(number);
            }
            Event::Forgotten(numbers) => self.erased.extend(numbers),
            Event::Denial(_) | Event::Snapshot(_) => {}
        }
        Ok(())
    }

    fn supersede(&mut self, digest: Digest, stamp: CivilMs) {
        if self.catalogue == Some(digest) {
            return;
        }
        self.superseded.retain(|(_, since)| is_late(*since, stamp));
        self.superseded.extend(self.catalogue.replace(digest).map(|before| (before, stamp)));
    }

    fn change(&mut self, change: &Change, stamp: CivilMs) -> Result<(), store::Error> {
        let number = change.subject.subject;
        if planted::is(Fault::SnapshotForgetsChanges) {
            return Ok(());
        }
        let known = self.consents.get(&number).map(|state| Consent::decode(state));
        let known = known.unwrap_or_else(|| Some(Consent::default()));
        let next = known.and_then(|known| known.after(&change.what, stamp));
        let next = next.ok_or(store::Error::Damaged("a change of consent that changes nothing"))?;
        self.consents.insert(number, next.encode());
        Ok(())
    }

    /// They as they are stored, and what the entry says of that.
    pub(super) fn parts(&self) -> (Vec<Vec<u8>>, Digests) {
        let (mut parts, mut hashing) = (Vec::new(), Hashing::default());
        let mut push = |part: &Part| {
            let body = postcard::to_extend(part, vec![FORMAT]).expect("a vector takes every byte");
            hashing.part(&body);
            parts.push(body);
        };
        push(&Part::Catalogues(self.catalogue, self.superseded.clone()));
        let erased = self.erased.iter().copied();
        pieces(erased, |_| size_of::<u64>()).for_each(|piece| push(&Part::Erased(piece)));
        let consents = self.consents.iter().map(|(number, state)| (*number, state.clone()));
        let size = |it: &(u64, Vec<u8>)| size_of::<u64>() + it.1.len();
        pieces(consents, size).for_each(|piece| push(&Part::Consents(piece)));
        let uses = self.uses.iter().map(|(kind, count)| (kind.clone(), count.clone()));
        pieces(uses, |_| COUNT_BYTES).for_each(|piece| push(&Part::Uses(piece)));
        (parts, hashing.digests())
    }

    /// Takes a stored part in; whether it is one.
    pub(super) fn take(&mut self, body: &[u8]) -> bool {
        let [FORMAT, rest @ ..] = body else { return false };
        match postcard::from_bytes(rest) {
            Ok(Part::Catalogues(catalogue, superseded)) => {
                (self.catalogue, self.superseded) = (catalogue, superseded);
            }
            Ok(Part::Erased(numbers)) => self.erased.extend(numbers),
            Ok(Part::Consents(states)) => self.consents.extend(states),
            Ok(Part::Uses(counts)) => self.uses.extend(counts),
            Err(_) => return false,
        }
        true
    }

    /// Those that were kept of a cut, where they are what its entry says.
    pub(super) fn of(cut: &Cut, storage: &mut dyn Read) -> Result<Self, store::Error> {
        let snapshot = said(cut, storage)?;
        let mut facts = Self::at_first(&storage.head()?);
        (facts.sequence, facts.hash, facts.numbers) = (cut.sequence, cut.hash, snapshot.numbers);
        let (mut whole, mut hashing) = (true, Hashing::default());
        storage.facts(cut.sequence, &mut |body| {
            hashing.part(body);
            whole &= facts.take(body);
        })?;
        let (found, named) = (hashing.digests(), snapshot.facts);
        let differs = [
            (found.catalogues != named.catalogues, "the catalogues kept are not those it names"),
            (found.erased != named.erased, "the erasures kept are not those it names"),
            (found.consents != named.consents, "the consents kept are not those it names"),
            (found.uses != named.uses, "the counts of uses kept are not those it names"),
            (!whole, "what it names cannot be read"),
        ];
        match differs.into_iter().find(|(differs, _)| *differs) {
            Some((_, what)) => Err(store::Error::Damaged(what)),
            None => Ok(facts),
        }
    }
}

/// What the entry of a cut says.
fn said(cut: &Cut, storage: &mut dyn Read) -> Result<Snapshot, store::Error> {
    let row = storage.entries(cut.entry.saturating_sub(1), 1)?.pop();
    let entry = row.filter(|row| row.sequence == cut.entry);
    let event = entry.and_then(|row| Some(Entry::decode(&row.body).ok()?.event));
    match event {
        Some(Event::Snapshot(said))
            if (said.upto, said.hash, said.before) == (cut.sequence, cut.hash, cut.before) =>
        {
            Ok(said)
        }
        _ => Err(store::Error::Damaged("it does not say that entries are cut there")),
    }
}

/// Digests of parts, by kind.
#[derive(Default)]
struct Hashing([Sha256; KINDS]);

impl Hashing {
    fn part(&mut self, body: &[u8]) {
        // What is of no kind changes a digest all the same.
        let kind = body.get(1).map_or(0, |kind| usize::from(*kind)).min(KINDS - 1);
        self.0[kind].update((body.len() as u64).to_le_bytes());
        self.0[kind].update(body);
    }

    fn digests(self) -> Digests {
        let [catalogues, erased, consents, uses] = self.0.map(|hash| hash.finalize().into());
        Digests { catalogues, erased, consents, uses }
    }
}

/// Items in pieces of about [`PART_BYTES`].
fn pieces<T>(
    mut items: impl Iterator<Item = T>,
    size: impl Fn(&T) -> usize,
) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let (mut piece, mut bytes) = (Vec::new(), 0);
        while bytes < PART_BYTES
            && let Some(item) = items.next()
        {
            bytes += size(&item);
            piece.push(item);
        }
        (!piece.is_empty()).then_some(piece)
    })
}

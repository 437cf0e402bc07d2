//! The entries that cut, and what was kept of what they cut.

use std::collections::HashMap;

use super::kept::Kept;
use super::replay::Replay;
use super::{Error, Violation, violation};
use crate::catalogue::Catalogue;
use crate::consent::Consent;
use crate::ledger::entry::{Disclosure, Snapshot};
use crate::ledger::uses::Uses;
use crate::model::CivilMs;
use crate::store::Cut;

/// What is known of cuts after so many entries.
#[derive(Default)]
pub(super) struct Cuts {
    /// The one that the proof began with.
    pub(super) begun: Option<Cut>,
    /// The one whose entries are all there still.
    pub(super) ahead: Option<Box<Kept>>,
    /// The entry that says so was seen.
    seen: bool,
    /// Up to where the newest entry of a cut goes.
    newest: u64,
    /// Counted up to the cut ahead.
    uses: Uses,
}

impl Cuts {
    /// An entry says that entries are cut.
    pub(super) fn pass(
        &mut self,
        sequence: u64,
        stamp: CivilMs,
        snapshot: &Snapshot,
    ) -> Result<(), Violation> {
        let wrong = |what: &str| Err(violation(sequence, what));
        if snapshot.upto <= self.newest || snapshot.upto >= sequence {
            return wrong("it cuts what was cut before it, or what is not before it");
        }
        if snapshot.kept_ms < 0 || snapshot.before > stamp.saturating_sub(snapshot.kept_ms) {
            return wrong("it cuts what is younger than it says that entries are kept");
        }
        self.newest = snapshot.upto;
        let cut = self.begun.or(self.ahead.as_ref().map(|kept| kept.cut));
        // What the entry of the newest cut names was compared with what is kept before.
        self.seen |= cut.is_some_and(|cut| cut.entry == sequence);
        match cut.is_none_or(|cut| snapshot.upto > cut.sequence) {
            true => wrong("it cuts entries, and the ledger does not know of that"),
            false => Ok(()),
        }
    }

    /// Up to where entries are cut by now.
    pub(super) fn newest(&self) -> u64 {
        self.newest.max(self.begun.map_or(0, |cut| cut.sequence))
    }

    /// Counts what the cut ahead is to have counted.
    pub(super) fn count(&mut self, catalogue: &Catalogue, stamp: CivilMs, of: &Disclosure) {
        if self.ahead.is_some() {
            self.uses.count(catalogue, stamp, of);
        }
    }

    /// Whether what was kept is what the entries lead to, once they are all seen.
    pub(super) fn compare(&self, after: &Replay) -> Result<(), Error> {
        let Some(Kept { cut, facts }) = self.ahead.as_deref() else { return Ok(()) };
        if cut.sequence != after.sequence {
            return Ok(());
        }
        let superseded = after.superseded.iter().map(|(it, since)| (*it.digest(), *since));
        let states = facts.consents.iter();
        let states = states.map(|(number, state)| Some((*number, Consent::decode(state)?)));
        let differs = [
            (after.hash != cut.hash, "the chain's hash"),
            (after.numbers != facts.numbers, "the highest number of a subject"),
            (
                after.catalogue.as_ref().map(|it| *it.digest()) != facts.catalogue
                    || !superseded.eq(facts.superseded.iter().copied()),
                "the catalogues kept",
            ),
            (
                after.erased.len() != facts.erased.len()
                    || !facts.erased.iter().all(|number| after.erased.contains(number)),
                "the erasures kept",
            ),
            (
                states.collect::<Option<HashMap<_, _>>>().as_ref() != Some(&after.consents),
                "the consents kept",
            ),
            (self.uses != facts.uses, "the counts of uses kept"),
        ];
        match differs.into_iter().find(|(differs, _)| *differs) {
            Some((_, what)) => {
                let what = format!("{what} of entries that are cut are not what they lead to");
                Err(violation(cut.entry, &what).into())
            }
            None => Ok(()),
        }
    }

    /// After the last entry, at `head`.
    pub(super) fn end(&self, head: u64) -> Result<(), Error> {
        let cut = self.begun.is_some() || self.ahead.is_some();
        match cut && !self.seen {
            true => Err(violation(head, "entries are cut, and none says so").into()),
            false => Ok(()),
        }
    }
}

//! Everything that one subject added: each value with the moment of its change.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Attribute, Kept};
use crate::clock;
use crate::model::{Answer, AnswerBuilder, AttributeMask, CivilMs};

const FORMAT: u8 = 1;

/// One value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    attribute: u8,
    value: String,
    changed: CivilMs,
}

/// A subject's values, ascending by attribute. No `Debug`: nothing may log it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Document(Vec<Entry>);

impl Document {
    /// Reads what [`Document::encoded`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, body) = bytes.split_first()? else { return None };
        let entries: Vec<Entry> = postcard::from_bytes(body).ok()?;
        let ascending = entries.is_sorted_by(|a, b| a.attribute < b.attribute);
        ascending.then_some(Self(entries))
    }

    /// As it is sealed.
    pub(super) fn encoded(&self) -> Zeroizing<Vec<u8>> {
        let bytes = postcard::to_extend(&self.0, vec![FORMAT]);
        Zeroizing::new(bytes.expect("a list of plain values is written to memory"))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a value in the place of any before.
    pub(super) fn set(&mut self, attribute: Attribute, value: String, changed: CivilMs) {
        let entry = Entry { attribute: attribute.0, value, changed };
        match self.place(attribute) {
            Ok(place) => self.0[place] = entry,
            Err(place) => self.0.insert(place, entry),
        }
    }

    /// False where there was none.
    pub(super) fn remove(&mut self, attribute: Attribute) -> bool {
        self.place(attribute).map(|place| self.0.remove(place)).is_ok()
    }

    /// Every value, for the citizen who wrote it.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let kept = |entry: &Entry| Kept {
            attribute: Attribute(entry.attribute),
            value: entry.value.clone(),
            changed: entry.changed,
        };
        self.0.iter().map(kept).collect()
    }

    /// What a bundle can show of it. Nobody is unknown to their own space, so
    /// there is an answer also where there is no value.
    pub(super) fn answer(&self, asked: AttributeMask, now: CivilMs) -> Answer {
        let mut answer = AnswerBuilder::default();
        for entry in self.0.iter().filter(|entry| asked.contains(usize::from(entry.attribute))) {
            let day = clock::date(entry.changed).to_string();
            answer.value(usize::from(entry.attribute), Some(&day), |out| {
                serde_json::to_writer(out, &entry.value).expect("a text is JSON");
            });
        }
        answer.found(asked, now, None)
    }

    fn place(&self, attribute: Attribute) -> Result<usize, usize> {
        self.0.binary_search_by_key(&attribute.0, |entry| entry.attribute)
    }
}

//! What one register said about one key: checked, and serialised per attribute.

use std::fmt;

use super::{AttributeMask, CivilMs, Subject};

/// One register's answer about one key.
///
/// Values are kept as the JSON that a bundle will show, so that composing a
/// bundle copies bytes and parses nothing. An answer is never filtered by
/// consent: that happens at each release. `Debug` shows no value.
#[derive(PartialEq, Eq)]
pub struct Answer {
    /// False where the register does not know the key.
    pub found: bool,
    /// The attributes that were asked for. It serves no request for others.
    pub asked: AttributeMask,
    /// Disputed, or under investigation, as the register says.
    pub under_review: AttributeMask,
    /// The register has the attribute but cannot give it now.
    pub unavailable: AttributeMask,
    /// What the register said was not of the attribute's type.
    pub invalid: AttributeMask,
    /// When the call for it began.
    pub since: CivilMs,
    present: AttributeMask,
    /// Ends of the parts of `text`: for each present attribute its value and
    /// the date of its own last update; at the end the date of the whole.
    ends: Box<[u32]>,
    text: Box<str>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Answer");
        shown.field("found", &self.found).field("asked", &self.asked);
        shown.field("present", &self.present).field("since", &self.since);
        shown.finish_non_exhaustive()
    }
}

impl Answer {
    /// Whether a list of identifiers has the subject; `None` where the register
    /// could not tell the list.
    #[must_use]
    pub fn lists(&self, attribute: usize, subject: Subject) -> Option<bool> {
        if !self.asked.contains(attribute)
            || self.invalid.union(self.unavailable).contains(attribute)
        {
            return None;
        }
        let list = self.value(attribute).map(serde_json::from_slice::<Vec<String>>);
        let listed = list.and_then(Result::ok).unwrap_or_default();
        Some(listed.iter().any(|text| text.parse() == Ok(subject)))
    }

    /// The value of an attribute, as JSON.
    #[must_use]
    pub fn value(&self, attribute: usize) -> Option<&[u8]> {
        self.rank(attribute).map(|rank| self.part(2 * rank).as_bytes())
    }

    /// When the register last changed an attribute: an ISO date, without quotes.
    #[must_use]
    pub fn last_updated(&self, attribute: usize) -> Option<&str> {
        let own = self.rank(attribute).map(|rank| self.part(2 * rank + 1));
        let date = match own {
            Some("") | None => self.part(self.ends.len() - 1),
            Some(date) => date,
        };
        (!date.is_empty()).then_some(date)
    }

    /// What it costs to keep, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.ends.len() * size_of::<u32>()
    }

    fn rank(&self, attribute: usize) -> Option<usize> {
        self.present.contains(attribute).then(|| {
            let below = self.present.intersection(AttributeMask::first(attribute));
            below.0.count_ones() as usize
        })
    }

    fn part(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |previous| self.ends[previous]);
        &self.text[start as usize..self.ends[index] as usize]
    }
}

/// Builds an answer, attribute by attribute, in ascending order.
#[derive(Default)]
pub struct AnswerBuilder {
    present: AttributeMask,
    under_review: AttributeMask,
    unavailable: AttributeMask,
    invalid: AttributeMask,
    ends: Vec<u32>,
    text: Vec<u8>,
}

impl AnswerBuilder {
    /// Adds a value by letting `write` append its JSON, and the ISO date of its
    /// own last update. Attributes ascend.
    pub fn value(
        &mut self,
        attribute: usize,
        updated: Option<&str>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        debug_assert!(self.present.0 >> attribute == 0, "attributes are added in ascending order");
        self.present.insert(attribute);
        write(&mut self.text);
        self.ends.push(self.text.len() as u32);
        self.text.extend_from_slice(updated.unwrap_or_default().as_bytes());
        self.ends.push(self.text.len() as u32);
    }

    /// Marks an attribute as disputed.
    pub fn under_review(&mut self, attribute: usize) {
        self.under_review.insert(attribute);
    }

    /// Marks an attribute as one that the register cannot give now.
    pub fn unavailable(&mut self, attribute: usize) {
        self.unavailable.insert(attribute);
    }

    /// Marks an attribute whose value was not of its type.
    pub fn invalid(&mut self, attribute: usize) {
        self.invalid.insert(attribute);
    }

    /// The answer to a call for `asked` that began at `since`.
    #[must_use]
    pub fn found(mut self, asked: AttributeMask, since: CivilMs, updated: Option<&str>) -> Answer {
        self.text.extend_from_slice(updated.unwrap_or_default().as_bytes());
        self.ends.push(self.text.len() as u32);
        Answer {
            found: true,
            asked,
            under_review: self.under_review,
            unavailable: self.unavailable,
            invalid: self.invalid,
            since,
            present: self.present,
            ends: self.ends.into_boxed_slice(),
            text: String::from_utf8(self.text).expect("JSON and dates are text").into(),
        }
    }

    /// The answer of a register that does not know the key.
    #[must_use]
    pub fn not_found(asked: AttributeMask, since: CivilMs) -> Answer {
        Answer { found: false, ..Self::default().found(asked, since, None) }
    }
}

//! What is true of one subject, in little memory: a run keeps thousands.

use fixtures::Country;
use fixtures::truth::{ATTRIBUTES, Truth};

use crate::lineage;

#[cfg(test)]
mod tests;

/// A set of attributes, by their places in [`ATTRIBUTES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(u128);

const _: () = assert!(ATTRIBUTES.len() <= u128::BITS as usize);

impl Attributes {
    /// Adds the attribute of this place.
    pub fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn contains(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }

    /// How many stand before this place.
    fn rank(self, place: usize) -> usize {
        (self.0 & ((1 << place) - 1)).count_ones() as usize
    }

    fn places(self) -> impl Iterator<Item = usize> {
        (0..ATTRIBUTES.len()).filter(move |place| self.contains(*place))
    }
}

/// What a register holds of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held<'a> {
    /// A value.
    Value {
        /// As JSON, the way most serialisers write it.
        text: &'a str,
        /// Whether the register marks it as disputed.
        disputed: bool,
    },
    /// Nothing, or it does not know the subject.
    Nothing,
    /// A value that it cannot tell at present.
    Unavailable,
    /// Something that must not be shown, for this reason.
    Withheld(&'static str),
    /// What citizens wrote themselves, perhaps: nobody else knows.
    Own,
    /// Not for the country to say: whatever comes is taken.
    Unknown,
}

/// A person or a company, with all that a run needs to know of them.
#[derive(Clone, Debug)]
pub struct Subject {
    identifier: Box<str>,
    refused: &'static [&'static str],
    wanted: Attributes,
    /// One for each attribute wanted: the kind, and where its text ends.
    facts: Box<[(Kind, u32)]>,
    texts: Box<str>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Value,
    Disputed,
    Nothing,
    Unavailable,
    Unknown,
}

impl Subject {
    /// What the country says of the attributes wanted; `refused` are the
    /// registers to which this person said No.
    #[must_use]
    pub fn new(
        country: &Country,
        identifier: &str,
        refused: &'static [&'static str],
        wanted: Attributes,
    ) -> Self {
        let mut texts = String::new();
        let fact = |place: usize| {
            let truth = country.truth(identifier, ATTRIBUTES[place]);
            if let Some(value) = truth.value() {
                texts.push_str(&value.to_json().to_string());
            }
            (Kind::of(&truth), texts.len() as u32)
        };
        let facts = wanted.places().map(fact).collect();
        Self { identifier: identifier.into(), refused, wanted, facts, texts: texts.into() }
    }

    /// The matricule, or the number in the register of companies.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Whether they refuse anything.
    #[must_use]
    pub fn refuses_any(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Whether they refuse this register, or one without which it cannot be
    /// asked.
    #[must_use]
    pub fn refuses(&self, register: &str) -> bool {
        self.refuses_any() && lineage::line(register).any(|it| self.refused.contains(&it))
    }

    /// What is true of the attribute of this place.
    #[must_use]
    pub fn holds(&self, place: usize) -> Held<'_> {
        if !self.wanted.contains(place) {
            return Held::Unknown;
        }
        let rank = self.wanted.rank(place);
        let (kind, end) = self.facts[rank];
        let start = rank.checked_sub(1).map_or(0, |before| self.facts[before].1);
        let text = &self.texts[start as usize..end as usize];
        match kind {
            Kind::Value => Held::Value { text, disputed: false },
            Kind::Disputed => Held::Value { text, disputed: true },
            Kind::Nothing => Held::Nothing,
            Kind::Unavailable => Held::Unavailable,
            Kind::Unknown => Held::Unknown,
        }
    }
}

impl Kind {
    fn of(truth: &Truth) -> Self {
        match truth {
            Truth::Value(_) => Self::Value,
            Truth::UnderReview(_) => Self::Disputed,
            Truth::Nothing | Truth::UnknownSubject => Self::Nothing,
            Truth::Unavailable => Self::Unavailable,
            Truth::UnknownAttribute => Self::Unknown,
        }
    }
}

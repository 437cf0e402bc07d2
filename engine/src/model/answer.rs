//! What one register said about one key: checked, and serialised per attribute.

use std::fmt;
use std::ops::Range;

use super::packed::{Day, Reader, Shared, put_day, put_number};
use super::{AttributeMask, CivilMs, Subject};

/// One register's answer about one key; a clone shares its bytes.
///
/// Values are kept as the JSON that a bundle will show, so that composing a
/// bundle copies bytes and parses nothing. An answer is never filtered by
/// consent: that happens at each release. `Debug` shows no value.
#[derive(Clone)]
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
    /// Its own bytes, or those of everything that is kept about a subject.
    bytes: Shared,
    /// Where in them its texts are: the day of the whole, then for each present
    /// attribute its value and the day of its own last update.
    texts: Range<u32>,
}

/// The register knows the key.
const FOUND: u8 = 1;
/// All that was asked for is there.
const WHOLE: u8 = 1 << 1;
/// Something is disputed, unavailable or invalid.
const RARE: u8 = 1 << 2;

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        let told = |it: &Self| (it.found, it.since, it.asked, it.present, it.rare());
        told(self) == told(other) && self.texts() == other.texts()
    }
}

impl Eq for Answer {}

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
        Some(self.part(attribute)?.0)
    }

    /// When the register last changed an attribute.
    #[must_use]
    pub fn last_updated(&self, attribute: usize) -> Option<Day> {
        let own = self.part(attribute).and_then(|(_, day)| day);
        own.or_else(|| Reader::at(self.texts(), 0).day())
    }

    /// Reads one attribute after the other.
    #[must_use]
    pub fn reading(&self) -> Reading<'_> {
        let mut reader = Reader::at(self.texts(), 0);
        // A day that nobody looks at stays packed.
        reader.number();
        Reading { answer: self, reader, passed: 0, whole: None }
    }

    /// What `pack` leaves out, and `unpacked` needs: three bits.
    #[must_use]
    pub fn flags(&self) -> u8 {
        let is_rare = self.rare().iter().any(|mask| !mask.is_empty());
        let flags = [(self.found, FOUND), (self.asked == self.present, WHOLE), (is_rare, RARE)];
        flags.iter().filter(|(is, _)| *is).fold(0, |flags, (_, flag)| flags | flag)
    }

    /// Appends it to what else is kept about its subject.
    pub fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, self.asked.0);
        if self.asked != self.present {
            // Most of what was asked for is there.
            put_number(out, self.asked.0 ^ self.present.0);
        }
        if self.flags() & RARE != 0 {
            self.rare().iter().for_each(|mask| put_number(out, mask.0));
        }
        out.extend_from_slice(self.texts());
    }

    /// What `pack` appended, at a place among what is kept.
    #[must_use]
    pub fn unpacked(bytes: &Shared, place: Range<usize>, flags: u8, since: CivilMs) -> Self {
        let mut reader = Reader::at(bytes, place.start);
        let asked = reader.number();
        let lacks = if flags & WHOLE == 0 { reader.number() } else { 0 };
        let rare = if flags & RARE == 0 { [0; 3] } else { [(); 3].map(|()| reader.number()) };
        let [under_review, unavailable, invalid] = rare.map(AttributeMask);
        Self {
            found: flags & FOUND != 0,
            asked: AttributeMask(asked),
            under_review,
            unavailable,
            invalid,
            since,
            present: AttributeMask(asked ^ lacks),
            texts: reader.place() as u32..place.end as u32,
            bytes: bytes.clone(),
        }
    }

    fn rare(&self) -> [AttributeMask; 3] {
        [self.under_review, self.unavailable, self.invalid]
    }

    fn texts(&self) -> &[u8] {
        &self.bytes[self.texts.start as usize..self.texts.end as usize]
    }

    /// An attribute's value, and when it was last changed where that is told.
    fn part(&self, attribute: usize) -> Option<(&[u8], Option<Day>)> {
        self.reading().part(attribute)
    }
}

/// Where in an answer somebody reads. In ascending order of attributes, all of them are
/// one walk through its texts.
pub struct Reading<'a> {
    answer: &'a Answer,
    reader: Reader<'a>,
    /// How many of the present attributes are behind it.
    passed: u32,
    /// The day of the whole, once somebody wanted it.
    whole: Option<Option<Day>>,
}

impl<'a> Reading<'a> {
    /// Whether it is this very answer that is read.
    #[must_use]
    pub fn is_of(&self, answer: &Answer) -> bool {
        std::ptr::eq(self.answer, answer)
    }

    /// The value of an attribute, and when the register last changed it.
    pub fn dated(&mut self, attribute: usize) -> Option<(&'a [u8], Option<Day>)> {
        let (value, own) = self.part(attribute)?;
        let whole = || Reader::at(self.answer.texts(), 0).day();
        Some((value, own.or_else(|| *self.whole.get_or_insert_with(whole))))
    }

    fn part(&mut self, attribute: usize) -> Option<(&'a [u8], Option<Day>)> {
        if !self.answer.present.contains(attribute) {
            return None;
        }
        let below = self.answer.present.intersection(AttributeMask::first(attribute));
        let below = below.0.count_ones();
        if below < self.passed {
            *self = Self { whole: self.whole, ..self.answer.reading() };
        }
        for _ in self.passed..below {
            let length = self.reader.number();
            self.reader.bytes((length >> 1) as usize);
            if length & 1 == 1 {
                self.reader.number();
            }
        }
        self.passed = below + 1;
        Some(part(&mut self.reader))
    }
}

/// Whether a day follows stands in the lowest bit of a value's length.
fn part<'a>(reader: &mut Reader<'a>) -> (&'a [u8], Option<Day>) {
    let length = reader.number();
    let value = reader.bytes((length >> 1) as usize);
    (value, if length & 1 == 1 { reader.day() } else { None })
}

/// Builds an answer, attribute by attribute, in ascending order.
#[derive(Default)]
pub struct AnswerBuilder {
    present: AttributeMask,
    under_review: AttributeMask,
    unavailable: AttributeMask,
    invalid: AttributeMask,
    value: Vec<u8>,
    texts: Vec<u8>,
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
        self.value.clear();
        write(&mut self.value);
        let day = updated.and_then(Day::of);
        put_number(&mut self.texts, (self.value.len() as u64) << 1 | u64::from(day.is_some()));
        self.texts.extend_from_slice(&self.value);
        day.iter().for_each(|day| put_day(&mut self.texts, Some(*day)));
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
    pub fn found(self, asked: AttributeMask, since: CivilMs, updated: Option<&str>) -> Answer {
        let Self { present, under_review, unavailable, invalid, value: mut bytes, texts } = self;
        bytes.clear();
        put_day(&mut bytes, updated.and_then(Day::of));
        bytes.extend_from_slice(&texts);
        Answer {
            found: true,
            asked,
            under_review,
            unavailable,
            invalid,
            since,
            present,
            texts: 0..bytes.len() as u32,
            bytes: Shared::new(0, &bytes),
        }
    }

    /// The answer of a register that does not know the key.
    #[must_use]
    pub fn not_found(asked: AttributeMask, since: CivilMs) -> Answer {
        Answer { found: false, ..Self::default().found(asked, since, None) }
    }
}

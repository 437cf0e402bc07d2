//! What an element says of one attribute, checked against its description.
//!
//! Nothing is written here: the decoder puts it into an answer, and a probe
//! tells of it without its value.

use simd_json::prelude::*;

use super::json::{Json, at, step, text, tokens};
use crate::catalogue::{Attribute, Dialect, Kind, Leaf, Parts};

/// What an element says of one attribute.
pub(super) enum Said<'a> {
    /// A value of the attribute's type, and the date of its own last update.
    Value(Value<'a>, Option<&'a str>),
    /// There is none.
    Nothing,
    /// There may be one, which the register cannot give now.
    Unavailable,
    /// Something else than the description promises.
    Invalid(Wrong<'a>),
}

/// A value of an attribute's type.
pub(super) enum Value<'a> {
    /// A text, a date, or a partial date in one piece.
    Text(&'a str),
    /// A partial date of which the year is known, and perhaps the month.
    Month(i64, Option<i64>),
    Integer(i64),
    Boolean(bool),
    Texts(Vec<&'a str>),
}

/// What stands where something else should.
pub(super) struct Wrong<'a> {
    pub(super) found: Json<'a>,
    pub(super) wanted: Wanted,
}

/// What the description promises at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A value of this type.
    Kind(Kind),
    /// A leaf: an object around a value.
    Leaf,
    /// Something at `each` in every item.
    Each,
    /// A year of four digits.
    Year,
    /// A month from 1 to 12.
    Month,
}

/// Reads one attribute.
pub(super) fn said<'a>(dialect: &Dialect, attribute: &Attribute, element: Json<'a>) -> Said<'a> {
    let reader = Reader { dialect, each: attribute.each.as_deref() };
    match (reader.reach(element, &attribute.at, attribute.kind), &attribute.parts) {
        (Said::Nothing, Some(parts)) => reader.parts(element, parts),
        (said, _) => said,
    }
}

/// Whether a text is a day of the calendar, `YYYY-MM-DD`.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// Whether a text is a day, a month or a year.
fn is_partial_date(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        4 => digits(text),
        7 => is_date(&format!("{text}-01")),
        _ => is_date(text),
    }
}

struct Reader<'d> {
    dialect: &'d Dialect,
    each: Option<&'d str>,
}

/// What the objects around a leaf say for all that is in them.
#[derive(Default)]
struct Around<'a> {
    unavailable: bool,
    updated: Option<&'a str>,
}

impl<'a> Around<'a> {
    /// Notes what one more object says; the nearest counts.
    fn pass(&mut self, leaf: &Leaf, json: Json<'a>) {
        let member = |name: &Option<Box<str>>| json.get(&**name.as_ref()?);
        self.unavailable |= member(&leaf.unavailable).and_then(|json| json.as_bool()) == Some(true);
        let updated = member(&leaf.updated).and_then(text).filter(|text| is_date(text));
        self.updated = updated.or(self.updated);
    }
}

impl Reader<'_> {
    /// What stands at a pointer.
    fn reach<'a>(&self, start: Json<'a>, pointer: &str, kind: Kind) -> Said<'a> {
        match &self.dialect.leaf {
            Some(leaf) => self.wrapped(leaf, start, pointer, kind, Around::default()),
            None => at(start, pointer).map_or(Said::Nothing, |json| self.plain(json, kind, None)),
        }
    }

    /// What the leaf at a pointer holds.
    fn wrapped<'a>(
        &self,
        leaf: &Leaf,
        start: Json<'a>,
        pointer: &str,
        kind: Kind,
        mut around: Around<'a>,
    ) -> Said<'a> {
        let mut json = start;
        for token in tokens(pointer) {
            let Some(next) = step(json, &token) else {
                return if around.unavailable { Said::Unavailable } else { Said::Nothing };
            };
            around.pass(leaf, next);
            json = next;
        }
        if around.unavailable {
            return Said::Unavailable;
        }
        if kind == Kind::Texts && json.is_array() {
            return self.texts(json, around.updated);
        }
        if json.as_object().is_none() {
            return Said::Invalid(Wrong { found: json, wanted: Wanted::Leaf });
        }
        let value = leaf.value.iter().find_map(|name| json.get(&**name));
        value.map_or(Said::Nothing, |value| self.plain(value, kind, around.updated))
    }

    /// A value of the attribute's type. A null is no value.
    fn plain<'a>(&self, json: Json<'a>, kind: Kind, updated: Option<&'a str>) -> Said<'a> {
        let blank = self.dialect.blank_is_empty && text(json) == Some("");
        if json.is_null() || blank {
            return Said::Nothing;
        }
        let value = match kind {
            Kind::Text => text(json).map(Value::Text),
            Kind::Date => text(json).filter(|text| is_date(text)).map(Value::Text),
            Kind::PartialDate => text(json).filter(|text| is_partial_date(text)).map(Value::Text),
            Kind::Integer => json.as_i64().map(Value::Integer),
            Kind::Boolean => json.as_bool().map(Value::Boolean),
            Kind::Texts => return self.texts(json, updated),
        };
        match value {
            Some(value) => Said::Value(value, updated),
            None => Said::Invalid(Wrong { found: json, wanted: Wanted::Kind(kind) }),
        }
    }

    /// A list; its date is that of the item that changed last.
    fn texts<'a>(&self, json: Json<'a>, mut updated: Option<&'a str>) -> Said<'a> {
        let Some(items) = json.as_array() else {
            return Said::Invalid(Wrong { found: json, wanted: Wanted::Kind(Kind::Texts) });
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items.iter() {
            match self.item(item) {
                Said::Value(Value::Text(text), own) => {
                    texts.push(text);
                    updated = updated.max(own);
                }
                Said::Value(..) | Said::Nothing => {}
                // A list without some of its items would look like a whole one.
                said @ (Said::Unavailable | Said::Invalid(_)) => return said,
            }
        }
        if texts.is_empty() { Said::Nothing } else { Said::Value(Value::Texts(texts), updated) }
    }

    /// One item of a list. A plain one is a text; a leaf may be without a value.
    fn item<'a>(&self, item: Json<'a>) -> Said<'a> {
        let pointer = self.each.unwrap_or_default();
        let mut around = Around::default();
        if let Some(leaf) = &self.dialect.leaf {
            around.pass(leaf, item);
        }
        match (at(item, pointer), &self.dialect.leaf) {
            (None, _) if around.unavailable => Said::Unavailable,
            (None, _) => Said::Invalid(Wrong { found: item, wanted: Wanted::Each }),
            (Some(_), Some(leaf)) => self.wrapped(leaf, item, pointer, Kind::Text, around),
            (Some(json), None) if json.is_null() => {
                Said::Invalid(Wrong { found: json, wanted: Wanted::Kind(Kind::Text) })
            }
            (Some(json), None) => self.plain(json, Kind::Text, None),
        }
    }

    /// What is known of a date whose parts stand apart.
    fn parts<'a>(&self, element: Json<'a>, parts: &Parts) -> Said<'a> {
        let outside = |pointer, wanted| {
            at(element, pointer)
                .map_or(Said::Nothing, |found| Said::Invalid(Wrong { found, wanted }))
        };
        let (year, updated) = match self.reach(element, &parts.year, Kind::Integer) {
            Said::Value(Value::Integer(year), updated) => (year, updated),
            said => return said,
        };
        if !(1..=9_999).contains(&year) {
            return outside(&parts.year, Wanted::Year);
        }
        let Some(pointer) = parts.month.as_deref() else {
            return Said::Value(Value::Month(year, None), updated);
        };
        match self.reach(element, pointer, Kind::Integer) {
            Said::Value(Value::Integer(month), _) if (1..=12).contains(&month) => {
                Said::Value(Value::Month(year, Some(month)), updated)
            }
            Said::Value(..) => outside(pointer, Wanted::Month),
            Said::Nothing => Said::Value(Value::Month(year, None), updated),
            said => said,
        }
    }
}

//! One field against what is true.

use serde_json::Value;
use serde_json::value::RawValue;

use super::bundle::{Bundle, Field, Gap, REASONS, Status};
use super::{Expected, Verified, Wrong, short};
use crate::form::{self, Source};
use crate::subject::Held;

/// Checks one field, and counts how it ended.
pub(super) fn check(
    expected: &Expected,
    index: usize,
    field: &Field<'_>,
    bundle: &Bundle<'_>,
    verified: &mut Verified,
) {
    let seen = Seen { expected, known: &expected.form().fields[index], field, bundle };
    verified.gaps.extend(seen.gap());
    verified.filled += u64::from(field.status == Status::Filled);
    match seen.judge() {
        Judged::Right => {}
        Judged::Unverified => verified.unverified += 1,
        Judged::Wrong(wrong, detail) => {
            verified.findings.push(expected.finding_at(index, wrong, detail));
        }
    }
}

enum Judged {
    Right,
    Unverified,
    Wrong(Wrong, String),
}

impl Judged {
    fn wrong(wrong: Wrong, detail: impl Into<String>) -> Self {
        Self::Wrong(wrong, detail.into())
    }
}

/// One field of a bundle, and what it is of.
struct Seen<'a> {
    expected: &'a Expected,
    known: &'a form::Field,
    field: &'a Field<'a>,
    bundle: &'a Bundle<'a>,
}

impl<'a> Seen<'a> {
    fn judge(&self) -> Judged {
        match (self.field.status, self.expected.all_withheld(self.known)) {
            (Status::Withheld, reason) => self.withheld(reason),
            (_, Some(_)) => Judged::wrong(Wrong::Refused, ""),
            (Status::Filled | Status::Stale, None) => self.valued(),
            (Status::Empty, None) => self.empty(),
            (Status::Unavailable, None) => self.unavailable(),
        }
    }

    fn gap(&self) -> Option<Gap> {
        match self.field.status {
            Status::Filled => None,
            Status::Stale => Some(Gap::Stale),
            Status::Empty => Some(Gap::Empty),
            Status::Withheld => Some(Gap::Withheld),
            Status::Unavailable if self.is_told_unavailable() => Some(Gap::Told),
            Status::Unavailable => self.reason().map(Gap::Unavailable),
        }
    }

    /// The reason, where it is one of the closed list.
    fn reason(&self) -> Option<&'static str> {
        REASONS.into_iter().find(|known| self.field.reason.as_deref() == Some(known))
    }

    fn sources(&self) -> impl Iterator<Item = (&'a Source, Held<'a>)> {
        let (expected, known) = (self.expected, self.known);
        known.sources.iter().map(move |source| (source, expected.held(known, source)))
    }

    fn withheld(&self, right: Option<&str>) -> Judged {
        let reason = self.field.reason.as_deref().unwrap_or("none");
        match right {
            _ if self.field.value.is_some() => Judged::wrong(Wrong::Refused, "it has a value"),
            None => Judged::wrong(Wrong::Withheld, format!("reason {}", short(reason))),
            Some(right) if reason == right => Judged::Right,
            Some(right) => {
                let detail = format!("reason {} where it is {right}", short(reason));
                Judged::wrong(Wrong::Status, detail)
            }
        }
    }

    /// The first source with a value fills a field. One whose register did not
    /// answer may be passed over.
    fn valued(&self) -> Judged {
        let Some(value) = self.field.value else {
            return Judged::wrong(Wrong::Status, "there is no value");
        };
        let Some(from) = self.field.source.as_deref() else {
            return Judged::wrong(Wrong::Source, "no source is named");
        };
        for (source, held) in self.sources() {
            let from_here = source.register() == from;
            match held {
                Held::Value { text, disputed } if from_here && same(value, text) => {
                    return match disputed && !self.field.under_review {
                        true => Judged::wrong(Wrong::UnderReview, ""),
                        false => self.told(source),
                    };
                }
                Held::Value { text, .. } if self.bundle.answered(source.register()) => {
                    return match from_here {
                        true => Judged::wrong(Wrong::Value, difference(text, value)),
                        false => {
                            let detail = format!("{} answered and has a value", source.register());
                            Judged::wrong(Wrong::Source, detail)
                        }
                    };
                }
                Held::Withheld(_) if from_here => return Judged::wrong(Wrong::Refused, ""),
                Held::Own if from_here => return self.own(value),
                Held::Unknown if from_here => return Judged::Unverified,
                Held::Value { .. } | Held::Nothing | Held::Unavailable => {}
                Held::Withheld(_) | Held::Own | Held::Unknown => {}
            }
        }
        match self.known.sources.iter().any(|source| source.register() == from) {
            true => Judged::wrong(Wrong::Value, "that register tells no such value"),
            false => Judged::wrong(Wrong::Source, "no source of this field"),
        }
    }

    /// A register's value has an age, and every register that led to it stands
    /// in the bundle.
    fn told(&self, source: &Source) -> Judged {
        if self.field.age_seconds.is_none() {
            return Judged::wrong(Wrong::Age, "a register's value without one");
        }
        let mut registers = self.known.registers(source);
        match registers.find(|register| !self.bundle.names(register)) {
            Some(register) => Judged::wrong(Wrong::Sources, format!("{register} is missing")),
            None => Judged::Right,
        }
    }

    /// What citizens wrote is theirs alone to know: it is a text, of no age.
    fn own(&self, value: &RawValue) -> Judged {
        match (value.get().starts_with('"'), self.field.age_seconds) {
            (false, _) => Judged::wrong(Wrong::Value, "own data is text"),
            (true, Some(_)) => Judged::wrong(Wrong::Age, "own data has none"),
            (true, None) => Judged::Unverified,
        }
    }

    fn empty(&self) -> Judged {
        if self.field.value.is_some() {
            return Judged::wrong(Wrong::Status, "empty, with a value");
        }
        let has = |held: &Held<'_>| matches!(held, Held::Value { .. } | Held::Unavailable);
        if let Some((source, _)) = self.sources().find(|(_, held)| has(held)) {
            return Judged::wrong(Wrong::Empty, format!("{} has one", source.register()));
        }
        match self.sources().any(|(_, held)| held == Held::Unknown) {
            true => Judged::Unverified,
            false => Judged::Right,
        }
    }

    fn unavailable(&self) -> Judged {
        match self.reason() {
            None => Judged::wrong(Wrong::Status, "unavailable, without a known reason"),
            Some(_) if self.field.value.is_some() => {
                Judged::wrong(Wrong::Status, "unavailable, with a value")
            }
            Some("error") if self.register_answered() && !self.is_told_unavailable() => {
                Judged::wrong(Wrong::Unavailable, "")
            }
            Some(_) => Judged::Right,
        }
    }

    /// Whether the register answered, and marked this one value as unavailable.
    fn is_told_unavailable(&self) -> bool {
        let from = self.field.source.as_deref();
        let marked = |(source, held): (&Source, Held<'_>)| {
            held == Held::Unavailable && Some(source.register()) == from
        };
        self.reason() == Some("error") && self.register_answered() && self.sources().any(marked)
    }

    fn register_answered(&self) -> bool {
        self.field.source.as_deref().is_some_and(|source| self.bundle.answered(source))
    }
}

/// Equal as JSON. Most are so byte by byte; an escape may be written otherwise.
fn same(value: &RawValue, text: &str) -> bool {
    value.get() == text || parsed(value.get()).is_some_and(|seen| Some(seen) == parsed(text))
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// What differs, without showing either value.
fn difference(expected: &str, seen: &RawValue) -> String {
    match (kind(expected), kind(seen.get())) {
        (expected, seen) if expected == seen => format!("another {expected} than the register has"),
        (expected, seen) => format!("{seen} where the register has {expected}"),
    }
}

fn kind(text: &str) -> &'static str {
    match parsed(text).unwrap_or(Value::Null) {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

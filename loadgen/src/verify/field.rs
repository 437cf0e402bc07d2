//! One field against what is true.

use serde_json::Value;
use serde_json::value::RawValue;

use super::bundle::{Bundle, Field, Gap, REASONS, Status};
use super::{Expected, Held, Verified, Wrong};

/// Checks one field, and counts how it ended.
pub(super) fn check(
    expected: &Expected,
    index: usize,
    field: &Field<'_>,
    bundle: &Bundle<'_>,
    verified: &mut Verified,
) {
    let judged = match field.status {
        Status::Filled => valued(expected, index, field, bundle),
        Status::Stale => {
            verified.gaps.push(Gap::Stale);
            valued(expected, index, field, bundle)
        }
        Status::Empty => {
            verified.gaps.push(Gap::Empty);
            empty(expected, index, field)
        }
        Status::Withheld => {
            verified.gaps.push(Gap::Withheld);
            let reason = field.reason.as_deref().unwrap_or("none");
            Judged::wrong(Wrong::Withheld, format!("reason {}", short(reason)))
        }
        Status::Unavailable => {
            let known = REASONS.into_iter().find(|it| field.reason.as_deref() == Some(it));
            verified.gaps.extend(known.map(Gap::Unavailable));
            match known.is_some() && field.value.is_none() {
                true => Judged::Right,
                false => Judged::wrong(Wrong::Status, "unavailable, without a known reason".into()),
            }
        }
    };
    verified.filled += u64::from(field.status == Status::Filled);
    match judged {
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
    fn wrong(wrong: Wrong, detail: String) -> Self {
        Self::Wrong(wrong, detail)
    }
}

/// The first candidate with a value fills a field. One whose register did not
/// answer may be passed over.
fn valued(expected: &Expected, index: usize, field: &Field<'_>, bundle: &Bundle<'_>) -> Judged {
    let Some(value) = field.value else {
        return Judged::wrong(Wrong::Status, "there is no value".into());
    };
    let Some(source) = field.source.as_deref() else {
        return Judged::wrong(Wrong::Source, "no source is named".into());
    };
    for candidate in &expected.fields()[index] {
        let from_here = candidate.register == source;
        match &candidate.held {
            Held::Value { text, json, disputed } if from_here && same(value, text, json) => {
                return match *disputed && !field.under_review {
                    true => Judged::wrong(Wrong::UnderReview, String::new()),
                    false => Judged::Right,
                };
            }
            Held::Value { json, .. } if bundle.answered(&candidate.register) => {
                if !from_here {
                    let detail = format!("{} answered and has a value", candidate.register);
                    return Judged::wrong(Wrong::Source, detail);
                }
                return Judged::wrong(Wrong::Value, difference(json, value));
            }
            Held::Unknown if from_here => return Judged::Unverified,
            Held::Value { .. } | Held::Nothing | Held::Unavailable | Held::Unknown => {}
        }
    }
    match expected.fields()[index].iter().any(|candidate| candidate.register == source) {
        true => Judged::wrong(Wrong::Value, "that register tells no such value".into()),
        false => Judged::wrong(Wrong::Source, "no source of this field".into()),
    }
}

fn empty(expected: &Expected, index: usize, field: &Field<'_>) -> Judged {
    if field.value.is_some() {
        return Judged::wrong(Wrong::Status, "empty, with a value".into());
    }
    let candidates = &expected.fields()[index];
    let has = |candidate: &&super::expected::Candidate| {
        matches!(candidate.held, Held::Value { .. } | Held::Unavailable)
    };
    if let Some(candidate) = candidates.iter().find(has) {
        return Judged::wrong(Wrong::Empty, format!("{} has one", candidate.register));
    }
    match candidates.iter().any(|candidate| candidate.held == Held::Unknown) {
        true => Judged::Unverified,
        false => Judged::Right,
    }
}

/// Equal as JSON. Most are so byte by byte; an escape may be written otherwise.
fn same(value: &RawValue, text: &str, json: &Value) -> bool {
    value.get() == text || serde_json::from_str::<Value>(value.get()).is_ok_and(|it| it == *json)
}

/// What differs, without showing either value.
fn difference(expected: &Value, seen: &RawValue) -> String {
    let seen = serde_json::from_str(seen.get()).unwrap_or(Value::Null);
    match (kind(expected), kind(&seen)) {
        (expected, seen) if expected == seen => format!("another {expected} than the register has"),
        (expected, seen) => format!("{seen} where the register has {expected}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// What a target wrote, cut so that a report stays readable.
fn short(text: &str) -> String {
    text.chars().take(32).collect()
}

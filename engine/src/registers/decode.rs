//! Reads a register's JSON, once, into answers.

use simd_json::prelude::*;
use simd_json::tape::Array;

use super::Failure;
use super::errors;
use super::json::{Json, at, parse, text};
use super::value::{Said, Value, is_date, said};
use crate::catalogue::Register;
use crate::model::{Answer, AnswerBuilder, AttributeMask, CivilMs, Unavailable};

/// Decodes a body that answers a call about `keys`: an answer for each, in
/// their order. An element about nobody who was asked for fails its key.
///
/// # Errors
/// Where the body as a whole is not what the description promises, or is an
/// error as the description tells them.
pub fn decode(
    register: &Register,
    keys: &[&str],
    asked: AttributeMask,
    since: CivilMs,
    body: &mut [u8],
) -> Result<Vec<Result<Answer, Failure>>, Failure> {
    let parsed = parse(body)?;
    let root = parsed.root();
    let errors = errors::described(register.http(), true, false);
    if let Some(told) = errors.and_then(|errors| errors::told(errors, root)) {
        return match told.means {
            errors::Means::NotFound => Ok(not_found(asked, since, keys.len())),
            means => Err(Failure { reason: means.reason(), retry_after: told.retry_after }),
        };
    }
    match elements(register, keys, root) {
        Some(places) => {
            let answer = |place| match place {
                Place::Element(json) => Ok(element(register, json, asked, since)),
                Place::Unknown => Ok(AnswerBuilder::not_found(asked, since)),
                Place::Doubt => Err(Unavailable::Invalid.into()),
            };
            Ok(places.into_iter().map(answer).collect())
        }
        None => Err(Unavailable::Invalid.into()),
    }
}

/// The answers of a register that knows none of the keys.
pub(super) fn not_found(
    asked: AttributeMask,
    since: CivilMs,
    count: usize,
) -> Vec<Result<Answer, Failure>> {
    (0..count).map(|_| Ok(AnswerBuilder::not_found(asked, since))).collect()
}

/// Where a body answers about one key.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// In this element.
    Element(Json<'a>),
    /// Nowhere: the register does not know the key.
    Unknown,
    /// It cannot be told: something is about a stranger, or about nobody.
    Doubt,
}

/// Where a body answers about each key; `None` where it has no list to look in.
pub(super) fn elements<'a>(
    register: &Register,
    keys: &[&str],
    root: Json<'a>,
) -> Option<Vec<Place<'a>>> {
    let dialect = register.http();
    let about = |json: Json<'a>| at(json, &dialect.about).and_then(text);
    match &dialect.elements {
        Some(pointer) => Some(by_key(keys, at(root, pointer)?.as_array()?, about)),
        None => {
            let key = *keys.first()?;
            let known = about(root) == Some(key);
            Some(vec![if known { Place::Element(root) } else { Place::Doubt }])
        }
    }
}

/// Matches elements to keys by the key inside each. A key without an element is
/// unknown to the register, unless there is an element about a stranger: then
/// it cannot be told whose answer that was meant to be.
fn by_key<'a>(
    keys: &[&str],
    elements: Array<'a, 'a>,
    about: impl Fn(Json<'a>) -> Option<&'a str>,
) -> Vec<Place<'a>> {
    let named: Vec<_> = elements.iter().map(|element| (about(element), element)).collect();
    let strangers = named.iter().any(|(name, _)| name.is_none_or(|name| !keys.contains(&name)));
    let place = |key: &&str| match named.iter().find(|(name, _)| *name == Some(*key)) {
        Some((_, element)) => Place::Element(*element),
        None if strangers => Place::Doubt,
        None => Place::Unknown,
    };
    keys.iter().map(place).collect()
}

fn element<'a>(
    register: &Register,
    json: Json<'a>,
    asked: AttributeMask,
    since: CivilMs,
) -> Answer {
    let dialect = register.http();
    let mut builder = AnswerBuilder::default();
    for index in asked.iter() {
        let attribute = &register.attributes[index];
        match said(dialect, attribute, json) {
            Said::Value(value, updated) => {
                builder.value(index, updated, |out| write(out, &value));
            }
            Said::Nothing => {}
            Said::Unavailable => builder.unavailable(index),
            Said::Invalid(_) => builder.invalid(index),
        }
        if under_review(attribute.review.as_deref(), json) {
            builder.under_review(index);
        }
    }
    let updated = dialect.updated.as_ref().and_then(|pointer| at(json, pointer));
    builder.found(asked, since, updated.and_then(text).filter(|text| is_date(text)))
}

/// Whether an element says that an attribute is under review.
pub(super) fn under_review<'a>(pointer: Option<&str>, element: Json<'a>) -> bool {
    let flag = pointer.and_then(|pointer| at(element, pointer));
    flag.and_then(|json| json.as_bool()) == Some(true)
}

/// Writes a value as a bundle shows it.
fn write(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Text(text) => serde_json::to_writer(out, text).expect("a text is JSON"),
        Value::Month(year, month) => {
            let month = month.map_or_else(String::new, |month| format!("-{month:02}"));
            out.extend_from_slice(format!("\"{year:04}{month}\"").as_bytes());
        }
        Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Boolean(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
        Value::Texts(texts) => serde_json::to_writer(out, texts).expect("texts are JSON"),
    }
}

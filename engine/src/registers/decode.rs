//! Reads a register's JSON, once, into answers.

use simd_json::BorrowedValue as Json;
use simd_json::prelude::*;

use super::Failure;
use crate::catalogue::{Attribute, Kind, Leaf, Register};
use crate::model::{Answer, AnswerBuilder, AttributeMask, CivilMs, Unavailable};

/// Deeper JSON is refused unread: no register nests half as deep, and what
/// comes after would recurse.
const DEPTH_MAX: usize = 64;

/// Decodes a body that answers a call about `keys`: an answer for each, in
/// their order. An element about nobody who was asked for fails its key.
///
/// # Errors
/// Where the body as a whole is not what the description promises.
pub fn decode(
    register: &Register,
    keys: &[&str],
    asked: AttributeMask,
    since: CivilMs,
    body: &mut [u8],
) -> Result<Vec<Result<Answer, Failure>>, Unavailable> {
    if !shallow(body) {
        return Err(Unavailable::Invalid);
    }
    let root = simd_json::to_borrowed_value(body).map_err(|_| Unavailable::Invalid)?;
    let Some(pointer) = &register.elements else {
        let key = *keys.first().ok_or(Unavailable::Invalid)?;
        let about = at(&root, &register.about).and_then(Json::as_str);
        let answer = match about == Some(key) {
            true => Ok(element(register, &root, asked, since)),
            false => Err(Unavailable::Invalid.into()),
        };
        return Ok(vec![answer]);
    };
    let elements = at(&root, pointer).and_then(Json::as_array).ok_or(Unavailable::Invalid)?;
    Ok(by_key(register, keys, asked, since, elements))
}

/// The answers of a register that knows none of the keys.
pub(super) fn not_found(
    asked: AttributeMask,
    since: CivilMs,
    count: usize,
) -> Vec<Result<Answer, Failure>> {
    (0..count).map(|_| Ok(AnswerBuilder::not_found(asked, since))).collect()
}

/// Matches elements to keys by the key inside each. A key without an element is
/// unknown to the register, unless there is an element about a stranger: then
/// it cannot be told whose answer that was meant to be.
fn by_key(
    register: &Register,
    keys: &[&str],
    asked: AttributeMask,
    since: CivilMs,
    elements: &[Json<'_>],
) -> Vec<Result<Answer, Failure>> {
    let about =
        |json: &Json<'_>| at(json, &register.about).and_then(Json::as_str).map(str::to_owned);
    let named: Vec<Option<String>> = elements.iter().map(about).collect();
    let known = |name: &Option<String>| name.as_deref().is_some_and(|name| keys.contains(&name));
    let strangers = named.iter().any(|name| !known(name));
    let answer = |key: &&str| {
        let place = named.iter().position(|name| name.as_deref() == Some(*key));
        match place {
            Some(place) => Ok(element(register, &elements[place], asked, since)),
            None if strangers => Err(Unavailable::Invalid.into()),
            None => Ok(AnswerBuilder::not_found(asked, since)),
        }
    };
    keys.iter().map(answer).collect()
}

fn element(register: &Register, json: &Json<'_>, asked: AttributeMask, since: CivilMs) -> Answer {
    let mut builder = AnswerBuilder::default();
    for index in asked.iter() {
        let attribute = &register.attributes[index];
        if let Some(found) = at(json, &attribute.at) {
            match &register.leaf {
                None => value(&mut builder, index, attribute, found, None),
                Some(leaf) => leaf_value(&mut builder, index, attribute, found, leaf),
            }
        }
        let review = attribute.review.as_ref().and_then(|pointer| at(json, pointer));
        if review.is_some_and(|flag| flag.as_bool() == Some(true)) {
            builder.under_review(index);
        }
    }
    let updated = register.updated.as_ref().and_then(|pointer| at(json, pointer));
    builder.found(asked, since, updated.and_then(Json::as_str).filter(|text| is_date(text)))
}

fn leaf_value(
    builder: &mut AnswerBuilder,
    index: usize,
    attribute: &Attribute,
    json: &Json<'_>,
    leaf: &Leaf,
) {
    let member = |name: &Option<Box<str>>| name.as_ref().and_then(|name| json.get(&**name));
    if json.as_object().is_none() {
        return builder.invalid(index);
    }
    if member(&leaf.unavailable).and_then(Json::as_bool) == Some(true) {
        return builder.unavailable(index);
    }
    let updated = member(&leaf.updated).and_then(Json::as_str).filter(|text| is_date(text));
    if let Some(found) = leaf.value.iter().find_map(|name| json.get(&**name)) {
        value(builder, index, attribute, found, updated);
    }
}

/// Adds a value of the attribute's type. A null is no value.
fn value(
    builder: &mut AnswerBuilder,
    index: usize,
    attribute: &Attribute,
    json: &Json<'_>,
    updated: Option<&str>,
) {
    if json.is_null() {
        return;
    }
    match attribute.kind {
        Kind::Text => match json.as_str() {
            Some(text) => builder.value(index, updated, |out| write_text(out, text)),
            None => builder.invalid(index),
        },
        Kind::Date => match json.as_str().filter(|text| is_date(text)) {
            Some(text) => builder.value(index, updated, |out| write_text(out, text)),
            None => builder.invalid(index),
        },
        Kind::Integer => match json.as_i64() {
            Some(number) => {
                builder.value(index, updated, |out| {
                    out.extend_from_slice(number.to_string().as_bytes())
                });
            }
            None => builder.invalid(index),
        },
        Kind::Boolean => match json.as_bool() {
            Some(flag) => {
                builder.value(index, updated, |out| {
                    out.extend_from_slice(flag.to_string().as_bytes())
                });
            }
            None => builder.invalid(index),
        },
        Kind::Texts => match texts(attribute, json) {
            Some(texts) if texts.is_empty() => {}
            Some(texts) => builder.value(index, updated, |out| {
                out.extend_from_slice(&serde_json::to_vec(&texts).expect("texts are JSON"));
            }),
            None => builder.invalid(index),
        },
    }
}

fn texts<'a>(attribute: &Attribute, json: &'a Json<'_>) -> Option<Vec<&'a str>> {
    let item = |item: &'a Json<'_>| match &attribute.each {
        Some(pointer) => at(item, pointer)?.as_str(),
        None => item.as_str(),
    };
    json.as_array()?.iter().map(item).collect()
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text is JSON");
}

/// Follows a JSON pointer (RFC 6901).
fn at<'a, 'v>(json: &'a Json<'v>, pointer: &str) -> Option<&'a Json<'v>> {
    pointer.split('/').skip(1).try_fold(json, |json, token| {
        let token = match token.contains('~') {
            true => token.replace("~1", "/").replace("~0", "~").into(),
            false => std::borrow::Cow::Borrowed(token),
        };
        match json.as_array() {
            Some(items) => items.get(token.parse::<usize>().ok()?),
            None => json.get(&*token),
        }
    })
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// Whether JSON nests no deeper than [`DEPTH_MAX`], whatever else is wrong with it.
fn shallow(body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return false;
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

//! Says what something looks like without saying what it is.

use std::collections::BTreeSet;

use simd_json::prelude::*;

use super::super::json::Json;
use super::super::value::{Value, Wanted, Wrong};
use crate::catalogue::{Attribute, Errors, Kind};

/// A member's name with more digits is taken for somebody's number.
const NAME_DIGITS_MAX: usize = 2;
const NAME_LENGTH_MAX: usize = 64;

/// A value of an attribute's type.
pub(super) fn value(kind: Kind, value: &Value<'_>) -> String {
    match value {
        Value::Text(found) if kind == Kind::Text => text(found),
        Value::Text(date) => ["YYYY", "YYYY-MM", "YYYY-MM-DD"][date.len() / 4].to_owned(),
        Value::Month(_, None) => "YYYY".to_owned(),
        Value::Month(_, Some(_)) => "YYYY-MM".to_owned(),
        Value::Integer(number) => integer(*number),
        Value::Boolean(_) => "true or false".to_owned(),
        Value::Texts(texts) => format!("a list of {}", texts.len()),
    }
}

/// What stands where something else should, and what should stand there.
pub(super) fn wrong(attribute: &Attribute, wrong: &Wrong<'_>) -> String {
    let found = match (wrong.wanted, wrong.found.as_str()) {
        (Wanted::Kind(Kind::Date | Kind::PartialDate), Some(text)) => shape(text),
        _ => json(wrong.found),
    };
    let wanted = match wrong.wanted {
        Wanted::Kind(Kind::Text) => "a text",
        Wanted::Kind(Kind::Date) => "a date, YYYY-MM-DD",
        Wanted::Kind(Kind::PartialDate) => "a date: YYYY-MM-DD, YYYY-MM or YYYY",
        Wanted::Kind(Kind::Integer) => "a whole number",
        Wanted::Kind(Kind::Boolean) => "true or false",
        Wanted::Kind(Kind::Texts) => "a list of texts",
        Wanted::Leaf => "a leaf, an object around the value",
        Wanted::Each => {
            let each = attribute.each.as_deref().unwrap_or_default();
            return format!("found an item without {each}; the description says there is one");
        }
        Wanted::Year => "a year, 1 to 9999",
        Wanted::Month => "a month, 1 to 12",
    };
    format!("found {found}; the description says {wanted}")
}

/// Anything.
pub(super) fn json(json: Json<'_>) -> String {
    if let Some(found) = json.as_str() {
        return text(found);
    }
    if let Some(number) = json.as_i64() {
        return integer(number);
    }
    if let Some(items) = json.as_array() {
        return format!("a list of {}", items.len());
    }
    if let Some(members) = json.as_object() {
        return format!("an object with {} members", members.len());
    }
    let other = if json.is_null() {
        "null"
    } else if json.is_bool() {
        "true or false"
    } else {
        "a number that is not whole, or too large"
    };
    other.to_owned()
}

/// An error's code: as it is only where the description lists it.
pub(super) fn code(errors: &Errors, code: &str) -> String {
    let mut listed = [&errors.not_found, &errors.maintenance, &errors.overloaded].into_iter();
    match listed.any(|list| list.iter().any(|known| **known == *code)) {
        true => code.to_owned(),
        false => masked(code),
    }
}

/// A member's name: as it is only where it is written as schemas write names,
/// from a small letter on and almost without digits. Names of people and places,
/// and numbers of anything, are not.
pub(super) fn name(name: &str) -> String {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let start = name.trim_start_matches(['$', '@', '_']).bytes().next();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte);
    let plain = name.trim_start_matches(['$', '@']).bytes().all(plain);
    let short = digits <= NAME_DIGITS_MAX && name.len() <= NAME_LENGTH_MAX;
    match plain && short && start.is_some_and(|byte| byte.is_ascii_lowercase()) {
        true => name.to_owned(),
        false => masked(name),
    }
}

/// A word that a register chose, by its shape.
pub(super) fn masked(word: &str) -> String {
    format!("({})", text(word))
}

fn text(text: &str) -> String {
    let class = |c: char| match c {
        c if c.is_alphabetic() => "letters",
        c if c.is_numeric() => "digits",
        c if c.is_whitespace() => "spaces",
        _ => "other",
    };
    let present: Vec<_> = text.chars().map(class).collect::<BTreeSet<_>>().into_iter().collect();
    match present.is_empty() {
        true => "a text of 0".to_owned(),
        false => format!("a text of {}: {}", text.chars().count(), present.join(", ")),
    }
}

/// A text that should be a date: its punctuation tells how it is written.
fn shape(found: &str) -> String {
    const LONGEST: usize = 32;
    if found.chars().count() > LONGEST {
        return text(found);
    }
    let masked = found.chars().map(|c| match c {
        c if c.is_numeric() => '9',
        c if c.is_alphabetic() => 'a',
        c if c.is_ascii_graphic() || c == ' ' => c,
        _ => '?',
    });
    format!("a text like \"{}\"", masked.collect::<String>())
}

fn integer(number: i64) -> String {
    match number.unsigned_abs().to_string().len() {
        1 => "1 digit".to_owned(),
        digits => format!("{digits} digits"),
    }
}

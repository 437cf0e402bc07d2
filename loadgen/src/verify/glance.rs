//! Whether an answer has the shape of a bundle, without reading its values:
//! every answer is looked at so, and only some are compared with the truth.

use memchr::memmem;
use uuid::Uuid;

use super::bundle::{Bundle, REASONS, Status};
use super::{Finding, Gap, Verified, Wrong};
use crate::form::Form;

const START: &[u8] = b"{\"disclosure\":\"";
const UUID_CHARS: usize = 36;

/// Judges the body of a 200 by its shape: whose bundle it is, and its gaps.
///
/// A bundle as the engine writes it is only searched; any other order of its
/// members is parsed. A text that looks like a member cannot mislead the
/// search: within a text, every quote stands after a backslash.
#[must_use]
pub fn glance(form: &Form, body: &[u8]) -> Verified {
    scan(form, body).unwrap_or_else(|| parse(form, body))
}

fn scan(form: &Form, body: &[u8]) -> Option<Verified> {
    let rest = body.strip_prefix(START)?;
    let (id, rest) = rest.split_at_checked(UUID_CHARS)?;
    let disclosure = Uuid::try_parse_ascii(id).ok()?;
    let rest = rest.strip_prefix(b"\",\"procedure\":{\"id\":\"")?;
    let rest = rest.strip_prefix(form.id.as_bytes())?.strip_prefix(b"\",\"version\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (version, rest) = rest.split_at(digits);
    if version != form.version.to_string().as_bytes() {
        return None;
    }
    let rest = rest.strip_prefix(b"},\"complete\":")?;
    let (complete, rest) = match rest.strip_prefix(b"true") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(b"false")?),
    };
    if !rest.starts_with(b",\"fields\":{") || !body.ends_with(b"}") {
        return None;
    }
    let (gaps, fields) = gaps(rest)?;
    if fields != form.fields.len() {
        return None;
    }
    let filled = (fields - gaps.len()) as u64;
    Some(Verified { disclosure: Some(disclosure), complete, filled, gaps, ..Verified::default() })
}

/// The gaps of a bundle's fields, and how many fields there are.
fn gaps(fields: &[u8]) -> Option<(Vec<Gap>, usize)> {
    const STATUS: &[u8] = b"\"status\":\"";
    let (mut gaps, mut count) = (Vec::new(), 0);
    for place in memmem::find_iter(fields, STATUS) {
        let status = &fields[place + STATUS.len()..];
        count += 1;
        match status.first()? {
            b'f' => {}
            b's' => gaps.push(Gap::Stale),
            b'e' => gaps.push(Gap::Empty),
            b'w' => gaps.push(Gap::Withheld),
            b'u' => gaps.push(unavailable(fields, status)?),
            _ => return None,
        }
    }
    Some((gaps, count))
}

/// Why this field is unavailable: a register that answered has said so itself.
fn unavailable(all: &[u8], field: &[u8]) -> Option<Gap> {
    let field = &field[..field.iter().position(|byte| *byte == b'}')?];
    let reason = member(field, b"\"reason\":\"")?;
    let reason = REASONS.into_iter().find(|known| known.as_bytes() == reason)?;
    let source = member(field, b"\"source\":\"").unwrap_or_default();
    let answered = [b"\"", source, b"\":{\"outcome\":\"answered\""].concat();
    match memmem::find(all, &answered) {
        Some(_) => Some(Gap::Told),
        None => Some(Gap::Unavailable(reason)),
    }
}

fn member<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = &field[memmem::find(field, name)? + name.len()..];
    Some(&value[..value.iter().position(|byte| *byte == b'"')?])
}

fn parse(form: &Form, body: &[u8]) -> Verified {
    let bundle: Bundle<'_> = match serde_json::from_slice(body) {
        Ok(bundle) => bundle,
        Err(error) => {
            // The place and not the text: serde_json may repeat a value.
            let detail = format!("line {}, column {}", error.line(), error.column());
            return of(form, Wrong::Shape, detail);
        }
    };
    let Ok(disclosure) = Uuid::try_parse(&bundle.disclosure) else {
        return of(form, Wrong::Disclosure, String::new());
    };
    if *bundle.procedure.id != *form.id || bundle.procedure.version != form.version {
        return of(form, Wrong::Procedure, String::new());
    }
    if bundle.fields.len() != form.fields.len() {
        return of(form, Wrong::FieldMissing, String::new());
    }
    let mut verified = Verified { complete: bundle.complete, ..Verified::default() };
    verified.disclosure = Some(disclosure);
    for (_, field) in &bundle.fields {
        let reason = field.reason.as_deref().unwrap_or_default();
        let reason = REASONS.into_iter().find(|known| **known == *reason);
        match (field.status, reason) {
            (Status::Filled, _) => verified.filled += 1,
            (Status::Stale, _) => verified.gaps.push(Gap::Stale),
            (Status::Empty, _) => verified.gaps.push(Gap::Empty),
            (Status::Withheld, _) => verified.gaps.push(Gap::Withheld),
            (Status::Unavailable, Some(reason)) => {
                let told = field.source.as_deref().is_some_and(|source| bundle.answered(source));
                verified.gaps.push(if told { Gap::Told } else { Gap::Unavailable(reason) });
            }
            (Status::Unavailable, None) => return of(form, Wrong::Status, String::new()),
        }
    }
    verified
}

fn of(form: &Form, wrong: Wrong, detail: String) -> Verified {
    Verified { findings: vec![Finding::new(&form.id, wrong, detail)], ..Verified::default() }
}

//! Registers' JSON: refused unread where it nests too deep, and walked by pointers.

use std::borrow::Cow;

use simd_json::prelude::*;

use crate::model::Unavailable;

/// A value of a body that was read in place.
pub(super) type Json<'a> = simd_json::BorrowedValue<'a>;

/// Deeper JSON is refused unread: no register nests half as deep, and what
/// comes after would recurse.
const DEPTH_MAX: usize = 64;

/// Parses a body, which is overwritten.
pub(super) fn parse(body: &mut [u8]) -> Result<Json<'_>, Unavailable> {
    if !shallow(body) {
        return Err(Unavailable::Invalid);
    }
    simd_json::to_borrowed_value(body).map_err(|_| Unavailable::Invalid)
}

/// Follows a JSON pointer (RFC 6901).
pub(super) fn at<'a>(json: &'a Json<'a>, pointer: &str) -> Option<&'a Json<'a>> {
    tokens(pointer).try_fold(json, |json, token| step(json, &token))
}

/// The parts of a pointer, unescaped.
pub(super) fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|token| match token.contains('~') {
        true => token.replace("~1", "/").replace("~0", "~").into(),
        false => Cow::Borrowed(token),
    })
}

/// One part of a pointer further.
pub(super) fn step<'a>(json: &'a Json<'a>, token: &str) -> Option<&'a Json<'a>> {
    match json.as_array() {
        Some(items) => items.get(token.parse::<usize>().ok()?),
        None => json.get(token),
    }
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

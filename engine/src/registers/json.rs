//! Registers' JSON: refused unread where it nests too deep, and walked by pointers.

use std::borrow::Cow;
use std::cell::RefCell;

use simd_json::Buffers;
use simd_json::prelude::*;

use crate::model::Unavailable;

/// A value of a body that was read in place.
pub(super) type Json<'a> = simd_json::BorrowedValue<'a>;

/// Deeper JSON is refused unread: no register nests half as deep, and what
/// comes after would recurse.
const DEPTH_MAX: usize = 64;

thread_local! {
    /// What a parse needs beside the body, kept for the next one. It holds places in the
    /// body and unescaped texts, and is overwritten from its start.
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::new(0));
}

/// Parses a body, which is overwritten.
pub(super) fn parse(body: &mut [u8]) -> Result<Json<'_>, Unavailable> {
    if !shallow(body) {
        return Err(Unavailable::Invalid);
    }
    BUFFERS.with_borrow_mut(|buffers| {
        simd_json::value::borrowed::to_value_with_buffers(body, buffers)
            .map_err(|_| Unavailable::Invalid)
    })
}

/// Follows a JSON pointer (RFC 6901).
pub(super) fn at<'a>(json: &'a Json<'a>, pointer: &str) -> Option<&'a Json<'a>> {
    match pointer.strip_prefix('/') {
        // Most descriptions point at a member of the element itself.
        Some(name) if !name.bytes().any(|byte| byte == b'/' || byte == b'~') => step(json, name),
        _ => tokens(pointer).try_fold(json, |json, token| step(json, &token)),
    }
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
    // What opens so little cannot be deeper, and counting takes a fraction of looking.
    let opens = |byte: &&u8| matches!(**byte, b'[' | b'{');
    if body.iter().filter(opens).count() <= DEPTH_MAX {
        return true;
    }
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

//! Registers' JSON: refused unread where it nests too deep, and walked by pointers.

use std::borrow::Cow;
use std::cell::RefCell;

use simd_json::Buffers;
use simd_json::prelude::*;
use simd_json::tape::{self, Tape};

use crate::model::Unavailable;

/// A value of a body that was read in place: a part of its tape.
pub(super) type Json<'a> = tape::Value<'a, 'a>;

/// Deeper JSON is refused unread: no register nests half as deep, and what
/// comes after would recurse.
const DEPTH_MAX: usize = 64;

thread_local! {
    /// What a parse needs beside the body, kept for the next one. It holds places in the
    /// body and unescaped texts, and is overwritten from its start.
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::new(0));
    /// The tape of the body before, empty.
    static TAPE: RefCell<Tape<'static>> = const { RefCell::new(Tape(Vec::new())) };
}

/// A longer tape is not kept: most answers have a hundredth of it.
const KEPT_MAX: usize = 4096;

/// A body that is JSON throughout, as one flat list of what stands in it, in its order.
/// No tree is made of it: whoever looks for an attribute passes over the rest.
pub(super) struct Parsed<'a>(Tape<'a>);

impl Parsed<'_> {
    pub(super) fn root(&self) -> Json<'_> {
        self.0.as_value()
    }
}

impl Drop for Parsed<'_> {
    fn drop(&mut self) {
        let tape = std::mem::replace(&mut self.0, Tape(Vec::new())).reset();
        if tape.0.capacity() <= KEPT_MAX {
            TAPE.set(tape);
        }
    }
}

/// Parses a body, which is overwritten.
pub(super) fn parse(body: &mut [u8]) -> Result<Parsed<'_>, Unavailable> {
    if !shallow(body) {
        return Err(Unavailable::Invalid);
    }
    let mut parsed = Parsed(TAPE.replace(Tape(Vec::new())).reset());
    BUFFERS
        .with_borrow_mut(|buffers| simd_json::fill_tape(body, buffers, &mut parsed.0))
        .map_err(|_| Unavailable::Invalid)?;
    Ok(parsed)
}

/// Follows a JSON pointer (RFC 6901). Of members with one name the first counts.
pub(super) fn at<'a>(json: Json<'a>, pointer: &str) -> Option<Json<'a>> {
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

/// A text, which outlives the value that it was found by.
pub(super) fn text(json: Json<'_>) -> Option<&str> {
    json.into_string()
}

/// One part of a pointer further.
pub(super) fn step<'a>(json: Json<'a>, token: &str) -> Option<Json<'a>> {
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

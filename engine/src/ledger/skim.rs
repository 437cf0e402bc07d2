//! Whom a disclosure is about, without reading the rest of its entry: the index
//! and every list that reads what is not indexed yet ask nothing else of
//! thousands of entries.

use super::entry::{FIRST, FORMAT};

#[cfg(test)]
mod tests;

/// The place of `Disclosure` among the events.
const DISCLOSURE: u64 = 1;

/// Tells each number; nothing, and none, where it is an entry of another kind or
/// cut short.
pub(super) fn disclosed(body: &[u8], each: &mut dyn FnMut(u64)) -> Option<()> {
    // Both begin alike.
    let (&(FIRST | FORMAT), rest) = body.split_first()? else { return None };
    let mut rest = Rest(rest);
    // Stream, sequence, stamp.
    rest.skip(16)?;
    rest.numbers(2)?;
    if rest.number()? != DISCLOSURE {
        return None;
    }
    // Its id, and the catalogue.
    rest.skip(16 + 32)?;
    // Operator, organisation, procedure, version, channel.
    rest.numbers(5)?;
    // Case, presence, the client's key.
    for _ in 0..3 {
        if rest.number()? == 1 {
            let length = rest.number()?;
            rest.skip(usize::try_from(length).ok()?)?;
        }
    }
    let count = usize::try_from(rest.number()?).ok()?;
    // Each with a version: all of them are there before one is told.
    Rest(rest.0).numbers(count.checked_mul(2)?)?;
    for _ in 0..count {
        each(rest.number()?);
        rest.number()?;
    }
    Some(())
}

/// What is not read yet of a body in postcard
/// (<https://postcard.jamesmunns.com/wire-format>).
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    /// Seven bits a byte, the lowest first; the last byte has no highest bit.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn numbers(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.number().map(|_| ()))
    }
}

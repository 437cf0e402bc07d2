//! Numbers, days and texts packed into shared bytes, for what is kept in memory in
//! great numbers.
//!
//! Whoever reads wrote the bytes: they are never what somebody else sent.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use triomphe::ThinArc;

/// Bytes that many hold, beside a number that whoever keeps them may change: a single
/// allocation, and a pointer of eight bytes.
#[derive(Clone)]
pub struct Shared(ThinArc<AtomicU64, u8>);

impl Shared {
    /// What an allocation has beside the bytes: a count, the number, and a length.
    pub const HEAD: usize = 24;

    /// A copy of the bytes.
    #[must_use]
    pub fn new(number: u64, bytes: &[u8]) -> Self {
        Self(ThinArc::from_header_and_slice(AtomicU64::new(number), bytes))
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.header.header.load(Ordering::Relaxed)
    }

    /// Changes the number.
    pub fn set_number(&self, number: u64) {
        self.0.header.header.store(number, Ordering::Relaxed);
    }
}

impl Deref for Shared {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.slice
    }
}

/// A day as ISO 8601 writes it: `2026-01-31`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Day([u8; 10]);

impl Day {
    /// `None` where the text has another shape.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let day = Self(text.as_bytes().try_into().ok()?);
        (day == Self::unpacked(day.packed())).then_some(day)
    }

    /// Its characters, which are ASCII.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn digits(&self, place: std::ops::Range<usize>) -> u64 {
        let digit = |byte: &u8| u64::from(byte.wrapping_sub(b'0'));
        self.0[place].iter().fold(0, |number, byte| number * 10 + digit(byte))
    }

    fn packed(self) -> u64 {
        self.digits(0..4) << 9 | self.digits(5..7) << 5 | self.digits(8..10)
    }

    fn unpacked(packed: u64) -> Self {
        let two = |number: u64| [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8];
        let (year, month, day) = (packed >> 9, two(packed >> 5 & 15), two(packed & 31));
        let ([a, b], [c, d]) = (two(year / 100), two(year % 100));
        Self([a, b, c, d, b'-', month[0], month[1], b'-', day[0], day[1]])
    }
}

impl Deref for Day {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and hyphens")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Appends a day, or that there is none.
pub fn put_day(out: &mut Vec<u8>, day: Option<Day>) {
    put_number(out, day.map_or(0, Day::packed));
}

/// Appends a number in groups of seven bits, the lowest first: small ones take a byte.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number that may be below zero: small ones of both kinds take a byte.
pub fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)) as u64);
}

/// Reads what was put, in the same order.
#[derive(Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// From a place in bytes on.
    #[must_use]
    pub fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> usize {
        self.at
    }

    /// Goes on at another place.
    pub fn go(&mut self, at: usize) {
        self.at = at;
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let byte = self.bytes[self.at];
        self.at += 1;
        byte
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let bytes = &self.bytes[self.at..self.at + count];
        self.at += count;
        bytes
    }

    /// A number.
    pub fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte <= 0x7f {
                return number;
            }
            shift += 7;
        }
    }

    /// A number that may be below zero.
    pub fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    /// A day, where there is one.
    pub fn day(&mut self) -> Option<Day> {
        match self.number() {
            0 => None,
            packed => Some(Day::unpacked(packed)),
        }
    }
}

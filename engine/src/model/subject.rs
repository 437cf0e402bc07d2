//! Whom data is about: identifiers that describe themselves, checked once.

use std::fmt;
use std::str::FromStr;

/// A natural or a legal person.
///
/// `Debug` masks the identifier, so that none reaches a log by accident;
/// `Display` is the identifier itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A natural person, by matricule.
    Natural(Matricule),
    /// A legal person, by number in the register of commerce.
    Legal(Rcs),
}

/// Why a text is no identifier. The texts may be shown to whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// Neither 13 digits nor a letter and digits.
    #[error("an identifier is a matricule of 13 digits or an RCS number such as B123456")]
    Format,
    /// `scheme:id` is kept for identifiers of other countries and registers.
    #[error("identifiers of the form scheme:id are reserved and not accepted yet")]
    Reserved,
    /// The first eight digits are no date.
    #[error("the first eight digits of the matricule are not a date of birth")]
    Date,
    /// The 12th digit is not the Luhn digit of the first 11.
    #[error("the 12th digit of the matricule fails its Luhn check")]
    Luhn,
    /// The 13th digit is not the Verhoeff digit of the first 11.
    #[error("the 13th digit of the matricule fails its Verhoeff check")]
    Verhoeff,
}

impl InvalidIdentifier {
    /// The check that failed, as the API names it.
    #[must_use]
    pub fn check(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Reserved => "scheme",
            Self::Date => "date",
            Self::Luhn => "luhn",
            Self::Verhoeff => "verhoeff",
        }
    }
}

impl Subject {
    /// A number that no other subject has, below 2^47. It is for tables in memory.
    #[must_use]
    pub fn dense(self) -> u64 {
        match self {
            Self::Natural(matricule) => matricule.0 << 1,
            Self::Legal(rcs) => (u64::from(rcs.section) << 32 | u64::from(rcs.number)) << 1 | 1,
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [b'0'..=b'9', ..] => text.parse().map(Self::Natural),
            _ if text.contains(':') => Err(InvalidIdentifier::Reserved),
            _ => text.parse().map(Self::Legal),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Natural(matricule) => matricule.fmt(f),
            Self::Legal(rcs) => rcs.fmt(f),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Natural(_) => f.write_str("natural person"),
            Self::Legal(_) => f.write_str("legal person"),
        }
    }
}

/// Luxembourg's national identifier: date of birth, serial, two check digits.
///
/// `YYYYMMDD` + 3 digits + C1 + C2, where C1 is the Luhn digit and C2 the
/// Verhoeff digit, *both* over the first 11 digits (law of 19 June 2013 on the
/// identification of natural persons, and the CTIE's description of it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Matricule(u64);

impl Matricule {
    /// The date of birth that the identifier carries.
    #[must_use]
    pub fn date_of_birth(self) -> jiff::civil::Date {
        date_of(self.0).expect("a matricule is checked when it is made")
    }
}

impl FromStr for Matricule {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: &[u8; 13] = text.as_bytes().try_into().map_err(|_| InvalidIdentifier::Format)?;
        if !bytes.iter().all(u8::is_ascii_digit) {
            return Err(InvalidIdentifier::Format);
        }
        let digits = bytes.map(|byte| byte - b'0');
        let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit));
        date_of(number).ok_or(InvalidIdentifier::Date)?;
        if luhn(&digits[..11]) != digits[11] {
            return Err(InvalidIdentifier::Luhn);
        }
        if verhoeff(&digits[..11]) != digits[12] {
            return Err(InvalidIdentifier::Verhoeff);
        }
        Ok(Self(number))
    }
}

impl fmt::Display for Matricule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}", self.0)
    }
}

fn date_of(number: u64) -> Option<jiff::civil::Date> {
    let day = (number / 100_000 % 100) as i8;
    let month = (number / 10_000_000 % 100) as i8;
    let year = (number / 1_000_000_000) as i16;
    // Nobody was born before years had four digits, whatever the check digits say.
    jiff::civil::Date::new(year, month, day).ok().filter(|date| date.year() >= 1_000)
}

/// The Luhn digit to append: every second digit from the right, starting with
/// the last, is doubled (ISO/IEC 7812-1, annex B).
fn luhn(digits: &[u8]) -> u8 {
    let sum: u8 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit * 2 / 10 + digit * 2 % 10,
            _ => *digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

/// Multiplication in the dihedral group D5 (J. Verhoeff, 1969).
const PRODUCT: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];
const PERMUTATION: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];
const INVERSE: [u8; 10] = [0, 4, 3, 2, 1, 5, 6, 7, 8, 9];

/// The Verhoeff digit to append.
fn verhoeff(digits: &[u8]) -> u8 {
    let check = digits.iter().rev().enumerate().fold(0, |check: u8, (place, digit)| {
        let permuted = PERMUTATION[(place + 1) % 8][usize::from(*digit)];
        PRODUCT[usize::from(check)][usize::from(permuted)]
    });
    INVERSE[usize::from(check)]
}

/// A number in Luxembourg's register of commerce: a section letter and up to
/// seven digits, such as `B123456`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcs {
    section: u8,
    number: u32,
}

impl FromStr for Rcs {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [section @ b'A'..=b'Z', digits @ ..] = text.as_bytes() else {
            return Err(InvalidIdentifier::Format);
        };
        // A leading zero would give one company two spellings.
        let canonical = matches!(digits, [b'1'..=b'9', rest @ ..]
            if rest.len() < 7 && rest.iter().all(u8::is_ascii_digit));
        if !canonical {
            return Err(InvalidIdentifier::Format);
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        Ok(Self { section: *section, number })
    }
}

impl fmt::Display for Rcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.section), self.number)
    }
}

//! What citizens may write, and how it is kept. Pure.
//!
//! A refusal says what is wrong and what is wanted, and never repeats the value:
//! its text is shown, and may be logged by whoever asked.

use super::invalid::Invalid;
use super::invisible::is_invisible;
use super::{country, iban};
use crate::catalogue::own;

/// One attribute of own data: its place in the list that the catalogue has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute(pub(super) u8);

impl Attribute {
    /// The attribute of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        own::names().position(|known| known == name).map(|place| Self(place as u8))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        own::names().nth(usize::from(self.0)).expect("made from a place in that list")
    }

    /// Checks a value, and brings it into the one form in which it is kept.
    ///
    /// # Errors
    /// What is wrong with it, and what is wanted.
    pub fn normalised(self, text: &str) -> Result<String, Invalid> {
        rule(self.name())(text.trim())
    }
}

type Rule = fn(&str) -> Result<String, Invalid>;

fn rule(attribute: &str) -> Rule {
    match attribute {
        "email" => email,
        "mobile" | "emergencyContactPhone" => phone,
        "iban" => iban::normalised,
        "preferredLanguage" => language,
        "correspondenceLocatorDesignator" | "correspondencePostCode" => short_line,
        "correspondenceAdminUnitL1" => country::normalised,
        // Names of people and the other lines of an address.
        _ => line,
    }
}

/// The longest address that a mail server takes (RFC 5321, section 4.5.3.1.3,
/// less its two brackets).
const EMAIL_MAX: usize = 254;
/// RFC 5321, section 4.5.3.1.1.
const LOCAL_MAX: usize = 64;
/// RFC 1035, section 2.3.4.
const LABEL_MAX: usize = 63;

/// What mail systems take without quotes; not all that RFC 5322 allows.
fn email(text: &str) -> Result<String, Invalid> {
    if text.len() > EMAIL_MAX {
        return Err(Invalid("is too long: an e-mail address has at most 254 characters"));
    }
    let Some((local, domain)) = text.split_once('@') else {
        return Err(Invalid(
            "must be an e-mail address with exactly one @, as in name@example.org",
        ));
    };
    if !is_local(local) {
        return Err(Invalid(
            "has something else before its @ than 1 to 64 of A-Z a-z 0-9 . _ - + ' and the like, \
             without a dot at either end or two in a row",
        ));
    }
    if !is_domain(domain) {
        return Err(Invalid(
            "must have a domain with a dot after its only @, as in name@example.org; an international \
             one in its form with xn--",
        ));
    }
    Ok(format!("{local}@{}", domain.to_ascii_lowercase()))
}

/// The `Dot-string` of RFC 5321, section 4.1.2.
fn is_local(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let atom = |part: &str| !part.is_empty() && part.bytes().all(good);
    text.len() <= LOCAL_MAX && text.split('.').all(atom)
}

fn is_domain(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |part: &str| {
        let hyphen = part.starts_with('-') || part.ends_with('-');
        (1..=LABEL_MAX).contains(&part.len()) && part.bytes().all(good) && !hyphen
    };
    // No top-level domain has only digits: this is an address of a machine.
    let named = |last: &str| last.len() > 1 && !last.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').all(label) && text.rsplit_once('.').is_some_and(|(_, last)| named(last))
}

/// E.164, with the marks taken out that people write between digits.
fn phone(text: &str) -> Result<String, Invalid> {
    let Some(rest) = text.strip_prefix('+') else {
        return Err(Invalid("must begin with + and the country's code, as in +352 621 123 456"));
    };
    let mark = |letter: &char| !letter.is_whitespace() && !['-', '.', '/'].contains(letter);
    let digits: String = rest.chars().filter(mark).collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid(
            "must have only digits after its +, with spaces, dots, hyphens or slashes between them",
        ));
    }
    if digits.starts_with('0') {
        return Err(Invalid("must have the country's code after its +, which begins with no 0"));
    }
    if !(8..=15).contains(&digits.len()) {
        return Err(Invalid("must have 8 to 15 digits, the country's code included"));
    }
    Ok(format!("+{digits}"))
}

fn language(text: &str) -> Result<String, Invalid> {
    let text = text.to_ascii_lowercase();
    if !["fr", "de", "en", "lb", "pt"].contains(&&*text) {
        return Err(Invalid("must be fr, de, en, lb or pt"));
    }
    Ok(text)
}

fn line(text: &str) -> Result<String, Invalid> {
    let wrong = Invalid("must be one line of 1 to 140 characters, none of them invisible");
    bounded(text, 140).ok_or(wrong)
}

fn short_line(text: &str) -> Result<String, Invalid> {
    let wrong = Invalid("must be one line of 1 to 20 characters, none of them invisible");
    bounded(text, 20).ok_or(wrong)
}

fn bounded(text: &str, most: usize) -> Option<String> {
    let count = text.chars().count();
    ((1..=most).contains(&count) && !text.chars().any(is_invisible)).then(|| text.to_owned())
}

//! Bank accounts of the Single Euro Payments Area, from which a Luxembourg body
//! can pay and to which it can be paid.

use super::invalid::Invalid;

/// Countries whose banks take part, and how long their IBANs are (SWIFT's IBAN
/// registry, ISO 13616; the European Payments Council's list EPC409-09).
const LENGTHS: [(&str, usize); 42] = [
    ("AD", 24),
    ("AL", 28),
    ("AT", 20),
    ("BE", 16),
    ("BG", 22),
    ("CH", 21),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FR", 27),
    ("GB", 22),
    ("GI", 23),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IS", 26),
    ("IT", 27),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("RS", 22),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("VA", 22),
];

/// Without spaces, in upper case.
pub(super) fn normalised(text: &str) -> Result<String, Invalid> {
    let plain: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let plain = plain.to_ascii_uppercase();
    let Some((country, rest)) = plain.split_at_checked(2) else {
        return Err(Invalid("must be an IBAN, as in LU28 0019 4006 4475 0000"));
    };
    if !plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Invalid("must be an IBAN: letters and digits, with spaces between them"));
    }
    let Some((_, length)) = LENGTHS.iter().find(|(known, _)| *known == country) else {
        return Err(Invalid("must be an IBAN that begins with the code of a country in SEPA"));
    };
    if plain.len() != *length {
        return Err(Invalid("has not as many characters as an IBAN of its country has"));
    }
    let check = &rest[..2];
    // 00, 01 and 99 would give an account two IBANs: ISO 7064 has only 02 to 98.
    let within = check.bytes().all(|byte| byte.is_ascii_digit()) && ("02"..="98").contains(&check);
    if !within || remainder(&plain) != 1 {
        return Err(Invalid("has check digits that do not fit: look for a mistyped character"));
    }
    Ok(plain)
}

/// The number that an IBAN stands for, modulo 97 (ISO 13616, annex A): its first
/// four characters go to the end, and a letter is a number from 10 to 35.
fn remainder(plain: &str) -> u32 {
    let (head, tail) = plain.split_at(4);
    let values = tail.chars().chain(head.chars()).filter_map(|letter| letter.to_digit(36));
    values.fold(0, |rest, value| (rest * if value > 9 { 100 } else { 10 } + value) % 97)
}

//! Which register leads to which: what the API does not say, and the country's
//! catalogue does. A test compares the two.

use std::iter::successors;

#[cfg(test)]
mod tests;

/// A subject's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Who is present.
    Applicant,
    /// A child of the applicant's.
    Child,
    /// A company that the applicant manages.
    Company,
}

/// The register whose answer has the key to this one; none where the subject's
/// own identifier is the key.
#[must_use]
pub fn key_from(register: &str) -> Option<&'static str> {
    match register {
        "caclr" => Some("rnpp"),
        "cadastre" => Some("caclr"),
        _ => None,
    }
}

/// The register in which the applicant's entry lists who has this part.
#[must_use]
pub fn shown_by(part: Part) -> Option<&'static str> {
    match part {
        Part::Applicant => None,
        Part::Child => Some("rnpp"),
        Part::Company => Some("mandates"),
    }
}

/// A register, and those that must answer before it can be asked.
pub fn line(register: &str) -> impl Iterator<Item = &str> {
    successors(Some(register), |register| key_from(register))
}

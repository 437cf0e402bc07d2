//! Whether an answer is right: its shape, and each field against what is true.
//!
//! A finding names register, attribute and field. It never shows a value.

mod bundle;
mod expected;
mod field;
mod glance;
mod parts;

use std::fmt;

use uuid::Uuid;

pub use bundle::{Gap, REASONS};
pub use expected::Expected;
pub use glance::glance;

use bundle::{Bundle, Status};

#[cfg(test)]
mod tests;

/// In which way an answer is wrong. Counted by variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Wrong {
    /// A web page instead of the API's JSON.
    #[error("HTML instead of JSON")]
    Html,
    /// Not a bundle: no JSON, or members missing, unknown or of another type.
    #[error("not the shape of a bundle")]
    Shape,
    /// The disclosure id is no UUID.
    #[error("disclosure id that is no UUID")]
    Disclosure,
    /// The disclosure id stood in another answer already.
    #[error("disclosure id that came twice")]
    DisclosureTwice,
    /// Another procedure, or another version of it.
    #[error("another procedure or version than asked for")]
    Procedure,
    /// A field of the form is not in the bundle.
    #[error("field missing")]
    FieldMissing,
    /// A field is not of this form, or stands there twice.
    #[error("field unknown or twice")]
    FieldUnknown,
    /// A value that is not the true one.
    #[error("wrong value")]
    Value,
    /// The value should come from another register, or none is named.
    #[error("wrong source")]
    Source,
    /// The value is disputed, and the field does not say so.
    #[error("dispute not shown")]
    UnderReview,
    /// Said to be empty, although the register has a value.
    #[error("empty although there is a value")]
    Empty,
    /// Withheld, although nobody ever said No.
    #[error("withheld although nobody said No")]
    Withheld,
    /// Shown or asked for, although the citizen said No.
    #[error("not withheld although somebody said No")]
    Refused,
    /// Said to be unavailable by a register that answered and has it.
    #[error("unavailable although its register answered")]
    Unavailable,
    /// A register's value without an age, or own data with one.
    #[error("age missing or out of place")]
    Age,
    /// A register that led to a value does not stand among the sources, or one
    /// stands there that led to none.
    #[error("source missing, twice or without need")]
    Sources,
    /// A notice that the procedure does not have, or not with that text.
    #[error("notice unknown, twice or with another text")]
    Notice,
    /// A reason or an outcome that is not of the API's closed lists, or a
    /// status without what belongs to it.
    #[error("status, reason or outcome outside the closed lists")]
    Status,
    /// A template's text does not stand in the answer.
    #[error("text missing")]
    Text,
    /// What a template's JSON pointer leads to is not what it says.
    #[error("JSON other than the template says")]
    Json,
    /// `complete` contradicts the fields.
    #[error("`complete` contradicts the fields")]
    Complete,
}

/// One thing that is wrong with one answer, without any value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which way.
    pub wrong: Wrong,
    /// The procedure asked for.
    pub procedure: String,
    /// Field and attributes, such as `birthName (rnpp.birthName, rnpp.familyName)`.
    pub field: Option<String>,
    /// What was expected and what came, masked.
    pub detail: String,
    /// Finds the ledger's entry.
    pub disclosure: Option<Uuid>,
}

impl Finding {
    /// Something is wrong with an answer as a whole.
    #[must_use]
    pub fn new(procedure: &str, wrong: Wrong, detail: String) -> Self {
        Self { wrong, procedure: procedure.to_owned(), field: None, detail, disclosure: None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.procedure)?;
        if let Some(field) = &self.field {
            write!(f, " {field}")?;
        }
        write!(f, ": {}", self.wrong)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        match self.disclosure {
            Some(disclosure) => write!(f, " (disclosure {disclosure})"),
            None => Ok(()),
        }
    }
}

/// What one bundle said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Its id, where it is one.
    pub disclosure: Option<Uuid>,
    /// Whether it calls itself complete.
    pub complete: bool,
    /// Fields with a value.
    pub filled: u64,
    /// Fields that citizens wrote themselves, or from a source of which the
    /// country knows nothing.
    pub unverified: u64,
    /// How the other fields ended.
    pub gaps: Vec<Gap>,
    /// What is wrong; nothing in a right answer.
    pub findings: Vec<Finding>,
}

/// Verifies the body of a 200.
#[must_use]
pub fn verify(expected: &Expected, body: &[u8]) -> Verified {
    let bundle: Bundle<'_> = match serde_json::from_slice(body) {
        Ok(bundle) => bundle,
        Err(error) => {
            // The place and not the text: serde_json may repeat a value.
            let detail = format!("line {}, column {}", error.line(), error.column());
            let finding = expected.finding(Wrong::Shape, detail);
            return Verified { findings: vec![finding], ..Verified::default() };
        }
    };
    let mut verified = Verified { complete: bundle.complete, ..Verified::default() };
    parts::check(expected, &bundle, &mut verified);
    let mut seen = vec![false; expected.form().fields.len()];
    for (place, (name, field)) in bundle.fields.iter().enumerate() {
        match expected.find(place, name) {
            Some(index) if !std::mem::replace(&mut seen[index], true) => {
                field::check(expected, index, field, &bundle, &mut verified);
            }
            _ => verified.findings.push(expected.finding(Wrong::FieldUnknown, String::new())),
        }
    }
    for (index, _) in seen.iter().enumerate().filter(|(_, seen)| !**seen) {
        verified.findings.push(expected.finding_at(index, Wrong::FieldMissing, String::new()));
    }
    let open = |status: &Status| !matches!(status, Status::Filled | Status::Empty);
    let gaps = bundle.fields.iter().any(|(_, field)| open(&field.status));
    if bundle.complete == gaps {
        let detail = format!("it says {}", bundle.complete);
        verified.findings.push(expected.finding(Wrong::Complete, detail));
    }
    for finding in &mut verified.findings {
        finding.disclosure = verified.disclosure;
    }
    verified
}

/// What a target wrote, cut so that a report stays readable.
fn short(text: &str) -> String {
    text.chars().take(32).collect()
}

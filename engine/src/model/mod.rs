//! The words every other module speaks: who, what, which field, and why not.
//!
//! Nothing here does I/O or knows a wire format; everything is a small value
//! with one meaning (see the glossary in `ARCHITECTURE.md`).

mod answer;
mod ids;
mod language;
pub mod packed;
mod resolution;
mod status;
mod subject;

pub use answer::{Answer, AnswerBuilder, Reading};
pub use ids::{
    AttributeMask, CallSet, CandidateSet, FieldSet, OrganisationId, ProcedureId, RegisterId,
    RegisterSet,
};
pub use language::Language;
pub use resolution::{Call, How, Resolution};
pub use status::{Channel, Outcome, Status, Unavailable, Withheld};
pub use subject::{InvalidIdentifier, Matricule, Rcs, Subject};

/// Civil time in milliseconds since the Unix epoch: expiry, retention, ledger stamps.
pub type CivilMs = i64;

/// The most subjects that one disclosure may be about.
pub const SUBJECTS_MAX: usize = 4;

#[cfg(test)]
mod tests;

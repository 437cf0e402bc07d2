//! The catalogue: registers, organisations and procedures, compiled from files.
//!
//! Compiling is pure: texts in, either a whole catalogue or every mistake out.
//! A compiled catalogue never changes. Dense ids mean something only together
//! with its digest, which every ledger entry names.

mod compile;
mod description;
mod organisation;
mod plan;
mod planner;
mod procedure;
mod reader;
mod register;

use std::collections::HashMap;
use std::fmt;

pub use organisation::Organisation;
pub use plan::{CallKey, Candidate, PlannedCall, Proof};
pub use procedure::{BackOffice, Field, Procedure, Role};
pub use register::{
    Attribute, Body, Header, Key, Kind, Leaf, Limits, Method, Part, Register, Share, Template,
};

use crate::model::{OrganisationId, ProcedureId, RegisterId};

/// SHA-256 over the catalogue's files.
pub type Digest = [u8; 32];

/// One file of a catalogue: its path within the catalogue, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Such as `registers/rnpp.toml`.
    pub path: String,
    /// TOML.
    pub text: String,
}

/// One thing that is wrong in a catalogue, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file's path within the catalogue.
    pub file: String,
    /// Counted from one.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A text in the four languages of the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// French.
    pub fr: Box<str>,
    /// German.
    pub de: Box<str>,
    /// English.
    pub en: Box<str>,
    /// Luxembourgish.
    pub lb: Box<str>,
}

/// A compiled catalogue.
#[derive(Debug)]
pub struct Catalogue {
    digest: Digest,
    text: String,
    registers: Vec<Register>,
    organisations: Vec<Organisation>,
    procedures: Vec<Procedure>,
    register_ids: HashMap<Box<str>, RegisterId>,
    organisation_ids: HashMap<Box<str>, OrganisationId>,
    procedure_ids: HashMap<Box<str>, ProcedureId>,
}

impl Catalogue {
    /// Compiles `sources`, in any order.
    ///
    /// # Errors
    /// Every mistake in every file, sorted by file and line.
    pub fn compile(sources: &[Source]) -> Result<Self, Vec<Mistake>> {
        compile::compile(sources)
    }

    /// Compiles what [`Catalogue::text`] gave.
    ///
    /// # Errors
    /// As [`Catalogue::compile`]; one mistake where it is no catalogue's text.
    pub fn from_text(text: &str) -> Result<Self, Vec<Mistake>> {
        Self::compile(&compile::split(text)?)
    }

    /// SHA-256 of [`Catalogue::text`].
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// All files in one text, from which the same catalogue compiles again.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All registers, by id.
    #[must_use]
    pub fn registers(&self) -> &[Register] {
        &self.registers
    }

    /// All organisations, by id.
    #[must_use]
    pub fn organisations(&self) -> &[Organisation] {
        &self.organisations
    }

    /// All procedures, by id.
    #[must_use]
    pub fn procedures(&self) -> &[Procedure] {
        &self.procedures
    }

    /// One register. `id` is of this catalogue.
    #[must_use]
    pub fn register(&self, id: RegisterId) -> &Register {
        &self.registers[id.index()]
    }

    /// One organisation. `id` is of this catalogue.
    #[must_use]
    pub fn organisation(&self, id: OrganisationId) -> &Organisation {
        &self.organisations[id.index()]
    }

    /// One procedure. `id` is of this catalogue.
    #[must_use]
    pub fn procedure(&self, id: ProcedureId) -> &Procedure {
        &self.procedures[id.index()]
    }

    /// The register of that name.
    #[must_use]
    pub fn find_register(&self, name: &str) -> Option<RegisterId> {
        self.register_ids.get(name).copied()
    }

    /// The organisation of that name.
    #[must_use]
    pub fn find_organisation(&self, name: &str) -> Option<OrganisationId> {
        self.organisation_ids.get(name).copied()
    }

    /// The procedure of that name.
    #[must_use]
    pub fn find_procedure(&self, name: &str) -> Option<ProcedureId> {
        self.procedure_ids.get(name).copied()
    }
}

#[cfg(test)]
pub(crate) mod tests;

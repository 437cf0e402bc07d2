//! The catalogue: registers, organisations and procedures, compiled from files.
//!
//! Compiling is pure: texts in, either a whole catalogue or every mistake out.
//! A compiled catalogue never changes. Dense ids mean something only together
//! with its digest, which every ledger entry names.

mod authority;
mod compile;
mod compiled;
mod description;
mod difference;
mod field;
mod notice;
mod organisation;
pub mod own;
mod plan;
mod planner;
mod procedure;
pub(crate) mod reader;
mod register;
mod review;
mod shape;
mod sources;

use std::collections::HashMap;
use std::fmt;

pub use difference::{Authority, Delegation, Difference, Names, Way};
pub use field::Field;
pub use notice::{Condition, Notice, Test};
pub use organisation::{ActsFor, Organisation};
pub use plan::{CallKey, Candidate, PlannedCall, Proof};
pub use procedure::{BackOffice, DEADLINE_DEFAULT, DEADLINE_MAX, DEADLINE_MIN, Procedure, Role};
pub use register::{
    Attribute, Body, Dialect, Errors, Header, Key, Kind, Leaf, Limits, Method, Of, Part, Parts,
    Register, Share, Template,
};

use reader::Review;

use crate::model::{Language, OrganisationId, ProcedureId, RegisterId};

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

impl Source {
    /// A file as it was read. Where it is no UTF-8, that is a mistake, and what
    /// can be read of it is checked with the others.
    #[must_use]
    pub fn from_bytes(path: String, bytes: Vec<u8>) -> (Self, Option<Mistake>) {
        let error = match String::from_utf8(bytes) {
            Ok(text) => return (Self { path, text }, None),
            Err(error) => error,
        };
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let begun = good.iter().rev().take_while(|byte| **byte != b'\n').count();
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let what = format!("byte {} of this line is no UTF-8; save the file as UTF-8", begun + 1);
        let mistake = Mistake { file: path.clone(), line, what };
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        (Self { path, text }, Some(mistake))
    }
}

/// One thing that is wrong in a catalogue, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

impl Labels {
    /// The text in one language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::De => &self.de,
            Language::En => &self.en,
            Language::Lb => &self.lb,
        }
    }
}

/// A compiled catalogue.
#[derive(Debug)]
pub struct Catalogue {
    digest: Digest,
    text: String,
    sources: Vec<Register>,
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
        compile::compile(sources, Review::Due)
    }

    /// Compiles files that were in force once, which are not reviewed again.
    ///
    /// # Errors
    /// As [`Catalogue::compile`].
    pub fn compile_again(sources: &[Source]) -> Result<Self, Vec<Mistake>> {
        compile::compile(sources, Review::Passed)
    }

    /// Compiles what [`Catalogue::text`] gave: a catalogue that was in force
    /// once, and is not reviewed again by what is demanded of new ones since.
    ///
    /// # Errors
    /// As [`Catalogue::compile`]; one mistake where it is no catalogue's text.
    pub fn from_text(text: &str) -> Result<Self, Vec<Mistake>> {
        compile::compile(&compile::split(text)?, Review::Passed)
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

    /// All sources by id: the registers, and last the citizens' own data.
    #[must_use]
    pub fn sources(&self) -> &[Register] {
        &self.sources
    }

    /// The registers, by id.
    #[must_use]
    pub fn registers(&self) -> &[Register] {
        &self.sources[..self.sources.len() - 1]
    }

    /// The citizens' own data.
    #[must_use]
    pub fn own_data(&self) -> &Register {
        &self.sources[self.sources.len() - 1]
    }

    /// The citizen's view of their own data, where the catalogue has one.
    #[must_use]
    pub fn own_view(&self) -> Option<&Procedure> {
        self.procedures.iter().find(|it| it.own_view && !it.professional_only())
    }

    /// The view of a company's data for who acts for it, where the catalogue has one.
    #[must_use]
    pub fn company_view(&self) -> Option<&Procedure> {
        self.procedures.iter().find(|it| it.own_view && it.professional_only())
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
        &self.sources[id.index()]
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

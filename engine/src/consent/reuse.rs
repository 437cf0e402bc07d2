//! Reuse consents: a citizen lets one organisation read named fields in the back
//! office, in one case and for one purpose, until a moment or until they
//! withdraw it.

use serde::{Deserialize, Serialize};

use super::Consent;
use crate::catalogue::{Candidate, Catalogue};
use crate::model::{CandidateSet, CivilMs, FieldSet};

use super::decide::Request;

/// Reuse consents of one subject that are kept; ended ones make room. A person
/// has a handful of open cases.
pub const STANDING_MAX: usize = 64;

/// What a citizen consents to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// A UUID of its own.
    pub id: [u8; 16],
    /// Who may read.
    pub organisation: Box<str>,
    /// In which of its cases.
    pub case: Box<str>,
    /// The form whose fields these are.
    pub procedure: Box<str>,
    /// What for, as the form said when the consent was given. Under another
    /// purpose it no longer counts.
    pub purpose: Box<str>,
    /// What.
    pub fields: Vec<Box<str>>,
    /// The first moment of ledger time at which it no longer stands.
    pub expires: CivilMs,
}

/// A reuse consent that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reuse {
    /// To what.
    pub terms: Terms,
    /// Ledger time at which it was given.
    pub given: CivilMs,
    /// Ledger time at which it was withdrawn, where it was.
    pub withdrawn: Option<CivilMs>,
}

/// What became of a reuse consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stands.
    Given,
    /// The citizen took it back.
    Withdrawn,
    /// Its time is over.
    Expired,
}

impl Reuse {
    /// What it is at a moment of ledger time.
    #[must_use]
    pub fn standing(&self, now: CivilMs) -> Standing {
        match self.withdrawn {
            Some(_) => Standing::Withdrawn,
            None if now >= self.terms.expires => Standing::Expired,
            None => Standing::Given,
        }
    }

    /// Whether it stands at a moment of ledger time.
    #[must_use]
    pub fn stands(&self, now: CivilMs) -> bool {
        self.standing(now) == Standing::Given
    }
}

/// What the applicant's reuse consents give in the case of a request, and until
/// when all of them stand.
pub(super) fn reused(
    catalogue: &Catalogue,
    request: &Request,
    applicant: &Consent,
    now: CivilMs,
) -> (CandidateSet, CivilMs) {
    let procedure = catalogue.procedure(request.procedure);
    let organisation = &catalogue.organisation(request.organisation).name;
    let covering = applicant.reuse.iter().filter(|known| {
        let terms = &known.terms;
        known.stands(now)
            && terms.organisation == *organisation
            && Some(&terms.case) == request.case.as_ref()
            && terms.procedure == procedure.name
            && terms.purpose == procedure.purpose
    });
    let (mut fields, mut until) = (FieldSet::EMPTY, CivilMs::MAX);
    for known in covering {
        let named = known.terms.fields.iter().filter_map(|name| procedure.find_field(name));
        named.for_each(|field| fields.insert(field));
        until = until.min(known.terms.expires);
    }
    let named = |candidate: &Candidate| fields.contains(candidate.field);
    let candidates = procedure.candidates.iter().enumerate();
    let named = candidates.filter(|(_, candidate)| named(candidate)).map(|(index, _)| index);
    let named: CandidateSet = named.collect();
    (named.intersection(procedure.reusable()), until)
}

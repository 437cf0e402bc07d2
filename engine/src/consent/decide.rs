//! The decision: which fields, from where, under which consent, until when.

use std::sync::Arc;

use jiff::ToSpan;

use super::Consent;
use super::mandate::Parties;
use super::reuse::reused;
use crate::catalogue::{Catalogue, Procedure};
use crate::clock;
use crate::identity::Presence;
use crate::model::{
    CandidateSet, Channel, CivilMs, FieldSet, Language, OrganisationId, ProcedureId, RegisterSet,
    SUBJECTS_MAX, Subject, Withheld,
};

/// From this age a child is of age (Civil Code, article 388).
const MAJORITY_YEARS: i8 = 18;

/// What is asked, identified and in the catalogue's terms.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which form.
    pub procedure: ProcedureId,
    /// Who receives.
    pub organisation: OrganisationId,
    /// How.
    pub channel: Channel,
    /// By role; each role of the procedure has one.
    pub subjects: [Option<Subject>; SUBJECTS_MAX],
    /// The fields wanted; all where there are none.
    pub fields: Option<FieldSet>,
    /// The citizen's token, where there is one.
    pub presence: Option<Presence>,
    /// The case, where there is one.
    pub case: Option<Box<str>>,
    /// What notices are written in.
    pub language: Language,
}

impl Request {
    /// The subjects that there are.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.subjects.iter().flatten().copied()
    }
}

/// Why nothing at all is granted. The texts may be shown to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(clippy::enum_variant_names, reason = "they are problems of the API, as it names them")]
pub enum Denied {
    /// The catalogue gives it nothing for this procedure.
    #[error(
        "the receiving organisation has no authority for any field of this procedure; \
         an operator that asks for another body names it in `organisation`"
    )]
    NoAuthority,
    /// A front-office request needs the citizen's own token.
    #[error(
        "a front-office request needs in `presence` the applicant's own valid token for this use"
    )]
    NoPresence,
    /// A back-office request needs a case.
    #[error("a back-office request needs the `case` in which the citizen's consent stands")]
    NoReuseConsent,
}

/// The decision. Only [`decide`] makes one.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(super) procedure: ProcedureId,
    pub(super) organisation: OrganisationId,
    pub(super) channel: Channel,
    pub(super) language: Language,
    /// The fields that the bundle will have.
    pub(super) asked: FieldSet,
    /// What may be fetched and shown.
    pub(super) allowed: CandidateSet,
    pub(super) authorised: CandidateSet,
    pub(super) unrelated: CandidateSet,
    pub(super) refused: [RegisterSet; SUBJECTS_MAX],
    /// What a related subject refuses. Whether they stand in that role is looked
    /// up all the same: nobody else is told of their No.
    pub(super) refused_by_related: CandidateSet,
    pub(super) subjects: [Option<Subject>; SUBJECTS_MAX],
    consents: [Option<Arc<Consent>>; SUBJECTS_MAX],
    /// What tells answers of before a withdrawn mandate from later ones.
    mandates: u64,
    valid_until: CivilMs,
}

impl Grant {
    /// The consent version of each role's subject, as it was decided on.
    #[must_use]
    pub fn versions(&self) -> [Option<u64>; SUBJECTS_MAX] {
        self.consents.each_ref().map(|consent| consent.as_ref().map(|consent| consent.version))
    }

    /// The consent of a role's subject, as it was decided on.
    #[must_use]
    pub fn consent(&self, role: usize) -> Option<&Arc<Consent>> {
        self.consents[role].as_ref()
    }

    /// The epoch of answers about a role's subject from one register.
    #[must_use]
    pub fn epoch(&self, role: usize, register: &str) -> u64 {
        let own = self.consents[role].as_ref().map_or(0, |consent| consent.epoch(register));
        own.wrapping_add(self.mandates)
    }

    /// The first moment at which it no longer holds.
    #[must_use]
    pub fn valid_until(&self) -> CivilMs {
        self.valid_until
    }

    /// The candidates that may be fetched and shown.
    #[must_use]
    pub fn allowed(&self) -> CandidateSet {
        self.allowed
    }

    /// Why a candidate is not allowed; `None` where it is.
    #[must_use]
    pub fn withheld(&self, candidate: usize) -> Option<Withheld> {
        match candidate {
            _ if self.allowed.contains(candidate) => None,
            _ if self.channel == Channel::BackOffice => Some(Withheld::NotAvailableToYou),
            _ if !self.authorised.contains(candidate) => Some(Withheld::Authority),
            _ if self.unrelated.contains(candidate) => Some(Withheld::Role),
            _ => Some(Withheld::Preference),
        }
    }
}

/// Decides. `parties` has the state of each subject of the request.
///
/// # Errors
/// Where the request as a whole is not authorised.
pub fn decide(
    catalogue: &Catalogue,
    request: &Request,
    parties: Parties,
    now: CivilMs,
) -> Result<Grant, Denied> {
    let procedure = catalogue.procedure(request.procedure);
    let authorised = procedure.authority_of(request.organisation, request.channel);
    if authorised.is_empty() {
        return Err(Denied::NoAuthority);
    }
    let mut valid_until = channel_allows(catalogue, request, now)?;

    let asked = request.fields.unwrap_or_else(|| procedure.all_fields());
    let mut in_reach = candidates_of(procedure, asked).intersection(authorised);
    if request.channel == Channel::BackOffice {
        let (given, until) = match &parties.consents[0] {
            Some(applicant) => reused(catalogue, request, applicant, now),
            None => (CandidateSet::EMPTY, CivilMs::MAX),
        };
        let open = procedure.by_law(request.organisation).union(given);
        in_reach = in_reach.intersection(open);
        valid_until = valid_until.min(until);
    }

    let refused = parties.consents.each_ref().map(|consent| {
        consent.as_ref().map_or(RegisterSet::EMPTY, |consent| consent.refused(catalogue))
    });
    let (lost, mut unrelated) = cost_of(procedure, &refused);
    for (role, subject) in request.subjects.iter().enumerate() {
        let Some(Subject::Natural(matricule)) = subject else { continue };
        if !procedure.roles.get(role).is_some_and(|role| role.minor) {
            continue;
        }
        let of_age = of_age_from(matricule.date_of_birth());
        match now < of_age {
            true => valid_until = valid_until.min(of_age),
            false => unrelated = unrelated.union(candidates_through(procedure, role)),
        }
    }
    for role in parties.without_mandate(procedure) {
        unrelated = unrelated.union(candidates_through(procedure, role));
    }
    let allowed = in_reach.without(lost).without(unrelated);
    Ok(Grant {
        procedure: request.procedure,
        organisation: request.organisation,
        channel: request.channel,
        language: request.language,
        asked,
        allowed,
        authorised,
        unrelated,
        refused,
        refused_by_related: match request.channel {
            // Its gaps tell no reason, and so nobody needs to be asked for one.
            Channel::BackOffice => CandidateSet::EMPTY,
            Channel::FrontOffice | Channel::Own => in_reach
                .without(unrelated)
                .intersection(lost)
                .without(of_applicant(procedure, lost)),
        },
        subjects: request.subjects,
        mandates: parties.epoch(procedure),
        consents: parties.consents,
        valid_until,
    })
}

/// Checks what the channel needs; how long that holds.
fn channel_allows(
    catalogue: &Catalogue,
    request: &Request,
    now: CivilMs,
) -> Result<CivilMs, Denied> {
    match request.channel {
        Channel::FrontOffice => {
            let organisation = catalogue.organisation(request.organisation);
            let procedure = catalogue.procedure(request.procedure);
            let applicant = request.subjects[0].ok_or(Denied::NoPresence)?;
            let covers =
                |presence: &&Presence| presence.covers(applicant, organisation, procedure, now);
            let presence = request.presence.as_ref().filter(covers).ok_or(Denied::NoPresence)?;
            Ok(presence.valid_until)
        }
        Channel::BackOffice if request.case.is_none() => Err(Denied::NoReuseConsent),
        Channel::BackOffice | Channel::Own => Ok(CivilMs::MAX),
    }
}

/// What refusals cost: candidates lost to a No, and those of other roles whose
/// relation can no longer be shown.
fn cost_of(
    procedure: &Procedure,
    refused: &[RegisterSet; SUBJECTS_MAX],
) -> (CandidateSet, CandidateSet) {
    let (mut lost, mut unrelated) = (CandidateSet::EMPTY, CandidateSet::EMPTY);
    if refused.iter().all(|registers| registers.is_empty()) {
        return (lost, unrelated);
    }
    for (index, call) in procedure.calls.iter().enumerate() {
        if !refused[call.role].contains(call.register.index()) {
            continue;
        }
        lost = lost.union(call.dependents);
        let others = procedure
            .calls
            .iter()
            .filter(|other| other.role != call.role && other.ancestors.contains(index));
        unrelated = others.fold(unrelated, |all, other| all.union(other.candidates));
    }
    (lost, unrelated)
}

fn candidates_of(procedure: &Procedure, fields: FieldSet) -> CandidateSet {
    if fields == procedure.all_fields() {
        return CandidateSet::first(procedure.candidates.len());
    }
    fields.iter().fold(CandidateSet::EMPTY, |all, field| {
        let range = &procedure.fields[field].candidates;
        let upto = CandidateSet::first(range.end);
        all.union(upto.without(CandidateSet::first(range.start)))
    })
}

/// Those of some candidates that are about the applicant.
fn of_applicant(procedure: &Procedure, candidates: CandidateSet) -> CandidateSet {
    candidates.iter().filter(|index| procedure.candidates[*index].role == 0).collect()
}

/// The candidates about a role's subject, and about those related through it.
fn candidates_through(procedure: &Procedure, role: usize) -> CandidateSet {
    let about = |call: usize| procedure.calls[call].role == role;
    let through = procedure
        .calls
        .iter()
        .enumerate()
        .filter(|(index, call)| about(*index) || call.ancestors.iter().any(about));
    through.fold(CandidateSet::EMPTY, |all, (_, call)| all.union(call.candidates))
}

fn of_age_from(birth: jiff::civil::Date) -> CivilMs {
    birth.checked_add(i16::from(MAJORITY_YEARS).years()).map_or(CivilMs::MAX, clock::start_of)
}

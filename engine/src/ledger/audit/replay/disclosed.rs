//! What a disclosure may say: who had which authority, and what the citizens had said by then.

use super::super::{Violation, violation};
use super::Replay;
use crate::catalogue::{Candidate, Catalogue, PlannedCall, Procedure};
use crate::consent::{Consent, Reuse};
use crate::ledger::entry::{About, Disclosure, SubjectVersion};
use crate::model::{CandidateSet, Channel, RegisterId, SUBJECTS_MAX};

impl Replay {
    pub(super) fn disclosure(&mut self, disclosure: &Disclosure) -> Result<(), Violation> {
        let sequence = self.sequence;
        let wrong = |what: &str| Err(violation(sequence, what));
        self.living(disclosure.subjects.iter().map(|known| known.subject))?;
        let about = &disclosure.about;
        let named = about.catalogue;
        let Some(catalogue) = self.in_force(&named).cloned() else {
            return wrong("it names a catalogue that was not in force");
        };
        let catalogue = &*catalogue;
        self.cuts.count(catalogue, self.stamp, disclosure);
        if disclosure.valid_until <= self.stamp {
            return wrong("its grant was no longer valid");
        }
        let Some(procedure) = catalogue.procedures().get(about.procedure.index()) else {
            return wrong("it names a procedure that its catalogue does not have");
        };
        if catalogue.organisations().len() <= about.organisation.index() {
            return wrong("it names an organisation that its catalogue does not have");
        }
        if disclosure.subjects.len() != procedure.roles.len() {
            return wrong("it does not name one subject for each role");
        }
        if disclosure.called.len() != disclosure.subjects.len() {
            return wrong("it does not tell the registers called about each subject");
        }
        let mut consents: Consents<'_> = [None; SUBJECTS_MAX];
        for (known, consent) in disclosure.subjects.iter().zip(&mut consents) {
            *consent = self.consents.get(&known.subject);
            if consent.map_or(0, |consent| consent.version) != known.version {
                return wrong("it was disclosed under a consent that had changed before it");
            }
        }
        let mut authority = procedure.authority_of(about.organisation, about.channel);
        if about.channel == Channel::BackOffice {
            let consented = consents[0].map_or(CandidateSet::EMPTY, |applicant| {
                self.consented(catalogue, procedure, about, applicant)
            });
            let open = procedure.by_law(about.organisation).union(consented);
            authority = authority.intersection(open);
        }
        let told = told(catalogue, procedure, disclosure);
        let lost = lost(catalogue, procedure, &consents);
        let unmandated = unmandated(procedure, &disclosure.subjects, &consents);
        for (field, register) in &disclosure.fields {
            let from = from(procedure, usize::from(*field), *register);
            let authorised = from.intersection(authority);
            if from.is_empty() {
                return wrong("a field has its value from a register that cannot fill it");
            }
            if authorised.is_empty() {
                return wrong("a field was disclosed without authority");
            }
            if authorised.without(lost).is_empty() {
                return wrong("a field was disclosed from a register that the citizen had refused");
            }
            if authorised.without(lost).without(unmandated).is_empty() {
                return wrong("a field was disclosed under a mandate that had been withdrawn");
            }
            if authorised.without(lost).without(unmandated).intersection(told).is_empty() {
                return wrong("a field has its value by a register that it does not tell");
            }
        }
        Ok(())
    }

    /// What the applicant's own consent for this case gives the back office at this
    /// moment of ledger time.
    fn consented(
        &self,
        catalogue: &Catalogue,
        procedure: &Procedure,
        about: &About,
        applicant: &Consent,
    ) -> CandidateSet {
        let organisation = &catalogue.organisation(about.organisation).name;
        let stands = |known: &&Reuse| {
            known.withdrawn.is_none()
                && self.stamp < known.terms.expires
                && known.terms.organisation == *organisation
                && about.case.as_ref() == Some(&known.terms.case)
                && known.terms.procedure == procedure.name
                && known.terms.purpose == procedure.purpose
        };
        let standing: Vec<&Reuse> = applicant.reuse().iter().filter(stands).collect();
        let given = |candidate: &Candidate| {
            let field = &procedure.fields[candidate.field];
            field.back_office && standing.iter().any(|it| it.terms.fields.contains(&field.name))
        };
        let candidates = procedure.candidates.iter().enumerate();
        candidates.filter(|(_, candidate)| given(candidate)).map(|(index, _)| index).collect()
    }
}

/// The consent of each role's subject, where they ever changed it.
type Consents<'a> = [Option<&'a Consent>; SUBJECTS_MAX];

/// The candidates whose call the entry tells, and each call that it needed: to whom it is about.
/// Citizens' own data are no register that is called.
fn told(catalogue: &Catalogue, procedure: &Procedure, disclosure: &Disclosure) -> CandidateSet {
    let own = catalogue.own_data().id;
    let told = |call: &PlannedCall| {
        let called = disclosure.called.get(call.role);
        call.register == own || called.is_some_and(|called| called.contains(call.register.index()))
    };
    let whole = |call: &&PlannedCall| {
        told(call) && call.ancestors.iter().all(|index| told(&procedure.calls[index]))
    };
    let calls = procedure.calls.iter().filter(whole);
    calls.fold(CandidateSet::EMPTY, |all, call| all.union(call.candidates))
}

/// The candidates that a No costs: of the register itself, of one that gives its
/// key, or of one that shows the relation.
fn lost(catalogue: &Catalogue, procedure: &Procedure, consents: &Consents<'_>) -> CandidateSet {
    let mut lost = CandidateSet::EMPTY;
    if consents.iter().all(Option::is_none) {
        return lost;
    }
    let refused = |call: &PlannedCall| {
        let register = &catalogue.register(call.register).name;
        consents[call.role].is_some_and(|consent| !consent.allows(register))
    };
    for call in &procedure.calls {
        let mut above = call.ancestors.iter().map(|index| &procedure.calls[index]);
        if refused(call) || above.any(refused) {
            lost = lost.union(call.candidates);
        }
    }
    lost
}

/// The candidates about those who stand in their role by another's list, where one of
/// the two had withdrawn the mandate, and about whom these list in turn.
fn unmandated(
    procedure: &Procedure,
    subjects: &[SubjectVersion],
    consents: &Consents<'_>,
) -> CandidateSet {
    let withdrew = |one: usize, other: usize| {
        let mut said = consents[one].into_iter().flat_map(Consent::mandates);
        said.any(|known| known.other == subjects[other].subject && !known.allow)
    };
    let unproven = |call: &PlannedCall| {
        call.proof.is_some_and(|proof| {
            let by = procedure.calls[proof.call].role;
            withdrew(by, call.role) || withdrew(call.role, by)
        })
    };
    let lost = procedure.calls.iter().filter(|call| {
        let mut above = call.ancestors.iter().map(|index| &procedure.calls[index]);
        unproven(call) || above.any(unproven)
    });
    lost.fold(CandidateSet::EMPTY, |all, call| all.union(call.candidates))
}

/// The candidates by which a field may have had its value from a register.
fn from(procedure: &Procedure, field: usize, register: RegisterId) -> CandidateSet {
    let candidates = procedure.fields.get(field).map_or(0..0, |field| field.candidates.clone());
    candidates.filter(|index| procedure.candidates[*index].register == register).collect()
}

//! What bundles show: only what their entry's consents allow, and only values that
//! were fetched for it.

use std::collections::HashSet;

use engine::model::{Channel, Subject};

use super::order::Order;
use super::{Broken, Findings, Promise, Seen, Summary, broken};
use crate::facts::Person;
use crate::history::{Bundle, Held, Operation, Told, Wanted};
use crate::world::{CHILD, COMPANY, REGISTERS};

impl Seen<'_> {
    /// Whether everything that is shown may be.
    pub(super) fn contents(&self, order: &Order, summary: &mut Summary, findings: &mut Findings) {
        let mut used = HashSet::new();
        for operation in &self.history.operations {
            let (Wanted::Bundle(wanted), Told::Bundle(held)) = (&operation.wanted, &operation.told)
            else {
                continue;
            };
            // Without an entry there is nothing to hold it against.
            if !self.facts.disclosures.contains_key(&held.id) {
                continue;
            }
            findings.take(self.allowed(operation, wanted, held));
            for (name, register, number) in &held.filled {
                summary.values += 1;
                summary.shared += u64::from(!used.insert((*register, *number)));
                let value = (&**name, *register, *number);
                findings.take(self.fetched(order, operation, wanted, held, value));
            }
            let back_office = wanted.channel == Channel::BackOffice;
            summary.reread += u64::from(back_office && !held.filled.is_empty());
            let of_company = held.filled.iter().any(|(name, ..)| name == COMPANY);
            summary.of_companies += u64::from(of_company);
        }
    }

    /// Whether every entry of a company, also one whose bundle nobody got, stands before
    /// the withdrawal of its mandate, or after its restoration.
    pub(super) fn mandates(&self, findings: &mut Findings) {
        for id in &self.facts.without_mandate {
            let (_, disclosure) = &self.facts.disclosures[id];
            let procedure = self.catalogue.procedure(disclosure.about.procedure);
            let mut fields = disclosure.fields.iter().map(|(field, _)| usize::from(*field));
            if fields.any(|field| &*procedure.fields[field].name == COMPANY) {
                let how = format!("{id} stands after the withdrawal of its mandate");
                findings.add(broken(Promise::NothingUnderAWithdrawnMandate, how));
            }
        }
        if let Some(sequence) = self.facts.acted_without.first() {
            let how = format!("entry {sequence} was made by somebody without a mandate");
            findings.add(broken(Promise::NothingUnderAWithdrawnMandate, how));
        }
    }

    fn allowed(&self, operation: &Operation, wanted: &Bundle, held: &Held) -> Result<(), Broken> {
        let nobody = Person::default();
        let person = |subject| self.facts.people.get(&subject).unwrap_or(&nobody);
        let stamp = self.facts.disclosures[&held.id].0;
        let applicant = wanted.subjects[0];
        let version = self.observed(operation, applicant).unwrap_or_default();
        for (name, register, _) in &held.filled {
            let about = about(wanted, name);
            let theirs = self.observed(operation, about).unwrap_or_default();
            let refused = person(about).refusals_at(theirs)[*register].refused;
            // The applicant's own register shows whose child it is.
            let unshown = about != applicant && person(applicant).refusals_at(version)[0].refused;
            if refused || unshown {
                let how = format!("{} shows `{name}`, at version {theirs}", held.id);
                return Err(broken(Promise::NothingRefusedIsShown, how));
            }
            let case = wanted.case.as_deref().unwrap_or_default();
            let at = (version, stamp);
            if wanted.channel == Channel::BackOffice
                && !person(applicant).lets(at, wanted.organisation, case, name)
            {
                let how = format!("{} shows `{name}` in case {case} at {stamp}", held.id);
                return Err(broken(Promise::NothingBeyondAReuseConsent, how));
            }
        }
        Ok(())
    }

    /// Whether a value comes from a call that was made for this use.
    fn fetched(
        &self,
        order: &Order,
        operation: &Operation,
        wanted: &Bundle,
        held: &Held,
        (name, register, number): (&str, usize, usize),
    ) -> Result<(), Broken> {
        let from = || format!("{} has call {number} of {}", held.id, REGISTERS[register]);
        let about = about(wanted, name);
        let Some(call) = self.history.calls[register].get(number) else {
            return Err(broken(Promise::NobodyElsesValue, from()));
        };
        if *call.key != *about.to_string() {
            return Err(broken(Promise::NobodyElsesValue, from()));
        }
        let bound = call.organisation.as_deref();
        if bound.is_some_and(|organisation| organisation != wanted.organisation) {
            let how = format!("{}, which was for another organisation", from());
            return Err(broken(Promise::NoSharingAcrossOrganisations, how));
        }
        let alone = REGISTERS[register] == "gamma";
        if alone && *call.disclosure != *held.id.to_string() {
            let how = format!("{}, which was for another disclosure", from());
            return Err(broken(Promise::NoSharingAcrossOrganisations, how));
        }
        if name == COMPANY {
            self.fetched_on_a_mandate(order, operation, wanted, call.at).map_err(|how| {
                broken(Promise::NothingFetchedBeforeANo, format!("{}, {how}", from()))
            })?;
        }
        let version = self.observed(operation, about).unwrap_or_default();
        let person = self.facts.people.get(&about);
        let newest = person.map_or(0, |person| person.refusals_at(version)[register].newest);
        let no = order.asked(about, newest).unwrap_or(0);
        if call.at < no {
            let how = format!("{}, which came before the No of version {newest}", from());
            return Err(broken(Promise::NothingFetchedBeforeANo, how));
        }
        Ok(())
    }
}

impl Seen<'_> {
    /// Whether a call about a company came after the newest withdrawal of the mandate
    /// that its bundle was shown on.
    fn fetched_on_a_mandate(
        &self,
        order: &Order,
        operation: &Operation,
        wanted: &Bundle,
        at: u64,
    ) -> Result<(), String> {
        let [person, company] = [wanted.subjects[0], wanted.subjects[1]];
        for (one, other) in [(person, company), (company, person)] {
            let version = self.observed(operation, one).unwrap_or_default();
            let known = self.facts.people.get(&one);
            let newest = known.map_or(0, |known| known.mandate_at(version, other).newest);
            if at < order.asked(one, newest).unwrap_or(0) {
                return Err(format!("which came before the withdrawal of version {newest}"));
            }
        }
        Ok(())
    }
}

/// Whom a field is about.
fn about(wanted: &Bundle, field: &str) -> Subject {
    match field == CHILD || field == COMPANY {
        true => wanted.subjects[1],
        false => wanted.subjects[0],
    }
}

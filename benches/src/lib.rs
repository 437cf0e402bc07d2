//! What the benchmarks share: the country, its catalogue, and each stage's
//! input made by the stages before it.
//!
//! There is one file under `benches/` for each stage, in the order of a
//! request: `catalogue`, `decide` (and its plan), `cache`, `flights`, `decode`,
//! `release`, `ledger`, `audit`, and `prefill` and `bulk` for all of them together.
//! `fixtures` shows that the simulated registers cost little enough not to be what is
//! measured. `peers` is no stage: it puts the running engine beside others, and
//! `generators` what loads it.

pub mod added;
pub mod answers;
pub mod batches;
pub mod beside;
pub mod durable;
mod figures;
pub mod generators;
pub mod grown;
pub mod held;
pub mod large;
pub mod peers;
pub mod timing;
pub mod whole;

use std::sync::Arc;

use engine::catalogue::{Catalogue, Procedure};
use engine::consent::{Consent, Grant, Parties, Request, decide};
use engine::identity::Presence;
use engine::model::{Channel, CivilMs, Language, Resolution, Subject};
use fixtures::{Country, Person};

#[cfg(test)]
mod tests;

/// The form that the benchmarks fill: eleven fields out of two registers.
pub const FORM: &str = "criminal-record-extract";
/// The forms by which deciding and releasing are compared: the second has fewer
/// fields out of more registers, and a child.
pub const FORMS: [&str; 2] = [FORM, "parental-leave"];
/// The body that asks for it.
pub const ORGANISATION: &str = "justice";
/// A moment of 2026: civil time stands still in the pure benchmarks.
pub const NOW: CivilMs = 1_772_000_000_000;

/// The country of the demonstration.
#[must_use]
pub fn country() -> Country {
    Country::new(1, 170_000).expect("170,000 people are a country")
}

/// The catalogue of the demonstration.
#[must_use]
pub fn catalogue() -> Arc<Catalogue> {
    Arc::new(engine::demo::catalogue().expect("the demonstration's catalogue compiles"))
}

/// A procedure by name.
#[must_use]
pub fn procedure<'a>(catalogue: &'a Catalogue, name: &str) -> &'a Procedure {
    catalogue.procedure(catalogue.find_procedure(name).expect("a procedure of the catalogue"))
}

/// A person, as the engine names them.
#[must_use]
pub fn subject(person: &Person) -> Subject {
    person.matricule().to_string().parse().expect("both check the same digits")
}

/// The owner of a form asks about a parent, and about their youngest child
/// where the form has such a role; the parent is present.
#[must_use]
pub fn request(catalogue: &Catalogue, form: &str) -> Request {
    let procedure = procedure(catalogue, form);
    let parent = country().example_parent();
    let child = parent.children().max_by_key(Person::date_of_birth).expect("a parent");
    let mut subjects = [None; engine::model::SUBJECTS_MAX];
    for (role, place) in procedure.roles.iter().zip(&mut subjects) {
        *place = Some(subject(if role.minor { &child } else { &parent }));
    }
    Request {
        procedure: procedure.id,
        organisation: procedure.owner,
        channel: Channel::FrontOffice,
        subjects,
        fields: None,
        presence: Some(Presence {
            subject: subject(&parent),
            token: "0123456789abcdef".into(),
            organisation: None,
            procedure: None,
            valid_until: CivilMs::MAX,
        }),
        case: None,
        language: Language::default(),
    }
}

/// The consent of subjects who never said No.
#[must_use]
pub fn parties(request: &Request) -> Parties {
    let unchanged: Arc<Consent> = Arc::default();
    let consents = request.subjects.map(|subject| subject.map(|_| unchanged.clone()));
    Parties { consents, ..Parties::default() }
}

/// What is decided on a request.
#[must_use]
pub fn grant(catalogue: &Catalogue, request: &Request) -> Grant {
    decide(catalogue, request, parties(request), NOW).expect("the owner of a form may ask")
}

/// Every call of a form's plan, answered by the simulated registers.
#[must_use]
pub fn resolution(catalogue: &Catalogue, request: &Request, grant: &Grant) -> Resolution {
    answers::all(catalogue, request, &grant.plan(catalogue))
}

//! What is sent for each visit of a year or a trace, and what must come back.

use std::sync::Arc;

use bytes::Bytes;
use fixtures::Country;
use jiff::Span;
use serde_json::json;

use crate::ask::{Ask, Expects, Script};
use crate::cast::{Casting, Names};
use crate::clock::Calendar;
use crate::form::{Form, Parts};
use crate::plan::{body, head};
use crate::results::Channel;
use crate::schedule::{Event, Kind, Visit};
use crate::target::Message;
use crate::verify::Expected;

#[cfg(test)]
mod tests;

/// One in so many people changes what they allow and what they wrote. Answers
/// about them depend on what is in force when the answer is composed, and are
/// judged by their shape alone.
const RESTLESS: u64 = 64;
/// A consent outlasts every reading that it is given for, also where a target is
/// behind; it takes five years at most.
const CONSENT_YEARS: i64 = 4;
/// Registers that a citizen may say No to, where a form asks them.
const REFUSABLE: [&str; 4] = ["snca", "ccss", "acd", "cns"];

/// Turns visits into requests.
pub struct Desk {
    country: Country,
    casting: Casting,
    /// By a visit's procedure.
    forms: Vec<Arc<Form>>,
    heads: Vec<String>,
    refusable: Vec<&'static str>,
    compare_every: u64,
    /// The target's.
    calendar: Calendar,
}

impl Desk {
    /// For visits that count these forms, at a target of this calendar.
    #[must_use]
    pub fn new(
        country: Country,
        forms: Vec<Arc<Form>>,
        compare_every: u64,
        calendar: Calendar,
    ) -> Self {
        let casting = Casting::new(country, country.population(), &forms);
        let asked =
            |register: &&str| forms.iter().any(|it| it.registers.iter().any(|it| it == register));
        let refusable = REFUSABLE.into_iter().filter(asked).collect();
        let heads = forms.iter().map(|form| head("demo-org-", &form.organisation)).collect();
        Self { country, casting, forms, heads, refusable, compare_every, calendar }
    }

    fn of_form(&self, visit: &Visit, number: u64) -> (Message, Expects) {
        let place = usize::from(visit.procedure);
        let form = &self.forms[place];
        let person = visit.subject % self.country.population();
        let names = self.casting.names(person, form.parts());
        let head = self.heads[place].clone();
        let post = |body| Message { method: "POST", path: "/v1/prefill".into(), head, body };
        match visit.kind {
            Kind::BackOffice => {
                let body = json!({"procedure": form.id, "subjects": {&form.roles[0].0: names.applicant},
                    "channel": "back-office", "case": case(visit)});
                (post(bytes(&body)), Expects::Json(&[200]))
            }
            Kind::Invalid => {
                let broken = Names { applicant: broken(&names.applicant), ..names.clone() };
                (post(body(form, &broken, &names.applicant)), Expects::Json(&[400, 403, 422, 429]))
            }
            Kind::Consent => (self.consent(visit, form, &names), Expects::Json(&[201])),
            _ => {
                let expects = self.expects(form, visit, &names, number);
                (post(body(form, &names, &names.applicant)), expects)
            }
        }
    }

    fn expects(&self, form: &Arc<Form>, visit: &Visit, names: &Names, number: u64) -> Expects {
        let person = visit.subject % self.country.population();
        let compared = number.is_multiple_of(self.compare_every) && !self.is_restless(names);
        // What is true is looked up only where it is needed.
        let parts = form.parts();
        match compared {
            true => {
                let cast = Arc::new(self.casting.cast(person, parts));
                Expects::Truth(Expected::new(form.clone(), cast).by(self.calendar))
            }
            false => Expects::Shape(form.clone()),
        }
    }

    fn is_restless(&self, names: &Names) -> bool {
        let people = [Some(&names.applicant), names.child.as_ref()];
        people.into_iter().flatten().any(|name| {
            self.country
                .person_of(name)
                .is_none_or(|person| person.index() % RESTLESS == RESTLESS - 1)
        })
    }

    fn consent(&self, visit: &Visit, form: &Form, names: &Names) -> Message {
        let fields: Vec<_> = form.back_office.iter().take(2).collect();
        let years = Span::new().years(CONSENT_YEARS);
        let expires = self.calendar.today().saturating_add(years);
        let body = json!({"organisation": form.organisation, "case": case(visit),
            "procedure": form.id, "fields": fields, "expires": expires.to_string()});
        citizen("POST", "/v1/me/consents/reuse".into(), &names.applicant, bytes(&body))
    }

    fn of_citizen(&self, visit: &Visit) -> (Message, Expects) {
        let population = self.country.population();
        let person = visit.subject % population;
        let restless = person - person % RESTLESS + RESTLESS - 1;
        // The last few have nobody restless after them, and take the one before.
        let restless = if restless < population { restless } else { RESTLESS - 1 };
        let name = |index| self.casting.names(index, Parts::default()).applicant;
        let read = |path: &str| citizen("GET", path.into(), &name(person), Bytes::new());
        match visit.kind {
            Kind::MyData => (read("/v1/me/data"), Expects::Json(&[200])),
            Kind::Preference if !self.refusable.is_empty() => {
                let register = self.refusable[(visit.case >> 1) as usize % self.refusable.len()];
                let path = format!("/v1/me/consents/preferences/{register}");
                let body = bytes(&json!({"allow": visit.case.is_multiple_of(2)}));
                (citizen("PUT", path, &name(restless), body), Expects::Json(&[200]))
            }
            Kind::OwnData => {
                let mobile =
                    format!("+352 621 {:03} {:03}", visit.case % 1_000, visit.case / 1_000 % 1_000);
                let body = bytes(&json!({"value": mobile}));
                (
                    citizen("PUT", "/v1/me/data/mobile".into(), &name(restless), body),
                    Expects::Json(&[200]),
                )
            }
            _ => (read("/v1/me/accesses?limit=20"), Expects::Json(&[200])),
        }
    }
}

impl Script for Desk {
    fn groups(&self) -> Vec<String> {
        let forms = self.forms.iter().map(|form| form.id.clone());
        forms.chain(Kind::ALL.iter().map(|kind| format!("({kind})"))).collect()
    }

    fn ask(&self, event: &Event) -> Ask {
        let visit = event.visit.as_ref().expect("a desk serves schedules of visits");
        let (message, expects) = match visit.kind.is_of_form() {
            true => self.of_form(visit, event.number),
            false => self.of_citizen(visit),
        };
        let (channel, group) = match visit.kind {
            Kind::Open | Kind::Resume => (Channel::FrontOffice, usize::from(visit.procedure)),
            Kind::BackOffice => (Channel::BackOffice, usize::from(visit.procedure)),
            kind => {
                let place = Kind::ALL.iter().position(|it| *it == kind).unwrap_or_default();
                let channel =
                    if kind == Kind::Invalid { Channel::FrontOffice } else { Channel::Citizen };
                (channel, self.forms.len() + place)
            }
        };
        Ask { message, expects, group: group as u16, channel }
    }
}

fn citizen(method: &'static str, path: String, matricule: &str, body: Bytes) -> Message {
    Message { method, path, head: head("demo-person-", matricule), body }
}

fn bytes(value: &serde_json::Value) -> Bytes {
    value.to_string().into()
}

fn case(visit: &Visit) -> String {
    format!("lg-{:016x}", visit.case)
}

/// With another check digit.
fn broken(matricule: &str) -> String {
    let (rest, last) = matricule.split_at(matricule.len() - 1);
    let digit = last.parse::<u8>().unwrap_or_default();
    format!("{rest}{}", (digit + 1) % 10)
}

/// Whether a form's organisation may read it again, about one person alone.
#[must_use]
pub fn is_reread(form: &Form) -> bool {
    form.parts() == Parts::default() && !form.back_office.is_empty()
}

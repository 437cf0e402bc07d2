//! What to send: who asks about whom for which procedure, and what must come
//! back.

use std::sync::Arc;

use bytes::Bytes;
use fixtures::{Country, Person};
use hyper::Uri;
use hyper::header::HeaderValue;
use serde_json::json;

use crate::procedures::Form;
use crate::target::Message;
use crate::verify::Expected;

#[cfg(test)]
mod tests;

/// Up to here everything is composed before the run; beyond it, just before
/// each request, which costs the generator a few microseconds.
const COMPOSED_MAX: u64 = 20_000;

/// One request, and what must come back.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What to send.
    pub message: Message,
    /// What is true.
    pub expected: Expected,
}

/// All requests of a run: each subject for each procedure, in turn.
pub struct Plan {
    country: Country,
    forms: Vec<Arc<Form>>,
    subjects: u64,
    composed: Vec<Arc<Ask>>,
}

impl Plan {
    /// `subjects` people, spread evenly over the country, for each of `forms`.
    /// Every form is for people, see [`Form::is_for_people`].
    #[must_use]
    pub fn new(country: Country, forms: Vec<Arc<Form>>, subjects: u64) -> Self {
        let subjects = subjects.clamp(1, country.population());
        let mut plan = Self { country, forms, subjects, composed: Vec::new() };
        if plan.len() <= COMPOSED_MAX {
            plan.composed = (0..plan.len()).map(|item| Arc::new(plan.compose(item))).collect();
        }
        plan
    }

    /// How many different requests there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.subjects * self.forms.len() as u64
    }

    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// How many people are asked about.
    #[must_use]
    pub fn subjects(&self) -> u64 {
        self.subjects
    }

    /// The request of this number; after the last, the first comes again.
    #[must_use]
    pub fn ask(&self, number: u64) -> Arc<Ask> {
        let item = number % self.len();
        match self.composed.get(item as usize) {
            Some(ask) => ask.clone(),
            None => Arc::new(self.compose(item)),
        }
    }

    fn compose(&self, item: u64) -> Ask {
        // All forms of one person first, so that a short run sees every form.
        let forms = self.forms.len() as u64;
        let form = &self.forms[(item % forms) as usize];
        let index = item / forms * self.country.population() / self.subjects;
        let (applicant, child) = match form.roles.iter().any(|role| role.minors_only) {
            true => parent_from(&self.country, index),
            false => (self.country.person(index), None),
        };
        let holder = |minor| if minor { child.unwrap_or(applicant) } else { applicant };
        let subjects: Vec<(&str, String)> = form
            .roles
            .iter()
            .map(|role| (&*role.id, holder(role.minors_only).matricule().to_string()))
            .collect();
        let expected = Expected::new(&self.country, form, &subjects);
        Ask { message: message(form, &subjects, &applicant), expected }
    }
}

fn message(form: &Form, subjects: &[(&str, String)], applicant: &Person) -> Message {
    let subjects: serde_json::Map<_, _> =
        subjects.iter().map(|(role, id)| ((*role).to_owned(), id.as_str().into())).collect();
    let body = json!({
        "procedure": form.id,
        "subjects": subjects,
        "presence": format!("demo-person-{}", applicant.matricule()),
    });
    let mut token = HeaderValue::from_str(&format!("Bearer demo-org-{}", form.organisation))
        .unwrap_or(HeaderValue::from_static("Bearer demo-org-"));
    token.set_sensitive(true);
    Message {
        body: Some(Bytes::from(body.to_string())),
        path: Uri::from_static("/v1/prefill"),
        authorization: Some(token),
    }
}

/// The first parent from this index on, and their youngest child: the one that
/// stays a minor the longest.
fn parent_from(country: &Country, index: u64) -> (Person, Option<Person>) {
    let parent = (index..country.population())
        .chain(0..index)
        .map(|index| country.person(index))
        .find(|person| person.children().next().is_some());
    let parent = parent.unwrap_or_else(|| country.example_parent());
    (parent, parent.children().max_by_key(Person::date_of_birth))
}

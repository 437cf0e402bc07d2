//! What is true about the subjects of one request, field by field.

use std::sync::Arc;

use fixtures::{Country, Truth};
use serde_json::Value;

use super::{Finding, Wrong};
use crate::procedures::Form;

/// What must come back.
#[derive(Clone, Debug)]
pub struct Expected {
    form: Arc<Form>,
    fields: Vec<Vec<Candidate>>,
}

/// One way to fill a field.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) register: String,
    pub(super) held: Held,
}

/// What a register holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A value, as JSON text and parsed.
    Value {
        /// As most serialisers write it.
        text: String,
        /// For those that write it otherwise.
        json: Value,
        /// Whether the register marks it as disputed.
        disputed: bool,
    },
    /// Nothing, or it does not know the subject.
    Nothing,
    /// A value that it cannot tell at present.
    Unavailable,
    /// Not for the country to say: whatever comes is taken.
    Unknown,
}

impl From<Truth> for Held {
    fn from(truth: Truth) -> Self {
        let disputed = matches!(truth, Truth::UnderReview(_));
        match truth {
            Truth::Value(value) | Truth::UnderReview(value) => {
                let json = value.to_json();
                Self::Value { text: json.to_string(), json, disputed }
            }
            Truth::Nothing | Truth::UnknownSubject => Self::Nothing,
            Truth::Unavailable => Self::Unavailable,
            Truth::UnknownAttribute => Self::Unknown,
        }
    }
}

impl Expected {
    /// The truth about `subjects`, by role.
    #[must_use]
    pub fn new(country: &Country, form: &Arc<Form>, subjects: &[(&str, String)]) -> Self {
        let fields = form.fields.iter().map(|field| {
            let subject = subjects.iter().find(|(role, _)| *role == field.role);
            let subject = subject.map_or("", |(_, subject)| subject);
            let candidate = |source: &String| Candidate {
                register: source.split('.').next().unwrap_or_default().to_owned(),
                held: country.truth(subject, source).into(),
            };
            field.sources.iter().map(candidate).collect()
        });
        Self { form: form.clone(), fields: fields.collect() }
    }

    pub(super) fn fields(&self) -> &[Vec<Candidate>] {
        &self.fields
    }

    /// The form's field of this name, most likely at this place.
    pub(super) fn find(&self, place: usize, name: &str) -> Option<usize> {
        let fields = &self.form.fields;
        if fields.get(place).is_some_and(|field| field.name == name) {
            return Some(place);
        }
        fields.iter().position(|field| field.name == name)
    }

    pub(super) fn is_of(&self, procedure: &str, version: u64) -> bool {
        self.form.id == procedure && self.form.version == version
    }

    /// Something is wrong with the answer as a whole.
    #[must_use]
    pub fn finding(&self, wrong: Wrong, detail: String) -> Finding {
        let procedure = self.form.id.clone();
        Finding { wrong, procedure, field: None, detail, disclosure: None }
    }

    pub(super) fn finding_at(&self, field: usize, wrong: Wrong, detail: String) -> Finding {
        let known = &self.form.fields[field];
        let field = format!("{} ({})", known.name, known.sources.join(", "));
        Finding { field: Some(field), ..self.finding(wrong, detail) }
    }
}

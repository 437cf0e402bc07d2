//! What must come back about the subjects of one request.

use std::sync::Arc;

use super::{Finding, Wrong};
use crate::cast::Cast;
use crate::clock::{self, Calendar, Instant};
use crate::form::{Field, Form, Source};
use crate::lineage;
use crate::subject::Held;

/// What must come back.
#[derive(Clone, Debug)]
pub struct Expected {
    form: Arc<Form>,
    cast: Arc<Cast>,
    /// Until when it is true, where it will not be for ever.
    until: Option<Instant>,
}

impl Expected {
    /// The truth about a cast for this form.
    #[must_use]
    pub fn new(form: Arc<Form>, cast: Arc<Cast>) -> Self {
        Self { form, cast, until: None }
    }

    /// The same in a target of this calendar. Children come of age there, and
    /// are no longer shown to their parents.
    #[must_use]
    pub fn by(self, calendar: Calendar) -> Self {
        let until = self.cast.comes_of_age().and_then(|day| calendar.reaches(day));
        Self { until, ..self }
    }

    /// Whether an answer that has come by now must be true in this way. It was
    /// composed before it came, and so no later.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.until.is_none_or(|until| clock::now() < until)
    }

    /// Of what form.
    #[must_use]
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// The form's field of this name, most likely at this place.
    pub(super) fn find(&self, place: usize, name: &str) -> Option<usize> {
        let fields = &self.form.fields;
        if fields.get(place).is_some_and(|field| field.name == name) {
            return Some(place);
        }
        fields.iter().position(|field| field.name == name)
    }

    /// What a source of a field holds, and may tell.
    pub(super) fn held(&self, field: &Field, source: &Source) -> Held<'_> {
        if let Some(reason) = self.withheld(field, source) {
            return Held::Withheld(reason);
        }
        match source.place() {
            _ if source.is_own_data() => Held::Own,
            Some(place) => self.cast.subject(field.part).holds(place),
            None => Held::Unknown,
        }
    }

    /// Why a field must be withheld: all of its sources must. The first says it.
    pub(super) fn all_withheld(&self, field: &Field) -> Option<&'static str> {
        if !self.cast.refuses_any() {
            return None;
        }
        let mut reasons = field.sources.iter().map(|source| self.withheld(field, source));
        let first = reasons.next()??;
        reasons.all(|reason| reason.is_some()).then_some(first)
    }

    /// Nobody's relation is shown by a register that the applicant refuses, and
    /// nobody's own entry is shown where they refuse its register.
    fn withheld(&self, field: &Field, source: &Source) -> Option<&'static str> {
        let shown_by = lineage::shown_by(field.part);
        if shown_by.is_some_and(|register| self.cast.applicant().refuses(register)) {
            return Some("role");
        }
        let subject = self.cast.subject(field.part);
        subject.refuses(source.register()).then_some("preference")
    }

    /// Whether anything that may be told comes from this register, or through it.
    pub(super) fn needs(&self, register: &str) -> bool {
        if !self.form.registers.iter().any(|known| *known == *register) {
            return false;
        }
        if !self.cast.refuses_any() {
            return true;
        }
        self.form.fields.iter().any(|field| {
            let told = |source: &&Source| self.withheld(field, source).is_none();
            let mut sources = field.sources.iter().filter(told);
            sources.any(|source| field.registers(source).any(|known| known == register))
        })
    }

    /// Something is wrong with the answer as a whole.
    #[must_use]
    pub fn finding(&self, wrong: Wrong, detail: String) -> Finding {
        Finding::new(&self.form.id, wrong, detail)
    }

    pub(super) fn finding_at(&self, field: usize, wrong: Wrong, detail: String) -> Finding {
        let known = &self.form.fields[field];
        let sources: Vec<_> = known.sources.iter().map(Source::name).collect();
        let field = format!("{} ({})", known.name, sources.join(", "));
        Finding { field: Some(field), ..self.finding(wrong, detail) }
    }
}

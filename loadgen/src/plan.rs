//! What to send: who asks about whom for which procedure, and what must come
//! back.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fixtures::Country;
use serde::{Serialize, Serializer};

use crate::ask::{Ask, Expects, Script};
use crate::cast::{Cast, Casting, Names};
use crate::clock::Calendar;
use crate::form::{Form, Parts};
use crate::lineage::Part;
use crate::results::Channel;
use crate::schedule::{Choice, Event};
use crate::target::Message;
use crate::verify::Expected;

#[cfg(test)]
mod tests;

/// So many casts are found before the run, for each combination of parts, and
/// kept: a quarter of a second and some 10 MB. Of more subjects, each cast is
/// found when its first form is asked for, and kept until its last one has been,
/// which costs the generator some 20 microseconds for each.
const KEPT_MAX: u64 = 4_096;

/// Where forms are asked for.
const PATH: &str = "/v1/prefill";

/// All requests of a run: unless another choice is made, each subject for each
/// procedure, in turn.
pub struct Plan {
    casting: Casting,
    forms: Vec<Asking>,
    choice: Choice,
    /// By number and combination of parts, and in turns where there are more.
    kept: Vec<Slot>,
    /// Each answer to a request whose number it divides is compared with the
    /// truth.
    compare_every: u64,
    /// The target's, where it tells.
    calendar: Option<Calendar>,
}

/// A cast with its number, once it has been found.
type Slot = Mutex<Option<(u64, Arc<Cast>)>>;

/// A form, with what all requests for it have in common.
struct Asking {
    form: Arc<Form>,
    parts: Parts,
    head: String,
}

impl Plan {
    /// `subjects` casts, spread evenly over the country, for each of `forms`.
    #[must_use]
    pub fn new(country: Country, forms: Vec<Arc<Form>>, subjects: u64, compare_every: u64) -> Self {
        let casting = Casting::new(country, subjects, &forms);
        let kept = casting.subjects().min(KEPT_MAX);
        let slots = kept as usize * Parts::COUNT;
        let choice = Choice::sweep(casting.subjects(), forms.len());
        let plan = Self {
            choice,
            casting,
            forms: forms.into_iter().map(Asking::new).collect(),
            kept: std::iter::repeat_with(Mutex::default).take(slots).collect(),
            compare_every,
            calendar: None,
        };
        for asking in &plan.forms {
            for number in 0..kept {
                plan.cast(number, asking.parts);
            }
        }
        plan
    }

    /// The same, asked for by others than everybody in turn.
    #[must_use]
    pub fn choosing(self, choice: Choice) -> Self {
        Self { choice, ..self }
    }

    /// The same at a target of this calendar.
    #[must_use]
    pub fn by(self, calendar: Calendar) -> Self {
        Self { calendar: Some(calendar), ..self }
    }

    /// How many different requests there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.casting.subjects() * self.forms.len() as u64
    }

    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// How many procedures are asked for.
    #[must_use]
    pub fn forms(&self) -> usize {
        self.forms.len()
    }

    /// How many people are asked about, each with whom their part needs.
    #[must_use]
    pub fn subjects(&self) -> u64 {
        self.casting.subjects()
    }

    fn cast(&self, number: u64, parts: Parts) -> Arc<Cast> {
        let slot = number as usize * Parts::COUNT + parts.index();
        let slot = &self.kept[slot % self.kept.len()];
        // Held while one is found: whoever waits would look for the same one.
        let mut kept = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((known, cast)) if *known == number => cast.clone(),
            _ => {
                let cast = Arc::new(self.casting.cast(number, parts));
                *kept = Some((number, cast.clone()));
                cast
            }
        }
    }
}

impl Script for Plan {
    fn groups(&self) -> Vec<String> {
        self.forms.iter().map(|asking| asking.form.id.clone()).collect()
    }

    /// The request of this number.
    fn ask(&self, event: &Event) -> Ask {
        let (subject, place) = self.choice.of(event.number);
        let asking = &self.forms[place];
        let cast = self.cast(subject, asking.parts);
        let names = cast.names();
        let message = Message {
            method: "POST",
            path: PATH.into(),
            head: asking.head.clone(),
            body: body(&asking.form, &names, &names.applicant),
        };
        let form = asking.form.clone();
        let expects = match event.number.is_multiple_of(self.compare_every) {
            true => {
                let expected = Expected::new(form, cast);
                Expects::Truth(match self.calendar {
                    Some(calendar) => expected.by(calendar),
                    None => expected,
                })
            }
            false => Expects::Shape(form),
        };
        Ask { message, expects, group: place as u16, channel: Channel::FrontOffice }
    }
}

impl Asking {
    fn new(form: Arc<Form>) -> Self {
        let head = head("demo-org-", &form.organisation);
        Self { parts: form.parts(), form, head }
    }
}

/// The lines of a request's head that say who asks, and in what form.
pub(crate) fn head(prefix: &str, name: &str) -> String {
    format!("authorization: Bearer {prefix}{name}\r\ncontent-type: application/json\r\n")
}

/// The body of `POST /v1/prefill`.
#[derive(Serialize)]
struct Body<'a> {
    procedure: &'a str,
    subjects: Subjects<'a>,
    presence: String,
}

struct Subjects<'a> {
    roles: &'a [(String, Part)],
    names: &'a Names,
}

impl Serialize for Subjects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = self.roles.iter();
        serializer.collect_map(named.map(|(role, part)| (role, self.names.of(*part))))
    }
}

/// A request for this form about these subjects, while this person is present.
pub(crate) fn body(form: &Form, names: &Names, present: &str) -> Bytes {
    let body = Body {
        procedure: &form.id,
        subjects: Subjects { roles: &form.roles, names },
        presence: format!("demo-person-{present}"),
    };
    serde_json::to_vec(&body).expect("texts are JSON").into()
}

//! What to send: who asks about whom for which procedure, and what must come
//! back.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fixtures::Country;
use hyper::Uri;
use hyper::header::HeaderValue;
use serde::{Serialize, Serializer};

use crate::cast::{Cast, Casting};
use crate::form::{Form, Parts};
use crate::lineage::Part;
use crate::target::Message;
use crate::verify::Expected;

#[cfg(test)]
mod tests;

/// So many casts are found before the run, for each combination of parts, and
/// kept: a quarter of a second and some 10 MB. Of more subjects, each cast is
/// found when its first form is asked for, and kept until its last one has been,
/// which costs the generator some 20 microseconds for each.
const KEPT_MAX: u64 = 4_096;

/// One request, and what must come back.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What to send.
    pub message: Message,
    /// What is true.
    pub expected: Expected,
    /// The place of its procedure among [`Plan::groups`].
    pub group: u16,
}

/// All requests of a run: each subject for each procedure, in turn.
pub struct Plan {
    casting: Casting,
    forms: Vec<Asking>,
    /// By number and combination of parts, and in turns where there are more.
    kept: Vec<Slot>,
    path: Uri,
}

/// A cast with its number, once it has been found.
type Slot = Mutex<Option<(u64, Arc<Cast>)>>;

/// A form, with what all requests for it have in common.
struct Asking {
    form: Arc<Form>,
    parts: Parts,
    token: HeaderValue,
}

impl Plan {
    /// `subjects` casts, spread evenly over the country, for each of `forms`.
    #[must_use]
    pub fn new(country: Country, forms: Vec<Arc<Form>>, subjects: u64) -> Self {
        let casting = Casting::new(country, subjects, &forms);
        let kept = casting.subjects().min(KEPT_MAX);
        let slots = kept as usize * Parts::COUNT;
        let plan = Self {
            casting,
            forms: forms.into_iter().map(Asking::new).collect(),
            kept: std::iter::repeat_with(Mutex::default).take(slots).collect(),
            path: Uri::from_static("/v1/prefill"),
        };
        for asking in &plan.forms {
            for number in 0..kept {
                plan.cast(number, asking.parts);
            }
        }
        plan
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

    /// The names of the procedures, which results are told apart by.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.forms.iter().map(|asking| asking.form.id.clone()).collect()
    }

    /// The request of this number; after the last, the first comes again.
    #[must_use]
    pub fn ask(&self, number: u64) -> Ask {
        let item = number % self.len();
        // All forms of one cast first, so that a short run sees every form.
        let forms = self.forms.len() as u64;
        let asking = &self.forms[(item % forms) as usize];
        let cast = self.cast(item / forms, asking.parts);
        let message = Message {
            body: Some(body(&asking.form, &cast)),
            path: self.path.clone(),
            authorization: Some(asking.token.clone()),
        };
        let group = (item % forms) as u16;
        Ask { message, expected: Expected::new(asking.form.clone(), cast), group }
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

impl Asking {
    fn new(form: Arc<Form>) -> Self {
        let mut token = HeaderValue::from_str(&format!("Bearer demo-org-{}", form.organisation))
            .unwrap_or(HeaderValue::from_static("Bearer demo-org-"));
        token.set_sensitive(true);
        Self { parts: form.parts(), form, token }
    }
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
    cast: &'a Cast,
}

impl Serialize for Subjects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = self.roles.iter();
        serializer
            .collect_map(named.map(|(role, part)| (role, self.cast.subject(*part).identifier())))
    }
}

fn body(form: &Form, cast: &Cast) -> Bytes {
    let body = Body {
        procedure: &form.id,
        subjects: Subjects { roles: &form.roles, cast },
        presence: format!("demo-person-{}", cast.applicant().identifier()),
    };
    serde_json::to_vec(&body).expect("texts are JSON").into()
}

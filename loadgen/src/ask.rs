//! One request together with what must come back, and whether it did.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::form::Form;
use crate::results::{Channel, Ending};
use crate::schedule::Event;
use crate::tally::Answered;
use crate::target::{Message, Reply};
use crate::verify::{self, Expected, Finding, Verified, Wrong};

/// A problem's type is a word or two.
const PROBLEM_CHARS_MAX: usize = 40;

/// What a run sends.
pub trait Script: Send + Sync {
    /// The names of the groups that results are told apart by.
    fn groups(&self) -> Vec<String>;

    /// The request of this event.
    fn ask(&self, event: &Event) -> Ask;
}

/// One request, and what must come back.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What to send.
    pub message: Message,
    /// What must come back.
    pub expects: Expects,
    /// Its place among [`Script::groups`].
    pub group: u16,
    /// On whose behalf it is.
    pub channel: Channel,
}

/// What must come back.
#[derive(Clone, Debug)]
pub enum Expects {
    /// A bundle that is true, field by field, as long as that truth holds.
    Truth(Expected),
    /// A bundle of this form, judged by its shape.
    Shape(Arc<Form>),
    /// JSON with one of these statuses.
    Json(&'static [u16]),
    /// What a template says.
    Matches(Matches),
    /// Any status below 400, whatever the body is.
    Success,
}

/// What a template says of an answer.
#[derive(Clone, Debug)]
pub struct Matches {
    /// The request's name.
    pub name: Arc<str>,
    /// The statuses that may come; any below 400 where none is named.
    pub statuses: Option<Arc<[u16]>>,
    /// What stands in the body.
    pub text: Option<String>,
    /// What stands where in it, by JSON pointer. A text also stands for a
    /// number that is written so.
    pub json: Vec<(Arc<str>, Value)>,
}

/// What was found about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether its status is one that may come.
    pub ending: Ending,
    /// What it said, and what is wrong with it.
    pub verified: Option<Verified>,
    /// Whether it was compared with the truth.
    pub compared: bool,
}

impl Expects {
    /// Judges an answer.
    #[must_use]
    pub fn judge(&self, reply: &Reply) -> Judged {
        let ending = match self.may_be(reply.status) {
            true => Ending::Answered(answered(reply)),
            false => Ending::Unexpected(answered(reply)),
        };
        let judged = |verified, compared| Judged { ending: ending.clone(), verified, compared };
        match self {
            Self::Matches(matches) => {
                let found = matches.findings(reply);
                let verified = Verified { findings: found, ..Verified::default() };
                judged((!verified.findings.is_empty()).then_some(verified), false)
            }
            _ if reply.is_html && !matches!(self, Self::Success) => {
                judged(self.wrong(Wrong::Html), false)
            }
            Self::Truth(expected) if reply.status == 200 => match expected.holds() {
                true => judged(Some(verify::verify(expected, &reply.body)), true),
                false => judged(Some(verify::glance(expected.form(), &reply.body)), false),
            },
            Self::Shape(form) if reply.status == 200 => {
                judged(Some(verify::glance(form, &reply.body)), false)
            }
            Self::Json(_) if !is_json(&reply.body) => judged(self.wrong(Wrong::Shape), false),
            _ => judged(None, false),
        }
    }

    fn wrong(&self, wrong: Wrong) -> Option<Verified> {
        let finding = match self {
            Self::Truth(expected) => expected.finding(wrong, String::new()),
            Self::Shape(form) => Finding::new(&form.id, wrong, String::new()),
            Self::Json(_) | Self::Matches(_) | Self::Success => {
                Finding::new("no form", wrong, String::new())
            }
        };
        Some(Verified { findings: vec![finding], ..Verified::default() })
    }

    fn may_be(&self, status: u16) -> bool {
        match self {
            Self::Truth(_) | Self::Shape(_) => status == 200,
            Self::Json(statuses) => statuses.contains(&status),
            Self::Matches(matches) => matches.may_be(status),
            Self::Success => status < 400,
        }
    }
}

impl Matches {
    fn may_be(&self, status: u16) -> bool {
        self.statuses.as_ref().map_or(status < 400, |known| known.contains(&status))
    }

    /// An answer with a status that may not come says nothing more.
    fn findings(&self, reply: &Reply) -> Vec<Finding> {
        if !self.may_be(reply.status) {
            return vec![];
        }
        let found = |wrong, detail| Finding::new(&self.name, wrong, detail);
        let mut findings = Vec::new();
        let text = self.text.as_ref().map(String::as_bytes);
        if text.is_some_and(|text| memchr::memmem::find(&reply.body, text).is_none()) {
            findings.push(found(Wrong::Text, String::new()));
        }
        if self.json.is_empty() {
            return findings;
        }
        let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else {
            findings.push(found(Wrong::Json, "it is not JSON".into()));
            return findings;
        };
        for (pointer, wanted) in &self.json {
            match body.pointer(pointer) {
                Some(seen) if is_same(seen, wanted) => {}
                Some(_) => findings.push(found(Wrong::Json, format!("{pointer}: another value"))),
                None => findings.push(found(Wrong::Json, format!("{pointer}: nothing there"))),
            }
        }
        findings
    }
}

fn is_same(seen: &Value, wanted: &Value) -> bool {
    match (seen, wanted) {
        (Value::Number(seen), Value::String(wanted)) => seen.to_string() == *wanted,
        (seen, wanted) => seen == wanted,
    }
}

/// An object from end to end, or nothing (204).
fn is_json(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.is_empty() || (body.starts_with(b"{") && body.ends_with(b"}"))
}

fn answered(reply: &Reply) -> Answered {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "type")]
        kind: String,
    }

    let problem = match reply.status {
        0..400 => None,
        _ => serde_json::from_slice::<Problem>(&reply.body).ok(),
    };
    let kind = problem.map(|it| it.kind.chars().take(PROBLEM_CHARS_MAX).collect::<String>());
    Answered { status: reply.status, problem: kind.map(Into::into) }
}

//! What was decided and asked for each field, without any value.
//!
//! It says no more than the bundle would: each candidate as the field would end
//! if it were the only one, and the calls that `sources` tells of. The back office
//! is told neither, as it is told no reason.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::Grant;
use super::release::{Bundle, Ending, Released, called};
use crate::catalogue::{CallKey, Catalogue, Procedure};
use crate::clock;
use crate::model::{Channel, CivilMs, How, RegisterId, Resolution, Status, Unavailable, Withheld};

/// What is told of time and memory, which would tell one body that another asked:
/// in a demonstration alone.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// Since the request began.
    pub took: Duration,
}

/// How a bundle came to be, without its values.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation<'a> {
    /// Its id, under which it stands in the ledger: registers were asked.
    #[schemars(extend("format" = "uuid"))]
    disclosure: String,
    procedure: Version<'a>,
    /// The body that would receive the bundle.
    organisation: &'a str,
    channel: &'a str,
    /// When the decision ends, whatever else happens; null where nothing bounds it.
    #[schemars(extend("format" = "date-time"))]
    valid_until: Option<String>,
    /// Whether the bundle would call itself complete.
    complete: bool,
    fields: Vec<Explained<'a>>,
    /// The registers' calls; none are told to the back office.
    calls: Vec<CallMade<'a>>,
    /// Since the request began; in a demonstration only.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<f64>,
}

/// Which procedure, and which version of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedVersion")]
struct Version<'a> {
    id: &'a str,
    version: u32,
}

/// How one field would end.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExplainedField")]
struct Explained<'a> {
    name: &'a str,
    role: &'a str,
    #[serde(flatten)]
    end: End,
    /// What can fill it, in the order in which it is tried.
    candidates: Vec<Tried>,
}

/// What one attribute would make of a field.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedCandidate")]
struct Tried {
    /// `rnpp.familyName`.
    attribute: String,
    #[serde(flatten)]
    end: Option<End>,
    /// Whether the field would be filled from here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    chosen: bool,
    /// Whose answer names the key that its register is asked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// A status, and its reason where it has one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedEnd")]
struct End {
    #[schemars(extend("enum" = ["filled", "stale", "empty", "withheld", "unavailable"]))]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// A register's call.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExplainedCall")]
struct CallMade<'a> {
    register: &'a str,
    role: &'a str,
    outcome: &'static str,
    /// `kept`, `joined` another's call, or `called`; in a demonstration only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["kept", "joined", "called"]))]
    how: Option<&'static str>,
    /// In a demonstration only.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<f64>,
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        let reason = match status {
            Status::Withheld(reason) => Some(Withheld::as_str(reason)),
            Status::Unavailable(reason) => Some(Unavailable::as_str(reason)),
            Status::Filled | Status::Stale | Status::Empty => None,
        };
        Self { status: status.as_str(), reason }
    }
}

impl Grant {
    /// Explains the bundle that this grant would release. It is a disclosure like
    /// another, of no field: registers were asked, and gaps are told.
    #[must_use]
    pub fn explain(
        &self,
        catalogue: &Catalogue,
        resolution: &Resolution,
        disclosure: Uuid,
        timings: Option<Timings>,
    ) -> Bundle {
        let procedure = catalogue.procedure(self.procedure);
        let endings: Vec<(usize, Ending<'_>)> = self
            .asked
            .iter()
            .map(|it| (it, self.ending(procedure, resolution, it, &mut None)))
            .collect();
        let complete = endings.iter().all(|(_, ending)| ending.answered());
        let explained = endings.iter();
        let explained = explained
            .map(|(field, ending)| self.field(catalogue, procedure, resolution, *field, ending));
        let explanation = Explanation {
            disclosure: disclosure.to_string(),
            procedure: Version { id: &procedure.name, version: procedure.version },
            organisation: &catalogue.organisation(self.organisation).name,
            channel: self.channel.as_str(),
            valid_until: self.until(),
            complete,
            fields: explained.collect(),
            calls: self.calls(catalogue, procedure, resolution, timings.is_some()),
            took_ms: timings.map(|timings| ms(timings.took)),
        };
        let body = serde_json::to_vec(&explanation).expect("our own types are JSON");
        let called = called(catalogue, procedure, resolution);
        let released = Released { fields: Vec::new(), called, complete };
        Bundle { disclosure, body, released, kept: false }
    }

    /// A disclosure of no field, whose bytes tell somebody who acts for this subject
    /// what the ledger holds about them.
    #[must_use]
    pub fn tell(
        &self,
        catalogue: &Catalogue,
        resolution: &Resolution,
        disclosure: Uuid,
        body: Vec<u8>,
    ) -> Bundle {
        let called = called(catalogue, catalogue.procedure(self.procedure), resolution);
        let released = Released { fields: Vec::new(), called, complete: true };
        Bundle { disclosure, body, released, kept: false }
    }

    /// A back office could tell a consent that ends from none.
    fn until(&self) -> Option<String> {
        let bounded = self.valid_until() < CivilMs::MAX && self.channel != Channel::BackOffice;
        bounded.then(|| clock::rfc3339(self.valid_until()))
    }

    fn field<'a>(
        &self,
        catalogue: &'a Catalogue,
        procedure: &'a Procedure,
        resolution: &Resolution,
        field: usize,
        ending: &Ending<'_>,
    ) -> Explained<'a> {
        let known = &procedure.fields[field];
        let told = self.channel != Channel::BackOffice;
        let mut chosen = false;
        let candidates = known.candidates.clone().map(|index| {
            let candidate = &procedure.candidates[index];
            let alone = told.then(|| self.candidate(procedure, resolution, index, &mut None));
            let fills = !chosen && alone.as_ref().is_some_and(|alone| alone.value.is_some());
            chosen |= fills;
            Tried {
                attribute: attribute(catalogue, candidate.register, candidate.attribute),
                end: alone.map(|alone| alone.status.into()),
                chosen: fills,
                key: key(catalogue, procedure, candidate.call),
            }
        });
        Explained {
            name: &known.name,
            role: &procedure.roles[known.role].name,
            end: ending.status.into(),
            candidates: candidates.collect(),
        }
    }

    /// The calls of the registers that `sources` would tell of.
    fn calls<'a>(
        &self,
        catalogue: &'a Catalogue,
        procedure: &'a Procedure,
        resolution: &Resolution,
        timed: bool,
    ) -> Vec<CallMade<'a>> {
        if self.channel == Channel::BackOffice {
            return Vec::new();
        }
        let mut made = Vec::new();
        for (index, call) in procedure.calls.iter().enumerate() {
            if !self.tells_of(catalogue, procedure, index) {
                continue;
            }
            let Some(outcome) = resolution.call(index).outcome() else { continue };
            let (how, took) = resolution.how(index);
            made.push(CallMade {
                register: &catalogue.register(call.register).name,
                role: &procedure.roles[call.role].name,
                outcome: outcome.as_str(),
                how: timed.then(|| How::as_str(how)),
                took_ms: timed.then(|| ms(took)),
            });
        }
        made
    }
}

/// `rnpp.familyName`.
fn attribute(catalogue: &Catalogue, register: RegisterId, attribute: usize) -> String {
    let register = catalogue.register(register);
    format!("{}.{}", register.name, register.attributes[attribute].name)
}

/// The attribute that a call is keyed by, where that is another's answer.
fn key(catalogue: &Catalogue, procedure: &Procedure, call: usize) -> Option<String> {
    let CallKey::Answer { call: giver, attribute: of } = procedure.calls[call].key else {
        return None;
    };
    Some(attribute(catalogue, procedure.calls[giver].register, of))
}

/// To a hundredth.
fn ms(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e5).round() / 100.0
}

//! Consent applied again: values and gaps become the bytes of a bundle.

use std::fmt;

use uuid::Uuid;

use super::Grant;
use super::notices::notices;
use crate::catalogue::{CallKey, Candidate, Catalogue, PlannedCall, Procedure, Register};
use crate::clock;
use crate::model::packed::Day;
use crate::model::{
    Answer, Call, Channel, CivilMs, Outcome, Reading, RegisterId, RegisterSet, Resolution, Status,
    Unavailable, Withheld,
};
use crate::planted::{self, Fault};

/// What a bundle takes beside its fields, and each of them, about: the bytes are not
/// moved while they are written.
const HEAD_BYTES: usize = 512;
const FIELD_BYTES: usize = 192;

/// A bundle that has been composed and not yet recorded: nobody may see it, and
/// `Debug` does not show its bytes.
#[derive(Clone)]
#[non_exhaustive]
pub struct Bundle {
    /// Its id, which stands in its bytes.
    pub disclosure: Uuid,
    /// The exact bytes that the client will get.
    pub body: Vec<u8>,
    /// What the ledger writes of it.
    pub released: Released,
    /// Whether all of it came out of memory: for a demonstration to tell.
    pub kept: bool,
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Bundle");
        shown.field("disclosure", &self.disclosure).field("released", &self.released);
        shown.finish_non_exhaustive()
    }
}

/// What left, by name and not by value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// The fields that have a value, and the register that it came from.
    pub fields: Vec<(u8, RegisterId)>,
    /// By the subject's role, the registers whose answers about them were used or asked
    /// for, also those that came from what was kept or from another request's call, and
    /// those of which the bundle no longer tells because a citizen said No meanwhile.
    pub called: Vec<RegisterSet>,
    /// Whether every field is filled, or empty because its register said so.
    pub complete: bool,
}

/// How one field ends.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    pub(super) status: Status,
    register: RegisterId,
    pub(super) value: Option<Value<'a>>,
    /// Whether it is disputed, or what led to it is.
    disputed: bool,
    retry_after: Option<u32>,
}

/// A value that an answer holds.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    answer: &'a Answer,
    json: &'a [u8],
    updated: Option<Day>,
}

impl Ending<'_> {
    /// Whether nothing more is to be had: a value, or the word that there is none.
    pub(super) fn answered(&self) -> bool {
        matches!(self.status, Status::Filled | Status::Empty)
    }
}

impl Grant {
    /// Composes the bundle out of what this grant allows, whatever else was
    /// resolved.
    #[must_use]
    pub fn release(
        &self,
        catalogue: &Catalogue,
        resolution: &Resolution,
        disclosure: Uuid,
        now: CivilMs,
    ) -> Bundle {
        let procedure = catalogue.procedure(self.procedure);
        let mut endings: Vec<(usize, Ending<'_>)> = Vec::with_capacity(procedure.fields.len());
        // A form's fields follow a register's attributes mostly.
        let mut reading = None;
        let ending = |field| (field, self.ending(procedure, resolution, field, &mut reading));
        endings.extend(self.asked.iter().map(ending));
        let complete = endings.iter().all(|(_, ending)| ending.answered());
        let filled = endings.iter().filter(|(_, ending)| ending.value.is_some());
        let mut fields = Vec::with_capacity(endings.len());
        fields.extend(filled.map(|(field, ending)| (*field as u8, ending.register)));
        let sources = self.sources(catalogue, procedure, resolution);
        let called = called(catalogue, procedure, resolution);

        let mut body = Vec::with_capacity(HEAD_BYTES + endings.len() * FIELD_BYTES);
        write_head(&mut body, procedure, disclosure, complete);
        let mut last = None;
        for (place, (field, ending)) in endings.iter().enumerate() {
            let before = if place == 0 { "\"" } else { ",\"" };
            let status = ending.status.as_str();
            put(&mut body, [before, &procedure.fields[*field].name, "\":{\"status\":\"", status]);
            let register = catalogue.register(ending.register);
            match ending.value {
                Some(value) => {
                    let age = self.age(register, value.answer, now, &mut last);
                    write_value(&mut body, register, value, age);
                    if ending.disputed {
                        body.extend_from_slice(b",\"underReview\":true");
                    }
                    body.push(b'}');
                }
                None => write_gap(&mut body, register, ending),
            }
        }
        body.extend_from_slice(b"},\"sources\":{");
        for (place, (register, outcome)) in sources.iter().enumerate() {
            let before = if place == 0 { "\"" } else { ",\"" };
            let name = &catalogue.register(*register).name;
            put(&mut body, [before, name, "\":{\"outcome\":\"", outcome.as_str(), "\"}"]);
        }
        body.extend_from_slice(b"},\"notices\":[");
        self.write_notices(&mut body, procedure, &endings, now);
        body.extend_from_slice(b"]}");
        let kept = resolution.kept();
        Bundle { disclosure, body, released: Released { fields, called, complete }, kept }
    }

    fn write_notices(
        &self,
        body: &mut Vec<u8>,
        procedure: &Procedure,
        endings: &[(usize, Ending<'_>)],
        now: CivilMs,
    ) {
        if procedure.notices.is_empty() {
            return;
        }
        let shown = |field: usize| {
            let (_, ending) = endings.iter().find(|(known, _)| *known == field)?;
            ending.value.map(|value| value.json)
        };
        let holding = notices(&procedure.notices, clock::date(now), shown);
        for (place, notice) in holding.enumerate() {
            let before = if place == 0 { "{\"code\":\"" } else { ",{\"code\":\"" };
            put(body, [before, &notice.code, "\",\"text\":"]);
            let text = notice.text.in_language(self.language);
            serde_json::to_writer(&mut *body, text).expect("a vector takes every byte");
            body.push(b'}');
        }
    }

    /// The first candidate with a value fills a field. Without any, the gap that
    /// leaves most hope is told: unavailable, then empty, then withheld.
    pub(super) fn ending<'a>(
        &self,
        procedure: &Procedure,
        resolution: &'a Resolution,
        field: usize,
        reading: &mut Option<Reading<'a>>,
    ) -> Ending<'a> {
        let hope = |status| match status {
            Status::Filled | Status::Stale => 3,
            Status::Unavailable(_) => 2,
            Status::Empty => 1,
            Status::Withheld(_) => 0,
        };
        let mut best: Option<Ending<'a>> = None;
        for index in procedure.fields[field].candidates.clone() {
            let ending = self.candidate(procedure, resolution, index, reading);
            if ending.value.is_some() {
                return ending;
            }
            if best.is_none_or(|best| hope(ending.status) > hope(best.status)) {
                best = Some(ending);
            }
        }
        best.expect("the catalogue has no field without a candidate")
    }

    pub(super) fn candidate<'a>(
        &self,
        procedure: &Procedure,
        resolution: &'a Resolution,
        index: usize,
        reading: &mut Option<Reading<'a>>,
    ) -> Ending<'a> {
        let candidate = &procedure.candidates[index];
        let gap = |status| Ending {
            status,
            register: candidate.register,
            value: None,
            disputed: false,
            retry_after: None,
        };
        if self.refused_by_related.contains(index)
            && let Some(status) = self.unrelated_status(procedure, candidate, resolution)
        {
            return gap(status);
        }
        let withheld = self.withheld(index).filter(|_| !planted::is(Fault::NoRecheckAtRelease));
        if let Some(withheld) = withheld {
            let register = match withheld {
                Withheld::Preference => self.refuser(procedure, candidate),
                _ => candidate.register,
            };
            return Ending { register, ..gap(Status::Withheld(withheld)) };
        }
        let mut read = |answer: &'a Answer, filled| {
            let disputed = answer.under_review.contains(candidate.attribute)
                || key_disputed(procedure, resolution, candidate.call);
            match held(answer, candidate.attribute, reading) {
                Ok(value) => Ending { value: Some(value), disputed, ..gap(filled) },
                Err(status) => Ending { disputed, ..gap(status) },
            }
        };
        match resolution.call(candidate.call) {
            Call::Answered(answer) => read(answer, Status::Filled),
            Call::Stale { answer, reason } => match read(answer, Status::Stale) {
                ending if ending.value.is_some() => ending,
                // That there was none then says nothing of now.
                _ => gap(Status::Unavailable(*reason)),
            },
            Call::NoKey => gap(Status::Empty),
            Call::Open => gap(Status::Unavailable(Unavailable::Timeout)),
            Call::Failed { reason, retry_after } => {
                Ending { retry_after: *retry_after, ..gap(Status::Unavailable(*reason)) }
            }
            Call::RoleUnproven if self.channel == Channel::BackOffice => {
                gap(Status::Withheld(Withheld::NotAvailableToYou))
            }
            Call::RoleUnproven => gap(Status::Withheld(Withheld::Role)),
        }
    }

    /// What is told instead of a related subject's No, where their relation does
    /// not hold or cannot be shown; `None` where it is shown.
    fn unrelated_status(
        &self,
        procedure: &Procedure,
        candidate: &Candidate,
        resolution: &Resolution,
    ) -> Option<Status> {
        let proof = procedure.calls[candidate.call].proof?;
        let subject = self.subjects[candidate.role]?;
        match resolution.lists(proof.call, proof.attribute, subject) {
            Some(true) => None,
            Some(false) => Some(Status::Withheld(Withheld::Role)),
            None => Some(Status::Unavailable(Unavailable::KeyMissing)),
        }
    }

    /// The register that was refused: the candidate's own, or one that gives
    /// its key.
    fn refuser(&self, procedure: &Procedure, candidate: &Candidate) -> RegisterId {
        let call = &procedure.calls[candidate.call];
        let refused = self.refused[candidate.role];
        let above = call.ancestors.iter().map(|index| &procedure.calls[index]);
        let mut line = std::iter::once(call).chain(above.filter(|above| above.role == call.role));
        line.find(|call| refused.contains(call.register.index()))
            .map_or(candidate.register, |call| call.register)
    }

    /// The outcome of each register called, the worst where it was called for
    /// several roles. One that this grant no longer allows is not told of.
    fn sources(
        &self,
        catalogue: &Catalogue,
        procedure: &Procedure,
        resolution: &Resolution,
    ) -> Vec<(RegisterId, Outcome)> {
        let badness = |outcome| match outcome {
            Outcome::Answered => 0,
            Outcome::NotFound => 1,
            Outcome::Failed(_) => 2,
        };
        let mut sources: Vec<(RegisterId, Outcome)> = Vec::with_capacity(procedure.calls.len());
        for (index, call) in procedure.calls.iter().enumerate() {
            if !self.tells_of(catalogue, procedure, index) {
                continue;
            }
            let Some(outcome) = resolution.call(index).outcome() else { continue };
            match sources.iter_mut().find(|(register, _)| *register == call.register) {
                Some((_, known)) if badness(*known) < badness(outcome) => *known = outcome,
                Some(_) => {}
                None => sources.push((call.register, outcome)),
            }
        }
        sources
    }

    /// Whether a call's outcome is told: it is a register's, and still allowed.
    pub(super) fn tells_of(
        &self,
        catalogue: &Catalogue,
        procedure: &Procedure,
        index: usize,
    ) -> bool {
        let own = procedure.calls[index].register == catalogue.own_data().id;
        !own && self.needs(procedure, index)
    }

    /// Whether anything allowed comes from a call or depends on it.
    fn needs(&self, procedure: &Procedure, index: usize) -> bool {
        let call = &procedure.calls[index];
        if self.refused[call.role].contains(call.register.index()) {
            return false;
        }
        let depends = |other: &PlannedCall| {
            let proves = other.proof.is_some_and(|proof| {
                proof.call == index || procedure.calls[proof.call].ancestors.contains(index)
            });
            other.ancestors.contains(index) && other.candidates.intersects(self.allowed)
                || proves && other.candidates.intersects(self.refused_by_related)
        };
        call.candidates.intersects(self.allowed) || procedure.calls.iter().any(depends)
    }

    /// How old an answer is, as it is told; nothing of own data, which is read where it
    /// is kept. A register's fields come one after the other mostly, out of one answer.
    fn age<'a>(
        &self,
        register: &Register,
        answer: &'a Answer,
        now: CivilMs,
        last: &mut Option<(&'a Answer, Option<u64>)>,
    ) -> Option<u64> {
        match last {
            Some((known, age)) if std::ptr::eq(*known, answer) => *age,
            _ => {
                let told = register.dialect.is_some();
                let age = told.then(|| self.age_seconds(register, now - answer.since));
                *last = Some((answer, age));
                age
            }
        }
    }

    /// Rounded up to the register's grain, so that nobody can tell whether
    /// somebody else asked just before; exact for the citizen themselves.
    fn age_seconds(&self, register: &Register, age: CivilMs) -> u64 {
        let seconds = age.max(0) as u64 / 1000;
        match self.channel {
            Channel::Own => seconds,
            Channel::FrontOffice | Channel::BackOffice => {
                let grain = register.grain.as_secs();
                (seconds / grain + 1) * grain
            }
        }
    }
}

/// An attribute that was asked for and answered; how it ends where it is not held.
fn held<'a>(
    answer: &'a Answer,
    attribute: usize,
    reading: &mut Option<Reading<'a>>,
) -> Result<Value<'a>, Status> {
    if !answer.asked.contains(attribute) {
        // It was not asked for under the grant of that time.
        return Err(Status::Unavailable(Unavailable::Timeout));
    }
    let reading = match reading {
        Some(known) if known.is_of(answer) => known,
        _ => reading.insert(answer.reading()),
    };
    if let Some((json, updated)) = reading.dated(attribute) {
        Ok(Value { answer, json, updated })
    } else if answer.invalid.contains(attribute) {
        Err(Status::Unavailable(Unavailable::Invalid))
    } else if answer.unavailable.contains(attribute) {
        Err(Status::Unavailable(Unavailable::Error))
    } else {
        Err(Status::Empty)
    }
}

/// Whether a call's key was disputed where it came from, or that answer's was.
fn key_disputed(procedure: &Procedure, resolution: &Resolution, call: usize) -> bool {
    let CallKey::Answer { call: giver, attribute } = procedure.calls[call].key else {
        return false;
    };
    let disputed = match resolution.call(giver) {
        Call::Answered(answer) | Call::Stale { answer, .. } => {
            answer.under_review.contains(attribute)
        }
        Call::Open | Call::NoKey | Call::Failed { .. } | Call::RoleUnproven => false,
    };
    disputed || key_disputed(procedure, resolution, giver)
}

/// The registers asked about each subject, whatever is allowed by now: they know of the
/// request, so the citizen must, too.
pub(super) fn called(
    catalogue: &Catalogue,
    procedure: &Procedure,
    resolution: &Resolution,
) -> Vec<RegisterSet> {
    let mut called = vec![RegisterSet::EMPTY; procedure.roles.len()];
    for (index, call) in procedure.calls.iter().enumerate() {
        if resolution.asked(index) && call.register != catalogue.own_data().id {
            called[call.role].insert(call.register.index());
        }
    }
    called
}

fn write_value(body: &mut Vec<u8>, register: &Register, value: Value<'_>, age: Option<u64>) {
    put(body, ["\",\"value\":"]);
    body.extend_from_slice(value.json);
    match value.updated {
        Some(date) => {
            put(body, [",\"source\":\"", &register.name, "\",\"lastUpdated\":\""]);
            body.extend_from_slice(date.bytes());
            body.push(b'"');
        }
        None => put(body, [",\"source\":\"", &register.name, "\""]),
    }
    if let Some(age) = age {
        put(body, [",\"ageSeconds\":"]);
        number(body, age);
    }
}

fn write_gap(body: &mut Vec<u8>, register: &Register, ending: &Ending<'_>) {
    body.push(b'"');
    if ending.status != Status::Withheld(Withheld::NotAvailableToYou) {
        put(body, [",\"source\":\"", &register.name, "\""]);
    }
    match ending.status {
        Status::Withheld(reason) => put(body, [",\"reason\":\"", reason.as_str(), "\""]),
        Status::Unavailable(reason) => put(body, [",\"reason\":\"", reason.as_str(), "\""]),
        Status::Filled | Status::Stale | Status::Empty => {}
    }
    if let Some(seconds) = ending.retry_after {
        put(body, [",\"retryAfterSeconds\":"]);
        number(body, u64::from(seconds));
    }
    body.push(b'}');
}

fn write_head(body: &mut Vec<u8>, procedure: &Procedure, disclosure: Uuid, complete: bool) {
    let mut id = Uuid::encode_buffer();
    let id = disclosure.hyphenated().encode_lower(&mut id);
    put(body, ["{\"disclosure\":\"", id, "\",\"procedure\":{\"id\":\"", &procedure.name]);
    put(body, ["\",\"version\":"]);
    number(body, u64::from(procedure.version));
    put(body, ["},\"complete\":", if complete { "true" } else { "false" }, ",\"fields\":{"]);
}

/// Appends texts as they are. Formatting them would cost more than everything else.
#[inline]
fn put<const N: usize>(body: &mut Vec<u8>, texts: [&str; N]) {
    body.reserve(texts.iter().map(|text| text.len()).sum());
    texts.iter().for_each(|text| body.extend_from_slice(text.as_bytes()));
}

fn number(body: &mut Vec<u8>, number: u64) {
    serde_json::to_writer(body, &number).expect("a vector takes every byte");
}

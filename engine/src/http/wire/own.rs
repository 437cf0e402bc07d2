//! What citizens see of their own: values, accesses, preferences.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Labels, Reuse, words};
use crate::catalogue::{self, Catalogue};
use crate::clock;
use crate::consent::{self, Consent};
use crate::model::{CivilMs, Subject};
use crate::{ledger, space};

/// A value of the citizen's own, as it is kept.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OwnValue")]
pub(in super::super) struct Kept {
    #[schemars(schema_with = "words::own_attribute")]
    attribute: &'static str,
    value: String,
    #[schemars(extend("format" = "date"))]
    last_updated: String,
}

impl From<space::Kept> for Kept {
    fn from(kept: space::Kept) -> Self {
        let (attribute, value, changed) = kept.into_parts();
        let last_updated = clock::date(changed).to_string();
        Self { attribute: attribute.name(), value, last_updated }
    }
}

/// Who read what about the citizen, in the shape of Estonia's data tracker.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Accesses {
    total_usages: u64,
    usages: Vec<Usage>,
    /// The next page's `before`; null at the end.
    next: Option<u64>,
    /// What is older is beyond retention, and no longer recorded; absent where nothing
    /// ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    kept_from: Option<String>,
}

/// One disclosure.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Usage {
    #[schemars(extend("format" = "date-time"))]
    logtime: String,
    action: String,
    receiver_code: String,
    receiver_name: String,
    receiver_system: String,
    disclosure: String,
    procedure: String,
    purpose: String,
    legal_basis: String,
    #[schemars(schema_with = "words::channel")]
    channel: &'static str,
    registers: Vec<String>,
    fields: Vec<String>,
}

impl From<ledger::Usages> for Accesses {
    fn from(found: ledger::Usages) -> Self {
        let usage = |usage: ledger::Usage| Usage {
            logtime: clock::rfc3339(usage.at),
            action: usage.action,
            receiver_code: usage.receiver_code,
            receiver_name: usage.receiver_name,
            receiver_system: usage.receiver_system,
            disclosure: usage.disclosure.to_string(),
            procedure: usage.procedure,
            purpose: usage.purpose,
            legal_basis: usage.legal_basis,
            channel: usage.channel,
            registers: usage.registers,
            fields: usage.fields,
        };
        Self {
            total_usages: found.total,
            usages: found.usages.into_iter().map(usage).collect(),
            next: found.next,
            kept_from: found.kept_from.map(clock::rfc3339),
        }
    }
}

/// A citizen's consents.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Consents<'a> {
    /// Counts every change.
    consent_version: u64,
    preferences: Vec<Preference<'a>>,
    reuse: Vec<Reuse>,
    /// What was said of mandates: withdrawn, or restored.
    mandates: Vec<Mandate>,
    /// What the law lets a body re-read without asking.
    by_law: Vec<ByLaw<'a>>,
}

/// A procedure whose owner needs no consent to re-read.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ByLaw<'a> {
    procedure: &'a str,
    label: Labels<'a>,
    organisation: &'a str,
    legal_basis: &'a str,
    fields: Vec<&'a str>,
}

impl<'a> ByLaw<'a> {
    fn of(procedure: &'a catalogue::Procedure, catalogue: &'a Catalogue) -> Self {
        let fields = procedure.fields.iter().filter(|field| field.back_office);
        Self {
            procedure: &procedure.name,
            label: (&procedure.label).into(),
            organisation: &catalogue.organisation(procedure.owner).name,
            legal_basis: &procedure.legal_basis,
            fields: fields.map(|field| &*field.name).collect(),
        }
    }
}

/// Whether forms may be filled from one register.
#[derive(Serialize, JsonSchema)]
struct Preference<'a> {
    register: &'a str,
    label: Labels<'a>,
    allow: bool,
    /// When the citizen last said so; null where they never did.
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
}

/// What a citizen or a company said of a mandate between them.
#[derive(Serialize, JsonSchema)]
struct Mandate {
    /// For whom the citizen acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    /// Who acts for the company.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    /// Whether it is used, as far as it is up to them.
    allow: bool,
    #[schemars(extend("format" = "date-time"))]
    since: String,
}

/// The other side of a mandate, as `company` or as `person`.
pub(super) fn sides(other: Subject) -> (Option<String>, Option<String>) {
    match other {
        Subject::Legal(_) => (Some(other.to_string()), None),
        Subject::Natural(_) => (None, Some(other.to_string())),
    }
}

/// Whom an entry or a state names by number; `None` of somebody who was erased.
pub(in super::super) type Names<'a> = &'a dyn Fn(u64) -> Option<Subject>;

impl<'a> Consents<'a> {
    pub(in super::super) fn of(
        consent: &Consent,
        of: Subject,
        names: Names<'_>,
        catalogue: &'a Catalogue,
        now: CivilMs,
    ) -> Self {
        let natural = matches!(of, Subject::Natural(_));
        let offers = |it: &&catalogue::Register| it.preference && it.of.knows(natural);
        let offered = catalogue.registers().iter().filter(offers);
        let preference = |register: &'a catalogue::Register| {
            let known = consent.preference(&register.name);
            Preference {
                register: &register.name,
                label: (&register.label).into(),
                allow: consent.allows(&register.name),
                since: known.map(|known| clock::rfc3339(known.since)),
            }
        };
        let mandate = |known: &consent::Mandate| {
            let (company, person) = sides(names(known.other)?);
            let since = clock::rfc3339(known.since);
            Some(Mandate { company, person, allow: known.allow, since })
        };
        let not_asked = catalogue::BackOffice::NotRequired;
        let by_law = catalogue
            .procedures()
            .iter()
            .filter(|it| it.back_office == not_asked && (natural || it.professional_only()));
        Self {
            consent_version: consent.version,
            preferences: offered.map(preference).collect(),
            reuse: consent.reuse().iter().map(|reuse| Reuse::of(reuse, now)).collect(),
            mandates: consent.mandates().iter().filter_map(mandate).collect(),
            by_law: by_law.map(|procedure| ByLaw::of(procedure, catalogue)).collect(),
        }
    }
}

//! The JSON of the API, in and out. Nobody else knows it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize as DeserializeDerive, Serialize};

use crate::catalogue::{self, Catalogue};
use crate::clock;
use crate::consent::Consent;
use crate::identity::Operator;
use crate::ledger;
use crate::model::{Channel, Language, SUBJECTS_MAX};
use crate::prefill::{Asked, Rejection};
use crate::space;

/// `POST /v1/prefill`.
#[derive(DeserializeDerive)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Prefill {
    procedure: String,
    subjects: Subjects,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    presence: Option<String>,
    #[serde(default)]
    organisation: Option<String>,
    #[serde(default)]
    case: Option<String>,
    #[serde(default)]
    fields: Option<Vec<String>>,
    #[serde(default)]
    deadline_ms: Option<u64>,
    #[serde(default)]
    max_age_seconds: Option<u64>,
    #[serde(default)]
    language: Option<String>,
}

impl Prefill {
    pub(super) fn asked_by(self, operator: Operator) -> Result<Asked, Rejection> {
        let channel = match self.channel.as_deref() {
            None => Channel::default(),
            Some(name) => {
                Channel::ALL.into_iter().find(|channel| channel.as_str() == name).ok_or_else(
                    || Rejection::value("channel", "must be front-office or back-office"),
                )?
            }
        };
        let language = match self.language.as_deref() {
            None => Language::default(),
            Some(name) => {
                let mut known = Language::ALL.into_iter();
                known
                    .find(|language| language.as_str() == name)
                    .ok_or_else(|| Rejection::value("language", "must be fr, de, en or lb"))?
            }
        };
        Ok(Asked {
            operator,
            procedure: self.procedure,
            subjects: self.subjects.0,
            channel,
            presence: self.presence,
            organisation: self.organisation,
            case: self.case,
            fields: self.fields,
            deadline: self.deadline_ms.map(Duration::from_millis),
            max_age: self.max_age_seconds.map(Duration::from_secs),
            language,
        })
    }
}

/// Role to identifier. A role given twice is refused, and more roles than any
/// procedure has.
struct Subjects(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Roles;

        impl<'de> Visitor<'de> for Roles {
            type Value = Subjects;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of roles and identifiers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Subjects, A::Error> {
                let mut subjects: Vec<(String, String)> = Vec::new();
                while let Some((role, identifier)) = map.next_entry::<String, String>()? {
                    if subjects.len() == SUBJECTS_MAX {
                        let what = format_args!("`subjects` has at most {SUBJECTS_MAX} roles");
                        return Err(A::Error::custom(what));
                    }
                    if subjects.iter().any(|(known, _)| *known == role) {
                        return Err(A::Error::custom(format_args!("duplicate role `{role}`")));
                    }
                    subjects.push((role, identifier));
                }
                Ok(Subjects(subjects))
            }
        }

        deserializer.deserialize_map(Roles)
    }
}

/// `PUT /v1/me/consents/preferences/{register}`.
#[derive(DeserializeDerive)]
#[serde(deny_unknown_fields)]
pub(super) struct PutPreference {
    pub(super) allow: bool,
}

/// `PUT /v1/me/data/{attribute}`.
#[derive(DeserializeDerive)]
#[serde(deny_unknown_fields)]
pub(super) struct PutValue {
    pub(super) value: String,
}

/// Reads a body, which must be an object. What is wrong with it is told with its
/// place.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Rejection> {
    // Serde takes a list of a struct's values in their order for the struct.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Rejection::Malformed("the body must be a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| {
        // A long unknown member would stand in the text as long as it is.
        Rejection::Malformed(error.to_string().chars().take(300).collect())
    })
}

/// RFC 9457.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) member: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) check: Option<&'static str>,
}

/// A label in four languages.
#[derive(Serialize)]
pub(super) struct Labels<'a> {
    fr: &'a str,
    de: &'a str,
    en: &'a str,
    lb: &'a str,
}

impl<'a> From<&'a catalogue::Labels> for Labels<'a> {
    fn from(labels: &'a catalogue::Labels) -> Self {
        Self { fr: &labels.fr, de: &labels.de, en: &labels.en, lb: &labels.lb }
    }
}

/// A value of the citizen's own, as it is kept.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    attribute: &'static str,
    value: String,
    last_updated: String,
}

impl From<space::Kept> for Kept {
    fn from(kept: space::Kept) -> Self {
        let (attribute, value, changed) = kept.into_parts();
        let last_updated = clock::date(changed).to_string();
        Self { attribute: attribute.name(), value, last_updated }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accesses {
    total_usages: u64,
    usages: Vec<Usage>,
    next: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    logtime: String,
    action: String,
    receiver_code: String,
    receiver_name: String,
    receiver_system: String,
    disclosure: String,
    procedure: String,
    purpose: String,
    legal_basis: String,
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
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Consents<'a> {
    consent_version: u64,
    preferences: Vec<Preference<'a>>,
    reuse: [(); 0],
}

#[derive(Serialize)]
struct Preference<'a> {
    register: &'a str,
    label: Labels<'a>,
    allow: bool,
    since: Option<String>,
}

impl<'a> Consents<'a> {
    pub(super) fn of(consent: &Consent, catalogue: &'a Catalogue) -> Self {
        let offered = catalogue.registers().iter().filter(|register| register.preference);
        let preference = |register: &'a catalogue::Register| {
            let known = consent.preference(&register.name);
            Preference {
                register: &register.name,
                label: (&register.label).into(),
                allow: consent.allows(&register.name),
                since: known.map(|known| clock::rfc3339(known.since)),
            }
        };
        Self {
            consent_version: consent.version,
            preferences: offered.map(preference).collect(),
            reuse: [],
        }
    }
}

#[derive(Serialize)]
pub(super) struct Procedures<'a> {
    pub(super) procedures: Vec<ProcedureRow<'a>>,
    pub(super) next: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcedureRow<'a> {
    id: &'a str,
    version: u32,
    organisation: &'a str,
    label: Labels<'a>,
    /// Whether anything fills any of its fields.
    prefilled: bool,
    /// Whether it needs a company, so that only professional spaces can use it.
    professional_only: bool,
}

impl<'a> ProcedureRow<'a> {
    pub(super) fn of(procedure: &'a catalogue::Procedure, catalogue: &'a Catalogue) -> Self {
        Self {
            id: &procedure.name,
            version: procedure.version,
            organisation: &catalogue.organisation(procedure.owner).name,
            label: (&procedure.label).into(),
            prefilled: !procedure.candidates.is_empty(),
            professional_only: procedure.professional_only(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Procedure<'a> {
    #[serde(flatten)]
    row: ProcedureRow<'a>,
    purpose: &'a str,
    legal_basis: &'a str,
    deadline_ms: u64,
    back_office_consent: &'static str,
    roles: Vec<Role<'a>>,
    steps: Vec<Step<'a>>,
    fields: Vec<Field<'a>>,
    notices: Vec<Notice<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    id: &'a str,
    label: Labels<'a>,
}

/// What a procedure may have to say; when, its values tell.
#[derive(Serialize)]
struct Notice<'a> {
    code: &'a str,
    text: Labels<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Role<'a> {
    id: &'a str,
    is: &'static str,
    minors_only: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Field<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    step: &'a str,
    label: Labels<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Labels<'a>>,
    role: &'a str,
    /// None where nothing fills it, and the citizen writes it.
    sources: Vec<String>,
    required: bool,
    editable: bool,
    back_office: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age_seconds: Option<u64>,
}

impl<'a> Procedure<'a> {
    pub(super) fn of(procedure: &'a catalogue::Procedure, catalogue: &'a Catalogue) -> Self {
        let role = |role: &'a catalogue::Role| Role {
            id: &role.name,
            is: if role.natural { "natural" } else { "legal" },
            minors_only: role.minor,
        };
        let source = |candidate: &catalogue::Candidate| {
            let register = catalogue.register(candidate.register);
            format!("{}.{}", register.name, register.attributes[candidate.attribute].name)
        };
        let field = |field: &'a catalogue::Field| {
            let candidates = &procedure.candidates[field.candidates.clone()];
            Field {
                name: &field.name,
                kind: field.kind.as_str(),
                step: &procedure.steps[field.step].0,
                label: (&field.label).into(),
                hint: field.hint.as_ref().map(Labels::from),
                role: &procedure.roles[field.role].name,
                sources: candidates.iter().map(source).collect(),
                required: field.required,
                editable: field.editable,
                back_office: field.back_office,
                max_age_seconds: field.max_age.map(|age| age.as_secs()),
            }
        };
        Self {
            row: ProcedureRow::of(procedure, catalogue),
            purpose: &procedure.purpose,
            legal_basis: &procedure.legal_basis,
            deadline_ms: procedure.deadline.as_millis() as u64,
            back_office_consent: match procedure.back_office {
                catalogue::BackOffice::ReuseConsent => "reuse-consent",
                catalogue::BackOffice::NotRequired => "not-required",
            },
            roles: procedure.roles.iter().map(role).collect(),
            steps: procedure
                .steps
                .iter()
                .map(|(id, label)| Step { id, label: label.into() })
                .collect(),
            fields: procedure.fields.iter().map(field).collect(),
            notices: procedure
                .notices
                .iter()
                .map(|notice| Notice { code: &notice.code, text: (&notice.text).into() })
                .collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Registers<'a> {
    registers: Vec<RegisterRow<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegisterRow<'a> {
    id: &'a str,
    label: Labels<'a>,
    preference: bool,
    ttl_seconds: u64,
    attributes: Vec<&'a str>,
}

impl<'a> Registers<'a> {
    pub(super) fn of(catalogue: &'a Catalogue) -> Self {
        let row = |register: &'a catalogue::Register| RegisterRow {
            id: &register.name,
            label: (&register.label).into(),
            preference: register.preference,
            ttl_seconds: register.ttl.as_secs(),
            attributes: register.attributes.iter().map(|known| &*known.name).collect(),
        };
        Self { registers: catalogue.registers().iter().map(row).collect() }
    }
}

#[derive(Serialize)]
pub(super) struct Organisations<'a> {
    organisations: Vec<OrganisationRow<'a>>,
}

#[derive(Serialize)]
struct OrganisationRow<'a> {
    id: &'a str,
    label: Labels<'a>,
}

impl<'a> Organisations<'a> {
    pub(super) fn of(catalogue: &'a Catalogue) -> Self {
        let row = |organisation: &'a catalogue::Organisation| OrganisationRow {
            id: &organisation.name,
            label: (&organisation.label).into(),
        };
        Self { organisations: catalogue.organisations().iter().map(row).collect() }
    }
}

#[derive(Serialize)]
pub(super) struct Head {
    stream: String,
    sequence: u64,
    hash: String,
    stamp: String,
    /// As `audit --expect-head` takes it.
    head: String,
}

impl From<crate::store::Head> for Head {
    fn from(head: crate::store::Head) -> Self {
        Self {
            stream: ledger::hex(&head.stream),
            sequence: head.sequence,
            hash: ledger::hex(&head.hash),
            stamp: clock::rfc3339(head.stamp),
            head: ledger::head_text(&head),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    pub(super) status: &'static str,
    pub(super) time_scale: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) reasons: BTreeMap<&'static str, String>,
}

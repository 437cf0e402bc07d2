//! What everybody may read of the catalogue.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Labels, words};
use crate::catalogue::{self, Catalogue};

/// One page of procedures.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Procedures<'a> {
    pub(in super::super) procedures: Vec<ProcedureRow<'a>>,
    /// The next page's `after`; null at the end.
    pub(in super::super) next: Option<&'a str>,
}

/// A procedure, in a list.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ProcedureInList")]
pub(in super::super) struct ProcedureRow<'a> {
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
    pub(in super::super) fn of(
        procedure: &'a catalogue::Procedure,
        catalogue: &'a Catalogue,
    ) -> Self {
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

/// A procedure, whole.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Procedure<'a> {
    #[serde(flatten)]
    row: ProcedureRow<'a>,
    purpose: &'a str,
    legal_basis: &'a str,
    deadline_ms: u64,
    #[schemars(extend("enum" = ["reuse-consent", "not-required"]))]
    back_office_consent: &'static str,
    roles: Vec<Role<'a>>,
    steps: Vec<Step<'a>>,
    fields: Vec<Field<'a>>,
    notices: Vec<Notice<'a>>,
}

/// A page of the form.
#[derive(Serialize, JsonSchema)]
struct Step<'a> {
    id: &'a str,
    label: Labels<'a>,
}

/// What a procedure may have to say; when, its values tell.
#[derive(Serialize, JsonSchema)]
struct Notice<'a> {
    code: &'a str,
    text: Labels<'a>,
}

/// A subject's part in the procedure.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Role<'a> {
    id: &'a str,
    #[schemars(extend("enum" = ["natural", "legal"]))]
    is: &'static str,
    minors_only: bool,
}

/// One box of the form.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Field<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    #[schemars(schema_with = "words::kind")]
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
    pub(in super::super) fn of(
        procedure: &'a catalogue::Procedure,
        catalogue: &'a Catalogue,
    ) -> Self {
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

/// The registers.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Registers<'a> {
    registers: Vec<RegisterRow<'a>>,
}

/// A register and its attributes.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Register")]
struct RegisterRow<'a> {
    id: &'a str,
    label: Labels<'a>,
    /// Whether citizens may refuse it.
    preference: bool,
    /// How long its answers are kept, in memory.
    ttl_seconds: u64,
    attributes: Vec<&'a str>,
}

impl<'a> Registers<'a> {
    pub(in super::super) fn of(catalogue: &'a Catalogue) -> Self {
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

/// The organisations.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Organisations<'a> {
    organisations: Vec<OrganisationRow<'a>>,
}

/// A public body.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Organisation")]
struct OrganisationRow<'a> {
    id: &'a str,
    label: Labels<'a>,
}

impl<'a> Organisations<'a> {
    pub(in super::super) fn of(catalogue: &'a Catalogue) -> Self {
        let row = |organisation: &'a catalogue::Organisation| OrganisationRow {
            id: &organisation.name,
            label: (&organisation.label).into(),
        };
        Self { organisations: catalogue.organisations().iter().map(row).collect() }
    }
}

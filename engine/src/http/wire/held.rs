//! Everything that is held about a citizen, as one document (GDPR, article 15).

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::own::{Names, sides};
use super::{Accesses, Consents, Kept};
use crate::catalogue::Catalogue;
use crate::consent::{Change, Consent};
use crate::model::{CivilMs, Subject};
use crate::{clock, ledger, space};

/// Everything held about a citizen. What registers hold is theirs, and in `data`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Held<'a> {
    /// Who the citizen is.
    subject: String,
    #[schemars(extend("format" = "date-time"))]
    at: String,
    entries: Entries,
    consents: Consents<'a>,
    /// Changes of consent and denials, newest first, at most 10,000, and none from before
    /// the `keptFrom` of `accesses`; consents that were given before it still count.
    history: Vec<Moment>,
    /// Disclosures, newest first, at most 10,000; `next` goes on in the list of accesses.
    accesses: Accesses,
    /// What the citizen added.
    own_data: Vec<Kept>,
}

/// How many entries of the ledger are about the citizen.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HeldEntries")]
struct Entries {
    disclosures: u64,
    /// Changes of consent, and denials.
    others: u64,
}

/// One entry of the ledger that is no disclosure.
#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HeldMoment")]
struct Moment {
    /// Its place in the ledger.
    sequence: u64,
    #[schemars(extend("format" = "date-time"))]
    logtime: String,
    #[schemars(extend("enum" = ["preference", "reuse-consent", "withdrawal", "mandate", "denial"]))]
    kind: &'static str,
    /// The version of the citizen's consent after a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    consent_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<bool>,
    /// The id of a reuse consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uuid"))]
    id: Option<String>,
    /// The other side of a mandate.
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    /// Whose mandate for the company.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    /// Whose consent was changed, by somebody who acts for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    for_company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    /// Who asked for the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    procedure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    /// The problem that a denial was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<'a> Held<'a> {
    pub(in super::super) fn of(
        subject: Subject,
        consent: &Consent,
        held: ledger::Held,
        own_data: Vec<space::Kept>,
        names: Names<'_>,
        catalogue: &'a Catalogue,
        now: CivilMs,
    ) -> Self {
        Self {
            subject: subject.to_string(),
            at: clock::rfc3339(now),
            entries: Entries { disclosures: held.accesses.total, others: held.history_total },
            consents: Consents::of(consent, subject, names, catalogue, now),
            history: held.history.into_iter().map(|it| Moment::of(it, names)).collect(),
            accesses: held.accesses.into(),
            own_data: own_data.into_iter().map(Kept::from).collect(),
        }
    }
}

impl Moment {
    fn of(known: ledger::Moment, names: Names<'_>) -> Self {
        let moment = match known.what {
            ledger::What::Changed(version, change) => {
                Self { consent_version: Some(version), ..changed(change, names) }
            }
            ledger::What::ByMandate(company, change) => Self {
                for_company: names(company).map(|it| it.to_string()),
                ..changed(change, names)
            },
            ledger::What::Denied { organisation, operator, procedure, channel, reason } => Self {
                kind: "denial",
                organisation: Some(organisation),
                operator: Some(operator),
                procedure: Some(procedure),
                channel: Some(channel),
                reason: Some(reason),
                ..Self::default()
            },
        };
        Self { sequence: known.sequence, logtime: clock::rfc3339(known.at), ..moment }
    }
}

fn changed(change: Change, names: Names<'_>) -> Moment {
    let id = |id| Some(Uuid::from_bytes(id).to_string());
    match change {
        Change::Preference { register, allow } => Moment {
            kind: "preference",
            register: Some(register.into()),
            allow: Some(allow),
            ..Moment::default()
        },
        Change::Give(terms) => Moment {
            kind: "reuse-consent",
            id: id(terms.id),
            organisation: Some(terms.organisation.into()),
            case: Some(terms.case.into()),
            procedure: Some(terms.procedure.into()),
            purpose: Some(terms.purpose.into()),
            fields: Some(terms.fields.into_iter().map(Into::into).collect()),
            expires: Some(clock::rfc3339(terms.expires)),
            ..Moment::default()
        },
        Change::Withdraw { id: which } => {
            Moment { kind: "withdrawal", id: id(which), ..Moment::default() }
        }
        Change::Mandate { other, allow } => {
            let (company, person) = names(other).map_or((None, None), sides);
            let allow = Some(allow);
            Moment { kind: "mandate", company, person, allow, ..Moment::default() }
        }
    }
}

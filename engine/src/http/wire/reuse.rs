//! Reuse consents as citizens see them, and the receipt of one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::catalogue::Catalogue;
use crate::clock;
use crate::consent::{self, Consent, Standing};
use crate::model::{CivilMs, Subject};

/// What a citizen consents to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReuseConsentRequest")]
pub(in super::super) struct ReuseConsent {
    pub(in super::super) organisation: String,
    pub(in super::super) case: String,
    pub(in super::super) procedure: String,
    pub(in super::super) fields: Vec<String>,
    /// A day, the last on which it stands, or an RFC 3339 time.
    pub(in super::super) expires: String,
}

/// A reuse consent, and what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReuseConsent")]
pub(in super::super) struct Reuse {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    organisation: String,
    case: String,
    procedure: String,
    purpose: String,
    fields: Vec<String>,
    #[schemars(extend("format" = "date-time"))]
    given: String,
    #[schemars(extend("format" = "date-time"))]
    expires: String,
    #[schemars(extend("enum" = ["given", "withdrawn", "expired"]))]
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    withdrawn: Option<String>,
}

impl Reuse {
    pub(in super::super) fn of(reuse: &consent::Reuse, now: CivilMs) -> Self {
        let terms = &reuse.terms;
        Self {
            id: Uuid::from_bytes(terms.id).to_string(),
            organisation: terms.organisation.to_string(),
            case: terms.case.to_string(),
            procedure: terms.procedure.to_string(),
            purpose: terms.purpose.to_string(),
            fields: terms.fields.iter().map(ToString::to_string).collect(),
            given: clock::rfc3339(reuse.given),
            expires: clock::rfc3339(terms.expires),
            state: state(reuse, now),
            withdrawn: reuse.withdrawn.map(clock::rfc3339),
        }
    }

    pub(in super::super) fn find(consent: &Consent, id: Uuid, now: CivilMs) -> Option<Self> {
        consent.find_reuse(id.as_bytes()).map(|reuse| Self::of(reuse, now))
    }
}

fn state(reuse: &consent::Reuse, now: CivilMs) -> &'static str {
    match reuse.standing(now) {
        Standing::Given => "given",
        Standing::Withdrawn => "withdrawn",
        Standing::Expired => "expired",
    }
}

/// A consent receipt with the elements of ISO/IEC TS 27560:2023, clause 6.3, which
/// names them in this way.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Receipt {
    schema_version: &'static str,
    record_id: String,
    pii_principal_id: String,
    pii_processing: [Processing; 1],
    party_identification: Vec<Party>,
    events: Vec<Event>,
}

/// What the consent allows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReceiptProcessing")]
struct Processing {
    language: &'static str,
    purposes: [Purpose; 1],
}

/// One purpose, and who may do what for it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReceiptPurpose")]
struct Purpose {
    purpose: String,
    lawful_basis: &'static str,
    pii_information: Vec<Information>,
    pii_controllers: [String; 1],
    recipient: String,
    /// The organisation's own name of the case.
    case: String,
    procedure: String,
    collection_method: &'static str,
    storage_location: &'static str,
    withdrawal_method: String,
    jurisdiction: &'static str,
}

/// A kind of data.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReceiptInformation")]
struct Information {
    pii_type: String,
}

/// An organisation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReceiptParty")]
struct Party {
    party_id: String,
    party_name: String,
    party_role: &'static str,
}

/// What happened to the consent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReceiptEvent")]
struct Event {
    event_time: String,
    /// ISO 8601; for a consent, how long it was given for.
    #[serde(skip_serializing_if = "Option::is_none")]
    validity_duration: Option<String>,
    entity_id: String,
    event_type: &'static str,
    event_state: &'static str,
}

impl Receipt {
    pub(in super::super) fn of(
        reuse: &consent::Reuse,
        citizen: Subject,
        catalogue: &Catalogue,
        now: CivilMs,
    ) -> Self {
        let (terms, id) = (&reuse.terms, Uuid::from_bytes(reuse.terms.id));
        let purpose = Purpose {
            purpose: terms.purpose.to_string(),
            lawful_basis: "consent",
            pii_information: terms
                .fields
                .iter()
                .map(|field| Information { pii_type: field.to_string() })
                .collect(),
            pii_controllers: [terms.organisation.to_string()],
            recipient: terms.organisation.to_string(),
            case: terms.case.to_string(),
            procedure: terms.procedure.to_string(),
            collection_method: "read from the registers when the case needs it",
            storage_location: "LU",
            withdrawal_method: format!("DELETE /v1/me/consents/reuse/{id}"),
            jurisdiction: "LU",
        };
        // An organisation that has left the catalogue keeps its id.
        let known = catalogue.find_organisation(&terms.organisation);
        let name =
            known.map_or(&terms.organisation, |known| &catalogue.organisation(known).label.en);
        Self {
            schema_version: "ISO/IEC TS 27560:2023",
            record_id: id.to_string(),
            pii_principal_id: citizen.to_string(),
            pii_processing: [Processing { language: "en", purposes: [purpose] }],
            party_identification: vec![Party {
                party_id: terms.organisation.to_string(),
                party_name: name.to_string(),
                party_role: "PII controller",
            }],
            events: events(reuse, citizen, now),
        }
    }
}

/// What happened to a consent, in order.
fn events(reuse: &consent::Reuse, citizen: Subject, now: CivilMs) -> Vec<Event> {
    let lasts = (reuse.terms.expires - reuse.given) / 1_000;
    let event = |at, event_state| Event {
        event_time: clock::rfc3339(at),
        validity_duration: None,
        entity_id: citizen.to_string(),
        event_type: "explicit",
        event_state,
    };
    let given = Event {
        validity_duration: Some(format!("PT{lasts}S")),
        ..event(reuse.given, "consent given")
    };
    let ended = match reuse.standing(now) {
        Standing::Given => None,
        Standing::Withdrawn => reuse.withdrawn.map(|at| event(at, "consent withdrawn")),
        Standing::Expired => Some(event(reuse.terms.expires, "consent expired")),
    };
    std::iter::once(given).chain(ended).collect()
}

//! Reuse consents over HTTP: given, withdrawn, and their receipts.

use hyper::Request;
use hyper::body::Incoming;
use uuid::Uuid;

use super::caller::read;
use super::query::moment;
use super::respond::{self, Out};
use super::route::Answered;
use super::wire;
use crate::identity::Citizen;
use crate::prefill::{self, Consented, Core};

/// `POST /v1/me/consents/reuse`.
pub(super) async fn give(core: &Core, citizen: Citizen, request: Request<Incoming>) -> Answered {
    let body = read(request).await?;
    let asked: wire::ReuseConsent = wire::read(&body)?;
    let consented = Consented {
        expires: moment(&asked.expires, "expires", 1)?,
        organisation: asked.organisation,
        case: asked.case,
        procedure: asked.procedure,
        fields: asked.fields,
    };
    let (id, consent) = prefill::consent_to(core, citizen.subject, &consented).await?;
    let now = core.shared().civil.now();
    let found = consent.map(|consent| wire::Reuse::find(&consent, id, now));
    Ok(found.transpose().map_or_else(no_such_consent, respond::created))
}

/// `DELETE /v1/me/consents/reuse/{id}`.
pub(super) async fn withdraw(core: &Core, citizen: Citizen, id: &str) -> Answered {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(no_such_consent()) };
    let withdrawn = prefill::withdraw(core, citizen.subject, id).await?;
    Ok(withdrawn.map_or_else(no_such_consent, |_| respond::done()))
}

/// `GET /v1/me/consents/reuse/{id}/receipt`.
pub(super) fn receipt(core: &Core, citizen: Citizen, id: &str) -> Answered {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(no_such_consent()) };
    let shared = core.shared();
    let (catalogue, now) = (core.catalogue(), shared.civil.now());
    let consent = core.port.consent_of(citizen.subject);
    let receipt = consent.map(|consent| {
        let reuse = consent.find_reuse(id.as_bytes())?;
        Some(wire::Receipt::of(reuse, citizen.subject, catalogue, now))
    });
    let name = format!("consent-receipt-{id}.json");
    Ok(receipt.transpose().map_or_else(no_such_consent, |receipt| respond::file(receipt, &name)))
}

fn no_such_consent() -> Out {
    respond::not_found("consent of yours with that id")
}

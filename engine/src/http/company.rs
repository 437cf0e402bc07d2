//! What somebody who acts for a company sees and changes of its own: `?company=`.
//!
//! Whatever is told is a disclosure, which the ledger holds with its exact bytes before
//! they leave, and which stands in the company's list.

use std::sync::Arc;

use serde::Serialize;

use super::citizen::unreadable;
use super::respond;
use super::route::Answered;
use super::wire;
use crate::consent::Consent;
use crate::identity::Citizen;
use crate::ledger::{Page, Published};
use crate::model::{RegisterId, Subject};
use crate::prefill::{Acting, Core, Rejection};

/// `GET /v1/me/consents?company=`.
pub(super) async fn consents(core: &Arc<Core>, citizen: Citizen, company: Subject) -> Answered {
    let acting = Acting::begin(core, citizen.subject, company).await?;
    shown(core, acting, company).await
}

/// What of a company's own may be changed.
pub(super) enum Change {
    /// `PUT /v1/me/consents/preferences/{register}?company=`.
    Preference(RegisterId, bool),
    /// `PUT /v1/me/consents/mandates?company=`: this person's.
    Mandate(Subject, bool),
}

/// Makes a change, and shows what stands then.
pub(super) async fn change(
    core: &Arc<Core>,
    citizen: Citizen,
    company: Subject,
    change: Change,
) -> Answered {
    let mut acting = Acting::begin(core, citizen.subject, company).await?;
    match change {
        Change::Preference(register, allow) => acting.prefer(register, allow).await?,
        Change::Mandate(person, allow) => acting.set_mandate(person, allow).await?,
    };
    // A change that was made may be told no more, where the mandate was withdrawn in that
    // very moment: it stands all the same.
    shown(core, acting, company).await.map_err(|_| Rejection::NotRecorded)
}

/// `GET /v1/me/accesses?company=`.
pub(super) async fn accesses(
    core: &Arc<Core>,
    citizen: Citizen,
    company: Subject,
    page: Page,
) -> Answered {
    let acting = Acting::begin(core, citizen.subject, company).await?;
    let found = core.shared().accesses.of(company, page).await.map_err(unreadable)?;
    let body = json(&wire::Accesses::from(found.into_inner()));
    acting.tell(&move |_| body.clone()).await.map(|told| respond::disclosed(told, None))
}

async fn shown(core: &Arc<Core>, acting: Acting, company: Subject) -> Answered {
    let (catalogue, now) = (core.catalogue().clone(), core.shared().civil.now());
    let published: Arc<Published> = core.port.published().clone();
    let tell = move |consent: &Consent| {
        let names = |number| published.named(number);
        json(&wire::Consents::of(consent, company, &names, &catalogue, now))
    };
    acting.tell(&tell).await.map(|told| respond::disclosed(told, None))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types are JSON")
}

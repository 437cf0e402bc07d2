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

/// `PUT /v1/me/consents/preferences/{register}?company=`.
pub(super) async fn put_preference(
    core: &Arc<Core>,
    citizen: Citizen,
    company: Subject,
    register: RegisterId,
    allow: bool,
) -> Answered {
    let mut acting = Acting::begin(core, citizen.subject, company).await?;
    acting.prefer(register, allow).await?;
    stands(shown(core, acting, company).await)
}

/// `PUT /v1/me/consents/mandates?company=`.
pub(super) async fn put_mandate(
    core: &Arc<Core>,
    citizen: Citizen,
    company: Subject,
    person: Subject,
    allow: bool,
) -> Answered {
    let mut acting = Acting::begin(core, citizen.subject, company).await?;
    acting.set_mandate(person, allow).await?;
    stands(shown(core, acting, company).await)
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

/// A change that was made may be told no more, where the mandate was withdrawn in that
/// very moment: it stands all the same.
fn stands(shown: Answered) -> Answered {
    shown.map_err(|_| Rejection::NotRecorded)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types are JSON")
}

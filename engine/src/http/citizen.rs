//! What citizens see and change of their own.

use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;

use super::caller::read;
use super::company::Change;
use super::query::Query;
use super::respond::{self, Out};
use super::route::Answered;
use super::{company, wire};
use crate::catalogue;
use crate::consent::Consent;
use crate::identity::Citizen;
use crate::ledger::{Own, PAGE_MAX, Page};
use crate::model::Subject;
use crate::prefill::{Core, Rejection, own, own_of_company, prefer, set_mandate};
use crate::space::{self, Attribute};
use crate::store;

/// How long a change of own data may take to be in force.
const CHANGE_TIME_MAX: Duration = Duration::from_secs(2);
/// A page of accesses, where no other size is asked for.
const PAGE_DEFAULT: u64 = 50;

/// `GET /v1/me/consents`.
pub(super) async fn consents(core: &Arc<Core>, citizen: Citizen, query: &Query) -> Answered {
    match company(query)? {
        Some(company) => company::consents(core, citizen, company).await,
        None => Ok(shown(core, citizen, core.port.consent_of(citizen.subject))),
    }
}

fn shown(core: &Core, citizen: Citizen, consent: Own<Arc<Consent>>) -> Out {
    let names = |number| core.port.published().named(number);
    let (catalogue, now) = (core.catalogue(), core.shared().civil.now());
    let of = citizen.subject;
    let shown = |consent: Arc<Consent>| wire::Consents::of(&consent, of, &names, catalogue, now);
    respond::own(consent.map(shown))
}

/// `PUT /v1/me/consents/preferences/{register}`.
pub(super) async fn put_preference(
    core: &Arc<Core>,
    citizen: Citizen,
    register: &str,
    query: &Query,
    request: Request<Incoming>,
) -> Answered {
    let company = company(query)?;
    let body = read(request).await?;
    let wire::PutPreference { allow } = wire::read(&body)?;
    let Some(id) = core.catalogue().find_register(register) else {
        return Ok(respond::not_found("register of that name"));
    };
    match company {
        Some(company) => {
            company::change(core, citizen, company, Change::Preference(id, allow)).await
        }
        None => Ok(shown(core, citizen, prefer(core, citizen.subject, id, allow).await?)),
    }
}

/// `PUT /v1/me/consents/mandates`.
pub(super) async fn put_mandate(
    core: &Arc<Core>,
    citizen: Citizen,
    query: &Query,
    request: Request<Incoming>,
) -> Answered {
    let acts_for = company(query)?;
    let body = read(request).await?;
    let wire::PutMandate { company, person, allow } = wire::read(&body)?;
    // Of the two sides one is who speaks, and the body names the other.
    let (member, other, unmeant) = match acts_for {
        None => ("company", company, person.map(|_| "person")),
        Some(_) => ("person", person, company.map(|_| "company")),
    };
    if let Some(unmeant) = unmeant {
        return Err(Rejection::value(unmeant, "is not the other side of this mandate"));
    }
    let other = other.ok_or_else(|| Rejection::value(member, "names the other side"))?;
    let other = identified(member, &other)?;
    match acts_for {
        Some(company) => {
            company::change(core, citizen, company, Change::Mandate(other, allow)).await
        }
        None => Ok(shown(core, citizen, set_mandate(core, citizen.subject, other, allow).await?)),
    }
}

/// The company of the query, for which the citizen acts.
fn company(query: &Query) -> Result<Option<Subject>, Rejection> {
    let Some(text) = query.text("company") else { return Ok(None) };
    match identified("company", text)? {
        company @ Subject::Legal(_) => Ok(Some(company)),
        Subject::Natural(_) => {
            Err(Rejection::value("company", "must be a legal person's identifier"))
        }
    }
}

fn identified(member: &str, text: &str) -> Result<Subject, Rejection> {
    text.parse().map_err(|why| Rejection::InvalidIdentifier { member: member.to_owned(), why })
}

/// `GET /v1/me/accesses`.
pub(super) async fn accesses(core: &Arc<Core>, citizen: Citizen, query: &Query) -> Answered {
    let page = Page {
        limit: query.number("limit", 1..=PAGE_MAX as u64)?.unwrap_or(PAGE_DEFAULT) as usize,
        before: query.number("before", 1..=u64::MAX)?,
        from: query.moment("from", 0)?,
        to: query.moment("to", 1)?,
        organisation: query.text("organisation").map(Into::into),
        procedure: query.text("procedure").map(Into::into),
    };
    if let Some(company) = company(query)? {
        return company::accesses(core, citizen, company, page).await;
    }
    let found = core.shared().accesses.of(citizen.subject, page).await;
    Ok(respond::own(found.map_err(unreadable)?.map(wire::Accesses::from)))
}

/// `GET /v1/me/export`.
pub(super) async fn export(core: &Core, citizen: Citizen) -> Answered {
    let (shared, subject) = (core.shared(), citizen.subject);
    let own_data = shared.space.all(subject).await.map_err(|error| match error {
        space::Error::Busy => Rejection::Overloaded,
        error => {
            tracing::error!(%error, "own data cannot be read");
            Rejection::Unreadable
        }
    })?;
    let held = shared.accesses.held(subject).await.map_err(unreadable)?;
    let consent = core.port.consent_of(subject);
    let (catalogue, now) = (core.catalogue(), shared.civil.now());
    let (names, consent) = (|number| core.port.published().named(number), consent.into_inner());
    let whole =
        held.map(|held| wire::Held::of(subject, &consent, held, own_data, &names, catalogue, now));
    Ok(respond::own(whole))
}

pub(super) fn unreadable(error: store::Error) -> Rejection {
    match error {
        store::Error::Busy => Rejection::Overloaded,
        error => {
            tracing::error!(%error, "what the ledger holds about somebody cannot be read");
            Rejection::Unreadable
        }
    }
}

/// `GET /v1/me/data`.
pub(super) async fn data(core: &Arc<Core>, citizen: Citizen, query: &Query) -> Answered {
    let shown = match company(query)? {
        Some(company) => own_of_company(core, citizen.subject, company).await,
        None => own(core, citizen.subject).await,
    };
    shown.map(|bundle| respond::disclosed(bundle, None))
}

/// `PUT /v1/me/data/{attribute}`.
pub(super) async fn put_data(
    core: &Core,
    citizen: Citizen,
    name: &str,
    request: Request<Incoming>,
) -> Answered {
    let Some(attribute) = Attribute::named(name) else { return Ok(no_such_attribute()) };
    let body = read(request).await?;
    let wire::PutValue { value } = wire::read(&body)?;
    let shared = core.shared();
    let change = shared.space.put(citizen.subject, attribute, &value, shared.civil.now());
    in_time(change).await.map(respond::kept)
}

/// `DELETE /v1/me/data/{attribute}`.
pub(super) async fn delete_data(core: &Core, citizen: Citizen, name: &str) -> Answered {
    let Some(attribute) = Attribute::named(name) else { return Ok(no_such_attribute()) };
    in_time(core.shared().space.delete(citizen.subject, attribute)).await?;
    Ok(respond::done())
}

fn no_such_attribute() -> Out {
    let known: Vec<_> = catalogue::own::names().collect();
    respond::not_found(&format!("such attribute; known are {}", known.join(", ")))
}

/// Waits for a change of own data as long as a change may take.
async fn in_time<T>(change: impl Future<Output = Result<T, space::Error>>) -> Result<T, Rejection> {
    let changed = tokio::time::timeout(CHANGE_TIME_MAX, change).await;
    changed.map_err(|_| Rejection::NotKept)?.map_err(|error| match error {
        space::Error::Invalid(why) => Rejection::value("value", why.to_string()),
        space::Error::Busy => Rejection::Overloaded,
        error => {
            tracing::error!(%error, "own data cannot be kept");
            Rejection::NotKept
        }
    })
}

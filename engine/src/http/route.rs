//! From a request's path to what answers it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION};
use hyper::{HeaderMap, Method, Request};

use super::query::Query;
use super::respond::{self, Out, Public};
use super::{batch, prefill, reuse, wire};
use crate::catalogue;
use crate::clock;
use crate::consent::Consent;
use crate::drain::Phase;
use crate::identity::{Citizen, Operator};
use crate::ledger::{PAGE_MAX, Page};
use crate::metrics::Format;
use crate::model::CivilMs;
use crate::prefill::{Core, Rejection, Shared, named, own, prefer};
use crate::space::{self, Attribute};
use crate::store;
use crate::trace::Context;

/// A request for a bundle is a few hundred bytes.
const BODY_MAX: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a change of consent, or of own data, may take to be in force.
const CHANGE_TIME_MAX: Duration = Duration::from_secs(2);
/// A page of lists, where no other size is asked for.
const PAGE_DEFAULT: u64 = 50;
const PROCEDURES_MAX: u64 = 1_000;
/// `2026-01-31`.
const DAY_LENGTH: usize = 10;

/// Answers one request, and counts it.
pub(super) async fn answer(core: &Arc<Core>, request: Request<Incoming>) -> Out {
    let began = clock::monotonic();
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let (route, answered) = route(core, request, &segments).await;
    let metrics = &core.shared().metrics;
    let out = answered.unwrap_or_else(|rejection| {
        metrics.problem(rejection.kind());
        respond::rejected(&rejection)
    });
    let took = clock::monotonic() - began;
    metrics.answer(route, out.status().as_u16(), took);
    out
}

pub(super) type Answered = Result<Out, Rejection>;

async fn route(
    core: &Arc<Core>,
    request: Request<Incoming>,
    path: &[&str],
) -> (&'static str, Answered) {
    let method = request.method().clone();
    let get = method == Method::GET || method == Method::HEAD;
    match path {
        ["v1", "prefill"] if method == Method::POST => {
            ("prefill", prefill::bundle(core, request).await)
        }
        ["v1", "prefill"] => ("prefill", Ok(respond::no_such_method("POST"))),
        ["v1", "prefill", "batch"] if method == Method::POST => {
            ("batch", batch::batch(core, request).await)
        }
        ["v1", "prefill", "batch"] => ("batch", Ok(respond::no_such_method("POST"))),
        ["v1", "me", "consents", "preferences", register] if method == Method::PUT => {
            ("preferences", put_preference(core, request, register).await)
        }
        ["v1", "me", "consents", "preferences", _] => {
            ("preferences", Ok(respond::no_such_method("PUT")))
        }
        ["v1", "me", "consents", "reuse"] if method == Method::POST => {
            ("reuse-consents", reuse::give(core, request).await)
        }
        ["v1", "me", "consents", "reuse"] => {
            ("reuse-consents", Ok(respond::no_such_method("POST")))
        }
        ["v1", "me", "consents", "reuse", id] if method == Method::DELETE => {
            ("reuse-consents", reuse::withdraw(core, &request, id).await)
        }
        ["v1", "me", "consents", "reuse", _] => {
            ("reuse-consents", Ok(respond::no_such_method("DELETE")))
        }
        ["v1", "me", "consents", "reuse", id, "receipt"] if get => {
            ("receipt", reuse::receipt(core, &request, id))
        }
        ["v1", "me", "accesses"] if get => ("accesses", accesses(core, &request).await),
        ["v1", "me", "data"] if get => ("own-data", own_data(core, &request).await),
        ["v1", "me", "data", attribute] if method == Method::PUT => {
            ("own-data", put_own(core, request, attribute).await)
        }
        ["v1", "me", "data", attribute] if method == Method::DELETE => {
            ("own-data", delete_own(core, &request, attribute).await)
        }
        ["v1", "me", "data", _] => ("own-data", Ok(respond::no_such_method("PUT, DELETE"))),
        ["v1", "me", "consents"] if get => ("consents", consents(core, &request)),
        ["v1", "procedures"] if get => ("procedures", procedures(core, &request)),
        ["v1", "procedures", id] if get => ("procedure", procedure(core, &request, id)),
        ["v1", "registers"] if get => ("registers", registers(core, &request)),
        ["v1", "organisations"] if get => ("organisations", organisations(core, &request)),
        ["v1", "ledger", "head"] if get => ("head", head(core, &request)),
        ["healthz"] if get => ("healthz", Ok(health(core.shared(), false, true))),
        ["readyz"] if get => ("readyz", Ok(health(core.shared(), true, !core.shared().has_admin))),
        ["metrics"] if core.shared().has_admin => ("other", Ok(respond::not_found("such path"))),
        ["metrics"] if get => ("metrics", Ok(metrics(core.shared(), request.headers()))),
        ["v1", "me", "accesses" | "consents" | "data"]
        | ["v1", "procedures" | "registers" | "organisations"]
        | ["v1", "procedures", _]
        | ["v1", "me", "consents", "reuse", _, "receipt"]
        | ["v1", "ledger", "head"]
        | ["healthz" | "readyz" | "metrics"] => ("other", Ok(respond::no_such_method("GET"))),
        _ => ("other", Ok(respond::not_found("such path"))),
    }
}

async fn put_preference(core: &Arc<Core>, request: Request<Incoming>, register: &str) -> Answered {
    let citizen = citizen(core, &request, &[]).map(|(citizen, _)| citizen)?;
    let body = read(request).await?;
    let wire::PutPreference { allow } = wire::read(&body)?;
    let shared = core.shared();
    let Some(id) = shared.catalogue.find_register(register) else {
        return Ok(respond::not_found("register of that name"));
    };
    let consent = prefer(core, citizen.subject, id, allow).await?;
    let shown =
        |consent: Arc<Consent>| wire::Consents::of(&consent, &shared.catalogue, shared.civil.now());
    Ok(respond::own(consent.map(shown)))
}

fn consents(core: &Core, request: &Request<Incoming>) -> Answered {
    let (citizen, _) = citizen(core, request, &[])?;
    let consent = core.port.consent_of(citizen.subject);
    let shared = core.shared();
    let shown =
        |consent: Arc<Consent>| wire::Consents::of(&consent, &shared.catalogue, shared.civil.now());
    Ok(respond::own(consent.map(shown)))
}

async fn own_data(core: &Arc<Core>, request: &Request<Incoming>) -> Answered {
    let (citizen, _) = citizen(core, request, &[])?;
    own(core, citizen.subject).await.map(respond::disclosed)
}

async fn put_own(core: &Core, request: Request<Incoming>, name: &str) -> Answered {
    let (citizen, _) = citizen(core, &request, &[])?;
    let Some(attribute) = Attribute::named(name) else { return Ok(no_such_attribute()) };
    let body = read(request).await?;
    let wire::PutValue { value } = wire::read(&body)?;
    let shared = core.shared();
    let change = shared.space.put(citizen.subject, attribute, &value, shared.civil.now());
    in_time(change).await.map(respond::kept)
}

async fn delete_own(core: &Core, request: &Request<Incoming>, name: &str) -> Answered {
    let (citizen, _) = citizen(core, request, &[])?;
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

async fn accesses(core: &Core, request: &Request<Incoming>) -> Answered {
    let (citizen, query) = citizen(core, request, &["limit", "before", "from", "to"])?;
    let page = Page {
        limit: query.number("limit", 1..=PAGE_MAX as u64)?.unwrap_or(PAGE_DEFAULT) as usize,
        before: query.number("before", 1..=u64::MAX)?,
        from: queried(&query, "from", 0)?,
        to: queried(&query, "to", 1)?,
    };
    let found = core.shared().accesses.of(citizen.subject, page).await;
    let found = found.map_err(|error| match error {
        store::Error::Busy => Rejection::Overloaded,
        error => {
            tracing::error!(%error, "a list of accesses cannot be read");
            Rejection::Unreadable
        }
    })?;
    Ok(respond::own(found.map(wire::Accesses::from)))
}

fn queried(query: &Query, name: &'static str, days: i64) -> Result<Option<CivilMs>, Rejection> {
    query.text(name).map(|text| moment(text, name, days)).transpose()
}

/// A day, or an exact moment; a day's end is that of the last day named.
pub(super) fn moment(text: &str, name: &'static str, days: i64) -> Result<CivilMs, Rejection> {
    // A time without an offset parses as a day, too, and its hours would be lost.
    let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == DAY_LENGTH);
    if let Some(day) = day {
        let day = if days > 0 { day.tomorrow().unwrap_or(day) } else { day };
        return Ok(clock::start_of(day));
    }
    let moment: Result<jiff::Timestamp, _> = text.parse();
    let wrong = "must be a day such as 2026-01-31, or an RFC 3339 time";
    moment.map(jiff::Timestamp::as_millisecond).map_err(|_| Rejection::value(name, wrong))
}

fn procedures(core: &Core, request: &Request<Incoming>) -> Answered {
    let query = Query::parse(request.uri().query(), &["limit", "after"])?;
    let catalogue = &core.shared().catalogue;
    let limit = query.number("limit", 1..=PROCEDURES_MAX)?.unwrap_or(PAGE_DEFAULT) as usize;
    let forms = catalogue.procedures().iter().filter(|procedure| !procedure.own_view);
    let mut known: Vec<_> = forms.collect();
    known.sort_by(|a, b| a.name.cmp(&b.name));
    let start = match query.text("after") {
        None => 0,
        Some(after) => known.partition_point(|procedure| &*procedure.name <= after),
    };
    let page = &known[start..known.len().min(start + limit)];
    let next = page.last().filter(|_| start + page.len() < known.len());
    Ok(respond::public(&Public(wire::Procedures {
        procedures: page.iter().map(|known| wire::ProcedureRow::of(known, catalogue)).collect(),
        next: next.map(|last| &*last.name),
    })))
}

fn procedure(core: &Core, request: &Request<Incoming>, id: &str) -> Answered {
    Query::parse(request.uri().query(), &[])?;
    let catalogue = &core.shared().catalogue;
    let found = catalogue.find_procedure(id);
    let found = found.ok_or_else(|| Rejection::UnknownProcedure(named(id).into()))?;
    let found = wire::Procedure::of(catalogue.procedure(found), catalogue);
    Ok(respond::public(&Public(found)))
}

fn registers(core: &Core, request: &Request<Incoming>) -> Answered {
    Query::parse(request.uri().query(), &[])?;
    Ok(respond::public(&Public(wire::Registers::of(&core.shared().catalogue))))
}

fn organisations(core: &Core, request: &Request<Incoming>) -> Answered {
    Query::parse(request.uri().query(), &[])?;
    Ok(respond::public(&Public(wire::Organisations::of(&core.shared().catalogue))))
}

fn head(core: &Core, request: &Request<Incoming>) -> Answered {
    Query::parse(request.uri().query(), &[])?;
    Ok(respond::public(&Public(wire::Head::from(core.shared().ledger.published().head()))))
}

/// Everything reads the older text; who wants OpenMetrics says so.
pub(super) fn metrics(shared: &Shared, headers: &HeaderMap) -> Out {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = match accepted.into_iter().any(|value| value.contains("openmetrics-text")) {
        true => Format::OpenMetrics,
        false => Format::Text,
    };
    respond::metrics(Public(shared.exposition(format)), format)
}

/// Alive tells that the process answers; ready also that the ledger takes entries.
/// Why it does not, is told to whoever runs it.
pub(super) fn health(shared: &Shared, ready: bool, in_detail: bool) -> Out {
    let latch = shared.ledger.published().latch().map(|latch| ("ledger", latch.to_string()));
    let shortage = shared.room.shortage().map(|(free, floor)| {
        let mib = |bytes| bytes >> 20;
        ("disk", format!("{} MiB are free, and {} must be", mib(free), mib(floor)))
    });
    let leaves = shared.drain.phase() > Phase::Serving;
    let leaves = leaves.then(|| ("drain", "the engine is on its way out".to_owned()));
    let reasons = latch.into_iter().chain(shortage).chain(leaves);
    let reasons: BTreeMap<_, _> = reasons.filter(|_| ready).collect();
    let well = reasons.is_empty();
    let status = match (ready, well) {
        (false, _) => "ok",
        (true, true) => "ready",
        (true, false) => "not-ready",
    };
    let reasons = if in_detail { reasons } else { BTreeMap::new() };
    let health = wire::Health { status, time_scale: shared.civil.scale(), reasons };
    respond::health(well, &Public(health))
}

/// The caller's place in a trace; one that is malformed, or stands twice, is none.
pub(super) fn trace(headers: &HeaderMap) -> Option<Context> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = Context::parse(parents.next()?.to_str().ok()?)?;
    let states = headers.get_all("tracestate").iter();
    let states: Option<Vec<&str>> = states.map(|state| state.to_str().ok()).collect();
    parents.next().is_none().then(|| parent.with_state(states.unwrap_or_default().into_iter()))
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let alone = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    alone.then(|| token.trim()).filter(|token| !token.is_empty())
}

pub(super) fn operator(core: &Core, headers: &HeaderMap) -> Result<Operator, Rejection> {
    let missing = "an operator's token is needed: `Authorization: Bearer <token>`";
    let token = bearer(headers).ok_or(Rejection::Unauthenticated(missing))?;
    let operator = core.shared().directory.operator(token);
    let operator = operator.ok_or(Rejection::Unauthenticated("the token is not an operator's"))?;
    // Before the body is read: nobody unknown has one read.
    match core.shared().catalogue.find_organisation(&operator.organisation) {
        Some(_) => Ok(operator),
        None => {
            Err(Rejection::Unauthenticated("the token names no organisation of this catalogue"))
        }
    }
}

pub(super) fn citizen(
    core: &Core,
    request: &Request<Incoming>,
    known: &[&str],
) -> Result<(Citizen, Query), Rejection> {
    let missing = "a citizen's token is needed: `Authorization: Bearer <token>`";
    let token = bearer(request.headers()).ok_or(Rejection::Unauthenticated(missing))?;
    let citizen = core.shared().directory.citizen(token);
    let citizen = citizen.ok_or(Rejection::Unauthenticated("the token is not a citizen's"))?;
    Ok((citizen, Query::parse(request.uri().query(), known)?))
}

/// Reads a body within its bounds.
pub(super) async fn read(request: Request<Incoming>) -> Result<hyper::body::Bytes, Rejection> {
    let body = request.into_body();
    if body.size_hint().lower() > BODY_MAX as u64 {
        return Err(Rejection::TooLarge(BODY_MAX));
    }
    let whole = Limited::new(body, BODY_MAX).collect();
    match tokio::time::timeout(BODY_TIME_MAX, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejection::TooLarge(BODY_MAX)),
        Ok(Err(_)) => Err(Rejection::Malformed("the body ended early".to_owned())),
        Err(_) => Err(Rejection::Malformed("the body took too long to arrive".to_owned())),
    }
}

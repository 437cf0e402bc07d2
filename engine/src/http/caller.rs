//! Who calls, and what they send.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Request};

use crate::identity::{Citizen, Operator};
use crate::prefill::{Core, Rejection};
use crate::trace::Context;

/// A request for a bundle is a few hundred bytes.
pub(super) const BODY_MAX: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// The operator whose token a request bears.
pub(super) fn operator(core: &Core, headers: &HeaderMap) -> Result<Operator, Rejection> {
    let missing = "an operator's token is needed: `Authorization: Bearer <token>`";
    let token = bearer(headers).ok_or(Rejection::Unauthenticated(missing))?;
    let operator = core.directory().operator(token);
    let operator = operator.ok_or(Rejection::Unauthenticated("the token is not an operator's"))?;
    // Before the body is read: nobody unknown has one read.
    match core.catalogue().find_organisation(&operator.organisation) {
        Some(_) => Ok(operator),
        None => {
            Err(Rejection::Unauthenticated("the token names no organisation of this catalogue"))
        }
    }
}

/// The citizen whose token a request bears.
pub(super) fn citizen(core: &Core, headers: &HeaderMap) -> Result<Citizen, Rejection> {
    let missing = "a citizen's token is needed: `Authorization: Bearer <token>`";
    let token = bearer(headers).ok_or(Rejection::Unauthenticated(missing))?;
    let citizen = core.directory().citizen(token);
    citizen.ok_or(Rejection::Unauthenticated("the token is not a citizen's"))
}

/// The one bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let alone = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    alone.then(|| token.trim()).filter(|token| !token.is_empty())
}

/// The caller's place in a trace; one that is malformed, or stands twice, is none.
pub(super) fn trace(headers: &HeaderMap) -> Option<Context> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = Context::parse(parents.next()?.to_str().ok()?)?;
    let states = headers.get_all("tracestate").iter();
    let states: Option<Vec<&str>> = states.map(|state| state.to_str().ok()).collect();
    parents.next().is_none().then(|| parent.with_state(states.unwrap_or_default().into_iter()))
}

/// Reads a body within its bounds.
pub(super) async fn read(request: Request<Incoming>) -> Result<Bytes, Rejection> {
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

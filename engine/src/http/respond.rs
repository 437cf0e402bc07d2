//! Every response is made here: what may leave, and with which status.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::wire::{self, Problem};
use crate::consent::Bundle;
use crate::ledger::{Disclosed, Own};
use crate::metrics::Format;
use crate::prefill::Rejection;
use crate::space;

/// What goes out.
pub(super) type Out = Response<Full<Bytes>>;

/// Something that says nothing of any person.
#[derive(Debug)]
pub struct Public<T>(pub T);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const TEXT_METRICS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A bundle that the ledger has recorded.
pub(super) fn disclosed(bundle: Disclosed<Bundle>) -> Out {
    personal(bundle.into_inner().body.into())
}

/// What the ledger holds about the citizen who asks.
pub(super) fn own<T: Serialize>(own: Own<T>) -> Out {
    personal(json(&own.into_inner()))
}

/// What the citizen who asks has made.
pub(super) fn created<T: Serialize>(made: Own<T>) -> Out {
    let mut out = own(made);
    *out.status_mut() = StatusCode::CREATED;
    out
}

/// What the citizen who asks has added, now that it is kept.
pub(super) fn kept(kept: space::Kept) -> Out {
    personal(json(&wire::Kept::from(kept)))
}

/// It is done, and there is nothing to say.
pub(super) fn done() -> Out {
    let mut out = Response::new(Full::default());
    *out.status_mut() = StatusCode::NO_CONTENT;
    out
}

/// What everybody may read.
pub(super) fn public<T: Serialize>(value: &Public<T>) -> Out {
    response(StatusCode::OK, JSON, json(&value.0))
}

/// Metrics, as Prometheus reads them.
pub(super) fn metrics(text: Public<String>, format: Format) -> Out {
    let content = match format {
        Format::OpenMetrics => OPEN_METRICS,
        Format::Text => TEXT_METRICS,
    };
    response(StatusCode::OK, content, text.0.into())
}

/// Whether the engine can do its work.
pub(super) fn health<T: Serialize>(ready: bool, value: &Public<T>) -> Out {
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response(status, JSON, json(&value.0))
}

/// Why there is nothing to answer.
pub(super) fn rejected(rejection: &Rejection) -> Out {
    let (status, title) = status(rejection);
    let (member, check) = match rejection {
        Rejection::InvalidIdentifier { member, why } => (Some(&**member), Some(why.check())),
        Rejection::InvalidValue { member, .. } => (Some(&**member), None),
        _ => (None, None),
    };
    let detail = rejection.to_string();
    let mut out = problem(status, rejection.kind(), title, detail, member, check);
    if status == StatusCode::UNAUTHORIZED {
        out.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    out
}

/// There is no such thing.
pub(super) fn not_found(what: &str) -> Out {
    let detail = format!("there is no {what}");
    problem(StatusCode::NOT_FOUND, "about:blank", "Not Found", detail, None, None)
}

/// The path takes other methods.
pub(super) fn no_such_method(allowed: &'static str) -> Out {
    let detail = format!("this path takes {allowed}");
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut out = problem(status, "about:blank", "Method Not Allowed", detail, None, None);
    out.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    out
}

fn status(rejection: &Rejection) -> (StatusCode, &'static str) {
    match rejection {
        Rejection::Malformed(_) => (StatusCode::BAD_REQUEST, "The request is malformed"),
        Rejection::Unauthenticated(_) => {
            (StatusCode::UNAUTHORIZED, "The token is missing or unknown")
        }
        Rejection::NoAuthority(_) => (StatusCode::FORBIDDEN, "The organisation may not have this"),
        Rejection::NoPresence(_) => {
            (StatusCode::FORBIDDEN, "The citizen is not shown to be present")
        }
        Rejection::NoReuseConsent(_) => (StatusCode::FORBIDDEN, "There is no consent to reuse"),
        Rejection::UnknownProcedure(_) => (StatusCode::NOT_FOUND, "There is no such procedure"),
        Rejection::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "The request is too large"),
        Rejection::InvalidIdentifier { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "An identifier is invalid")
        }
        Rejection::InvalidValue { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "A value is invalid"),
        Rejection::Quota => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Rejection::NotRecorded => {
            (StatusCode::SERVICE_UNAVAILABLE, "The ledger could not record it")
        }
        Rejection::NotKept => (StatusCode::SERVICE_UNAVAILABLE, "Own data could not be kept"),
        Rejection::Unreadable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Rejection::ConsentChanging => (StatusCode::SERVICE_UNAVAILABLE, "The consent is changing"),
        Rejection::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "The engine is overloaded"),
    }
}

fn problem(
    status: StatusCode,
    kind: &str,
    title: &str,
    detail: String,
    member: Option<&str>,
    check: Option<&'static str>,
) -> Out {
    let problem = Problem { kind, title, status: status.as_u16(), detail, member, check };
    response(status, PROBLEM, json(&problem))
}

fn personal(body: Bytes) -> Out {
    let mut out = response(StatusCode::OK, JSON, body);
    out.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    out
}

fn response(status: StatusCode, content: HeaderValue, body: Bytes) -> Out {
    let mut out = Response::new(Full::new(body));
    *out.status_mut() = status;
    out.headers_mut().insert(CONTENT_TYPE, content);
    out
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("our own types are JSON").into()
}

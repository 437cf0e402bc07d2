//! Every response is made here: what may leave, and with which status.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::wire::{self, Problem};
use crate::consent::Bundle;
use crate::ledger::{Disclosed, Own};
use crate::metrics::Format;
use crate::prefill::Rejection;
use crate::space;

/// What goes out.
pub(super) type Out = Response<Body>;

/// A body that is there whole, or comes bit by bit.
pub(super) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

/// Something that says nothing of any person.
#[derive(Debug)]
pub struct Public<T>(pub T);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NOTHING_BUT_STYLE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const TEXT_METRICS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A bundle that the ledger has recorded. In a demonstration it says how long it
/// took, and whether it came out of memory (<https://www.w3.org/TR/server-timing/>).
pub(super) fn disclosed(bundle: Disclosed<Bundle>, took: Option<Duration>) -> Out {
    let bundle = bundle.into_inner();
    let mut out = personal(bundle.body.into());
    if let Some(took) = took {
        let cache = if bundle.kept { "hit" } else { "miss" };
        let ms = took.as_secs_f64() * 1_000.0;
        let timing = HeaderValue::try_from(format!("cache;desc={cache}, total;dur={ms:.3}"));
        out.headers_mut().insert(SERVER_TIMING, timing.expect("words and digits"));
    }
    out
}

/// One line of a bulk job's answer. Only [`line`] makes one.
pub(super) struct Line {
    status: StatusCode,
    /// What stands before a bundle, or all of a problem.
    head: Vec<u8>,
    bundle: Option<Vec<u8>>,
}

impl Line {
    /// The status that a single request would have been answered with.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.head);
        if let Some(bundle) = &self.bundle {
            bytes.extend_from_slice(bundle);
            bytes.push(b'}');
        }
        bytes.push(b'\n');
    }

    fn len(&self) -> usize {
        self.head.len() + self.bundle.as_ref().map_or(0, Vec::len) + 2
    }
}

/// What became of one line of a bulk job.
pub(super) fn line(index: u64, answered: Result<Disclosed<Bundle>, Rejection>) -> Line {
    match answered {
        Ok(bundle) => {
            let head = format!("{{\"index\":{index},\"status\":200,\"bundle\":").into_bytes();
            Line { status: StatusCode::OK, head, bundle: Some(bundle.into_inner().body) }
        }
        Err(rejection) => {
            let (status, problem) = told(&rejection);
            let problem = wire::ProblemLine { index, status: status.as_u16(), problem };
            let head = serde_json::to_vec(&problem).expect("our own types are JSON");
            Line { status, head, bundle: None }
        }
    }
}

/// The lines of a bulk job, as they come: those that come together in one piece.
pub(super) fn lines(lines: impl Stream<Item = Vec<Line>> + Send + 'static) -> Out {
    let frames = lines.map(|lines| {
        let mut bytes = Vec::with_capacity(lines.iter().map(Line::len).sum());
        lines.iter().for_each(|line| line.put(&mut bytes));
        Ok(Frame::data(bytes.into()))
    });
    let body = Either::Right(UnsyncBoxBody::new(StreamBody::new(frames)));
    let mut out = Response::new(body);
    out.headers_mut().insert(CONTENT_TYPE, LINES);
    out.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    out
}

/// What the ledger holds about the citizen who asks.
pub(super) fn own<T: Serialize>(own: Own<T>) -> Out {
    personal(json(&own.into_inner()))
}

/// What is held about the citizen who asks, to be kept as a file of this name.
pub(super) fn file<T: Serialize>(held: Own<T>, name: &str) -> Out {
    let mut out = own(held);
    let attached = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let attached = attached.expect("we name files in ASCII");
    out.headers_mut().insert(CONTENT_DISPOSITION, attached);
    out
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
    let mut out = Response::new(Either::Left(Full::default()));
    *out.status_mut() = StatusCode::NO_CONTENT;
    out
}

/// What everybody may read.
pub(super) fn public<T: Serialize>(value: &Public<T>) -> Out {
    response(StatusCode::OK, JSON, json(&value.0))
}

/// A page that loads nothing and runs nothing.
pub(super) fn page(page: &Public<&'static String>) -> Out {
    let mut out = response(StatusCode::OK, HTML, Bytes::from_static(page.0.as_bytes()));
    out.headers_mut().insert(CONTENT_SECURITY_POLICY, NOTHING_BUT_STYLE);
    out.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out
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
    let (status, problem) = told(rejection);
    let mut out = response(status, PROBLEM, json(&problem));
    if status == StatusCode::UNAUTHORIZED {
        out.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    out
}

/// A rejection, as its sender may read it.
fn told(rejection: &Rejection) -> (StatusCode, Problem<'_>) {
    let (code, title) = status(rejection);
    let (member, check) = match rejection {
        Rejection::InvalidIdentifier { member, why } => (Some(&**member), Some(why.check())),
        Rejection::InvalidValue { member, .. } => (Some(&**member), None),
        _ => (None, None),
    };
    let (kind, detail) = (rejection.kind(), rejection.to_string());
    (code, Problem { kind, title, status: code.as_u16(), detail, member, check })
}

/// There is no such thing.
pub(super) fn not_found(what: &str) -> Out {
    let detail = format!("there is no {what}");
    problem(StatusCode::NOT_FOUND, "Not Found", detail)
}

/// The path takes other methods.
pub(super) fn no_such_method(allowed: &str) -> Out {
    let detail = format!("this path takes {allowed}");
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut out = problem(status, "Method Not Allowed", detail);
    out.headers_mut()
        .insert(ALLOW, HeaderValue::from_str(allowed).expect("methods are visible ASCII"));
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
        Rejection::NoMandate => (StatusCode::FORBIDDEN, "There is no mandate"),
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
        Rejection::Unreadable | Rejection::MandateUnshown => {
            (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
        Rejection::ConsentChanging => (StatusCode::SERVICE_UNAVAILABLE, "The consent is changing"),
        Rejection::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "The engine is overloaded"),
    }
}

/// What HTTP itself says.
fn problem(status: StatusCode, title: &str, detail: String) -> Out {
    let (kind, code) = ("about:blank", status.as_u16());
    let problem = Problem { kind, title, status: code, detail, member: None, check: None };
    response(status, PROBLEM, json(&problem))
}

fn personal(body: Bytes) -> Out {
    let mut out = response(StatusCode::OK, JSON, body);
    out.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    out
}

fn response(status: StatusCode, content: HeaderValue, body: Bytes) -> Out {
    let mut out = Response::new(Either::Left(Full::new(body)));
    *out.status_mut() = status;
    out.headers_mut().insert(CONTENT_TYPE, content);
    out
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("our own types are JSON").into()
}

//! One HTTP exchange with a register: a request out, a bounded body in.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::http::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode};
use uuid::Uuid;

use super::errors::{self, Means};
use super::json::parse;
use super::pool::Lease;
use super::template::{Place, fill};
use super::{Endpoint, Failure, Group};
use crate::catalogue::{Dialect, Method, Register};
use crate::model::Unavailable;
use crate::trace::Context;

/// The headers of a trace.
const TRACES: usize = 2;

/// What a register said, undecoded.
pub(super) enum Answered {
    /// Something to decode.
    Body(Vec<u8>),
    /// It does not know the key.
    NotFound,
}

/// A response, read whole.
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends a request and reads at most `most` bytes of what comes back. The caller
/// bounds the time.
pub(super) async fn send(
    mut lease: Lease<'_>,
    request: Request<Full<Bytes>>,
    most: usize,
) -> Result<Said, Failure> {
    let response = lease.send(request).await?;
    let (parts, body) = response.into_parts();
    let body = read(&parts.headers, body, most).await?;
    lease.give_back();
    Ok(Said { status: parts.status, headers: parts.headers, body })
}

/// Whether a response is an answer; errors within a 200 are the decoder's.
pub(super) fn judge(dialect: &Dialect, said: Said) -> Result<Answered, Failure> {
    let Said { status, headers, mut body } = said;
    let marked = is_marked(dialect, &headers);
    if status == StatusCode::OK && !marked {
        return Ok(Answered::Body(body));
    }
    let errors = errors::described(dialect, status == StatusCode::OK, marked);
    let told = errors.and_then(|errors| {
        let parsed = parse(&mut body).ok()?;
        errors::told(errors, parsed.root()).map(|told| (told.means, told.retry_after))
    });
    let (means, told_retry) = told.map_or((None, None), |(means, retry)| (Some(means), retry));
    let retry_after = told_retry.or_else(|| retry_after(&headers));
    match means {
        Some(Means::NotFound) if !marked => return Ok(Answered::NotFound),
        Some(means @ (Means::Maintenance | Means::Overloaded)) => {
            return Err(Failure { reason: means.reason(), retry_after });
        }
        _ => {}
    }
    match status {
        // Where a body tells of errors, a 404 is what its codes say.
        StatusCode::NOT_FOUND if dialect.not_found && means.is_none() && !marked => {
            Ok(Answered::NotFound)
        }
        StatusCode::TOO_MANY_REQUESTS if !marked => {
            Err(Failure { reason: Unavailable::Overloaded, retry_after })
        }
        StatusCode::SERVICE_UNAVAILABLE if !marked && retry_after.is_some() => {
            Err(Failure { reason: Unavailable::Maintenance, retry_after })
        }
        _ => Err(Failure { reason: Unavailable::Error, retry_after: told_retry }),
    }
}

/// Whether a header says that a response is a failure.
pub(super) fn is_marked(dialect: &Dialect, headers: &HeaderMap) -> bool {
    dialect.error_header.as_ref().is_some_and(|name| headers.contains_key(&**name))
}

/// What all requests to one register have in common, made once.
pub(super) struct Head {
    base: Box<str>,
    /// Those that are always the same.
    fixed: Vec<(HeaderName, HeaderValue)>,
    /// The names of those that a description fills anew for each request.
    filled: Vec<HeaderName>,
}

impl Head {
    /// `None` where the description or the place makes none.
    pub(super) fn of(endpoint: &Endpoint, register: &Register) -> Option<Self> {
        let json = HeaderValue::from_static("application/json");
        let host = HeaderValue::try_from(endpoint.authority()).ok()?;
        let mut fixed = vec![(HOST, host), (ACCEPT, json.clone())];
        fixed.extend(endpoint.headers.iter().cloned());
        let dialect = register.http();
        fixed.extend(dialect.body.as_ref().map(|_| (CONTENT_TYPE, json)));
        let names = dialect.headers.iter().map(|header| HeaderName::try_from(&*header.name));
        let filled = names.collect::<Result<_, _>>().ok()?;
        Some(Self { base: endpoint.base.clone(), fixed, filled })
    }
}

/// The request that asks about some keys; `None` where what it was filled with
/// makes none.
pub(super) fn request(
    head: &Head,
    register: &Register,
    group: &Group,
    keys: &[(Box<str>, Uuid)],
) -> Option<Request<Full<Bytes>>> {
    let filled = |template, place| fill(template, place, register, group, keys);
    let dialect = register.http();
    let body = dialect.body.as_ref().map(|body| filled(body, Place::Body).into());
    let mut request = Request::new(Full::new(body.unwrap_or_default()));
    *request.method_mut() = match dialect.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    let path = filled(&dialect.path, Place::Path);
    let path = if head.base.is_empty() { path } else { format!("{}{path}", head.base) };
    *request.uri_mut() = path.try_into().ok()?;
    let mut headers = HeaderMap::with_capacity(head.fixed.len() + head.filled.len() + TRACES);
    for (name, value) in &head.fixed {
        headers.append(name, value.clone());
    }
    for (name, header) in head.filled.iter().zip(&dialect.headers) {
        headers.append(name, filled(&header.value, Place::Header).try_into().ok()?);
    }
    *request.headers_mut() = headers;
    Some(request)
}

/// Tells the register of which trace a call is part, unless its description has
/// headers of those names.
pub(super) fn put_trace(headers: &mut HeaderMap, trace: Option<&Context>) {
    let Some(trace) = trace else { return };
    let state = trace.tracestate().map(str::to_owned);
    for (name, value) in [("traceparent", Some(trace.traceparent())), ("tracestate", state)] {
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        if let Some(value) = value.filter(|_| !headers.contains_key(name)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Reads a body whole, unless it is longer than `most` bytes.
async fn read(headers: &HeaderMap, body: Incoming, most: usize) -> Result<Vec<u8>, Failure> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let declared = declared.and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
    if declared > most {
        return Err(Unavailable::Invalid.into());
    }
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        // Cut off before its declared end, or longer than the limit.
        Err(_) => Err(Unavailable::Invalid.into()),
    }
}

/// Seconds; a date is not read, since clocks differ.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

//! One HTTP exchange with a register: a request out, a bounded body in.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{HeaderMap, Request, Response, StatusCode};
use uuid::Uuid;

use super::pool::Pool;
use super::template::{Place, fill};
use super::{Failure, Group};
use crate::catalogue::{Method, Register};
use crate::model::Unavailable;

/// What a register said, undecoded.
pub(super) enum Answered {
    /// Something to decode.
    Body(Vec<u8>),
    /// It does not know the key.
    NotFound,
}

/// Asks once. The caller bounds the time.
pub(super) async fn exchange(
    pool: &Pool,
    register: &Register,
    group: &Group,
    keys: &[(Box<str>, Uuid)],
) -> Result<Answered, Failure> {
    let request = request(pool, register, group, keys).ok_or(Unavailable::Error)?;
    let (response, lease) = pool.send(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read(response, register.limits.body).await?;
    lease.give_back();
    let failed = register.error_header.as_ref().is_some_and(|name| headers.contains_key(&**name));
    match status {
        _ if failed => Err(Unavailable::Error.into()),
        StatusCode::OK => Ok(Answered::Body(body)),
        StatusCode::NOT_FOUND if register.not_found => Ok(Answered::NotFound),
        StatusCode::TOO_MANY_REQUESTS => {
            Err(Failure { reason: Unavailable::Overloaded, retry_after: retry_after(&headers) })
        }
        StatusCode::SERVICE_UNAVAILABLE => match retry_after(&headers) {
            None => Err(Unavailable::Error.into()),
            retry_after => Err(Failure { reason: Unavailable::Maintenance, retry_after }),
        },
        _ => Err(Unavailable::Error.into()),
    }
}

fn request(
    pool: &Pool,
    register: &Register,
    group: &Group,
    keys: &[(Box<str>, Uuid)],
) -> Option<Request<Full<Bytes>>> {
    let filled = |template, place| fill(template, place, register, group, keys);
    let method = match register.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(filled(&register.path, Place::Path))
        .header(HOST, pool.host())
        .header(ACCEPT, "application/json");
    for header in &register.headers {
        request = request.header(&*header.name, filled(&header.value, Place::Header));
    }
    let body = match &register.body {
        None => Bytes::new(),
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            filled(body, Place::Body).into()
        }
    };
    request.body(Full::new(body)).ok()
}

/// Reads a body whole, unless it is longer than `most` bytes.
async fn read(response: Response<Incoming>, most: usize) -> Result<Vec<u8>, Failure> {
    let declared = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let declared = declared.and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
    if declared > most {
        return Err(Unavailable::Invalid.into());
    }
    match Limited::new(response.into_body(), most).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        // Cut off before its declared end, or longer than the limit.
        Err(_) => Err(Unavailable::Invalid.into()),
    }
}

/// Seconds; a date is not read, since clocks differ.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

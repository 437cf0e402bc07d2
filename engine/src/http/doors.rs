//! Ways in for those who throw bytes at what reads them: each is one parser of
//! the API, as the routes use it, without anything behind it.

use std::ops::RangeInclusive;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::HeaderMap;
use hyper::body::Frame;

use super::lines::Lines;
use super::query::{Query, moment as read_moment};
use super::{caller, wire};
use crate::identity::Operator;
use crate::model::CivilMs;
use crate::prefill::{Asked, Rejection};

/// Reads a body of `POST /v1/prefill`.
///
/// # Errors
/// What the API would refuse it with.
pub fn asked(body: &[u8]) -> Result<Asked, Rejection> {
    let operator = Operator { organisation: "anybody".into() };
    wire::read::<wire::Prefill>(body)?.asked_by(operator)
}

/// Reads a query string of these members.
///
/// # Errors
/// What the API would refuse it with.
pub fn query(text: &str, known: &[&str]) -> Result<Vec<(String, String)>, Rejection> {
    Query::parse(Some(text), known).map(Query::into_pairs)
}

/// Reads one number of a query string.
///
/// # Errors
/// What the API would refuse it with.
pub fn number(
    text: &str,
    known: &[&str],
    name: &'static str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Rejection> {
    Query::parse(Some(text), known)?.number(name, range)
}

/// Reads a day or a moment; `days` of one means the end of that day.
///
/// # Errors
/// What the API would refuse it with.
pub fn moment(text: &str, days: i64) -> Result<CivilMs, Rejection> {
    read_moment(text, "from", days)
}

/// The one bearer token of a request.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    caller::bearer(headers)
}

/// The longest line of a bulk job.
pub const LINE_MAX: usize = super::lines::LINE_MAX;

/// Cuts a body that arrives in these pieces into the lines of a bulk job. It needs a
/// runtime with time.
pub async fn lines(pieces: Vec<Bytes>) -> Vec<(u64, Result<Vec<u8>, Rejection>)> {
    let frames =
        pieces.into_iter().map(|piece| Ok::<_, std::convert::Infallible>(Frame::data(piece)));
    let mut lines = Lines::of(StreamBody::new(stream::iter(frames)));
    let mut read = Vec::new();
    while let Some(line) = lines.next().await {
        read.push(line);
    }
    read
}

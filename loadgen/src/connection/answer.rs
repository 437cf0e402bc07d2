//! The head of an answer: what of it sending and measuring need.

use httparse::{EMPTY_HEADER, Header, Response, Status};

use crate::results::Cache;
use crate::target::Error;

/// More than any answer has.
const HEADERS_MAX: usize = 64;

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunks,
    UntilClosed,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is_html: bool,
    pub(super) cache: Option<Cache>,
    pub(super) framing: Framing,
    /// Whether the connection ends with it.
    pub(super) closes: bool,
}

impl Answer {
    /// The head and its length, or none while bytes are missing.
    ///
    /// # Errors
    /// Where it is no head of HTTP/1.1, or says two things about its body.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut response = Response::new(&mut headers);
        let length = match response.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(_) => return Err(Error::NotHttp),
        };
        let status = response.code.expect("a whole head has a status");
        let mut answer = Self {
            status,
            is_html: false,
            cache: None,
            framing: Framing::UntilClosed,
            closes: response.version == Some(0),
        };
        for header in response.headers.iter() {
            answer.read(header)?;
        }
        if matches!(status, 100..=199 | 204 | 304) {
            answer.framing = Framing::Length(0);
        }
        answer.closes |= answer.framing == Framing::UntilClosed;
        Ok(Some((answer, length)))
    }

    fn read(&mut self, header: &Header<'_>) -> Result<(), Error> {
        let (name, value) = (header.name, header.value.trim_ascii());
        if name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(value).ok().filter(|it| !it.starts_with('+'));
            let length = text.and_then(|it| it.parse().ok()).ok_or(Error::NotHttp)?;
            if self.framing != Framing::UntilClosed {
                return Err(Error::NotHttp);
            }
            self.framing = Framing::Length(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if self.framing != Framing::UntilClosed || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Error::NotHttp);
            }
            self.framing = Framing::Chunks;
        } else if name.eq_ignore_ascii_case("connection") {
            self.closes |= value.eq_ignore_ascii_case(b"close");
        } else if name.eq_ignore_ascii_case("content-type") {
            self.is_html = value.starts_with(b"text/html");
        } else if name.eq_ignore_ascii_case("server-timing") {
            self.cache = cache(value);
        }
        Ok(())
    }
}

/// The entry `cache;desc=hit` or `cache;desc=miss`
/// (<https://www.w3.org/TR/server-timing/>).
pub(super) fn cache(value: &[u8]) -> Option<Cache> {
    let entries = std::str::from_utf8(value).ok()?.split(',');
    let mut of_cache = entries.filter_map(|entry| entry.trim().strip_prefix("cache;desc="));
    match of_cache.next()?.trim_matches('"') {
        "hit" => Some(Cache::Hit),
        "miss" => Some(Cache::Miss),
        _ => None,
    }
}

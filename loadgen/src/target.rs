//! Where to send, what a request is, and what comes back.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use hyper::Uri;

use crate::results::Cache;

/// Where the API is: `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    address: String,
}

impl Target {
    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a target is http://host:port; TLS is not spoken here";
        let uri: Uri = text.parse().map_err(|_| WRONG)?;
        let plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/");
        let host = uri.host().filter(|_| plain && uri.query().is_none()).ok_or(WRONG)?;
        Ok(Self { address: format!("{host}:{}", uri.port_u16().unwrap_or(80)) })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.address)
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Error {
    /// Nobody is there.
    #[error("nothing is listening")]
    Refused,
    /// No connection for another reason.
    #[error("no connection")]
    Unreachable,
    /// The connection ended before the answer did.
    #[error("connection closed")]
    Closed,
    /// The connection was reset.
    #[error("connection reset")]
    Reset,
    /// Something else answered.
    #[error("not HTTP/1.1")]
    NotHttp,
    /// Nothing came within the time limit.
    #[error("no answer in time")]
    Timeout,
    /// More bytes than any answer of the API has.
    #[error("answer too long")]
    TooLong,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Whether it is a web page: something else than the API answers here.
    pub is_html: bool,
    /// Whether the target had it already, where `Server-Timing` tells.
    pub cache: Option<Cache>,
    /// The whole body.
    pub body: Bytes,
}

/// One request, ready to be sent as often as wanted.
///
/// Invariant: its texts are made of what stands in tokens and paths, without
/// control characters (`Message::is_sound`).
#[derive(Clone, Debug)]
pub struct Message {
    /// Such as `POST`.
    pub method: &'static str,
    /// The path, with its query.
    pub path: String,
    /// More lines of the head, each ended by CR LF: a token, a content type.
    pub head: String,
    /// The body; empty for none.
    pub body: Bytes,
}

impl Message {
    /// Reads a public resource.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self { method: "GET", path: path.into(), head: String::new(), body: Bytes::new() }
    }

    /// Whether a path can stand in the first line of a request.
    #[must_use]
    pub fn is_path(path: &str) -> bool {
        path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Its bytes in HTTP/1.1.
    pub(crate) fn write(&self, target: &Target, close: bool, out: &mut Vec<u8>) {
        let mut text = |parts: &[&str]| {
            parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        };
        text(&[self.method, " ", &self.path, " HTTP/1.1\r\nhost: ", &target.address, "\r\n"]);
        text(&[&self.head]);
        if close {
            text(&["connection: close\r\n"]);
        }
        if self.method != "GET" {
            text(&["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        text(&["\r\n"]);
        out.extend_from_slice(&self.body);
    }
}

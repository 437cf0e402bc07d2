//! Where to send, what a request is, and what comes back.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use bytes::Bytes;
use hyper::Uri;

use crate::results::Cache;

/// Where the API is: `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    is_secure: bool,
    address: String,
}

impl Target {
    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether TLS is spoken there.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The host alone, without the brackets around an address of IPv6.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is this machine, as far as its name tells.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host().parse::<IpAddr>();
        self.host() == "localhost" || address.is_ok_and(|it| it.is_loopback())
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a target is http://host:port or https://host:port, without a path";
        let uri: Uri = text.parse().map_err(|_| WRONG)?;
        let (is_secure, port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(WRONG),
        };
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        // A name before the host would be a credential, which nobody reads.
        let is_bare = is_bare && uri.authority().is_some_and(|it| !it.as_str().contains('@'));
        let host = uri.host().filter(|_| is_bare).ok_or(WRONG)?;
        Ok(Self { is_secure, address: format!("{host}:{}", uri.port_u16().unwrap_or(port)) })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.address)
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
    #[error("not HTTP")]
    NotHttp,
    /// Whoever answers is not vouched for.
    #[error("certificate not trusted")]
    Certificate,
    /// TLS was not agreed on.
    #[error("no TLS")]
    Tls,
    /// The target does not speak what was wanted within TLS.
    #[error("protocol not spoken by the target")]
    NoCommonProtocol,
    /// The request has bytes that cannot be sent.
    #[error("request that cannot be sent")]
    NotSendable,
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

    /// Whether it says how long its body is, also where there is none of it.
    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD")
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
        if self.has_body() {
            text(&["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        text(&["\r\n"]);
        out.extend_from_slice(&self.body);
    }
}

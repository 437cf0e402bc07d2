//! How to send: over HTTP/1.1, one request at a time on a connection of its
//! own, or over HTTP/2, many at a time on a connection that they share.

mod answer;
mod http1;
mod http2;
mod stream;
mod tls;

use std::time::Duration;

use crate::target::{Error, Message, Reply, Target};

pub use stream::Dial;
pub use tls::{Authorities, Trust, Untrusted};

#[cfg(test)]
mod tests;

/// Far beyond the engine's own deadline (2 s) and its wait for the ledger (1 s).
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// A bundle takes a few KB, a list of procedures some 100 KB.
const BODY_BYTES_MAX: usize = 4 << 20;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: agreed on within TLS, or known beforehand without.
    Http2,
}

/// How connections are made and kept.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// How long an answer may take.
    pub timeout: Duration,
    /// So many requests on one connection at most; 1 is no keep-alive.
    pub requests_max: Option<u64>,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whom to believe where the target speaks TLS; nobody where there is none.
    pub trust: Option<Trust>,
    /// How a target is reached.
    pub dial: Dial,
}

impl Default for Keeping {
    fn default() -> Self {
        let (protocol, dial) = (Protocol::default(), Dial::default());
        Self { timeout: TIMEOUT, requests_max: None, protocol, trust: None, dial }
    }
}

/// A place to send one request after another. It opens with the first, and
/// again after it was closed.
#[derive(Debug)]
pub enum Connection {
    /// A connection of its own.
    Http1(Box<http1::Connection>),
    /// A share in one.
    Http2(http2::Connection),
}

impl Connection {
    /// A connection that is not open yet.
    #[must_use]
    pub fn new(target: Target, keeping: Keeping) -> Self {
        match keeping.protocol {
            Protocol::Http1 => Self::Http1(Box::new(http1::Connection::new(target, keeping))),
            Protocol::Http2 => Self::Http2(http2::Connection::new(target, keeping)),
        }
    }

    /// Another place to send: on the same connection where requests share one.
    #[must_use]
    pub fn beside(&self) -> Self {
        match self {
            Self::Http1(it) => Self::Http1(Box::new(it.another())),
            Self::Http2(it) => Self::Http2(it.clone()),
        }
    }

    /// Sends one message and reads the whole answer.
    ///
    /// # Errors
    /// Where there is none; a broken connection is opened anew for the next
    /// message.
    pub async fn send(&mut self, message: &Message) -> Result<Reply, Error> {
        match self {
            Self::Http1(it) => it.send(message).await,
            Self::Http2(it) => it.send(message).await,
        }
    }
}

//! Where a register is, how the way to it is secured, and what it is shown.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::net::{Connect, Stream};

/// HTTP/2, as peers name it who agree upon a protocol within TLS (RFC 9113).
const HTTP_2: &[u8] = b"h2";
/// What we speak, the best first.
pub const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];

/// Where the registers of a catalogue are, by name.
pub type Endpoints = HashMap<Box<str>, Endpoint>;

/// One register's place. `Debug` shows no credential.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// A name to be looked up, or an address.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// What stands before the path of each request: nothing, or `/base`.
    pub base: Box<str>,
    /// What every request carries besides, such as a key.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How the connection is secured, where it is.
    pub tls: Option<Secured>,
}

/// How a connection is secured: whom we believe, and what we show.
#[derive(Clone)]
pub struct Secured {
    /// As rustls takes it.
    pub config: Arc<ClientConfig>,
    /// SHA-256 of what it was made from: rustls compares no configurations.
    pub digest: [u8; 32],
}

impl PartialEq for Secured {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(std::net::IpAddr),
    /// A name, which is looked up for each connection.
    Name(Box<str>),
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.authority()).finish()
    }
}

impl From<SocketAddr> for Endpoint {
    /// Plain HTTP, without credentials.
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Host::Address(address.ip()),
            port: address.port(),
            base: "".into(),
            headers: Vec::new(),
            tls: None,
        }
    }
}

impl Endpoint {
    /// What goes into the `host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        match &self.host {
            Host::Address(ip) => SocketAddr::new(*ip, self.port).to_string(),
            Host::Name(name) => format!("{name}:{}", self.port),
        }
    }

    /// Opens a connection, and tells whether HTTP/2 is spoken on it, which is agreed
    /// upon within TLS alone. The caller bounds the time it may take.
    pub(super) async fn open(&self, connect: &dyn Connect) -> io::Result<(Box<dyn Stream>, bool)> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in self.addresses(connect).await? {
            match connect.connect(address).await {
                Ok(stream) => return self.secured(stream).await,
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn addresses(&self, connect: &dyn Connect) -> io::Result<Vec<SocketAddr>> {
        match &self.host {
            Host::Address(ip) => Ok(vec![SocketAddr::new(*ip, self.port)]),
            Host::Name(name) => connect.look_up(name.clone(), self.port).await,
        }
    }

    async fn secured(&self, stream: Box<dyn Stream>) -> io::Result<(Box<dyn Stream>, bool)> {
        let Some(tls) = &self.tls else { return Ok((stream, false)) };
        let name = match &self.host {
            Host::Address(ip) => ServerName::from(*ip),
            Host::Name(name) => ServerName::try_from(name.to_string()).map_err(io::Error::other)?,
        };
        let stream = TlsConnector::from(tls.config.clone()).connect(name, stream).await?;
        let agreed = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        Ok((Box::new(stream), agreed))
    }
}

//! Where the engine listens, and where its registers are.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::{self, AUTHORIZATION, HeaderName, HeaderValue};
use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::secured::{self, SystemRoots};
use super::{Pem, Reading, secret};
use crate::catalogue::reader::{Placed, Table};
use crate::catalogue::{Catalogue, Register};
use crate::http::{Limits, Tls};
use crate::registers::{Endpoint, Endpoints, Host};

/// Less would end connections that do nothing wrong.
const TIME_LEAST: Duration = Duration::from_millis(100);
/// More bounds nothing.
const TIME_MOST: Duration = Duration::from_secs(60 * 60);

/// What the engine writes itself into each request to a register. A second one would
/// say where the request ends, or for whom it is, in two ways.
const OURS: [HeaderName; 10] = [
    header::HOST,
    header::ACCEPT,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
];

/// `"127.0.0.1:8443"`.
pub(super) fn address(
    reading: &Reading<'_>,
    table: &Table<'_>,
    key: &'static str,
    example: &str,
) -> Option<SocketAddr> {
    parsed(reading, key, &table.required(key, example)?)
}

/// By default only this machine may ask. It is not where the API listens.
pub(super) fn admin(
    reading: &Reading<'_>,
    table: &Table<'_>,
    listen: Option<SocketAddr>,
) -> Option<SocketAddr> {
    let admin = match table.text("admin") {
        None => SocketAddr::from(([127, 0, 0, 1], 9_090)),
        Some(written) => parsed(reading, "admin", &written)?,
    };
    // Port 0 is another one each time.
    if listen == Some(admin) && admin.port() != 0 {
        let what = format!("`admin` and `listen` are both {admin}; each needs a port of its own");
        reading.mistake(table.line_of("admin"), what);
    }
    Some(admin)
}

fn parsed(reading: &Reading<'_>, key: &str, written: &Placed) -> Option<SocketAddr> {
    let parsed = written.text.parse().ok();
    if parsed.is_none() {
        let what = format!("`{key}` must be an address and a port, such as \"127.0.0.1:8443\"");
        reading.mistake(written.line, what);
    }
    parsed
}

/// The listener's certificate and key, which must fit.
pub(super) fn tls(reading: &Reading<'_>, table: &Table<'_>) -> Option<Option<Pem>> {
    let Some(tls) = table.table("tls") else { return Some(None) };
    let certificates = tls.required("certificate", "\"server.pem\"");
    let key = tls.required("key", "\"server.key\"");
    tls.finish();
    let (certificates, key) = (certificates?, key?);
    let pem =
        Pem { certificates: reading.bytes(&certificates)?, key: secret::of_file(reading, &key)? };
    if let Err(error) = Tls::from_pem(&pem.certificates, &pem.key) {
        reading.mistake(certificates.line, error.to_string());
        return None;
    }
    Some(Some(pem))
}

/// Tokens and bundles must not cross a network in the clear.
pub(super) fn is_secured(reading: &Reading<'_>, table: &Table<'_>, listen: SocketAddr, tls: bool) {
    let ends_before = table.flag("tls-ends-before");
    if !tls && !ends_before && !listen.ip().is_loopback() {
        let what = format!(
            "{listen} is open to others in plaintext: write [tls], or tls-ends-before = true \
             where TLS ends before this engine"
        );
        reading.mistake(table.line_of("listen"), what);
    }
}

pub(super) fn limits(table: &Table<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(written) = table.table("limits") else { return limits };
    if let Some(connections) = written.integer("connections", 1..=1_000_000) {
        limits.connections = connections as usize;
    }
    if let Some(streams) = written.integer("streams", 1..=10_000) {
        limits.streams = streams;
    }
    let time = |key, limit: &mut Duration| match written.duration(key) {
        None => {}
        Some(time) if (TIME_LEAST..=TIME_MOST).contains(&time) => *limit = time,
        Some(_) => {
            written.mistake(written.line_of(key), format!("`{key}` must be from 100ms to 1h"));
        }
    };
    time("handshake", &mut limits.handshake);
    time("head", &mut limits.head);
    time("idle", &mut limits.idle);
    time("stall", &mut limits.stall);
    written.finish();
    limits
}

/// One `[register.<id>]` for each register of the catalogue.
pub(super) fn registers(
    reading: &Reading<'_>,
    table: &Table<'_>,
    catalogue: Option<&Catalogue>,
) -> Option<Endpoints> {
    let line = table.line_of("register");
    // A configuration without any has the same mistakes as one without some.
    let registers = table.table("register");
    let known: Vec<&Register> = catalogue.map_or(Vec::new(), |it| it.registers().iter().collect());
    let named = registers.as_ref().map_or_else(Vec::new, Table::keys);
    for name in &named {
        if catalogue.is_some() && known.iter().all(|it| it.name != name.text) {
            let what = format!("the catalogue has no register `{}`", name.text);
            reading.mistake(name.line, what);
        }
    }
    let given: HashSet<&str> = named.iter().map(|name| &*name.text).collect();
    let missing = known.iter().filter(|register| !given.contains(&*register.name));
    for register in missing {
        let what = format!(
            "where is `{0}`? write [register.{0}] with url = \"https://..\"",
            register.name
        );
        reading.mistake(line, what);
    }
    let system = SystemRoots::default();
    let read = named.iter().filter_map(|name| {
        let endpoint = endpoint(reading, registers.as_ref()?.table_under(name)?, &system)?;
        Some((name.text.clone(), endpoint))
    });
    Some(read.collect())
}

fn endpoint(reading: &Reading<'_>, table: Table<'_>, system: &SystemRoots) -> Option<Endpoint> {
    let url = table.required("url", "\"https://register.example/base\"");
    let mut headers = Vec::new();
    if let Some(written) = table.table("headers") {
        headers.extend(credentials(reading, &written));
    }
    let line = table.line_of("basic");
    if let Some(basic) = table.table("basic") {
        if headers.iter().any(|(name, _)| name == AUTHORIZATION) {
            reading.mistake(line, "`basic` is another `authorization`, and there is one already");
        }
        headers.extend(basic_credentials(reading, basic));
    }
    let plain = table.flag("plaintext");
    let tls = secured::read(reading, &table, url.as_ref(), system);
    table.finish();
    let url = url?;
    let mut endpoint = place(reading, &url)?;
    let secured = secured::is(&url);
    let local = matches!(endpoint.host, Host::Address(ip) if ip.is_loopback());
    if !secured && !plain && !local {
        let what = "people's data would cross a network in the clear: use https, or write \
                    plaintext = true where the way is secured otherwise";
        reading.mistake(url.line, what);
    }
    endpoint.headers = headers;
    endpoint.tls = tls?;
    Some(endpoint)
}

/// The parts of a URL; a mistake where there are others, or one is none.
fn place(reading: &Reading<'_>, url: &Placed) -> Option<Endpoint> {
    let read = parts(&url.text);
    if read.is_none() {
        let what = "`url` must be http:// or https://, a host, and perhaps a port and a path";
        reading.mistake(url.line, what);
    }
    read
}

/// A URL's place, where it is one.
pub(super) fn parts(url: &str) -> Option<Endpoint> {
    // A fragment is not told by what parses, and a user is not of a request.
    let parsed: Uri = url.parse().ok().filter(|_| !url.contains(['@', '#', '?']))?;
    let default = match parsed.scheme_str()?.to_ascii_lowercase().as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let authority = parsed.authority()?;
    let host = authority.host();
    // What follows the host is no port where it is not one: 99999 must not be 80.
    let port = match authority.as_str().strip_prefix(host)? {
        "" => default,
        written => written.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match bare.unwrap_or(host).parse::<IpAddr>() {
        Ok(address) => Host::Address(address),
        // What is no name cannot be looked up, nor stand in a certificate.
        Err(_) => Host::Name(ServerName::try_from(host).ok().map(|_| host.into())?),
    };
    let base = parsed.path().trim_end_matches('/').into();
    Some(Endpoint { host, port, base, headers: Vec::new(), tls: None })
}

/// Headers whose values are secrets.
fn credentials(reading: &Reading<'_>, table: &Table<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for name in table.keys() {
        let Some(value) = secret::named(reading, table, &name) else { continue };
        let header = HeaderName::try_from(&*name.text.to_ascii_lowercase());
        match (header, sensitive(&value)) {
            (Ok(header), _) if OURS.contains(&header) => {
                reading.mistake(name.line, format!("the engine writes `{header}` itself"));
            }
            (Ok(header), _) if headers.iter().any(|(known, _)| *known == header) => {
                reading.mistake(name.line, format!("`{header}` stands twice"));
            }
            (Ok(header), Some(value)) => headers.push((header, value)),
            _ => reading.mistake(name.line, format!("`{}` makes no valid header", name.text)),
        }
    }
    headers
}

fn basic_credentials(reading: &Reading<'_>, table: Table<'_>) -> Option<(HeaderName, HeaderValue)> {
    use base64::Engine as _;

    let user = table.required("user", "\"prefill\"");
    let password = secret::bytes(reading, &table, "password");
    table.finish();
    let (user, password) = (user?, password?);
    if user.text.contains(':') {
        // What follows it would be taken for the password (RFC 7617, section 2).
        reading.mistake(user.line, "a `user` has no colon");
    }
    let mut pair = Zeroizing::new(user.text.as_bytes().to_vec());
    pair.push(b':');
    pair.extend_from_slice(&password);
    let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*pair));
    let value = Zeroizing::new(format!("Basic {}", *encoded));
    Some((AUTHORIZATION, sensitive(value.as_bytes())?))
}

/// A header's value that is not shown, and whose memory is wiped when it goes.
fn sensitive(value: &[u8]) -> Option<HeaderValue> {
    let wiped = Bytes::from_owner(Zeroizing::new(value.to_vec()));
    let mut value = HeaderValue::from_maybe_shared(wiped).ok()?;
    value.set_sensitive(true);
    Some(value)
}

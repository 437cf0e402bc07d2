//! Where the engine listens, and where its registers are.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::secured::{self, SystemRoots};
use super::{Pem, Reading, secret};
use crate::catalogue::reader::{Placed, Table};
use crate::catalogue::{Catalogue, Register};
use crate::http::{Limits, Tls};
use crate::registers::{Endpoint, Endpoints, Host};

/// `"127.0.0.1:8443"`.
pub(super) fn address(
    reading: &Reading<'_>,
    table: &Table<'_>,
    key: &'static str,
    example: &str,
) -> Option<SocketAddr> {
    parsed(reading, key, &table.required(key, example)?)
}

/// By default only this machine may ask.
pub(super) fn admin(reading: &Reading<'_>, table: &Table<'_>) -> Option<SocketAddr> {
    match table.text("admin") {
        None => Some(SocketAddr::from(([127, 0, 0, 1], 9_090))),
        Some(written) => parsed(reading, "admin", &written),
    }
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
    let time = |key, limit: &mut std::time::Duration| {
        if let Some(time) = written.duration(key) {
            *limit = time;
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
    if let Some(basic) = table.table("basic") {
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

/// The parts of a URL.
fn place(reading: &Reading<'_>, url: &Placed) -> Option<Endpoint> {
    let wrong = || {
        let what = "`url` must be http:// or https://, a host, and perhaps a port and a path";
        reading.mistake(url.line, what);
    };
    let parsed: Option<Uri> = url.text.parse().ok();
    let parsed = parsed.filter(|it| it.query().is_none());
    let scheme = parsed.as_ref().and_then(Uri::scheme_str);
    let (Some(parsed), Some(default)) = (
        &parsed,
        match scheme {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        },
    ) else {
        wrong();
        return None;
    };
    let Some(host) = parsed.host().filter(|host| !host.is_empty() && !url.text.contains('@'))
    else {
        wrong();
        return None;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    Some(Endpoint {
        host: bare.parse::<IpAddr>().map_or_else(|_| Host::Name(host.into()), Host::Address),
        port: parsed.port_u16().unwrap_or(default),
        base: parsed.path().trim_end_matches('/').into(),
        headers: Vec::new(),
        tls: None,
    })
}

/// Headers whose values are secrets.
fn credentials(reading: &Reading<'_>, table: &Table<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for name in table.keys() {
        let Some(value) = secret::named(reading, table, &name) else { continue };
        let header = HeaderName::try_from(&*name.text.to_ascii_lowercase());
        match (header, sensitive(&value)) {
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

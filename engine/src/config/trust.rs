//! Whose tokens are taken.

use std::collections::HashSet;
use std::time::Duration;

use super::{Reading, once};
use crate::catalogue::Catalogue;
use crate::catalogue::reader::{Placed, Table};
use crate::identity::{Issuer, KeyDigest, KeySet, Keys, Operator, Trusted};
use crate::model::CivilMs;

/// The type of a token that shows a presence.
const PRESENCE: &str = "prefill-presence+jwt";
/// A citizen is present for one form: minutes.
const PRESENCE_DEFAULT: Duration = Duration::from_secs(15 * 60);
const PRESENCE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn read(
    reading: &Reading<'_>,
    table: &Table<'_>,
    catalogue: Option<&Catalogue>,
) -> Trusted {
    let line = table.line_of("operator");
    let keys = keys(reading, table, catalogue);
    let mut trusted = Trusted { keys, ..Trusted::default() };
    if let Some(tokens) = table.table("tokens") {
        let issuer = |key, kind| tokens.table(key).and_then(|it| issuer(reading, it, kind));
        trusted.operators = issuer("operators", "prefill-operator+jwt");
        trusted.citizens = issuer("citizens", "prefill-citizen+jwt");
        trusted.presences = issuer("presence", PRESENCE);
        tokens.finish();
    }
    if trusted.keys.is_empty() && trusted.operators.is_none() {
        let what = "nobody could ask: write an [[operator]], or [tokens.operators]";
        reading.mistake(line, what);
    }
    trusted
}

fn keys(reading: &Reading<'_>, table: &Table<'_>, catalogue: Option<&Catalogue>) -> Keys {
    let mut seen = HashSet::new();
    let operators = table.tables("operator").into_iter().filter_map(|operator| {
        let organisation = operator.required("organisation", "\"justice\"");
        let digest = operator.required("key-sha256", "\"<64 hexadecimal digits>\"");
        operator.finish();
        let (organisation, digest) = (organisation?, digest?);
        known(reading, catalogue, &organisation);
        // The same digest may be written in other digits: of two, one would be nobody's.
        let digest = Placed { text: digest.text.to_ascii_lowercase().into(), ..digest };
        let bytes = unhex(once(reading, &mut seen, &digest));
        if bytes.is_none() {
            let what =
                "`key-sha256` must be 64 hexadecimal digits: engine key makes a key and its digest";
            reading.mistake(digest.line, what);
        }
        Some((bytes?, Operator { organisation: organisation.text }))
    });
    operators.collect()
}

fn known(reading: &Reading<'_>, catalogue: Option<&Catalogue>, organisation: &Placed) {
    let unknown = |catalogue: &Catalogue| catalogue.find_organisation(&organisation.text).is_none();
    if catalogue.is_some_and(unknown) {
        let what = format!("the catalogue has no organisation `{}`", organisation.text);
        reading.mistake(organisation.line, what);
    }
}

fn issuer(reading: &Reading<'_>, table: Table<'_>, default: &str) -> Option<Issuer> {
    let issuer = table.required("issuer", "\"https://login.example\"");
    let audience = table.required("audience", "\"prefill\"");
    let kind = table.text("type").map_or_else(|| default.into(), |kind| kind.text);
    for (name, written) in [("issuer", &issuer), ("audience", &audience)] {
        if let Some(written) = written.as_ref().filter(|it| !it.is_said()) {
            reading.mistake(written.line, format!("`{name}` must say something"));
        }
    }
    let keys = table.required("keys", "\"jwks.json\"");
    let keys = keys.and_then(|file| key_set(reading, &file));
    // Two kinds alike would let one token serve as another.
    let is_presence = default == PRESENCE;
    if !kind.to_ascii_lowercase().starts_with(default) {
        let what =
            format!("`type` must begin with \"{default}\", so that no token serves as another");
        reading.mistake(table.line_of("type"), what);
    }
    let lifetime = lifetime(reading, &table, is_presence);
    table.finish();
    Some(Issuer {
        issuer: issuer?.text,
        audience: audience?.text,
        kind,
        lifetime_max_ms: lifetime.map(|time| time.as_millis() as CivilMs),
        keys: keys?,
    })
}

fn lifetime(reading: &Reading<'_>, table: &Table<'_>, is_presence: bool) -> Option<Duration> {
    let line = table.line_of("lifetime-max");
    let written = table.duration("lifetime-max");
    if written.is_some_and(|time| time.is_zero()) {
        reading.mistake(line, "no token could live for less than `lifetime-max`");
    }
    if is_presence && written.is_some_and(|time| time > PRESENCE_MAX) {
        reading.mistake(line, "`lifetime-max` of a presence is at most 1d");
    }
    written.or(is_presence.then_some(PRESENCE_DEFAULT))
}

fn key_set(reading: &Reading<'_>, file: &Placed) -> Option<KeySet> {
    let bytes = reading.bytes(file)?;
    let read = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned());
    let read = read.and_then(|text| KeySet::from_jwks(&text));
    let wrong = |why: &String| reading.mistake(file.line, format!("{}: {why}", file.text));
    read.inspect_err(wrong).ok()
}

fn unhex(text: &str) -> Option<KeyDigest> {
    let mut bytes = KeyDigest::default();
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

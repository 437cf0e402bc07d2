//! Fills a register's request templates.

use uuid::Uuid;

use super::Group;
use crate::catalogue::{Part, Register, Template};

/// Where a filled template stands, which decides how its parts are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Percent-encoded; lists are separated by commas.
    Path,
    /// As it is; visible ASCII only.
    Header,
    /// As JSON; lists are arrays.
    Body,
}

/// Fills a template for one call.
pub(super) fn fill(
    template: &Template,
    place: Place,
    register: &Register,
    group: &Group,
    keys: &[(Box<str>, Uuid)],
) -> String {
    let mut text = String::with_capacity(128);
    for part in &template.0 {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Key => word(&mut text, place, keys.first().map_or("", |(key, _)| key)),
            Part::Keys => list(&mut text, place, keys.iter().map(|(key, _)| &**key)),
            Part::Fields => list(&mut text, place, fields(register, group)),
            Part::Disclosure => disclosures(&mut text, place, keys),
            Part::Organisation => word(&mut text, place, &group.organisation),
            Part::Procedure => word(&mut text, place, &group.procedure),
        }
    }
    text
}

/// Each key's disclosure, separated by commas.
fn disclosures(text: &mut String, place: Place, keys: &[(Box<str>, Uuid)]) {
    let mut buffer = Uuid::encode_buffer();
    if let [(_, disclosure)] = keys {
        return word(text, place, disclosure.hyphenated().encode_lower(&mut buffer));
    }
    let ids: Vec<_> = keys.iter().map(|(_, disclosure)| disclosure.to_string()).collect();
    word(text, place, &ids.join(","));
}

/// What a call asks for by name, each once: several attributes may stand in one
/// field.
fn fields<'a>(register: &'a Register, group: &Group) -> impl Iterator<Item = &'a str> {
    let always = register.http().always.iter().map(|name| &**name);
    let wanted = group.attributes.iter().map(|index| &*register.attributes[index].ask_as);
    let mut named: Vec<&str> = Vec::new();
    for name in always.chain(wanted) {
        if !named.contains(&name) {
            named.push(name);
        }
    }
    named.into_iter()
}

fn list<'a>(text: &mut String, place: Place, words: impl Iterator<Item = &'a str>) {
    let words: Vec<&str> = words.collect();
    match place {
        Place::Body => text.push_str(&serde_json::to_string(&words).expect("texts are JSON")),
        Place::Path | Place::Header => {
            for (index, part) in words.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                word(text, place, part);
            }
        }
    }
}

fn word(text: &mut String, place: Place, word: &str) {
    match place {
        Place::Body => text.push_str(&serde_json::to_string(word).expect("a text is JSON")),
        // Nearly every word stays as it is.
        Place::Header if word.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
            text.push_str(word);
        }
        Place::Header => text.extend(word.chars().filter(|c| (' '..='~').contains(c))),
        Place::Path if word.bytes().all(is_unreserved) => text.push_str(word),
        Place::Path => word.bytes().for_each(|byte| match is_unreserved(byte) {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }),
    }
}

/// What a path takes as it is (RFC 3986, section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

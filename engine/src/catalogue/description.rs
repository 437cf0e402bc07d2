//! Reads a register's file into its description.

use std::time::Duration;

use super::reader::{File, Line, Placed, Table};
use super::register::{
    Attribute, Body, Header, Key, Kind, Leaf, Limits, Method, Part, Register, Share, Template,
};
use crate::model::{AttributeMask, RegisterId};

/// Answers are kept for no longer than a day.
const TTL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A request's deadline is at most 30 seconds; a longer call serves nobody.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(2);
const GRAIN_DEFAULT: Duration = Duration::from_secs(60);
/// Enough for one core at a few milliseconds a call, and little to a register.
const CONNECTIONS_DEFAULT: u32 = 32;
/// What waits longer than 64 calls of 32 connections misses its deadline anyway.
const WAITING_DEFAULT: u32 = 2_048;
/// A person's whole file in one register is a few kilobytes.
const BODY_DEFAULT: u32 = 256 * 1024;

/// A register as its file says, before other files are looked at.
pub(super) struct Draft {
    pub(super) register: Register,
    pub(super) name_line: Line,
    pub(super) key: Placed,
}

/// Reads one register's file.
pub(super) fn read(file: &File<'_>, id: RegisterId) -> Option<Draft> {
    let document = file.parse();
    let table = Table::root(file, &document);
    let name = table.name("id");
    let label = table.labels("label");
    let natural = table.choice("of", &[("natural", true), ("legal", false)]).unwrap_or(true);
    let key = table.required("key", "\"subject\" or \"register.attribute\"");
    let share = [("any", Share::Any), ("organisation", Share::Organisation), ("call", Share::Call)];
    let share = table.choice("share", &share).unwrap_or(Share::Organisation);
    let ask_all = table.choice("ask", &[("all", true), ("needed", false)]).unwrap_or(false);
    let preference = table.flag("preference");
    let bounded = |key, most: Duration, default| {
        let value = table.duration(key).unwrap_or(default);
        if value > most {
            table.mistake(table.line_of(key), format!("`{key}` is at most {} s", most.as_secs()));
        }
        value
    };
    let ttl = bounded("ttl", TTL_MAX, Duration::ZERO);
    let timeout = bounded("timeout", TIMEOUT_MAX, TIMEOUT_DEFAULT);
    let grain = bounded("grain", TTL_MAX, GRAIN_DEFAULT).max(Duration::from_secs(1));
    if share == Share::Any && grain < ttl {
        let what = "`share` = \"any\" needs a `grain` of at least the `ttl`: \
                    an age would tell one organisation when another asked";
        table.mistake(table.line_of("share"), what);
    }
    if timeout.is_zero() {
        table.mistake(table.line_of("timeout"), "`timeout` must be more than zero");
    }
    let batch = table.integer("batch", 1..=1_000).unwrap_or(1) as usize;
    let limits = read_limits(&table);
    let request = read_request(&table, batch);
    let answer = read_answer(&table);
    let attributes = read_attributes(&table);
    table.finish();
    let (name, key) = (name?, key?);
    let (method, path, headers, body) = request?;
    let AnswerShape { elements, about, updated, error_header, not_found, leaf } = answer?;
    let name_line = name.line;
    let name = name.text;
    let register = Register {
        id,
        name,
        label,
        natural,
        key: Key::Subject,
        share,
        ask_all,
        preference,
        ttl,
        grain,
        timeout,
        limits,
        batch,
        method,
        path,
        headers,
        body,
        elements,
        about,
        updated,
        error_header,
        not_found,
        leaf,
        attributes,
    };
    Some(Draft { register, name_line, key })
}

fn read_limits(register: &Table<'_>) -> Limits {
    Limits {
        connections: register.integer("connections", 1..=1_024).unwrap_or(CONNECTIONS_DEFAULT)
            as usize,
        waiting: register.integer("waiting", 0..=65_536).unwrap_or(WAITING_DEFAULT) as usize,
        body: register.integer("body-max", 1_024..=16_777_216).unwrap_or(BODY_DEFAULT) as usize,
    }
}

type Request = (Method, Template, Vec<Header>, Option<Body>);

fn read_request(register: &Table<'_>, batch: usize) -> Option<Request> {
    let Some(table) = register.table("request") else {
        register.mistake(register.line(), "the table [request] is missing");
        return None;
    };
    let method = table.choice("method", &[("GET", Method::Get), ("POST", Method::Post)]);
    let method = method.unwrap_or(Method::Get);
    let path =
        table.required("path", "\"/path/{key}\"").map(|path| (template(&table, &path), path));
    let body = table.text("body").map(|body| template(&table, &body));
    let headers = table.table("headers").map(|headers| read_headers(&headers)).unwrap_or_default();
    let line = table.line();
    if let Some((template, path)) = &path {
        if !path.text.starts_with('/') {
            table.mistake(path.line, "`path` must start with /");
        }
        if method == Method::Get && !template.0.contains(&Part::Key) {
            table.mistake(path.line, "the path of a GET must contain {key}");
        }
        if template.0.contains(&Part::Keys) {
            table.mistake(path.line, "{keys} stands in a body only");
        }
    }
    match (&body, method) {
        (Some(body), Method::Post)
            if !body.0.contains(&Part::Keys) && !body.0.contains(&Part::Key) =>
        {
            table.mistake(table.line_of("body"), "the body of a POST must contain {keys} or {key}");
        }
        (None, Method::Post) => table.mistake(line, "a POST needs a `body`"),
        (Some(_), Method::Get) => table.mistake(line, "a GET has no `body`"),
        _ => {}
    }
    let takes_keys = body.as_ref().is_some_and(|body| body.0.contains(&Part::Keys));
    if batch > 1 && !takes_keys {
        table.mistake(register.line_of("batch"), "`batch` needs a POST whose body contains {keys}");
    }
    table.finish();
    Some((method, path?.0, headers, body))
}

fn read_headers(table: &Table<'_>) -> Vec<Header> {
    let pairs = table.pairs();
    let header = |(name, value): (Box<str>, Placed)| {
        if !is_token(&name) {
            table.mistake(value.line, format!("`{name}` is not a header's name"));
        }
        let visible = |byte: u8| (b' '..=b'~').contains(&byte);
        if !value.text.bytes().all(visible) {
            table.mistake(value.line, format!("the value of `{name}` must be visible ASCII"));
        }
        Header { value: template(table, &value), name }
    };
    pairs.into_iter().map(header).collect()
}

/// Whether a text is a header's name: a token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let special = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || special(byte))
}

fn template(table: &Table<'_>, text: &Placed) -> Template {
    const PLACES: [(&str, Part); 6] = [
        ("{key}", Part::Key),
        ("{keys}", Part::Keys),
        ("{fields}", Part::Fields),
        ("{disclosure}", Part::Disclosure),
        ("{organisation}", Part::Organisation),
        ("{procedure}", Part::Procedure),
    ];
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = &*text.text;
    while let Some(first) = rest.chars().next() {
        if let Some((place, part)) = PLACES.iter().find(|(place, _)| rest.starts_with(place)) {
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into()));
            }
            parts.push(part.clone());
            rest = &rest[place.len()..];
            continue;
        }
        let braced = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        if let Some((word, _)) = braced.filter(|(word, _)| is_word(word)) {
            let known: Vec<_> = PLACES.iter().map(|(place, _)| *place).collect();
            let what = format!("unknown place {{{word}}}; known are {}", known.join(" "));
            table.mistake(text.line, what);
        }
        plain.push(first);
        rest = &rest[first.len_utf8()..];
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain.into()));
    }
    Template(parts)
}

/// The part of a description that says how to read an answer.
struct AnswerShape {
    elements: Option<Box<str>>,
    about: Box<str>,
    updated: Option<Box<str>>,
    error_header: Option<Box<str>>,
    not_found: bool,
    leaf: Option<Leaf>,
}

fn read_answer(register: &Table<'_>) -> Option<AnswerShape> {
    let Some(table) = register.table("answer") else {
        register.mistake(register.line(), "the table [answer] is missing");
        return None;
    };
    let about = table.required("about", "\"/pointer/to/the/key\"");
    let about = about.and_then(|about| pointer(&table, "about", about));
    let optional = |key| table.text(key).and_then(|text| pointer(&table, key, text));
    let (elements, updated) = (optional("elements"), optional("updated"));
    let error_header = table.text("error-header").map(|name| {
        if !is_token(&name.text) {
            table.mistake(name.line, format!("`{}` is not a header's name", name.text));
        }
        name.text
    });
    let not_found = read_not_found(&table, elements.is_some());
    let leaf = table.table("leaf").map(|leaf| {
        let value: Vec<_> = leaf.texts("value").into_iter().map(|text| text.text).collect();
        if value.is_empty() {
            leaf.mistake(leaf.line(), "`value` names the members that may hold the value");
        }
        let member = |key| leaf.text(key).map(|text| text.text);
        let (unavailable, updated) = (member("unavailable"), member("updated"));
        leaf.finish();
        Leaf { value, unavailable, updated }
    });
    if register.line_of("batch") != register.line() && elements.is_none() {
        table.mistake(table.line(), "a register that takes a batch needs `elements`");
    }
    table.finish();
    Some(AnswerShape { elements, about: about?, updated, error_header, not_found, leaf })
}

/// `not-found = 404`, where that is how the register says that a key is unknown.
fn read_not_found(answer: &Table<'_>, elements: bool) -> bool {
    let Some(status) = answer.integer("not-found", 0..=999) else { return false };
    let line = answer.line_of("not-found");
    if status != 404 {
        answer.mistake(line, format!("`not-found` = {status} must be 404, or left out"));
    }
    if elements {
        let what = "with `elements`, an unknown key is one without an element: \
                    leave `not-found` out";
        answer.mistake(line, what);
    }
    true
}

fn read_attributes(register: &Table<'_>) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = Vec::new();
    for table in register.tables("attribute") {
        let name = table.name("id");
        let kind = table.required_choice("type", &Kind::CHOICES);
        let at = table.required("at", "\"/pointer\"").and_then(|at| pointer(&table, "at", at));
        let optional = |key| table.text(key).and_then(|text| pointer(&table, key, text));
        let (each, review) = (optional("each"), optional("review"));
        let ask_as = table.text("ask-as");
        table.finish();
        let (Some(name), Some(kind), Some(at)) = (name, kind, at) else { continue };
        if attributes.iter().any(|known| known.name == name.text) {
            register.mistake(name.line, format!("there is an attribute `{}` already", name.text));
            continue;
        }
        let ask_as = ask_as.map_or_else(|| name.text.clone(), |text| text.text);
        attributes.push(Attribute { name: name.text, kind, at, each, review, ask_as });
    }
    if attributes.is_empty() {
        register.mistake(register.line(), "a register needs at least one [[attribute]]");
    }
    if attributes.len() > AttributeMask::CAPACITY {
        register.mistake(register.line(), "a register has at most 64 attributes");
        attributes.truncate(AttributeMask::CAPACITY);
    }
    attributes
}

fn pointer(table: &Table<'_>, key: &str, text: Placed) -> Option<Box<str>> {
    if !text.text.starts_with('/') {
        let what =
            format!("`{key}` = \"{}\" must be a JSON pointer such as \"/person/name\"", text.text);
        table.mistake(text.line, what);
        return None;
    }
    Some(text.text)
}

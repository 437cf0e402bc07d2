//! Reads a register's file into its description.

use std::time::Duration;

use super::reader::{File, Line, Placed, Review, Table};
use super::register::{
    Body, Dialect, Header, Key, Limits, Method, Of, Part, Register, Share, Template,
};
use super::shape::{self, Shape, is_token};
use super::{Mistake, Source};
use crate::model::RegisterId;

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

impl Register {
    /// Compiles one register's description alone. What its key names in another
    /// register's answer is not looked for: it is as if the subject's own.
    ///
    /// # Errors
    /// Every mistake in it, by line.
    pub fn compile(source: &Source) -> Result<Self, Vec<Mistake>> {
        let file = File::new(source, Review::Due);
        let draft = read(&file, RegisterId(0));
        let mut mistakes = file.into_mistakes();
        match draft.filter(|_| mistakes.is_empty()) {
            Some(draft) => Ok(draft.register),
            None => {
                mistakes.sort_by_key(|mistake| mistake.line);
                mistakes.dedup();
                Err(mistakes)
            }
        }
    }
}

/// Reads one register's file.
pub(super) fn read(file: &File<'_>, id: RegisterId) -> Option<Draft> {
    let document = file.parse();
    let table = Table::root(file, &document);
    let name = table.name("id");
    let label = table.labels("label");
    let of = [("natural", Of::Natural), ("legal", Of::Legal), ("any", Of::Any)];
    let of = table.choice("of", &of).unwrap_or(Of::Natural);
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
    let typical = bounded("typical", timeout, Duration::ZERO);
    let dialect = read_dialect(&table);
    let attributes = shape::read_attributes(&table);
    table.finish();
    let (name, key) = (name?, key?);
    let register = Register {
        id,
        name: name.text,
        label,
        of,
        key: Key::Subject,
        share,
        ask_all,
        preference,
        ttl,
        grain,
        timeout,
        typical,
        attributes,
        dialect: Some(dialect?),
    };
    Some(Draft { register, name_line: name.line, key })
}

fn read_dialect(register: &Table<'_>) -> Option<Dialect> {
    let batch = register.integer("batch", 1..=1_000).unwrap_or(1) as usize;
    let limits = read_limits(register);
    let request = read_request(register, batch);
    let answer = shape::read_answer(register);
    let Request { method, path, headers, body, always } = request?;
    let Shape { elements, about, updated, error_header, not_found, blank_is_empty, leaf, errors } =
        answer?;
    Some(Dialect {
        limits,
        batch,
        method,
        path,
        headers,
        body,
        always,
        elements,
        about,
        updated,
        error_header,
        not_found,
        blank_is_empty,
        leaf,
        errors,
    })
}

fn read_limits(register: &Table<'_>) -> Limits {
    Limits {
        rate: register.integer("rate", 1..=1_000_000),
        connections: register.integer("connections", 1..=1_024).unwrap_or(CONNECTIONS_DEFAULT)
            as usize,
        waiting: register.integer("waiting", 0..=65_536).unwrap_or(WAITING_DEFAULT) as usize,
        body: register.integer("body-max", 1_024..=16_777_216).unwrap_or(BODY_DEFAULT) as usize,
    }
}

/// The part of a description that says how to ask.
struct Request {
    method: Method,
    path: Template,
    headers: Vec<Header>,
    body: Option<Body>,
    always: Vec<Box<str>>,
}

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
    let path = path.map(|(template, _)| template);
    let always = read_always(&table, [path.as_ref(), body.as_ref()]);
    table.finish();
    Some(Request { method, path: path?, headers, body, always })
}

/// `always = ["id"]`, which needs a place to stand in.
fn read_always(request: &Table<'_>, templates: [Option<&Template>; 2]) -> Vec<Box<str>> {
    let always = request.texts("always").into_iter().map(|text| text.text).collect::<Vec<_>>();
    let asks = templates.into_iter().flatten().any(|template| template.0.contains(&Part::Fields));
    if !always.is_empty() && !asks {
        let what = "`always` names fields to ask for: the path or the body must contain {fields}";
        request.mistake(request.line_of("always"), what);
    }
    always
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

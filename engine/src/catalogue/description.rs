//! Reads a register's file into its description.

use std::time::Duration;

use super::reader::{File, Line, Placed, Review, Table, spelled};
use super::register::{
    Body, Dialect, Header, Key, Limits, Method, Of, Part, Register, Share, Template,
};
use super::shape::{self, Shape, Unread, is_token};
use super::{Mistake, Source};
use crate::model::RegisterId;

/// What `key` says where a call names the subject.
pub(super) const SUBJECT: &str = "subject";
/// Answers are kept for no longer than a day.
const TTL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A request's deadline is at most 30 seconds; a longer call serves nobody.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(2);
const GRAIN_DEFAULT: Duration = Duration::from_secs(60);
/// Enough for two cores at a few milliseconds a call, and little to a register.
const CONNECTIONS_DEFAULT: u32 = 64;
/// What waits longer than 64 calls on each of 32 connections misses its deadline anyway.
const WAITING_DEFAULT: u32 = 2_048;
/// A person's whole file in one register is a few kilobytes.
const BODY_DEFAULT: u32 = 256 * 1024;

/// A register as its file says, before other files are looked at.
pub(super) struct Draft {
    pub(super) register: Register,
    pub(super) name_line: Line,
    pub(super) key: Placed,
    pub(super) unread: Unread,
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
        if mistakes.is_empty() {
            return Ok(draft.register);
        }
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes.dedup();
        Err(mistakes)
    }
}

/// Reads one register's file. Something stands for what cannot be read, so that
/// the rest is checked all the same; nobody sees it, as mistakes were said.
pub(super) fn read(file: &File<'_>, id: RegisterId) -> Draft {
    let document = file.parse();
    let mut unread = Unread { any: !file.is_clear(), ..Unread::default() };
    let table = Table::root(file, &document);
    let mut name = table.name("id");
    if !name.is_said() {
        name.text = file.stem().into();
    }
    let label = table.labels("label");
    let of = [("natural", Of::Natural), ("legal", Of::Legal), ("any", Of::Any)];
    let of = table.or("of", table.choice("of", &of), Of::Natural);
    unread.of = of.is_none();
    let key = table.required("key", "\"subject\" or \"register.attribute\"");
    let ask_all = table.choice("ask", &[("all", true), ("needed", false)]).unwrap_or(false);
    let preference = table.flag("preference");
    let Keeping { share, ttl, grain, timeout, typical } = read_keeping(&table);
    let dialect = read_dialect(&table);
    let attributes = shape::read_attributes(&table, &mut unread);
    table.finish();
    let register = Register {
        id,
        name: name.text,
        label,
        of: of.unwrap_or(Of::Any),
        key: Key::Subject,
        share,
        ask_all,
        preference,
        ttl,
        grain,
        timeout,
        typical,
        attributes,
        dialect: Some(dialect),
    };
    let key = key.unwrap_or(Placed { text: SUBJECT.into(), line: name.line });
    Draft { register, name_line: name.line, key, unread }
}

/// How long things take and are kept, and for whom.
struct Keeping {
    share: Share,
    ttl: Duration,
    grain: Duration,
    timeout: Duration,
    typical: Duration,
}

fn read_keeping(table: &Table<'_>) -> Keeping {
    let share = [("any", Share::Any), ("organisation", Share::Organisation), ("call", Share::Call)];
    let share = table.choice("share", &share).unwrap_or(Share::Organisation);
    let bounded = |key, most: Duration, default| {
        let value = table.or(key, table.duration(key), default)?;
        if value > most {
            let what = format!("`{key}` is at most {}", spelled(most));
            table.mistake(table.line_of(key), what);
            return None;
        }
        Some(value)
    };
    let ttl = bounded("ttl", TTL_MAX, Duration::ZERO);
    let timeout = bounded("timeout", TIMEOUT_MAX, TIMEOUT_DEFAULT);
    let grain = bounded("grain", TTL_MAX, GRAIN_DEFAULT);
    let grain = grain.map(|grain| grain.max(Duration::from_secs(1)));
    if share == Share::Any
        && let (Some(grain), Some(ttl)) = (grain, ttl)
        && grain < ttl
    {
        let what = format!(
            "`share` = \"any\" needs a `grain` of at least the `ttl`: an age would tell one \
             organisation when another asked; write grain = \"{}\"",
            spelled(ttl)
        );
        table.mistake(table.line_of("share"), what);
    }
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        table.mistake(table.line_of("timeout"), "`timeout` must be more than zero");
    }
    // A typical call is over before the register's timeout, where that is known.
    let most = timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(TIMEOUT_MAX);
    let typical = bounded("typical", most, Duration::ZERO);
    Keeping {
        share,
        ttl: ttl.unwrap_or_default(),
        grain: grain.unwrap_or(GRAIN_DEFAULT),
        timeout: timeout.unwrap_or(TIMEOUT_DEFAULT),
        typical: typical.unwrap_or_default(),
    }
}

fn read_dialect(register: &Table<'_>) -> Dialect {
    let batch = register.integer("batch", 1..=1_000).unwrap_or(1) as usize;
    let limits = read_limits(register);
    let Request { method, path, headers, body, always } = read_request(register, batch);
    let Shape { elements, about, updated, error_header, not_found, blank_is_empty, leaf, errors } =
        shape::read_answer(register);
    Dialect {
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
    }
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

fn read_request(register: &Table<'_>, batch: usize) -> Request {
    let Some(table) = register.table("request") else {
        if !register.has("request") {
            register.mistake(register.line(), "the table [request] is missing");
        }
        let (path, headers) = (Template(Vec::new()), Vec::new());
        return Request { method: Method::Get, path, headers, body: None, always: Vec::new() };
    };
    let method = table.choice("method", &[("GET", Method::Get), ("POST", Method::Post)]);
    let method = table.or("method", method, Method::Get);
    let path =
        table.required("path", "\"/path/{key}\"").map(|path| (template(&table, &path), path));
    let body = table.text("body").map(|body| template(&table, &body));
    let headers = table.table("headers").map(|headers| read_headers(&headers)).unwrap_or_default();
    if let Some((template, path)) = &path {
        if !path.text.starts_with('/') {
            table.mistake(path.line, "`path` must start with /");
        }
        if method == Some(Method::Get) && !template.0.contains(&Part::Key) {
            table.mistake(path.line, "the path of a GET must contain {key}");
        }
        if template.0.contains(&Part::Keys) {
            table.mistake(path.line, "{keys} stands in a body only");
        }
    }
    check_body(register, &table, method, body.as_ref(), batch);
    let path = path.map(|(template, _)| template);
    let always = read_always(&table, [path.as_ref(), body.as_ref()]);
    table.finish();
    let (method, path) = (method.unwrap_or(Method::Get), path.unwrap_or(Template(Vec::new())));
    Request { method, path, headers, body, always }
}

fn check_body(
    register: &Table<'_>,
    request: &Table<'_>,
    method: Option<Method>,
    body: Option<&Body>,
    batch: usize,
) {
    if body.is_none() && request.has("body") {
        return;
    }
    let names = |part| body.is_some_and(|body| body.0.contains(part));
    match (body, method) {
        (Some(_), Some(Method::Post)) if !names(&Part::Keys) && !names(&Part::Key) => {
            let what = "the body of a POST must contain {keys} or {key}";
            request.mistake(request.line_of("body"), what);
        }
        (None, Some(Method::Post)) => request.mistake(request.line(), "a POST needs a `body`"),
        (Some(_), Some(Method::Get)) => request.mistake(request.line(), "a GET has no `body`"),
        _ => {}
    }
    if batch > 1 && !names(&Part::Keys) {
        let what = "`batch` needs a POST whose body contains {keys}";
        request.mistake(register.line_of("batch"), what);
    }
}

/// `always = ["id"]`, which needs a place to stand in.
fn read_always(request: &Table<'_>, templates: [Option<&Template>; 2]) -> Vec<Box<str>> {
    let always = request.texts("always").into_iter().map(|text| text.text).collect::<Vec<_>>();
    let asks = templates.into_iter().flatten().any(|template| template.0.contains(&Part::Fields));
    let [path, body] = templates;
    let read = path.is_some() && (body.is_some() || !request.has("body"));
    if !always.is_empty() && read && !asks {
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

//! Requests for any HTTP service, written down in a file. It is checked whole
//! before anything of it is sent; `examples/template.toml` shows all of it.

mod file;
mod rows;
mod text;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use fixtures::Country;
use hyper::header::HeaderName;
use toml::Spanned;

use crate::ask::{Ask, Expects, Matches, Script};
use crate::results::Channel;
use crate::schedule::{Event, Visit};
use crate::target::Message;

use file::{Counter, File, Original, Request};
pub use file::{Error, Place};
use rows::Rows;
use text::{Source, Text, Within};

#[cfg(test)]
mod tests;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// What is written with each request already.
const OWN_HEADERS: [&str; 5] =
    ["host", "connection", "content-length", "transfer-encoding", "expect"];
/// More than any mix of requests needs.
const WEIGHTS_MAX: u64 = 1_000_000;
const REQUESTS_MAX: usize = 1_000;

/// Requests, and what their placeholders take.
#[derive(Debug)]
pub struct Template {
    country: Country,
    /// How many people take turns.
    subjects: u64,
    rows: Rows,
    counters: Vec<(String, Counter)>,
    asked: Vec<Asked>,
    /// How many requests a turn has.
    weights: u64,
}

/// One of the requests.
#[derive(Debug)]
struct Asked {
    name: Arc<str>,
    weight: u64,
    method: &'static str,
    path: Text,
    /// All lines of its head.
    head: Vec<(String, Text)>,
    /// The same where none has a placeholder.
    fixed_head: Option<String>,
    body: Text,
    fixed_body: Option<Bytes>,
    statuses: Option<Arc<[u16]>>,
    text: Option<Text>,
    json: Vec<(Arc<str>, Wanted)>,
}

/// Whose turn it is, and of what.
struct Turn {
    /// Of the run's requests.
    number: u64,
    /// Of those that counters count: of its kind, or, of visits, of all.
    count: u64,
    row: u64,
    /// A person's index in the country.
    subject: u64,
    case: u64,
}

/// What must stand at a JSON pointer.
#[derive(Debug)]
enum Wanted {
    Text(Text),
    Value(serde_json::Value),
}

impl Template {
    /// Reads a template. Its placeholders take people from this country, so
    /// many of them, spread over it.
    ///
    /// # Errors
    /// Where it cannot be used; the first mistake, with its place.
    pub fn open(path: &Path, country: Country, subjects: u64) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error::Read(path.into(), error))?;
        let file: File = toml::from_str(&text).map_err(|error| Error::Toml(path.into(), error))?;
        let original = Original { path, text: &text };
        let rows = match &file.rows {
            None => Rows::default(),
            Some(named) => read_rows(&path.with_file_name(named.get_ref()))?,
        };
        let mut counters = Vec::new();
        for (name, counter) in &file.counters {
            let Counter { from, to } = *counter.get_ref();
            if from > to {
                let what = format!("the counter `{name}` ends before it begins");
                return Err(original.at(counter.span().start, what));
            }
            counters.push((name.clone(), *counter.get_ref()));
        }
        let subjects = subjects.clamp(1, country.population());
        let mut template = Self { country, subjects, rows, counters, asked: vec![], weights: 0 };
        for (place, request) in file.requests.iter().enumerate() {
            let asked = template.asked(&original, place, request)?;
            template.weights += asked.weight;
            template.asked.push(asked);
        }
        match template.weights {
            0 => Err(original.at(0, "there is no [[request]]")),
            _ if template.asked.len() > REQUESTS_MAX || template.weights > WEIGHTS_MAX => {
                Err(original.at(0, "more requests, or more weight, than there may be"))
            }
            _ => Ok(template),
        }
    }

    /// How many different requests there are.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.asked.len()
    }

    /// The requests' names with their weights, in their order.
    #[must_use]
    pub fn shares(&self) -> Vec<(String, f64)> {
        self.asked.iter().map(|asked| (asked.name.to_string(), asked.weight as f64)).collect()
    }

    /// The same template for visits that count its requests by their places
    /// among these names.
    ///
    /// # Errors
    /// The first of them that no request has.
    pub fn counted_by(mut self, names: &[String]) -> Result<Self, String> {
        let mut known = std::mem::take(&mut self.asked);
        for name in names {
            let place = known.iter().position(|asked| *asked.name == **name);
            self.asked.push(known.swap_remove(place.ok_or_else(|| name.clone())?));
        }
        self.weights = self.asked.iter().map(|asked| asked.weight).sum();
        Ok(self)
    }

    fn asked(
        &self,
        original: &Original<'_>,
        place: usize,
        request: &Spanned<Request>,
    ) -> Result<Asked, Error> {
        let it = request.get_ref();
        let method = method(original, it)?;
        let text = |value: &Spanned<String>, within| {
            Text::parse(value.get_ref(), within, |name| self.source(name))
                .map_err(|mistake| original.within(value, mistake.at, mistake.what))
        };
        let path = text(&it.path, Within::Url)?;
        let mut blank = String::new();
        path.fill(|_| "x".into(), &mut blank);
        if !Message::is_path(&blank) {
            let what = "a path begins with `/`, and what is no letter, digit or sign stands as %XX";
            return Err(original.at(it.path.span().start, what));
        }
        let mut head = Vec::new();
        for (name, value) in &it.headers {
            let name = header(original, name)?;
            if value.get_ref().chars().any(char::is_control) {
                return Err(original.at(value.span().start, "a control character in a header"));
            }
            head.push((name, text(value, Within::Plain)?));
        }
        let body = match &it.body {
            Some(body) => text(body, within(it, body.get_ref()))?,
            None => Text::parse("", Within::Plain, |_| Err(String::new())).expect("nothing in it"),
        };
        let weight = match &it.weight {
            Some(weight) if *weight.get_ref() == 0 => {
                return Err(original.at(weight.span().start, "a weight is from 1 on"));
            }
            weight => weight.as_ref().map_or(1, |it| u64::from(*it.get_ref())),
        };
        let mut json = Vec::new();
        for (pointer, value) in &it.json {
            json.push(wanted(original, pointer, value, &text)?);
        }
        let fixed_head = head.iter().try_fold(String::new(), |all, (name, value)| {
            value.fixed().map(|value| format!("{all}{name}: {value}\r\n"))
        });
        Ok(Asked {
            name: it.name.clone().unwrap_or_else(|| format!("request {}", place + 1)).into(),
            weight,
            method,
            path,
            head,
            fixed_head,
            fixed_body: body.fixed().map(|it| Bytes::copy_from_slice(it.as_bytes())),
            body,
            statuses: statuses(original, it)?,
            text: it.text.as_ref().map(|it| text(it, Within::Plain)).transpose()?,
            json,
        })
    }

    /// What a placeholder stands for.
    fn source(&self, name: &str) -> Result<Source, String> {
        if let Some(column) = name.strip_prefix("row.") {
            return self.rows.column(column).map(Source::Column).ok_or_else(|| {
                match self.rows.columns() {
                    [] => format!("`{name}`: the template names no file of `rows`"),
                    known => format!("no column `{column}`; there is {}", known.join(", ")),
                }
            });
        }
        match name {
            "number" => Ok(Source::Number),
            "subject" => Ok(Source::Subject),
            "case" => Ok(Source::Case),
            "person.matricule" => Ok(Source::Matricule),
            "person.givenName" => Ok(Source::GivenName),
            "person.familyName" => Ok(Source::FamilyName),
            "person.dateOfBirth" => Ok(Source::DateOfBirth),
            _ => {
                let counter = self.counters.iter().position(|(known, _)| known == name);
                counter.map(Source::Counter).ok_or_else(|| {
                    let counters = self.counters.iter().map(|(known, _)| format!(", {known}"));
                    format!(
                        "no placeholder `{name}`; there is number, subject, case, \
                         person.matricule, person.givenName, person.familyName, person.dateOfBirth, row.COLUMN{}",
                        counters.collect::<String>()
                    )
                })
            }
        }
    }

    /// Which request is sent for an event, and whose turn it is.
    fn turn(&self, event: &Event) -> (usize, Turn) {
        let (number, population) = (event.number, self.country.population());
        if let Some(Visit { procedure, subject, case, .. }) = event.visit {
            let person = subject % population;
            let turn = Turn { number, count: number, row: subject, subject: person, case };
            return (usize::from(procedure), turn);
        }
        let (round, mut left) = (number / self.weights, number % self.weights);
        let mut group = 0;
        while left >= self.asked[group].weight {
            left -= self.asked[group].weight;
            group += 1;
        }
        let count = round * self.asked[group].weight + left;
        let subject = count % self.subjects * population / self.subjects;
        (group, Turn { number, count, row: count, subject, case: number })
    }

    /// What a placeholder takes.
    fn value(&self, source: Source, turn: &Turn) -> String {
        let person = || self.country.person(turn.subject);
        match source {
            Source::Number => turn.number.to_string(),
            Source::Subject => turn.subject.to_string(),
            Source::Case => turn.case.to_string(),
            Source::Counter(place) => {
                let Counter { from, to } = self.counters[place].1;
                (from + turn.count % (to - from + 1)).to_string()
            }
            Source::Column(column) => self.rows.value(turn.row, column).to_owned(),
            Source::Matricule => person().matricule().to_string(),
            Source::GivenName => person().given_name().to_owned(),
            Source::FamilyName => person().family_name().to_owned(),
            Source::DateOfBirth => person().date_of_birth().to_string(),
        }
    }
}

impl Script for Template {
    fn groups(&self) -> Vec<String> {
        self.asked.iter().map(|asked| asked.name.to_string()).collect()
    }

    fn ask(&self, event: &Event) -> Ask {
        let (group, turn) = self.turn(event);
        let asked = &self.asked[group];
        let fill = |text: &Text| {
            let mut filled = String::new();
            text.fill(|source| self.value(source, &turn), &mut filled);
            filled
        };
        let head = asked.fixed_head.clone().unwrap_or_else(|| {
            let lines = asked.head.iter().map(|(name, text)| format!("{name}: {}\r\n", fill(text)));
            lines.collect()
        });
        let body = asked.fixed_body.clone().unwrap_or_else(|| fill(&asked.body).into());
        let message = Message { method: asked.method, path: fill(&asked.path), head, body };
        let json = asked.json.iter().map(|(pointer, wanted)| {
            let value = match wanted {
                Wanted::Text(text) => fill(text).into(),
                Wanted::Value(value) => value.clone(),
            };
            (pointer.clone(), value)
        });
        let matches = Matches {
            name: asked.name.clone(),
            statuses: asked.statuses.clone(),
            text: asked.text.as_ref().map(fill),
            json: json.collect(),
        };
        let expects = Expects::Matches(matches);
        Ask { message, expects, group: group as u16, channel: Channel::Other }
    }
}

fn read_rows(path: &Path) -> Result<Rows, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::Read(path.into(), error))?;
    Rows::parse(&text).map_err(|mistake| {
        let place = Place { path: path.into(), line: mistake.line, column: None };
        Error::At(place, mistake.what)
    })
}

fn method(original: &Original<'_>, request: &Request) -> Result<&'static str, Error> {
    let said = request.method.as_ref();
    let name = said.map_or(if request.body.is_some() { "POST" } else { "GET" }, |it| it.get_ref());
    let Some(method) = METHODS.into_iter().find(|known| *known == name) else {
        let what = format!("no method `{name}`; there is {}", METHODS.join(", "));
        return Err(original.at(said.map_or(0, |it| it.span().start), what));
    };
    match &request.body {
        Some(body) if matches!(method, "GET" | "HEAD") => {
            Err(original.at(body.span().start, format!("a {method} has no body")))
        }
        _ => Ok(method),
    }
}

fn header(original: &Original<'_>, name: &Spanned<String>) -> Result<String, Error> {
    let known = HeaderName::from_bytes(name.get_ref().as_bytes());
    let what = match known {
        Ok(name) if !OWN_HEADERS.contains(&name.as_str()) => return Ok(name.to_string()),
        Ok(_) => format!("`{}` is written by the generator itself", name.get_ref()),
        Err(_) => format!("`{}` is no name of a header", name.get_ref()),
    };
    Err(original.at(name.span().start, what))
}

/// What the values of a body must not break out of.
fn within(request: &Request, body: &str) -> Within {
    let kind = request
        .headers
        .iter()
        .find(|(name, _)| name.get_ref().eq_ignore_ascii_case("content-type"));
    match kind.map(|(_, value)| value.get_ref().as_str()) {
        Some(kind) if kind.contains("json") => Within::Json,
        Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => Within::Url,
        None if body.trim_start().starts_with(['{', '[']) => Within::Json,
        _ => Within::Plain,
    }
}

fn statuses(original: &Original<'_>, request: &Request) -> Result<Option<Arc<[u16]>>, Error> {
    let Some(said) = &request.status else { return Ok(None) };
    let known = said.get_ref();
    match !known.is_empty() && known.iter().all(|status| (200..600).contains(status)) {
        true => Ok(Some(known.as_slice().into())),
        false => Err(original.at(said.span().start, "statuses are from 200 to 599, at least one")),
    }
}

fn wanted(
    original: &Original<'_>,
    pointer: &Spanned<String>,
    value: &Spanned<toml::Value>,
    text: &impl Fn(&Spanned<String>, Within) -> Result<Text, Error>,
) -> Result<(Arc<str>, Wanted), Error> {
    let name = pointer.get_ref();
    if !name.is_empty() && !name.starts_with('/') {
        let what = format!("`{name}` is no JSON pointer; one begins with `/`");
        return Err(original.at(pointer.span().start, what));
    }
    let wanted = match value.get_ref() {
        toml::Value::String(it) => {
            Wanted::Text(text(&Spanned::new(value.span(), it.clone()), Within::Plain)?)
        }
        toml::Value::Datetime(_) => {
            return Err(original.at(value.span().start, "JSON has no dates; write a text"));
        }
        other => Wanted::Value(
            serde_json::to_value(other)
                .map_err(|error| original.at(value.span().start, error.to_string()))?,
        ),
    };
    Ok((name.as_str().into(), wanted))
}

//! Asks a register once, and tells how far its answer is what its description
//! says: for whoever writes the description.
//!
//! It reads as the engine reads, by the same code. What it tells has no value
//! and no key in it.

mod mask;
mod unused;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::{Request, StatusCode};
use uuid::Uuid;

use super::decode::{Place, elements, under_review};
use super::errors::{self, Means};
use super::exchange::{self, Answered};
use super::json::{Json, at, parse};
use super::pool::Pool;
use super::value::{Said, Value, said};
use super::{Endpoint, Failure, Group};
use crate::catalogue::{Attribute, Errors, Register};
use crate::clock;
use crate::metrics::Metrics;
use crate::model::Unavailable;
use crate::net::Connect;

/// Stands for the key in what is told.
const KEY: &str = "KEY";
/// More names of what is not used tell nothing more.
const UNUSED_MAX: usize = 100;

/// One call to make.
pub struct Probe<'a> {
    /// By whose description.
    pub register: &'a Register,
    /// To where.
    pub address: SocketAddr,
    /// On which way.
    pub connect: Arc<dyn Connect>,
    /// About whom.
    pub key: Box<str>,
    /// For what, and on whose behalf.
    pub group: Group,
}

/// How far an answer is what its description says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As far as it goes.
    Conforms,
    /// Something in it is not.
    DoesNotConform,
    /// There was none, or the register said that it cannot give one.
    NoAnswer,
}

/// What came of a call, line by line.
#[derive(Debug)]
pub struct Report {
    /// What it comes to.
    pub outcome: Outcome,
    /// For people to read.
    pub lines: Vec<String>,
    key: Box<str>,
}

/// Makes exactly one call. Takes at most the register's timeout.
pub async fn probe(probe: &Probe<'_>) -> Report {
    let key = probe.key.clone();
    let mut report = Report { outcome: Outcome::Conforms, lines: Vec::new(), key };
    report.call(probe).await;
    report
}

/// Sends the request. The caller bounds the time.
async fn sent(
    pool: &Pool,
    request: Request<Full<Bytes>>,
    most: usize,
) -> Result<exchange::Said, Failure> {
    let lease = pool.connected(pool.permit().await?).await?;
    exchange::send(lease, request, most).await
}

impl Report {
    async fn call(&mut self, probe: &Probe<'_>) {
        self.request(probe).await;
        let register = probe.register;
        let endpoint = Endpoint::from(probe.address);
        let counts = Metrics::default().register(&register.name);
        let keys = [(probe.key.clone(), Uuid::nil())];
        let head = exchange::Head::of(&endpoint, register);
        let request = head.and_then(|it| exchange::request(&it, register, &probe.group, &keys));
        let pool = Pool::new(probe.connect.clone(), Some(endpoint), register.http().limits, counts);
        let Some(request) = request else {
            self.ends(Outcome::NoAnswer, "the description makes no valid request");
            return;
        };
        let began = clock::monotonic();
        let sent = sent(&pool, request, register.http().limits.body);
        let answered = tokio::time::timeout(register.timeout, sent).await;
        self.tell("response");
        match answered.unwrap_or(Err(Unavailable::Timeout.into())) {
            Ok(response) => self.response(probe, response, clock::monotonic() - began),
            Err(failure) => self.failure(failure, register.timeout),
        }
    }

    /// What somebody else wrote, without the key: a description may hold it, and a
    /// register may choose a code or a name that is one. The probe's own words and
    /// numbers stay as they are, whatever the key is.
    fn hidden(&self, foreign: &str) -> String {
        without(foreign, &self.key)
    }

    fn tell(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn say(&mut self, line: impl AsRef<str>) {
        self.lines.push(format!("  {}", line.as_ref()));
    }

    /// The worst that was found stays.
    fn ends(&mut self, outcome: Outcome, why: impl AsRef<str>) {
        if self.outcome != Outcome::NoAnswer {
            self.outcome = outcome;
        }
        self.say(why);
    }

    /// The request, as it would be about a person whose key is `KEY`.
    async fn request(&mut self, probe: &Probe<'_>) {
        self.tell("request");
        let endpoint = Endpoint::from(probe.address);
        let keys = [(KEY.into(), Uuid::nil())];
        let head = exchange::Head::of(&endpoint, probe.register);
        let request =
            head.and_then(|head| exchange::request(&head, probe.register, &probe.group, &keys));
        let Some(request) = request else { return };
        let uri = self.hidden(&request.uri().to_string());
        self.say(format!("{} {uri} HTTP/1.1", request.method()));
        for (name, value) in request.headers() {
            let value = value.to_str().unwrap_or("(not ASCII)");
            // These two no description writes.
            let ours = [HOST, CONTENT_LENGTH].contains(name);
            let value = if ours { value.to_owned() } else { self.hidden(value) };
            self.say(format!("{}: {value}", self.hidden(name.as_str())));
        }
        // It is all there: a request's body is made whole before it is sent.
        let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
        let body = body.unwrap_or_default();
        if !body.is_empty() {
            self.say(self.hidden(&String::from_utf8_lossy(&body)));
        }
    }

    fn failure(&mut self, failure: Failure, timeout: Duration) {
        match failure.reason {
            Unavailable::Timeout => {
                let why = format!("no answer within {} ms", timeout.as_millis());
                self.ends(Outcome::NoAnswer, why);
            }
            Unavailable::Invalid => {
                let why = "the body ends before its end, or is longer than `body-max`";
                self.ends(Outcome::DoesNotConform, why);
            }
            _ => self.ends(Outcome::NoAnswer, "nobody could be reached there, or they hung up"),
        }
    }

    fn response(&mut self, probe: &Probe<'_>, response: exchange::Said, took: Duration) {
        let (register, status) = (probe.register, response.status);
        let bytes = response.body.len();
        self.say(format!("{status}, {} ms, {bytes} bytes", took.as_millis()));
        let dialect = register.http();
        let marked = exchange::is_marked(dialect, &response.headers);
        if marked {
            self.say("the error header marks it as a failure");
        }
        let errors = errors::described(dialect, status == StatusCode::OK, marked);
        let mut copy = response.body.clone();
        match exchange::judge(dialect, response) {
            Ok(Answered::Body(mut body)) => match parse(&mut body) {
                Ok(parsed) => self.body(probe, parsed.root()),
                Err(_) => {
                    let why = "the body is no JSON, or nests deeper than 64 levels";
                    self.ends(Outcome::DoesNotConform, why);
                }
            },
            Ok(Answered::NotFound) => {
                if let Ok(parsed) = parse(&mut copy) {
                    self.errors(errors, parsed.root());
                }
                self.say("not found: the register says that it does not know the key");
            }
            Err(failure) => {
                if let Ok(parsed) = parse(&mut copy) {
                    self.errors(errors, parsed.root());
                }
                self.refused(failure);
                if status == StatusCode::NOT_FOUND {
                    self.say("a 404 is \"not found\" only where the description says so");
                }
            }
        }
    }

    fn refused(&mut self, failure: Failure) {
        let retry = failure.retry_after.map(|seconds| format!(", to be tried in {seconds} s"));
        let why = format!("a failure: {}{}", failure.reason.as_str(), retry.unwrap_or_default());
        self.ends(Outcome::NoAnswer, why);
    }

    /// Tells each error's code; what all of them come to.
    fn errors(&mut self, errors: Option<&Errors>, root: Json<'_>) -> Option<(Means, Failure)> {
        let errors = errors?;
        let told = errors::told(errors, root)?;
        for code in &told.codes {
            let code = code.as_deref().map(|code| self.hidden(&mask::code(errors, code)));
            let code = code.unwrap_or_else(|| "without a code".to_owned());
            self.say(format!("an error: {code}"));
        }
        if told.means == Means::Unlisted {
            self.say("the description does not list every code above");
        }
        let failure = Failure { reason: told.means.reason(), retry_after: told.retry_after };
        Some((told.means, failure))
    }

    fn body(&mut self, probe: &Probe<'_>, root: Json<'_>) {
        let register = probe.register;
        match self.errors(errors::described(register.http(), true, false), root) {
            None => {}
            Some((Means::NotFound, _)) => {
                return self.say("not found: every error says that the key is unknown");
            }
            Some((_, failure)) => return self.refused(failure),
        }
        match elements(register, &[&probe.key], root).as_deref() {
            Some([Place::Element(element)]) => self.element(probe, *element),
            Some([Place::Unknown]) => self.say("not found: no element is about the key"),
            Some(_) => self.doubt(register, root),
            None => {
                let list = self.hidden(register.http().elements.as_deref().unwrap_or_default());
                let why = format!("`elements`: there is no list at {list}");
                self.ends(Outcome::DoesNotConform, why);
            }
        }
        self.unused(probe, root);
    }

    /// An answer that names somebody else, or nobody.
    fn doubt(&mut self, register: &Register, root: Json<'_>) {
        let dialect = register.http();
        let list = dialect.elements.as_ref().and_then(|list| at(root, list));
        let list = list.and_then(|list| list.as_array());
        let elements = list.map_or_else(|| vec![root], |list| list.iter().collect());
        let about = self.hidden(&dialect.about);
        for element in elements {
            let why = match at(element, &dialect.about) {
                None => format!("`about`: there is nothing at {about}"),
                Some(found) => {
                    let found = mask::json(found);
                    format!("`about`: {about} is not the key asked for, but {found}")
                }
            };
            self.ends(Outcome::DoesNotConform, why);
        }
    }

    fn element<'a>(&mut self, probe: &Probe<'_>, element: Json<'a>) {
        self.say(format!("it is about the key: {}", self.hidden(&probe.register.http().about)));
        self.tell("attributes");
        for index in probe.group.attributes.iter() {
            self.attribute(probe.register, &probe.register.attributes[index], element);
        }
    }

    fn attribute<'a>(&mut self, register: &Register, attribute: &Attribute, element: Json<'a>) {
        let said = said(register.http(), attribute, element);
        let review = match under_review(attribute.review.as_deref(), element) {
            true => ", under review",
            false => "",
        };
        let place = place(attribute, &said);
        let found = match &said {
            Said::Value(value, _) => format!("filled: {}", mask::value(attribute.kind, value)),
            Said::Nothing => "empty".to_owned(),
            Said::Unavailable => "unavailable".to_owned(),
            Said::Invalid(wrong) => {
                self.outcome = Outcome::DoesNotConform;
                format!("does not conform: {}", self.hidden(&mask::wrong(attribute, wrong)))
            }
        };
        let (name, kind) = (&attribute.name, attribute.kind.as_str());
        let (name, place) = (self.hidden(name), self.hidden(&place));
        self.say(format!("{name} ({kind}) at {place}: {found}{review}"));
    }

    fn unused(&mut self, probe: &Probe<'_>, root: Json<'_>) {
        let unused = unused::unused(probe.register, &probe.key, root);
        if unused.is_empty() {
            return;
        }
        self.tell("not used by the description");
        for pointer in unused.iter().take(UNUSED_MAX) {
            self.say(self.hidden(pointer));
        }
        if unused.len() > UNUSED_MAX {
            self.say(format!("and {} more", unused.len() - UNUSED_MAX));
        }
    }
}

/// A line without a key that stands in it as a word of its own. Within another
/// word it is not that key, but may be part of what tells no value, such as a
/// number of milliseconds.
fn without(line: &str, key: &str) -> String {
    let mut told = String::new();
    let mut rest = line;
    while let Some(place) = rest.find(key).filter(|_| !key.is_empty()) {
        let (before, after) = (&rest[..place], &rest[place + key.len()..]);
        let joined =
            before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        told.push_str(before);
        told.push_str(if joined { key } else { KEY });
        rest = after;
    }
    told + rest
}

/// Where an attribute was looked for, or found.
fn place(attribute: &Attribute, said: &Said<'_>) -> String {
    let parts = attribute.parts.as_ref();
    match (said, parts, &attribute.each) {
        (Said::Value(Value::Month(_, month), _), Some(parts), _) => {
            let month = parts.month.as_ref().filter(|_| month.is_some());
            month.map_or(parts.year.to_string(), |month| format!("{} and {month}", parts.year))
        }
        (_, _, Some(each)) => format!("{}/*{each}", attribute.at),
        _ => attribute.at.to_string(),
    }
}

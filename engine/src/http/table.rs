//! The API as a table: its paths, what they take, and what they answer.
//!
//! Routing, the methods of a 405, the labels of metrics, `/openapi.json` and
//! `/docs` all come from here, so that none of them can know a path that the
//! others do not.

mod forms;
mod mine;
mod open;

use hyper::{Method, Request};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::query::Query;
use crate::prefill::Rejection;

/// One path and what can be done with it.
pub(super) struct Route {
    /// Such as `/v1/procedures/{id}`; one parameter at most, as a whole segment.
    pub(super) path: &'static str,
    /// In the labels of metrics.
    pub(super) label: &'static str,
    /// What stands in the braces.
    pub(super) parameter: Option<Parameter>,
    /// By method.
    pub(super) operations: &'static [Operation],
}

/// One method of a path.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: Verb,
    /// The name that generated clients give it.
    pub(super) id: &'static str,
    /// What it does, in a line.
    pub(super) summary: &'static str,
    /// What else must be known.
    pub(super) tells: &'static str,
    pub(super) does: Does,
    /// Members of the query; no others are taken.
    pub(super) query: &'static [Parameter],
    /// Headers that mean something beside the token.
    pub(super) headers: &'static [Parameter],
    pub(super) takes: Option<Takes>,
    pub(super) answers: &'static [Answer],
    /// Types of [`PROBLEMS`], beside those that every path has.
    pub(super) problems: &'static [&'static str],
}

/// The methods of this API. Whatever can be read can be asked about, too: `HEAD` is
/// a `GET` without its body (RFC 9110, section 9.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::POST => Some(Self::Post),
            Method::PUT => Some(Self::Put),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }

    /// As it stands in a request.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What answers, by who may ask.
#[derive(Clone, Copy)]
pub(super) enum Does {
    Operator(Operators),
    Citizen(Citizens),
    Anybody(Everybody),
    Probe(Whoever),
}

#[derive(Clone, Copy)]
pub(super) enum Operators {
    Prefill,
    Explain,
    Batch,
}

#[derive(Clone, Copy)]
pub(super) enum Citizens {
    Consents,
    Prefer,
    SetMandate,
    ConsentToReuse,
    Withdraw,
    Receipt,
    Accesses,
    Export,
    Data,
    PutData,
    DeleteData,
}

#[derive(Clone, Copy)]
pub(super) enum Everybody {
    Procedures,
    Procedure,
    Registers,
    Organisations,
    Head,
    OpenApi,
    Docs,
}

#[derive(Clone, Copy)]
pub(super) enum Whoever {
    Health,
    Ready,
    Status,
    Metrics,
}

/// A part of a path, a member of a query, or a header.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) tells: &'static str,
    pub(super) kind: Kind,
}

/// What a parameter's value may be. The example is of the demonstration.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text { example: &'static str },
    Whole { least: u64, most: u64, example: u64 },
    Moment { example: &'static str },
    Uuid { example: &'static str },
}

/// A schema of one of our types.
pub(super) type Typed = fn(&mut SchemaGenerator) -> Schema;

/// A request's body.
#[derive(Clone, Copy)]
pub(super) struct Takes {
    pub(super) body: Body,
    pub(super) example: &'static str,
}

/// An answer that is no problem.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) tells: &'static str,
    pub(super) body: Body,
}

/// What a body is.
#[derive(Clone, Copy)]
pub(super) enum Body {
    Nothing,
    Json(Typed),
    /// One of these in each line.
    Lines(Typed),
    /// Text of this media type.
    Text(&'static str),
}

/// Every type of problem, its status, and when it is answered.
pub(super) const PROBLEMS: [(&str, u16, &str); 16] = [
    ("malformed", 400, "The request is not what the path takes."),
    ("unauthenticated", 401, "The token is missing, unknown or of another kind."),
    ("no-authority", 403, "The organisation may have nothing of what was asked for."),
    ("no-presence", 403, "The citizen's own token is missing, or is another's."),
    ("no-reuse-consent", 403, "The request names no case in which a consent could stand."),
    ("no-mandate", 403, "The citizen does not act for the company, or there is none."),
    ("unknown-procedure", 404, "The catalogue has no such procedure."),
    (NOT_FOUND, 404, "There is no such thing."),
    ("too-large", 413, "The body is longer than is taken."),
    ("invalid-identifier", 422, "An identifier fails its check, which `check` names."),
    ("invalid-value", 422, "`member` has a value that it cannot have."),
    ("quota", 429, "The operator asked too often for what it may not have."),
    ("not-recorded", 503, "It could not be made durable in time; it may stand."),
    ("consent-changing", 503, "The consent changed faster than the bundle was composed."),
    ("overloaded", 503, "The engine has too much to do; try again later."),
    (UNREADABLE, 503, "What the ledger holds, or who has a mandate, cannot be told now."),
];
/// Problems of HTTP itself have the type `about:blank`; here they need two names.
pub(super) const NOT_FOUND: &str = "about:blank (404)";
pub(super) const UNREADABLE: &str = "about:blank (503)";
/// Every type, as it stands in a problem.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    let mut kinds: Vec<_> = PROBLEMS.iter().map(|(name, ..)| kind(name)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter()
}

/// The type of one of [`PROBLEMS`], as it stands in the problem.
pub(super) fn kind(name: &'static str) -> &'static str {
    name.split(' ').next().unwrap_or(name)
}

/// What every path answers that reads its request.
const ALWAYS: &[&str] = &["malformed"];
/// What every path answers that takes a body.
const OF_BODIES: &[&str] = &["too-large"];

/// What a bundle, or any change of consent, needs.
const RECORDED: &[&str] = &["not-recorded", "overloaded"];

impl Parameter {
    const fn text(name: &'static str, tells: &'static str, example: &'static str) -> Self {
        Self { name, tells, kind: Kind::Text { example } }
    }
}

impl Route {
    pub(super) fn operation(&self, method: &Method) -> Option<&Operation> {
        let verb = Verb::of(method)?;
        self.operations.iter().find(|operation| operation.method == verb)
    }

    /// The methods, as `Allow` has them.
    pub(super) fn allowed(&self) -> String {
        let methods: Vec<_> = self.operations.iter().map(|it| it.method.as_str()).collect();
        methods.join(", ")
    }

    /// What stands where the parameter does; empty where there is none.
    fn matches<'a>(&self, path: &'a str) -> Option<&'a str> {
        let Some((before, rest)) = self.path.split_once('{') else {
            return (path == self.path).then_some("");
        };
        let (_, after) = rest.split_once('}').expect("a brace is closed");
        let found = path.strip_prefix(before)?.strip_suffix(after)?;
        (!found.contains('/')).then_some(found)
    }
}

impl Operation {
    /// The query, whose members are those of this table.
    pub(super) fn query<B>(&self, request: &Request<B>) -> Result<Query, Rejection> {
        let known: Vec<&str> = self.query.iter().map(|it| it.name).collect();
        Query::parse(request.uri().query(), &known)
    }

    /// The types of all its problems.
    pub(super) fn problems(&self) -> impl Iterator<Item = &'static str> {
        let by_token: &[&str] = match self.does {
            Does::Operator(_) | Does::Citizen(_) => &["unauthenticated"],
            Does::Anybody(_) | Does::Probe(_) => &[],
        };
        // A query is read strictly, but for probes.
        let by_query: &[&str] = match self.does {
            Does::Probe(_) => &[],
            _ => &["invalid-value"],
        };
        let by_body = if self.takes.is_some() { OF_BODIES } else { &[] };
        let all = [ALWAYS, by_token, by_query, by_body, self.problems];
        let mut all: Vec<_> = all.into_iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }
}

/// A body of JSON.
const fn json<T: JsonSchema>() -> Body {
    Body::Json(SchemaGenerator::subschema_for::<T>)
}

/// A body of lines of JSON.
const fn lines<T: JsonSchema>() -> Body {
    Body::Lines(SchemaGenerator::subschema_for::<T>)
}

/// Every path, in the order in which a reader wants them. What is asked most comes
/// first.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    [forms::ROUTES, mine::ROUTES, open::ROUTES].into_iter().flatten()
}

/// The route of a path, and what stands in its braces.
pub(super) fn find(path: &str) -> Option<(&'static Route, &str)> {
    // A path of its own goes before one with a parameter in its place.
    match routes().find(|route| route.path == path && route.parameter.is_none()) {
        Some(route) => Some((route, "")),
        None => routes().find_map(|route| Some((route, route.matches(path)?))),
    }
}

#[cfg(test)]
mod tests;

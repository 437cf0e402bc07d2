//! A register's description: how to ask it, and how to read its answer.
//!
//! It is data only: no code of the engine knows any one register.

use std::time::Duration;

use super::Labels;
use crate::model::{AttributeMask, RegisterId};

/// A register, or the citizens' own data.
#[derive(Debug)]
pub struct Register {
    /// Its place in the catalogue.
    pub id: RegisterId,
    /// Its name, such as `rnpp`.
    pub name: Box<str>,
    /// What people call it.
    pub label: Labels,
    /// Whom it knows.
    pub of: Of,
    /// What a call names.
    pub key: Key,
    /// Who may be served from one answer.
    pub share: Share,
    /// Whether a call asks for every attribute, or for those needed.
    pub ask_all: bool,
    /// Whether citizens may say No to it.
    pub preference: bool,
    /// How long an answer may be kept; zero: never.
    pub ttl: Duration,
    /// To what `ageSeconds` is rounded up.
    pub grain: Duration,
    /// The most that one call may take.
    pub timeout: Duration,
    /// How long half of its calls take, as its operator declares.
    pub typical: Duration,
    /// What it knows, at most 64.
    pub attributes: Vec<Attribute>,
    /// How it is asked; `None` for citizens' own data, which is in the house.
    pub dialect: Option<Dialect>,
}

/// How a register is asked over HTTP, and how its answers read.
#[derive(Debug)]
pub struct Dialect {
    /// Bounds on its use.
    pub limits: Limits,
    /// The most keys in one call; one for registers that take a single key.
    pub batch: usize,
    /// GET or POST.
    pub method: Method,
    /// Path and query.
    pub path: Template,
    /// Headers beside those of every call.
    pub headers: Vec<Header>,
    /// What a POST sends.
    pub body: Option<Body>,
    /// Fields asked for with every call, beside those of the wanted attributes:
    /// for registers that name the key in an answer only where asked to.
    pub always: Vec<Box<str>>,
    /// Where the answer holds one element for each key; an answer without is
    /// itself the element.
    pub elements: Option<Box<str>>,
    /// Where an element names the key that it is about.
    pub about: Box<str>,
    /// Where an element says when it was last changed.
    pub updated: Option<Box<str>>,
    /// A header that marks a response as a failure, whatever its status.
    pub error_header: Option<Box<str>>,
    /// Whether a 404 says that the register does not know the key. Elsewhere it
    /// is an error: a wrong path must not look like a person without data.
    pub not_found: bool,
    /// Whether an empty text stands for no value.
    pub blank_is_empty: bool,
    /// How attributes are wrapped; plain values otherwise.
    pub leaf: Option<Leaf>,
    /// How a body tells of errors, for registers that do not leave it to the
    /// status alone.
    pub errors: Option<Errors>,
}

/// Whom a register knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Natural persons.
    Natural,
    /// Legal persons.
    Legal,
    /// Both.
    Any,
}

impl Of {
    /// Whether natural, or else legal, persons are among them.
    #[must_use]
    pub fn knows(self, natural: bool) -> bool {
        match self {
            Self::Natural => natural,
            Self::Legal => !natural,
            Self::Any => true,
        }
    }
}

impl Register {
    /// The attribute of that name.
    #[must_use]
    pub fn find(&self, attribute: &str) -> Option<usize> {
        self.attributes.iter().position(|known| &*known.name == attribute)
    }

    /// How it is asked over HTTP.
    ///
    /// # Panics
    /// For citizens' own data, which nobody asks over HTTP.
    #[must_use]
    pub fn http(&self) -> &Dialect {
        self.dialect.as_ref().expect("only registers are asked over HTTP")
    }

    /// Every attribute.
    #[must_use]
    pub fn all(&self) -> AttributeMask {
        AttributeMask::first(self.attributes.len())
    }
}

/// What a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The subject's identifier.
    Subject,
    /// An attribute in another register's answer.
    Attribute(RegisterId, usize),
}

/// Who may be served from one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// Whoever asks.
    Any,
    /// The organisation that asked first.
    Organisation,
    /// The one request.
    Call,
}

/// Bounds on the use of one register, for each core unless they say otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls per second that its operator allows, from all cores together.
    pub rate: Option<u32>,
    /// Connections open at a time, from all cores together; over HTTP/2, calls.
    pub connections: usize,
    /// Calls that may wait for a connection; further ones end `overloaded`.
    pub waiting: usize,
    /// Bytes of one answer; longer ones end `invalid`.
    pub body: usize,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The key stands in the path.
    Get,
    /// The keys stand in the body.
    Post,
}

/// A header of every call.
#[derive(Debug)]
pub struct Header {
    /// Its name, valid in HTTP.
    pub name: Box<str>,
    /// Its value.
    pub value: Template,
}

/// What a POST sends: JSON with places for fields and keys.
pub type Body = Template;

/// A text with places to fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Part>);

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(Box<str>),
    /// `{key}`: the one key.
    Key,
    /// `{keys}`: all keys, as a JSON array.
    Keys,
    /// `{fields}`: the wanted fields; comma-separated in a path, a JSON array in a body.
    Fields,
    /// `{disclosure}`: the id of the disclosure that the call is for.
    Disclosure,
    /// `{organisation}`: the name of the receiving organisation.
    Organisation,
    /// `{procedure}`: the name of the procedure.
    Procedure,
}

/// How a register wraps each attribute in an object.
///
/// An object around leaves may speak for all of them, such as one address for
/// its street and its post code: `unavailable` and `updated` hold there too.
#[derive(Debug)]
pub struct Leaf {
    /// Members that hold the value; the first present counts.
    pub value: Vec<Box<str>>,
    /// A member that is true where the value cannot be given now.
    pub unavailable: Option<Box<str>>,
    /// A member that says when the value was last changed.
    pub updated: Option<Box<str>>,
}

/// How a body tells of errors: `[answer.errors]`.
///
/// A body that has an error is no answer, whatever its status. It says that the
/// key is unknown only where every error in it does.
#[derive(Debug)]
pub struct Errors {
    /// Where the errors are, or the one. Left out, the body itself is the one:
    /// of a response marked by the error header where there is one, and else of
    /// any that is no 200.
    pub at: Option<Box<str>>,
    /// Where an error holds its code, a text or a whole number.
    pub code: Box<str>,
    /// Where it holds the seconds after which to try again.
    pub retry: Option<Box<str>>,
    /// Codes that say that the register does not know the key.
    pub not_found: Vec<Box<str>>,
    /// Codes that say that it is closed for now.
    pub maintenance: Vec<Box<str>>,
    /// Codes that say that it is asked too much.
    pub overloaded: Vec<Box<str>>,
}

/// One datum that a register holds.
#[derive(Debug)]
pub struct Attribute {
    /// Its name, such as `familyName`.
    pub name: Box<str>,
    /// What people call it; fields without a label of their own are called so.
    pub label: Option<Labels>,
    /// What its values are.
    pub kind: Kind,
    /// Where an element holds it: a JSON pointer (RFC 6901).
    pub at: Box<str>,
    /// For partial dates: where the parts stand, used where `at` has nothing.
    pub parts: Option<Parts>,
    /// For lists: where each item holds its value.
    pub each: Option<Box<str>>,
    /// Where an element says that it is under review.
    pub review: Option<Box<str>>,
    /// For lists of identifiers: whether natural persons, or else legal ones.
    pub lists: Option<bool>,
    /// What the register calls it when asked for it.
    pub ask_as: Box<str>,
}

/// Where an element holds what is known of a date, part by part.
#[derive(Debug)]
pub struct Parts {
    /// The year, a whole number.
    pub year: Box<str>,
    /// The month, a whole number from 1.
    pub month: Option<Box<str>>,
}

/// What an attribute's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A day, a month or a year: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as much as
    /// is known.
    PartialDate,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A list of texts.
    Texts,
}

impl Kind {
    pub(super) const CHOICES: [(&'static str, Self); 6] = [
        ("text", Self::Text),
        ("date", Self::Date),
        ("partial-date", Self::PartialDate),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("texts", Self::Texts),
    ];

    /// Every kind, as the API spells it.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::CHOICES.iter().map(|(name, _)| *name)
    }

    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::CHOICES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

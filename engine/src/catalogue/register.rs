//! A register's description: how to ask it, and how to read its answer.
//!
//! It is data only: no code of the engine knows any one register.

use std::time::Duration;

use super::Labels;
use crate::model::{AttributeMask, RegisterId};

/// A register.
#[derive(Debug)]
pub struct Register {
    /// Its place in the catalogue.
    pub id: RegisterId,
    /// Its name, such as `rnpp`.
    pub name: Box<str>,
    /// What people call it.
    pub label: Labels,
    /// Whether its subjects are natural persons; legal persons otherwise.
    pub natural: bool,
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
    /// How attributes are wrapped; plain values otherwise.
    pub leaf: Option<Leaf>,
    /// What it knows, at most 64.
    pub attributes: Vec<Attribute>,
}

impl Register {
    /// The attribute of that name.
    #[must_use]
    pub fn find(&self, attribute: &str) -> Option<usize> {
        self.attributes.iter().position(|known| &*known.name == attribute)
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

/// Bounds on the use of one register, for each core.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at a time.
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
#[derive(Debug)]
pub struct Leaf {
    /// Members that hold the value; the first present counts.
    pub value: Vec<Box<str>>,
    /// A member that is true where the value cannot be given now.
    pub unavailable: Option<Box<str>>,
    /// A member that says when the value was last changed.
    pub updated: Option<Box<str>>,
}

/// One datum that a register holds.
#[derive(Debug)]
pub struct Attribute {
    /// Its name, such as `familyName`.
    pub name: Box<str>,
    /// What its values are.
    pub kind: Kind,
    /// Where an element holds it: a JSON pointer (RFC 6901).
    pub at: Box<str>,
    /// For lists: where each item holds its value.
    pub each: Option<Box<str>>,
    /// Where an element says that it is under review.
    pub review: Option<Box<str>>,
    /// What the register calls it when asked for it.
    pub ask_as: Box<str>,
}

/// What an attribute's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A list of texts.
    Texts,
}

impl Kind {
    pub(super) const CHOICES: [(&'static str, Self); 5] = [
        ("text", Self::Text),
        ("date", Self::Date),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("texts", Self::Texts),
    ];

    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::CHOICES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

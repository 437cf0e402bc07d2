//! The shape of a bundle. Strict: a member that the API does not describe may
//! tell what nobody should learn.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why there is no usable answer: the API's closed list.
pub const REASONS: [&str; 6] =
    ["timeout", "error", "maintenance", "invalid", "overloaded", "keyMissing"];
const OUTCOMES: [&str; 7] =
    ["answered", "notFound", "timeout", "error", "maintenance", "invalid", "overloaded"];

/// How a field ended that has no value of the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// It has a value, but an old one.
    Stale,
    /// There is none.
    Empty,
    /// It may not be shown.
    Withheld,
    /// Its register answered, and cannot tell this one value at present.
    Told,
    /// There is no usable answer; the reason, one of [`REASONS`].
    Unavailable(&'static str),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("stale"),
            Self::Empty => f.write_str("empty"),
            Self::Withheld => f.write_str("withheld"),
            Self::Told => f.write_str("told unavailable by its register"),
            Self::Unavailable(reason) => f.write_str(reason),
        }
    }
}

/// A bundle.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bundle<'a> {
    #[serde(borrow)]
    pub(super) disclosure: Text<'a>,
    pub(super) procedure: Procedure<'a>,
    pub(super) complete: bool,
    #[serde(deserialize_with = "members")]
    pub(super) fields: Vec<(Text<'a>, Field<'a>)>,
    #[serde(deserialize_with = "members")]
    pub(super) sources: Vec<(Text<'a>, Source<'a>)>,
    pub(super) notices: Vec<Notice<'a>>,
}

impl Bundle<'_> {
    /// Whether a register stands among the sources.
    pub(super) fn names(&self, register: &str) -> bool {
        self.sources.iter().any(|(name, _)| *name.0 == *register)
    }

    /// Whether a register answered everything that it was asked.
    pub(super) fn answered(&self, register: &str) -> bool {
        let source = self.sources.iter().find(|(name, _)| *name.0 == *register);
        source.is_some_and(|(_, source)| source.outcome.0 == "answered")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Procedure<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice<'a> {
    #[serde(borrow)]
    pub(super) code: Text<'a>,
    #[serde(borrow)]
    pub(super) text: Text<'a>,
}

/// One field. What is not there is told from a `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Field<'a> {
    pub(super) status: Status,
    #[serde(borrow, default)]
    pub(super) value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) source: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) reason: Option<Text<'a>>,
    #[serde(borrow, default, rename = "lastUpdated")]
    _last_updated: Option<Text<'a>>,
    #[serde(default)]
    pub(super) age_seconds: Option<u64>,
    #[serde(default)]
    pub(super) under_review: bool,
    #[serde(default, rename = "retryAfterSeconds")]
    _retry_after_seconds: Option<u64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Filled,
    Stale,
    Empty,
    Withheld,
    Unavailable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source<'a> {
    #[serde(borrow)]
    outcome: Text<'a>,
}

impl Source<'_> {
    pub(super) fn is_known(&self) -> bool {
        OUTCOMES.contains(&&*self.outcome.0)
    }
}

/// Borrowed where nothing is escaped; a `Cow` inside another type would not be.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The members of an object in their order; a map would hide one given twice.
fn members<'de, D, T>(deserializer: D) -> Result<Vec<(Text<'de>, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Members<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = Vec<(Text<'de>, T)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::with_capacity(16);
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    deserializer.deserialize_map(Members(PhantomData))
}

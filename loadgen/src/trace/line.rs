//! A line of a trace, as it is written.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::de::{Deserializer, Error as _, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::HEADER;
use crate::schedule::Kind;

/// A line.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) at: Moment,
    #[serde(default = "open")]
    pub(super) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) procedure: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(super) subject: Option<Name>,
    #[serde(default, deserialize_with = "named")]
    pub(super) case: Option<Name>,
}

impl Line {
    /// Whose visit it is, and what belongs together: where nobody is named,
    /// whoever has the case, by another line of it or by the case's own name, and
    /// without one somebody of this line's own.
    pub(super) fn whose(&self, number: u64, people: &HashMap<Name, Name>) -> (u64, u64) {
        let case = self.case.unwrap_or_default();
        let subject = match (self.subject, self.case) {
            (Some(subject), _) => subject,
            (None, Some(case)) => match people.get(&case) {
                Some(subject) => *subject,
                None => Name::of(format!("case {}", case.0).as_bytes()),
            },
            (None, None) => Name::of(format!("line {number}").as_bytes()),
        };
        (subject.0, case.0)
    }
}

/// What most visits do, and all of them at a service that knows no kinds.
fn open() -> String {
    Kind::Open.name().to_owned()
}

/// When: local time, such as `2026-03-02T08:15:02.123`, or with an offset from
/// UTC (RFC 3339), and then kept as what clocks show in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    at: DateTime,
    pub(super) is_local: bool,
}

impl Moment {
    pub(super) fn local(at: DateTime) -> Self {
        Self { at, is_local: true }
    }

    /// How long after an earlier one of the same file; nothing where it is before.
    pub(super) fn since(&self, earlier: &Self) -> Option<Duration> {
        let since: SignedDuration = self.at.duration_since(earlier.at);
        Duration::try_from(since).ok()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self { at: Offset::UTC.to_datetime(at), is_local: false });
        }
        text.parse().map(Self::local).map_err(|_| {
            format!("`{text}` is no time such as 2026-03-02T08:15:02.123 or 2026-03-02T08:15:02Z")
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.at, if self.is_local { "" } else { "Z" })
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// Who, or which case: a number, or what stands for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Name(pub(super) u64);

impl Name {
    /// The same number for the same bytes, anywhere (FNV-1a, whose lower bits
    /// are mixed for whoever divides by a population).
    fn of(bytes: &[u8]) -> Self {
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(hash ^ (hash >> 29))
    }

    /// Of what stands there in either format. Nothing is nobody's name.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let named = || text.parse().map_or_else(|_| Self::of(text.as_bytes()), Self);
        (!text.is_empty()).then(named)
    }
}

/// A name in JSON, or none.
fn named<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Name>, D::Error> {
    struct Any;

    impl Visitor<'_> for Any {
        type Value = Option<Name>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number, or a text")
        }

        fn visit_u64<E>(self, number: u64) -> Result<Option<Name>, E> {
            Ok(Some(Name(number)))
        }

        fn visit_i64<E>(self, number: i64) -> Result<Option<Name>, E> {
            Ok(Name::parse(&number.to_string()))
        }

        fn visit_str<E>(self, text: &str) -> Result<Option<Name>, E> {
            Ok(Name::parse(text))
        }

        fn visit_unit<E>(self) -> Result<Option<Name>, E> {
            Ok(None)
        }
    }

    from.deserialize_any(Any)
}

pub(super) fn json(text: &str) -> Result<Line, String> {
    serde_json::from_str(text).map_err(|error| {
        let hint = if error.column() <= 1 {
            format!("; CSV begins with `{HEADER}`")
        } else {
            String::new()
        };
        format!("{error}{hint}")
    })
}

/// Names have no commas, so that nothing is quoted.
pub(super) fn csv(text: &str) -> Result<Line, String> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let [at, kind, procedure, subject, case] = fields[..] else {
        return Err(format!("{} fields instead of five ({HEADER})", fields.len()));
    };
    let kind = if kind.is_empty() { open() } else { kind.to_owned() };
    let procedure = (!procedure.is_empty()).then(|| procedure.to_owned());
    let (at, subject, case) = (Moment::parse(at)?, Name::parse(subject), Name::parse(case));
    Ok(Line { at, kind, procedure, subject, case })
}

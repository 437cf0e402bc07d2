//! Query strings: known members, each at most once.

use crate::clock;
use crate::model::CivilMs;
use crate::prefill::{Rejection, named};

/// `2026-01-31`.
const DAY_LENGTH: usize = 10;

/// A parsed query string.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses, and rejects members that are not `known` or come twice.
    pub(super) fn parse(text: Option<&str>, known: &[&str]) -> Result<Self, Rejection> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                let detail = match known {
                    [] => "this path takes no query".to_owned(),
                    known => format!("unknown query member; known are {}", known.join(", ")),
                };
                return Err(Rejection::value(named(&name), detail));
            }
            if pairs.iter().any(|(seen, _)| *seen == name) {
                return Err(Rejection::value(named(&name), "stands twice in the query"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// All members, in the order in which they came.
    #[cfg(feature = "internals")]
    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// A member's text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Rejection> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = (range.start(), range.end());
                Err(Rejection::value(
                    name,
                    format!("must be a whole number from {least} to {most}"),
                ))
            }
        }
    }
    /// A day, or an exact moment; see [`moment`].
    pub(super) fn moment(
        &self,
        name: &'static str,
        days: i64,
    ) -> Result<Option<CivilMs>, Rejection> {
        self.text(name).map(|text| moment(text, name, days)).transpose()
    }
}

/// A day, or an exact moment; a day's end is that of the last day named.
pub(super) fn moment(text: &str, name: &'static str, days: i64) -> Result<CivilMs, Rejection> {
    // A time without an offset parses as a day, too, and its hours would be lost.
    let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == DAY_LENGTH);
    if let Some(day) = day {
        let day = if days > 0 { day.tomorrow().unwrap_or(day) } else { day };
        return Ok(clock::start_of(day));
    }
    let moment: Result<jiff::Timestamp, _> = text.parse();
    let wrong = "must be a day such as 2026-01-31, or an RFC 3339 time";
    moment.map(jiff::Timestamp::as_millisecond).map_err(|_| Rejection::value(name, wrong))
}

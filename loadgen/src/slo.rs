//! Service levels: what somebody promises of a target, as an expression that is
//! held against what was measured.
//!
//! ```text
//! level  = metric [ "[" group "]" ] op bound
//! metric = "p" number | "mean" | "max" | "errors" | "complete" | "rate"
//! op     = "<" | "<=" | ">" | ">="
//! bound  = number "us" | "ms" | "s" | "%" | "/s" | (a share, without a unit)
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::document::Document;
use crate::results::{Part, TIME_MAX};

#[cfg(test)]
mod tests;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    /// Of the latencies, from the intended start; between 0 and 1.
    Quantile(f64),
    Mean,
    /// Requests without an answer, with a status that they should not get or
    /// with a wrong answer; of all that were sent.
    Errors,
    /// Bundles that call themselves complete, of all bundles.
    Complete,
    /// Requests sent, of those that the schedule wanted in that time; or
    /// answers a second.
    Rate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Share,
    PerSecond,
}

/// One service level.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    text: String,
    metric: Metric,
    group: Option<String>,
    op: Op,
    bound: f64,
    unit: Unit,
}

/// A level, held against what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The level, as it was given.
    pub level: String,
    /// What was measured, such as `12.10 ms`; nothing where there was nothing
    /// to measure.
    pub measured: Option<String>,
    /// Whether it holds; nothing where there was nothing to measure.
    pub holds: Option<bool>,
}

/// Why an expression is no level, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    text: String,
    at: usize,
    why: &'static str,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.text[..self.at].chars().count();
        write!(f, "{}\n\n  {}\n  {:column$}^", self.why, self.text, "")
    }
}

impl std::error::Error for Error {}

impl FromStr for Slo {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut reader = Reader { text, at: 0 };
        let metric = reader.metric()?;
        let group = reader.group(metric)?;
        let op = reader.op()?;
        let (bound, unit) = reader.bound(metric, group.is_some())?;
        reader.end()?;
        Ok(Self { text: text.to_owned(), metric, group, op, bound, unit })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Slo {
    /// The group that it is about, where it is about one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Whether it is about the share of a rate that a schedule wanted.
    #[must_use]
    pub fn needs_schedule(&self) -> bool {
        self.metric == Metric::Rate && self.unit == Unit::Share
    }

    /// Whether it says how many requests of the whole run may fail.
    #[must_use]
    pub fn judges_errors(&self) -> bool {
        self.metric == Metric::Errors && self.group.is_none()
    }

    /// The latency that it allows at most, where it allows one.
    #[must_use]
    pub fn latency_max(&self) -> Option<Duration> {
        let upper = matches!(self.op, Op::Less | Op::AtMost);
        (upper && self.unit == Unit::Seconds).then(|| Duration::from_secs_f64(self.bound))
    }

    /// Holds it against what was measured.
    #[must_use]
    pub fn hold(&self, document: &Document) -> Held {
        let measured = self.measured(document);
        let holds = measured.map(|measured| match self.op {
            Op::Less => measured < self.bound,
            Op::AtMost => measured <= self.bound,
            Op::More => measured > self.bound,
            Op::AtLeast => measured >= self.bound,
        });
        let measured = measured.map(|measured| shown(measured, self.unit));
        Held { level: self.text.clone(), measured, holds }
    }

    fn measured(&self, document: &Document) -> Option<f64> {
        let part = match &self.group {
            Some(group) => document.groups.get(group)?,
            None => &document.whole,
        };
        match (self.metric, self.unit) {
            (Metric::Quantile(quantile), _) => latency(part, |it| it.value_at_quantile(quantile)),
            (Metric::Mean, _) => latency(part, |it| it.mean().round() as u64),
            (Metric::Errors, _) => share(part.faults, part.sent),
            (Metric::Complete, _) => share(part.complete, part.bundles),
            (Metric::Rate, Unit::PerSecond) => {
                let seconds = Duration::from_micros(document.took_us).as_secs_f64();
                (seconds > 0.0).then(|| part.answers() as f64 / seconds)
            }
            (Metric::Rate, _) => document.generator.rate_reached(),
        }
    }
}

/// The tightest latency that any of these levels allows.
#[must_use]
pub fn tightest(slos: &[Slo]) -> Option<Duration> {
    slos.iter().filter_map(Slo::latency_max).min()
}

fn latency(part: &Part, micros: impl Fn(&hdrhistogram::Histogram<u64>) -> u64) -> Option<f64> {
    let any = !part.latency.is_empty();
    any.then(|| Duration::from_micros(micros(&part.latency)).as_secs_f64())
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn shown(measured: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds if measured < 1e-3 => format!("{:.0} us", measured * 1e6),
        Unit::Seconds if measured < 1.0 => format!("{:.2} ms", measured * 1e3),
        Unit::Seconds => format!("{measured:.2} s"),
        Unit::Share => format!("{:.3} %", measured * 100.0),
        Unit::PerSecond => format!("{measured:.1}/s"),
    }
}

/// Reads an expression from left to right.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

const METRICS: &str = "there is p50, p99.9 and so on, mean, max, errors, complete and rate";

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn wrong<T>(&self, at: usize, why: &'static str) -> Result<T, Error> {
        Err(Error { text: self.text.to_owned(), at, why })
    }

    /// The longest beginning of these characters.
    fn take(&mut self, is_one: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|it| !is_one(it)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn metric(&mut self) -> Result<Metric, Error> {
        self.blanks();
        let began = self.at;
        match self.take(|it| it.is_alphanumeric() || it == '.') {
            "mean" => Ok(Metric::Mean),
            "max" => Ok(Metric::Quantile(1.0)),
            "errors" => Ok(Metric::Errors),
            "complete" => Ok(Metric::Complete),
            "rate" => Ok(Metric::Rate),
            name => match name.strip_prefix('p').map(str::parse::<f64>) {
                Some(Ok(percent)) if percent > 0.0 && percent <= 100.0 => {
                    Ok(Metric::Quantile(percent / 100.0))
                }
                Some(Ok(_)) => self.wrong(began + 1, "a percentile is above 0 and at most 100"),
                _ => self.wrong(began, METRICS),
            },
        }
    }

    fn group(&mut self, metric: Metric) -> Result<Option<String>, Error> {
        self.blanks();
        let began = self.at;
        if !self.rest().starts_with('[') {
            return Ok(None);
        }
        self.at += 1;
        let name = self.take(|it| it != ']').trim();
        if !self.rest().starts_with(']') {
            return self.wrong(self.at, "a `]` is missing");
        }
        self.at += 1;
        match metric {
            _ if name.is_empty() => self.wrong(began + 1, "a procedure is missing"),
            Metric::Rate => self.wrong(began, "the rate is of the whole run, of no procedure"),
            _ => Ok(Some(name.to_owned())),
        }
    }

    fn op(&mut self) -> Result<Op, Error> {
        self.blanks();
        let began = self.at;
        match self.take(|it| matches!(it, '<' | '>' | '=' | '!')) {
            "<" => Ok(Op::Less),
            "<=" => Ok(Op::AtMost),
            ">" => Ok(Op::More),
            ">=" => Ok(Op::AtLeast),
            _ => self.wrong(began, "expected <, <=, > or >="),
        }
    }

    fn bound(&mut self, metric: Metric, of_group: bool) -> Result<(f64, Unit), Error> {
        self.blanks();
        let began = self.at;
        let Ok(number) = self.take(|it| it.is_ascii_digit() || it == '.').parse::<f64>() else {
            return self.wrong(began, "expected a number");
        };
        self.blanks();
        let unit_at = self.at;
        let unit = self.take(|it| !it.is_whitespace());
        let is_time = matches!(metric, Metric::Quantile(_) | Metric::Mean);
        let (scale, unit) = match (unit, is_time) {
            ("us", true) => (1e-6, Unit::Seconds),
            ("ms", true) => (1e-3, Unit::Seconds),
            ("s", true) => (1.0, Unit::Seconds),
            (_, true) => return self.wrong(unit_at, "a time needs a unit: us, ms or s"),
            ("/s", false) if metric == Metric::Rate && !of_group => (1.0, Unit::PerSecond),
            ("%", false) => (0.01, Unit::Share),
            ("", false) => (1.0, Unit::Share),
            (_, false) if metric == Metric::Rate => {
                return self.wrong(unit_at, "expected %, /s, or a share such as 0.99");
            }
            (_, false) => return self.wrong(unit_at, "expected %, or a share such as 0.001"),
        };
        match (number * scale, unit) {
            (share, Unit::Share) if share > 1.0 => self.wrong(began, "a share is at most 100 %"),
            (time, Unit::Seconds) if time > TIME_MAX.as_secs_f64() => {
                self.wrong(began, "no time over an hour is told from an hour")
            }
            (bound, unit) => Ok((bound, unit)),
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        self.blanks();
        if self.rest().is_empty() { Ok(()) } else { self.wrong(self.at, "nothing may follow") }
    }
}

//! Two reports side by side: ratios, and which differences are beyond what
//! chance makes of two equal runs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hdrhistogram::Histogram;

use crate::document::{Document, Parts};
use crate::report::{self, Verdict};
use crate::results::Part;

#[cfg(test)]
mod tests;

/// Standard errors that a difference must exceed; one in a thousand does so by
/// chance.
const SIGMAS: f64 = 3.3;

/// One measure of both.
struct Row {
    name: &'static str,
    first: Estimate,
    second: Estimate,
}

/// What was measured, and between which bounds it may lie by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Estimate {
    value: f64,
    low: f64,
    high: f64,
}

impl Row {
    /// Whether the bounds of both do not meet.
    fn is_beyond_noise(&self) -> bool {
        self.first.high < self.second.low || self.second.high < self.first.low
    }

    fn noise(&self) -> &'static str {
        if self.is_beyond_noise() { "beyond noise" } else { "within noise" }
    }
}

/// Both hold, or the worse of both.
#[must_use]
pub fn verdict(first: &Document, second: &Document) -> Verdict {
    let both = [report::verdict(first), report::verdict(second)];
    let either = |verdict| both.contains(&verdict);
    match (either(Verdict::Violated), either(Verdict::Void)) {
        (true, _) => Verdict::Violated,
        (false, true) => Verdict::Void,
        (false, false) => Verdict::Holds,
    }
}

/// What both are.
fn heads(first: &Document, second: &Document) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "first   {}", report::conclusion(first));
    let _ = writeln!(text, "second  {}", report::conclusion(second));
    for unlike in first.heading.unlike(&second.heading) {
        let _ = writeln!(text, "note    not the same load: {unlike}");
    }
    text
}

/// The comparison, as a table.
#[must_use]
pub fn text(first: &Document, second: &Document) -> String {
    let mut text = heads(first, second);
    let _ = writeln!(text, "\n{:<12} {:>12} {:>12} {:>8}", "", "first", "second", "ratio");
    for row in rows(first, second) {
        let (a, b) = (row.first.value, row.second.value);
        let ratio = if a > 0.0 { format!("{:.3}", b / a) } else { "-".to_owned() };
        let noise = row.noise();
        let _ = writeln!(text, "{:<12} {a:>12.3} {b:>12.3} {ratio:>8}  {noise}", row.name);
    }
    text
}

/// The comparison of one of the ways in which results are told apart, with the
/// ratio of the p99.
#[must_use]
pub fn table(first: &Document, second: &Document, parts: impl Fn(&Document) -> &Parts) -> String {
    let mut text = heads(first, second);
    let (one, two) = (parts(first), parts(second));
    let names: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    let wide = names.iter().map(|name| name.len()).max().unwrap_or(0).max(4);
    let heads = ["sent", "then", "p50", "then", "p99", "then", "ratio"];
    let heads: Vec<_> = heads.iter().map(|head| format!("{head:>11}")).collect();
    let _ = writeln!(text, "\n{:wide$}{}", "", heads.concat());
    let nothing = Part::default();
    for name in names {
        let both = [one, two].map(|parts| parts.get(name).unwrap_or(&nothing));
        let mut cells: Vec<_> = both.iter().map(|part| part.sent.to_string()).collect();
        for quantile in [0.5, 0.99] {
            cells.extend(both.iter().map(|part| time(&part.latency, quantile)));
        }
        let [a, b] = both.map(|part| percentile(&part.latency, 0.99));
        let noise = match a.zip(b) {
            Some((first, second)) => {
                cells.push(format!("{:.3}", second.value / first.value));
                Row { name: "p99", first, second }.noise()
            }
            None => {
                cells.push("-".to_owned());
                "not in both"
            }
        };
        let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>11}")).collect();
        let _ = writeln!(text, "{name:wide$}{}  {noise}", cells.concat());
    }
    text
}

fn time(times: &Histogram<u64>, quantile: f64) -> String {
    match times.is_empty() {
        true => "-".to_owned(),
        false => report::duration(times.value_at_quantile(quantile)),
    }
}

fn rows(first: &Document, second: &Document) -> Vec<Row> {
    let row = |name, of: &dyn Fn(&Document) -> Option<Estimate>| {
        Some(Row { name, first: of(first)?, second: of(second)? })
    };
    let at = |quantile: f64| move |it: &Document| percentile(&it.whole.latency, quantile);
    let rows = [
        row("answers/s", &rate),
        row("p50 ms", &at(0.5)),
        row("p90 ms", &at(0.9)),
        row("p99 ms", &at(0.99)),
        row("p99.9 ms", &at(0.999)),
        row("errors %", &|it| share(it.whole.faults, it.whole.sent)),
        row("complete %", &|it| complete(&it.whole)),
    ];
    rows.into_iter().flatten().collect()
}

/// As if arrivals were Poisson's: a count's variance is the count.
fn rate(document: &Document) -> Option<Estimate> {
    let seconds = document.took().as_secs_f64();
    let answers = document.counts.answers as f64;
    let off = SIGMAS * answers.sqrt();
    (seconds > 0.0).then(|| Estimate {
        value: answers / seconds,
        low: (answers - off).max(0.0) / seconds,
        high: (answers + off) / seconds,
    })
}

/// The order statistics around a percentile bound it, whatever the law of the
/// latencies is: the rank is binomial.
fn percentile(times: &Histogram<u64>, quantile: f64) -> Option<Estimate> {
    let count = times.len() as f64;
    let off = SIGMAS * (quantile * (1.0 - quantile) / count.max(1.0)).sqrt();
    let at = |quantile: f64| times.value_at_quantile(quantile.clamp(0.0, 1.0)) as f64 / 1e3;
    (!times.is_empty()).then(|| Estimate {
        value: at(quantile),
        low: at(quantile - off),
        high: at(quantile + off),
    })
}

fn complete(whole: &Part) -> Option<Estimate> {
    share(whole.complete, whole.bundles)
}

/// Wilson's interval of a share, which holds near 0 and 1 too.
fn share(part: u64, whole: u64) -> Option<Estimate> {
    let (share, count) = (part as f64 / whole as f64, whole as f64);
    let square = SIGMAS * SIGMAS / count;
    let middle = (share + square / 2.0) / (1.0 + square);
    let off = (share * (1.0 - share) / count + square / (4.0 * count)).sqrt() * SIGMAS;
    let off = off / (1.0 + square);
    (whole > 0).then_some(Estimate {
        value: share * 100.0,
        low: (middle - off) * 100.0,
        high: (middle + off) * 100.0,
    })
}

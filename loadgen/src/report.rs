//! What a run means: a verdict, and the numbers as text.

use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::document::{Counts, Document, Named, Parts};
use crate::results::Part;
use crate::run::Ended;
use crate::slo::{Held, Slo};

pub use heading::Heading;

mod heading;
#[cfg(test)]
mod tests;

/// What a run shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every request was answered, and every answer was right.
    Holds,
    /// An unexpected status, a request without an answer, or a level that does
    /// not hold.
    Violated,
    /// It shows nothing: what answered wrongly has no speed, and what the
    /// generator held up itself is not its target's.
    Void,
}

impl Verdict {
    /// The exit code; 2 is for mistakes in the arguments.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Violated => 1,
            Self::Void => 3,
        }
    }
}

/// A wait for a free connection that is worth a word.
const BEHIND_MIN: Duration = Duration::from_secs(1);

/// The verdict. A wrong answer voids everything else. An unexpected status
/// outweighs a run that ended early: it was seen. A run that shows nothing of
/// its target shows nothing of its levels either.
#[must_use]
pub fn verdict(document: &Document) -> Verdict {
    let Document { counts, ended, generator, .. } = document;
    let held = document.held();
    let errors_are_judged = document.slos().iter().any(Slo::judges_errors);
    if !counts.wrong.is_empty() {
        return Verdict::Void;
    }
    if counts.refused > 0 && !errors_are_judged {
        return Verdict::Violated;
    }
    if *ended != Ended::Done
        || counts.answers == 0
        || !generator.void(document.tightest()).is_empty()
    {
        return Verdict::Void;
    }
    let unanswered = !counts.errors.is_empty() && !errors_are_judged;
    if unanswered || held.iter().any(|it| it.holds == Some(false)) {
        return Verdict::Violated;
    }
    match held.iter().all(|it| it.holds == Some(true)) {
        true => Verdict::Holds,
        false => Verdict::Void,
    }
}

/// One line that says the verdict and why.
#[must_use]
pub fn conclusion(document: &Document) -> String {
    let answers = document.counts.answers;
    let partial = match document.ended {
        Ended::Done => "",
        Ended::Interrupted => "; a partial result, interrupted",
        Ended::TargetClosed => "; a partial result, the target went away",
    };
    match (verdict(document), document.ended) {
        (Verdict::Holds, _) => {
            format!("holds: {answers} answers, {}{}", verified(document), behind(document))
        }
        (Verdict::Violated, _) => format!("violated: {}{partial}", violated(document)),
        (Verdict::Void, _) if !document.counts.wrong.is_empty() => {
            format!("void: {}{partial}", wrong(&document.counts))
        }
        (Verdict::Void, Ended::Interrupted) => {
            format!("inconclusive: {answers} answers, none wrong{partial}")
        }
        (Verdict::Void, Ended::TargetClosed) => {
            format!("void: the target closed after {answers} answers, none wrong{partial}")
        }
        (Verdict::Void, Ended::Done) if answers == 0 => "void: nothing was answered".to_owned(),
        (Verdict::Void, Ended::Done) => format!("void: {}", void(document)),
    }
}

/// What is wrong with the answers, by kind.
fn wrong(counts: &Counts) -> String {
    let Counts { wrong_answers, answers, wrong, .. } = counts;
    format!("{wrong_answers} wrong answers of {answers} ({})", list(wrong))
}

/// What did not come as it should, and the levels that do not hold.
fn violated(document: &Document) -> String {
    let Counts { refused, errors, sent, .. } = &document.counts;
    let errors: u64 = errors.values().sum();
    let mut reasons = Vec::new();
    if *refused > 0 || errors > 0 {
        reasons.push(format!(
            "{refused} unexpected statuses, {errors} requests without an answer, of {sent}",
        ));
    }
    let missed = document.held().into_iter().filter(|it| it.holds == Some(false));
    reasons.extend(missed.map(|it| format!("{}: {}", it.level, it.measured.unwrap_or_default())));
    reasons.join("; ")
}

/// What the generator did not keep, and the levels that nothing was measured
/// for.
fn void(document: &Document) -> String {
    let void = document.generator.void(document.tightest());
    let mut reasons: Vec<_> = void.iter().map(ToString::to_string).collect();
    let unmeasured = document.held().into_iter().filter(|it| it.holds.is_none());
    reasons.extend(unmeasured.map(|it| format!("{}: nothing was measured", it.level)));
    reasons.join("; ")
}

/// How long requests had to wait for a connection of a target that did not keep
/// up: it answered all of them, and they stand in the latencies, but nobody should
/// have to look for it there. Where the generator itself stood still, that is its
/// lag and not in it.
fn behind(document: &Document) -> String {
    let waited = document.generator.waited_max;
    match waited > BEHIND_MIN {
        true => format!("; the target was up to {:.1} s behind", waited.as_secs_f64()),
        false => String::new(),
    }
}

fn verified(document: &Document) -> String {
    match document.counts.compared {
        0 if document.counts.bundles == 0 => "each as expected".to_owned(),
        compared if compared == document.counts.bundles => "each verified".to_owned(),
        compared => format!("each of the right shape, {compared} compared with the truth"),
    }
}

/// The numbers, on one screen: the verdict first, then what a reader asks next.
#[must_use]
pub fn text(document: &Document) -> String {
    let mut lines = Lines(format!("{}\n", conclusion(document)));
    lines.measured(document);
    lines.answers(&document.counts);
    lines.asked(document);
    lines.wrong(document);
    lines.0
}

struct Lines(String);

/// A longer list is in the document.
const LISTED_MAX: usize = 4;

impl Lines {
    fn line(&mut self, name: &str, what: &str) {
        let _ = writeln!(self.0, "{name:<10} {what}");
    }

    fn measured(&mut self, document: &Document) {
        let Document { counts, generator, whole, .. } = document;
        let answered = format!("{} of {} sent", counts.answers, counts.sent);
        self.line("answered", &format!("{answered}, {}", rate(document)));
        self.line("latency", &latency(&whole.latency));
        if !generator.lag.is_empty() {
            self.line("service", &latency(&whole.service));
        }
        for held in document.held() {
            self.line("level", &level(&held));
        }
        let at = |quantile| Duration::from_nanos(generator.lag.value_at_quantile(quantile));
        let (half, most, max) = (at(0.5), at(0.99), at(1.0));
        match generator.lag.is_empty() {
            false => {
                self.line("send lag", &format!("p50 {half:.1?}, p99 {most:.1?}, max {max:.1?}"))
            }
            true => self.line("send lag", "none: nothing was due at a time of its own"),
        }
        self.slowest(document);
        self.parts("channels", &document.channels);
        self.parts("cache", &document.cache);
    }

    /// Where there are several, how often each came, and its p99.
    fn parts(&mut self, name: &str, parts: &Parts) {
        if parts.len() < 2 {
            return;
        }
        let listed = parts.iter().map(|(name, part)| {
            let p99 = duration(part.latency.value_at_quantile(0.99));
            format!("{name} {} (p99 {p99})", part.sent)
        });
        self.line(name, &listed.collect::<Vec<_>>().join(", "));
    }

    /// The groups with the highest p99.
    fn slowest(&mut self, document: &Document) {
        if document.groups.len() < 2 {
            return;
        }
        let p99 = |part: &Part| part.latency.value_at_quantile(0.99);
        let mut groups: Vec<_> = document.groups.iter().collect();
        groups.sort_by_key(|(_, part)| std::cmp::Reverse(p99(part)));
        let listed = groups.iter().take(LISTED_MAX);
        let listed = listed.map(|(name, part)| format!("{name} {}", duration(p99(part))));
        self.line("slowest", &format!("p99 {}", listed.collect::<Vec<_>>().join(", ")));
    }

    fn answers(&mut self, counts: &Counts) {
        self.line("statuses", &list(&counts.statuses));
        let complete = share(counts.complete, counts.bundles);
        self.line("complete", &format!("{complete} of the bundles"));
        self.line("filled", &filled(counts));
        self.line("gaps", &gaps(counts));
        self.line("errors", &list(&counts.errors));
        if counts.unverified > 0 {
            let what =
                "fields of those compared: written by citizens, or from sources unknown here";
            self.line("unverified", &format!("{} {what}", counts.unverified));
        }
        if counts.disclosures_one_in > 1 {
            let share = counts.disclosures_one_in;
            let what = "ids of disclosures was compared with the others";
            self.line("unverified", &format!("one in {share} {what}"));
        }
    }

    fn asked(&mut self, document: &Document) {
        let Document { heading, runs, .. } = document;
        let threads = if heading.threads == 1 { "thread" } else { "threads" };
        let over = format!("{} connections on {} {threads}", heading.connections, heading.threads);
        self.line("loop", &heading.law);
        self.line("target", &format!("{}, {over}", heading.target));
        self.line("asked", &format!("{} of {}", heading.asked, heading.country));
        if let Some(warning) = document.generator.calendar() {
            self.line("warning", &warning);
        }
        if *runs > 1 {
            let each = "ids of disclosures are compared within each";
            self.line("runs", &format!("{runs}, merged; {each}"));
        }
        if heading.by_hand > 0 {
            let what = format!("{} procedures that are not prefilled", heading.by_hand);
            self.line("not asked", &what);
        }
        for (name, why) in &heading.not_asked {
            self.line("not asked", &format!("{name}: {why}"));
        }
    }

    fn wrong(&mut self, document: &Document) {
        let counts = &document.counts;
        self.line("wrong", &list(&counts.wrong));
        for (number, finding) in &counts.examples {
            self.line("", &format!("request {number}: {finding}"));
        }
        if counts.compared > 0 && 2 * counts.wrong_answers > counts.answers {
            let country = &document.heading.country;
            let hint = format!("is the target's country another one? It must be {country}");
            self.line("hint", &hint);
        }
    }
}

fn level(held: &Held) -> String {
    let measured = held.measured.as_deref().unwrap_or("nothing was measured");
    let holds = match held.holds {
        Some(true) => "holds",
        Some(false) => "VIOLATED",
        None => "unknown",
    };
    format!("{holds}: {} (measured: {measured})", held.level)
}

/// Answers a second, and the share of the wanted rate that was sent.
fn rate(document: &Document) -> String {
    let seconds = document.took().as_secs_f64();
    let reached = document.generator.rate_reached();
    let reached = reached.map(|share| format!(", {:.2} % of the wanted rate", share * 100.0));
    let rate = document.counts.answers as f64 / seconds.max(1e-9);
    format!("{rate:.0}/s over {seconds:.1} s{}", reached.unwrap_or_default())
}

fn latency(times: &Histogram<u64>) -> String {
    if times.is_empty() {
        return "none".to_owned();
    }
    let at = |quantile| duration(times.value_at_quantile(quantile));
    format!(
        "p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        duration(times.max()),
    )
}

/// A time in microseconds, as it is read.
pub(crate) fn duration(micros: u64) -> String {
    let micros = Duration::from_micros(micros);
    match micros.as_millis() {
        0 => format!("{} us", micros.as_micros()),
        1..1_000 => format!("{:.2} ms", micros.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", micros.as_secs_f64()),
    }
}

fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "none".to_owned(),
        whole => format!("{:.2} %", part as f64 * 100.0 / whole as f64),
    }
}

/// Of all bundles, compared or not, as gaps are.
fn filled(counts: &Counts) -> String {
    let gaps = counts.gaps.values().chain(counts.unavailable.values());
    let fields = counts.filled + gaps.sum::<u64>();
    format!("{} of {fields} fields ({})", counts.filled, share(counts.filled, fields))
}

/// What a register itself marks as unavailable is no fault, and stands apart.
fn gaps(counts: &Counts) -> String {
    let told = format!("unavailable: {}", list(&counts.unavailable));
    match (counts.gaps.is_empty(), counts.unavailable.is_empty()) {
        (_, true) => list(&counts.gaps),
        (true, false) => told,
        (false, false) => format!("{}; {told}", list(&counts.gaps)),
    }
}

fn list(counts: &Named) -> String {
    let items: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// One of the ways in which results are told apart, as a table.
#[must_use]
pub fn table(parts: &Parts) -> String {
    let mut text = String::new();
    let names = parts.keys().map(String::len).max().unwrap_or(0).max(4);
    let heads = ["sent", "faults", "complete", "p50", "p90", "p99", "max"];
    let heads: Vec<_> = heads.iter().map(|head| format!("{head:>10}")).collect();
    let _ = writeln!(text, "{:names$}{}", "", heads.concat());
    for (name, part) in parts {
        let at = |quantile| match part.latency.is_empty() {
            true => "-".to_owned(),
            false => duration(part.latency.value_at_quantile(quantile)),
        };
        let complete = match part.bundles {
            0 => "-".to_owned(),
            bundles => share(part.complete, bundles),
        };
        let cells = [part.sent.to_string(), part.faults.to_string(), complete];
        let cells = cells.into_iter().chain([0.5, 0.9, 0.99, 1.0].map(at));
        let cells: Vec<_> = cells.map(|cell| format!("{cell:>10}")).collect();
        let _ = writeln!(text, "{name:names$}{}", cells.concat());
    }
    text
}

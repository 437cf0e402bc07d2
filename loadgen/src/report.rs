//! What a run means: a verdict, and the numbers as text.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::form::Uncastable;
use crate::run::{Ended, Outcome};
use crate::tally::Tally;
use crate::verify::Gap;

#[cfg(test)]
mod tests;

/// What a run shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every request was answered, and every answer was right.
    Holds,
    /// A wrong answer, an unexpected status, or a request without an answer.
    Violated,
    /// It shows nothing.
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

/// What was asked of the run, for its first lines.
#[derive(Clone, Debug)]
pub struct Heading {
    /// Where.
    pub target: String,
    /// When requests were sent.
    pub law: String,
    /// Connections over how many threads.
    pub connections: usize,
    /// Threads of the generator.
    pub threads: usize,
    /// What was asked: procedures and people.
    pub asked: String,
    /// How many procedures nothing prefills.
    pub by_hand: usize,
    /// The prefilled procedures that were not asked for, and why.
    pub not_asked: Vec<(String, Uncastable)>,
    /// The country that the target must run with.
    pub country: String,
}

/// The verdict. Something wrong outweighs a run that ended early: it was seen.
#[must_use]
pub fn verdict(outcome: &Outcome) -> Verdict {
    let tally = &outcome.results.tally;
    if !tally.wrong.is_empty() || tally.refused() > 0 {
        return Verdict::Violated;
    }
    match outcome.ended {
        Ended::TargetClosed | Ended::Interrupted => Verdict::Void,
        Ended::Done if tally.answers() == 0 => Verdict::Void,
        Ended::Done if !outcome.honesty.void(None).is_empty() => Verdict::Void,
        Ended::Done if tally.errors.is_empty() => Verdict::Holds,
        Ended::Done => Verdict::Violated,
    }
}

/// One line that says the verdict and why.
#[must_use]
pub fn conclusion(outcome: &Outcome) -> String {
    let tally = &outcome.results.tally;
    let answers = tally.answers();
    let partial = match outcome.ended {
        Ended::Done => "",
        Ended::Interrupted => "; a partial result, interrupted",
        Ended::TargetClosed => "; a partial result, the target went away",
    };
    let errors: u64 = tally.errors.values().sum();
    match (verdict(outcome), outcome.ended) {
        (Verdict::Holds, _) => format!("holds: {answers} answers, {}", verified(outcome)),
        (Verdict::Violated, _) => format!(
            "violated: {} wrong answers, {} unexpected statuses, {errors} requests without an \
             answer, of {}{partial}",
            tally.wrong_answers,
            tally.refused(),
            tally.sent,
        ),
        (Verdict::Void, Ended::Interrupted) => {
            format!("inconclusive: {answers} answers, all right{partial}")
        }
        (Verdict::Void, Ended::TargetClosed) => {
            format!("void: the target closed after {answers} answers, all right{partial}")
        }
        (Verdict::Void, Ended::Done) if answers == 0 => "void: nothing was answered".to_owned(),
        (Verdict::Void, Ended::Done) => {
            let reasons = outcome.honesty.void(None);
            let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
            format!("void: {}", reasons.join("; "))
        }
    }
}

fn verified(outcome: &Outcome) -> String {
    match outcome.results.compared {
        compared if compared == bundles(&outcome.results.tally) => "each verified".to_owned(),
        compared => format!("each of the right shape, {compared} compared with the truth"),
    }
}

/// The numbers.
#[must_use]
pub fn text(heading: &Heading, outcome: &Outcome) -> String {
    let tally = &outcome.results.tally;
    let mut text = String::new();
    let threads = if heading.threads == 1 { "thread" } else { "threads" };
    let mut line = |name: &str, what: String| {
        let _ = writeln!(text, "{name:<10} {what}");
    };
    line("loop", heading.law.clone());
    let over = format!("{} connections on {} {threads}", heading.connections, heading.threads);
    line("target", format!("{}, {over}", heading.target));
    line("asked", format!("{} of {}", heading.asked, heading.country));
    if heading.by_hand > 0 {
        line("not asked", format!("{} procedures that are not prefilled", heading.by_hand));
    }
    for (name, why) in &heading.not_asked {
        line("not asked", format!("{name}: {why}"));
    }
    line("answered", format!("{} of {} sent, {}", tally.answers(), tally.sent, rate(outcome)));
    line("latency", latency(tally));
    let lag = &outcome.honesty.lag;
    if !lag.is_empty() {
        let at = |quantile| Duration::from_nanos(lag.value_at_quantile(quantile));
        line("send lag", format!("p50 {:.1?}, p99 {:.1?}, max {:.1?}", at(0.5), at(0.99), at(1.0)));
    }
    line("statuses", list(&tally.statuses));
    line("complete", format!("{} of the bundles", share(tally.complete, bundles(tally))));
    line("filled", format!("{} fields", tally.filled));
    line("gaps", gaps(tally));
    line("errors", list(&tally.errors));
    if tally.unverified > 0 {
        let what = "fields that citizens wrote themselves, or from sources unknown here";
        line("unverified", format!("{} {what}", tally.unverified));
    }
    if tally.disclosures_cut {
        line("unverified", "uniqueness of the last disclosure ids: too many to keep".into());
    }
    line("wrong", list(&tally.wrong));
    for (number, finding) in &tally.examples {
        line("", format!("request {number}: {finding}"));
    }
    if 2 * tally.wrong_answers > tally.answers() {
        let country = &heading.country;
        line("hint", format!("is the target's country another one? It must be {country}"));
    }
    text
}

fn bundles(tally: &Tally) -> u64 {
    tally.answers() - tally.refused()
}

fn rate(outcome: &Outcome) -> String {
    let seconds = outcome.took.as_secs_f64();
    format!(
        "{:.0}/s over {seconds:.1} s",
        outcome.results.tally.answers() as f64 / seconds.max(1e-9)
    )
}

fn latency(tally: &Tally) -> String {
    if tally.latency.is_empty() {
        return "none".to_owned();
    }
    let at = |quantile| duration(tally.latency.value_at_quantile(quantile));
    format!(
        "p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        duration(tally.latency.max()),
    )
}

fn duration(micros: u64) -> String {
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

/// What a register itself marks as unavailable is no fault, and stands apart.
fn gaps(tally: &Tally) -> String {
    let (unavailable, others): (BTreeMap<Gap, u64>, BTreeMap<Gap, u64>) = tally
        .gaps
        .iter()
        .map(|(gap, count)| (*gap, *count))
        .partition(|(gap, _)| matches!(gap, Gap::Unavailable(_)));
    let told = format!("unavailable: {}", list(&unavailable));
    match (others.is_empty(), unavailable.is_empty()) {
        (_, true) => list(&others),
        (true, false) => told,
        (false, false) => format!("{}; {told}", list(&others)),
    }
}

fn list(counts: &BTreeMap<impl Display, u64>) -> String {
    let items: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

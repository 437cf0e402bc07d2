//! What happened, counted. Each thread has a tally of its own; they merge at
//! the end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::results::times;
use crate::target::Error;
use crate::unique::Unique;
use crate::verify::{Finding, Gap, Verified, Wrong};

#[cfg(test)]
mod tests;

/// Findings that are explained; all are counted.
pub const EXAMPLES_MAX: usize = 5;

/// A status code, with the problem's type where the answer has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    /// The code.
    pub status: u16,
    /// Such as `not-recorded`.
    pub problem: Option<Box<str>>,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Some(problem) => write!(f, "{} {problem}", self.status),
            None => write!(f, "{}", self.status),
        }
    }
}

/// Counts of one run.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests sent, answered or not.
    pub sent: u64,
    /// From the moment a request was due to the last byte of its answer, in
    /// microseconds. Answered requests only.
    pub latency: Histogram<u64>,
    /// Answers by status.
    pub statuses: BTreeMap<Answered, u64>,
    /// Requests without an answer.
    pub errors: BTreeMap<Error, u64>,
    /// Answers with a status that their requests should not get.
    pub unexpected: BTreeMap<Answered, u64>,
    /// Answers that are bundles.
    pub bundles: u64,
    /// Bundles that call themselves complete.
    pub complete: u64,
    /// Fields with a value of the moment.
    pub filled: u64,
    /// Fields that could not be compared with anything.
    pub unverified: u64,
    /// Fields without one.
    pub gaps: BTreeMap<Gap, u64>,
    /// Everything found wrong.
    pub wrong: BTreeMap<Wrong, u64>,
    /// Answers with at least one thing wrong.
    pub wrong_answers: u64,
    /// The first findings, with the number of their request.
    pub examples: Vec<(u64, Finding)>,
    disclosures: Unique,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sent: 0,
            latency: times(3),
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            unexpected: BTreeMap::new(),
            bundles: 0,
            complete: 0,
            filled: 0,
            unverified: 0,
            gaps: BTreeMap::new(),
            wrong: BTreeMap::new(),
            wrong_answers: 0,
            examples: Vec::new(),
            disclosures: Unique::default(),
        }
    }
}

impl Tally {
    /// One request without an answer.
    pub fn failed(&mut self, error: Error) {
        self.sent += 1;
        *self.errors.entry(error).or_default() += 1;
    }

    /// One answer, whatever it says.
    pub fn answered(&mut self, answered: Answered, took: Duration) {
        self.sent += 1;
        *self.statuses.entry(answered).or_default() += 1;
        self.latency.saturating_record(took.as_micros().max(1) as u64);
    }

    /// One answer of those that [`Tally::answered`] counts, with a status that
    /// its request should not get.
    pub fn unexpected(&mut self, answered: Answered) {
        *self.unexpected.entry(answered).or_default() += 1;
    }

    /// What the answer to request `number` said.
    pub fn verified(&mut self, number: u64, verified: Verified) {
        self.complete += u64::from(verified.complete);
        self.filled += verified.filled;
        self.unverified += verified.unverified;
        for gap in verified.gaps {
            *self.gaps.entry(gap).or_default() += 1;
        }
        if let Some(id) = verified.disclosure {
            self.disclosures.see(id.as_u128());
        }
        self.wrong_answers += u64::from(!verified.findings.is_empty());
        for finding in verified.findings {
            *self.wrong.entry(finding.wrong).or_default() += 1;
            self.exemplify(number, finding);
        }
    }

    /// Keeps those of the first requests, whichever were answered first, so
    /// that parts merge into what the whole would have.
    fn exemplify(&mut self, number: u64, finding: Finding) {
        let is_full = self.examples.len() == EXAMPLES_MAX;
        if is_full && self.examples.last().is_some_and(|(last, _)| *last <= number) {
            return;
        }
        let at = self.examples.partition_point(|(kept, _)| *kept <= number);
        self.examples.insert(at, (number, finding));
        self.examples.truncate(EXAMPLES_MAX);
    }

    /// Adds another tally's counts.
    pub fn merge(&mut self, other: Self) {
        self.sent += other.sent;
        self.latency.add(&other.latency).expect("all tallies have the same bounds");
        add(&mut self.statuses, other.statuses);
        add(&mut self.errors, other.errors);
        add(&mut self.unexpected, other.unexpected);
        self.bundles += other.bundles;
        self.complete += other.complete;
        self.filled += other.filled;
        self.unverified += other.unverified;
        add(&mut self.gaps, other.gaps);
        add(&mut self.wrong, other.wrong);
        self.wrong_answers += other.wrong_answers;
        self.examples.extend(other.examples);
        self.examples.sort_by_key(|(number, _)| *number);
        self.examples.truncate(EXAMPLES_MAX);
        self.disclosures.merge(other.disclosures);
    }

    /// Counts the disclosure ids that came more than once. Once, after the last
    /// merge.
    pub fn count_duplicates(&mut self) {
        let twice = self.disclosures.twice();
        if twice > 0 {
            *self.wrong.entry(Wrong::DisclosureTwice).or_default() += twice;
        }
    }

    /// Of how many disclosure ids one was compared with all others.
    #[must_use]
    pub fn disclosures_one_in(&self) -> u64 {
        self.disclosures.one_in()
    }

    /// Answers, right or wrong.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, others: BTreeMap<K, u64>) {
    for (key, count) in others {
        *counts.entry(key).or_default() += count;
    }
}

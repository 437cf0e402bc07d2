//! A run as a document: everything that a report, a comparison or a drawing
//! needs, in JSON. Documents of several processes merge.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{fs, io};

use hdrhistogram::AdditionError;
use serde::{Deserialize, Serialize};

use crate::honesty::Honesty;
use crate::report::Heading;
use crate::results::{Part, Results, Series};
use crate::run::{Ended, Outcome};
use crate::slo::{self, Held, Slo};
use crate::tally::{EXAMPLES_MAX, Tally};
use crate::verify::Gap;

#[cfg(test)]
pub(crate) mod tests;

/// The version of the document's members; a reader refuses any other.
pub const SCHEMA: &str = "loadgen/4";

/// The share of the shorter of two runs in which both must have run, so that
/// their rates together are one load's.
const TOGETHER_MIN: f64 = 0.9;

/// Counts, by what was counted, as reports name it.
pub type Named = BTreeMap<String, u64>;
/// Parts of a run, by name.
pub type Parts = BTreeMap<String, Part>;

/// One run, or several that were merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: String,
    /// How many runs are in it.
    pub runs: u64,
    /// What was asked of the run.
    pub heading: Heading,
    /// Why it ended.
    pub ended: Ended,
    /// When it began, in milliseconds since 1970, by this machine's clock; of
    /// several the first.
    pub began_ms: u64,
    /// How long it took, in microseconds; of several from the first beginning to
    /// the last end.
    pub took_us: u64,
    /// The service levels, as they were given.
    pub levels: Vec<String>,
    /// What the answers said.
    pub counts: Counts,
    /// All requests.
    pub whole: Part,
    /// By procedure, and by each other kind of request.
    pub groups: Parts,
    /// By channel.
    pub channels: Parts,
    /// Bundles that call themselves complete, and the others.
    pub completeness: Parts,
    /// Bundles with at least one such gap.
    pub gaps: Parts,
    /// By hit and miss, where the target told.
    pub cache: Parts,
    /// Over time.
    pub series: Series,
    /// What the generator saw of itself.
    pub generator: Honesty,
}

/// What the answers said, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Counts {
    /// Requests sent, answered or not.
    pub sent: u64,
    /// Answers, right or wrong.
    pub answers: u64,
    /// Answers with a status that their requests should not get.
    pub refused: u64,
    /// The same, by status.
    pub unexpected: Named,
    /// Bundles among the answers.
    pub bundles: u64,
    /// Answers that were compared with the truth.
    pub compared: u64,
    /// Answers by status.
    pub statuses: Named,
    /// Requests without an answer.
    pub errors: Named,
    /// Bundles that call themselves complete.
    pub complete: u64,
    /// Fields with a value of the moment.
    pub filled: u64,
    /// Fields that could not be compared with anything.
    pub unverified: u64,
    /// Fields without one, by what the target says of them.
    pub gaps: Named,
    /// Fields without one because there was no usable answer. What a register
    /// itself marks as unavailable is no fault, and stands among the others.
    pub unavailable: Named,
    /// Everything found wrong.
    pub wrong: Named,
    /// Answers with at least one thing wrong.
    pub wrong_answers: u64,
    /// The first findings, with the number of their request.
    pub examples: Vec<(u64, String)>,
    /// Of how many ids of disclosures one was compared with all others that came
    /// to the same process.
    pub disclosures_one_in: u64,
}

/// Why documents cannot be had or do not merge.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not readable.
    #[error("{0}: {1}")]
    Unreadable(String, io::Error),
    /// Not a document.
    #[error("{0}: not a report of loadgen: {1}")]
    Malformed(String, serde_json::Error),
    /// Of another version, or with members that contradict each other.
    #[error("{0}: {1}")]
    Foreign(String, &'static str),
    /// Of different loads.
    #[error("these are not runs of one load: {0}")]
    Unlike(String),
    /// One of them twice.
    #[error("one run stands there twice, and would count twice")]
    Twice,
    /// Histograms of other bounds.
    #[error("the times of the reports have other bounds than each other")]
    Bounds(#[from] AdditionError),
}

impl Counts {
    fn new(tally: &Tally, compared: u64) -> Self {
        let examples = tally.examples.iter();
        let (unavailable, gaps): (BTreeMap<Gap, u64>, BTreeMap<Gap, u64>) = tally
            .gaps
            .iter()
            .map(|(gap, count)| (*gap, *count))
            .partition(|(gap, _)| matches!(gap, Gap::Unavailable(_)));
        Self {
            sent: tally.sent,
            answers: tally.answers(),
            refused: tally.unexpected.values().sum(),
            unexpected: named(&tally.unexpected),
            bundles: tally.bundles,
            compared,
            statuses: named(&tally.statuses),
            errors: named(&tally.errors),
            complete: tally.complete,
            filled: tally.filled,
            unverified: tally.unverified,
            gaps: named(&gaps),
            unavailable: named(&unavailable),
            wrong: named(&tally.wrong),
            wrong_answers: tally.wrong_answers,
            examples: examples.map(|(number, it)| (*number, it.to_string())).collect(),
            disclosures_one_in: tally.disclosures_one_in(),
        }
    }

    fn merge(&mut self, other: Self) {
        self.sent += other.sent;
        self.answers += other.answers;
        self.refused += other.refused;
        add(&mut self.unexpected, other.unexpected);
        self.bundles += other.bundles;
        self.compared += other.compared;
        add(&mut self.statuses, other.statuses);
        add(&mut self.errors, other.errors);
        self.complete += other.complete;
        self.filled += other.filled;
        self.unverified += other.unverified;
        add(&mut self.gaps, other.gaps);
        add(&mut self.unavailable, other.unavailable);
        add(&mut self.wrong, other.wrong);
        self.wrong_answers += other.wrong_answers;
        self.examples.extend(other.examples);
        self.examples.sort();
        self.examples.truncate(EXAMPLES_MAX);
        self.disclosures_one_in = self.disclosures_one_in.max(other.disclosures_one_in);
    }
}

impl Document {
    /// Of this run, held against these levels.
    #[must_use]
    pub fn new(heading: &Heading, outcome: &Outcome, slos: &[Slo]) -> Self {
        let Results { groups, compared, tally, series, .. } = &outcome.results;
        let results = &outcome.results;
        let group = |index: &u16| groups.get(usize::from(*index)).cloned().unwrap_or_default();
        let completeness = |it: &bool| if *it { "complete" } else { "incomplete" }.to_owned();
        Self {
            schema: SCHEMA.to_owned(),
            runs: 1,
            heading: heading.clone(),
            ended: outcome.ended,
            began_ms: outcome.began_ms,
            took_us: outcome.took.as_micros() as u64,
            levels: slos.iter().map(ToString::to_string).collect(),
            counts: Counts::new(tally, *compared),
            whole: whole(results),
            groups: parts(&results.by_group, group),
            channels: parts(&results.by_channel, |it| it.name().to_owned()),
            completeness: parts(&results.by_completeness, completeness),
            gaps: parts(&results.by_gap, ToString::to_string),
            cache: parts(&results.by_cache, |it| it.name().to_owned()),
            series: series.clone(),
            generator: outcome.honesty.clone(),
        }
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.took_us)
    }

    /// Its levels. Those that a reader of another day cannot read are left out
    /// only after [`Document::read`] has refused them.
    #[must_use]
    pub fn slos(&self) -> Vec<Slo> {
        self.levels.iter().filter_map(|level| level.parse().ok()).collect()
    }

    /// Its levels, held against what was measured.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        self.slos().iter().map(|slo| slo.hold(self)).collect()
    }

    /// The tightest latency that a level allows.
    #[must_use]
    pub fn tightest(&self) -> Option<Duration> {
        slo::tightest(&self.slos())
    }

    /// What keeps another from being a part of the same load: it was asked for
    /// something else, or did not run side by side with this one, so that rates
    /// of both together mean nothing.
    #[must_use]
    pub fn unlike(&self, other: &Self) -> Vec<String> {
        let mut unlike = self.heading.unlike(&other.heading);
        let began = self.began_us().max(other.began_us());
        let ended = self.ended_us().min(other.ended_us());
        let both = ended.saturating_sub(began) as f64;
        let shorter = self.took_us.min(other.took_us) as f64;
        if began > ended {
            let seconds = (began - ended) as f64 / 1e6;
            unlike.push(format!("one began {seconds:.1} s after the other had ended"));
        } else if both < TOGETHER_MIN * shorter {
            let (both, shorter) = (both / 1e6, shorter / 1e6);
            unlike.push(format!(
                "they ran side by side for {both:.1} s only, of the {shorter:.1} s of the shorter"
            ));
        }
        unlike
    }

    fn began_us(&self) -> u64 {
        self.began_ms.saturating_mul(1_000)
    }

    fn ended_us(&self) -> u64 {
        self.began_us().saturating_add(self.took_us)
    }

    /// Refuses runs that are not of one load. Each is held against each other, so
    /// that their order does not matter.
    ///
    /// # Errors
    /// Where one is there twice, or is [unlike](Self::unlike) another.
    pub fn check_alike(runs: &[Self]) -> Result<(), Error> {
        Self::check_once(runs)?;
        let pairs = runs
            .iter()
            .enumerate()
            .flat_map(|(at, one)| runs[at + 1..].iter().map(move |other| one.unlike(other)));
        match pairs.into_iter().find(|unlike| !unlike.is_empty()) {
            Some(unlike) => Err(Error::Unlike(unlike.join("; "))),
            None => Ok(()),
        }
    }

    /// Refuses the same run again, whatever its file is called.
    ///
    /// # Errors
    /// Where one is there twice.
    pub fn check_once(runs: &[Self]) -> Result<(), Error> {
        match runs.iter().enumerate().any(|(at, run)| runs[at + 1..].contains(run)) {
            true => Err(Error::Twice),
            false => Ok(()),
        }
    }

    /// Adds another run, whatever was asked of it; see
    /// [`check_alike`](Self::check_alike).
    ///
    /// # Errors
    /// Where its times have other bounds.
    pub fn merge(&mut self, other: Self) -> Result<(), Error> {
        self.generator.lag.add(&other.generator.lag)?;
        self.generator.delay.add(&other.generator.delay)?;
        self.generator.merge_counts(&other.generator);
        self.whole.merge(&other.whole)?;
        add_parts(&mut self.groups, &other.groups)?;
        add_parts(&mut self.channels, &other.channels)?;
        add_parts(&mut self.completeness, &other.completeness)?;
        add_parts(&mut self.gaps, &other.gaps)?;
        add_parts(&mut self.cache, &other.cache)?;
        self.series.merge(&other.series)?;
        self.runs += other.runs;
        if self.ended == Ended::Done {
            self.ended = other.ended;
        }
        let ended_us = self.ended_us().max(other.ended_us());
        self.began_ms = self.began_ms.min(other.began_ms);
        self.took_us = ended_us - self.began_us();
        for level in other.levels {
            if !self.levels.contains(&level) {
                self.levels.push(level);
            }
        }
        self.counts.merge(other.counts);
        self.heading.merge(other.heading);
        Ok(())
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("names and numbers are always JSON") + "\n"
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// Where there is none, or something else, or one of another version.
    pub fn read(path: &str) -> Result<Self, Error> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| Error::Unreadable(path.to_owned(), error))?;
        Self::parse(path, &text)
    }

    fn parse(path: &str, text: &str) -> Result<Self, Error> {
        let malformed = |error| Error::Malformed(path.to_owned(), error);
        let foreign = |why| Err(Error::Foreign(path.to_owned(), why));
        let version: Version = serde_json::from_str(text).map_err(malformed)?;
        if version.schema != SCHEMA {
            return foreign("a report of another version of loadgen: its schema is not loadgen/4");
        }
        let document: Self = serde_json::from_str(text).map_err(malformed)?;
        if !document.series.is_sound() {
            return foreign("its intervals are none that loadgen writes");
        }
        if document.slos().len() != document.levels.len() {
            return foreign("one of its levels is none");
        }
        Ok(document)
    }
}

/// What every version has.
#[derive(Deserialize)]
struct Version {
    schema: String,
}

/// Each request is of one channel.
fn whole(results: &Results) -> Part {
    let mut whole = Part::default();
    for part in results.by_channel.values() {
        whole.merge(part).expect("all parts have the same bounds");
    }
    whole
}

fn named<K: ToString>(counts: &BTreeMap<K, u64>) -> Named {
    counts.iter().map(|(key, count)| (key.to_string(), *count)).collect()
}

fn parts<K>(parts: &BTreeMap<K, Part>, name: impl Fn(&K) -> String) -> Parts {
    parts.iter().map(|(key, part)| (name(key), part.clone())).collect()
}

fn add(counts: &mut Named, others: Named) {
    for (name, count) in others {
        *counts.entry(name).or_default() += count;
    }
}

fn add_parts(parts: &mut Parts, others: &Parts) -> Result<(), Error> {
    for (name, other) in others {
        parts.entry(name.clone()).or_default().merge(other)?;
    }
    Ok(())
}

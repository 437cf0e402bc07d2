//! What a run found: one [`Sample`] per request goes in, and the results of
//! threads and processes merge.

pub mod counts;
mod part;
mod series;

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::tally::{Answered, Tally};
use crate::target::Error;
use crate::verify::{Gap, Verified};

pub use part::Part;
pub(crate) use part::{TIME_MAX, lags, times};
pub use series::{Interval, Series};

#[cfg(test)]
pub(crate) mod tests;

/// On whose behalf a request was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// The citizen is present, in a form of an organisation.
    #[default]
    FrontOffice,
    /// An organisation reads data again for a case.
    BackOffice,
    /// The citizen looks at, or changes, what is theirs.
    Citizen,
    /// A request that no engine knows: it came from a template.
    Other,
}

impl Channel {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FrontOffice => "front-office",
            Self::BackOffice => "back-office",
            Self::Citizen => "citizen",
            Self::Other => "other",
        }
    }
}

/// How one request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// An answer came, and its status is among those that the request may get.
    Answered(Answered),
    /// An answer came with a status that the request should not get.
    Unexpected(Answered),
    /// No answer came.
    Failed(Error),
    /// It was on its way when the run ended: neither an answer nor a failure.
    Aborted,
}

/// Whether the target says that it had the answer already (`Server-Timing`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cache {
    /// Nothing was asked of a register.
    Hit,
    /// Something was.
    Miss,
}

/// One request of a run. All times count from the start of the run.
///
/// Latency is `ended - intended`, service time `ended - sent`; neither is ever
/// corrected afterwards.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Counts the requests of a run, from zero.
    pub number: u64,
    /// When the schedule wanted it sent. In a closed loop that is `sent`.
    pub intended: Duration,
    /// When its first byte was written.
    pub sent: Duration,
    /// When the last byte of its answer had come, or when it failed.
    pub ended: Duration,
    /// How late the generator sent it, by its own fault; none in a closed loop.
    pub lag: Option<Duration>,
    /// Its group: an index into the names given to [`Results::new`], one for
    /// each procedure and each other kind of request.
    pub group: u16,
    /// On whose behalf it was.
    pub channel: Channel,
    /// How it ended.
    pub ending: Ending,
    /// Hit or miss, where the target tells.
    pub cache: Option<Cache>,
    /// What the bundle said and what is wrong with the answer; of an answer
    /// that is no bundle only the findings. `unverified` is counted in answers
    /// that were compared with the truth.
    pub verified: Option<Verified>,
    /// Whether the answer was compared with the truth, field by field, and not
    /// by its shape alone.
    pub compared: bool,
}

impl Cache {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }
}

impl Sample {
    pub(crate) fn latency_us(&self) -> u64 {
        micros(self.ended.saturating_sub(self.intended))
    }

    pub(crate) fn service_us(&self) -> u64 {
        micros(self.ended.saturating_sub(self.sent))
    }

    pub(crate) fn lag_ns(&self) -> Option<u64> {
        self.lag.map(|lag| lag.as_nanos().max(1) as u64)
    }

    /// A 200 that was read as a bundle.
    pub(crate) fn is_bundle(&self) -> bool {
        let answered = matches!(&self.ending, Ending::Answered(it) if it.status == 200);
        answered && self.verified.is_some()
    }

    /// No answer, a wrong one, or one with an unexpected status.
    pub(crate) fn is_fault(&self) -> bool {
        match self.ending {
            Ending::Aborted => false,
            Ending::Unexpected(_) | Ending::Failed(_) => true,
            Ending::Answered(_) => {
                self.verified.as_ref().is_some_and(|verified| !verified.findings.is_empty())
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros().max(1) as u64
}

/// Everything that a run found.
#[derive(Clone, Debug)]
pub struct Results {
    /// The names of the groups, by index.
    pub groups: Vec<String>,
    /// Answers that were compared with the truth.
    pub compared: u64,
    /// The counts.
    pub tally: Tally,
    /// By group.
    pub by_group: BTreeMap<u16, Part>,
    /// By channel. Each request has one: together they are the whole.
    pub by_channel: BTreeMap<Channel, Part>,
    /// Bundles, by whether they call themselves complete.
    pub by_completeness: BTreeMap<bool, Part>,
    /// Bundles with at least one such gap.
    pub by_gap: BTreeMap<Gap, Part>,
    /// By hit and miss, where the target tells.
    pub by_cache: BTreeMap<Cache, Part>,
    /// Over time.
    pub series: Series,
    /// How late the generator was, in nanoseconds: to look at while it runs.
    pub lag: Histogram<u64>,
}

impl Default for Results {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            compared: 0,
            tally: Tally::default(),
            by_group: BTreeMap::new(),
            by_channel: BTreeMap::new(),
            by_completeness: BTreeMap::new(),
            by_gap: BTreeMap::new(),
            by_cache: BTreeMap::new(),
            series: Series::default(),
            lag: lags(2),
        }
    }
}

impl Results {
    /// Results of requests in these groups.
    #[must_use]
    pub fn new(groups: Vec<String>) -> Self {
        Self { groups, ..Self::default() }
    }

    /// Counts one request. Called once for each request that was sent.
    pub fn record(&mut self, sample: &Sample) {
        match &sample.ending {
            Ending::Answered(answered) | Ending::Unexpected(answered) => {
                let latency = sample.ended.saturating_sub(sample.intended);
                self.tally.answered(answered.clone(), latency);
                if matches!(sample.ending, Ending::Unexpected(_)) {
                    self.tally.unexpected(answered.clone());
                }
                self.tally.bundles += u64::from(sample.is_bundle());
            }
            Ending::Failed(error) => self.tally.failed(*error),
            Ending::Aborted => return,
        }
        self.record_parts(sample);
        self.series.record(sample);
        if let Some(lag) = sample.lag_ns() {
            self.lag.saturating_record(lag);
        }
        self.compared += u64::from(sample.compared);
        if let Some(verified) = &sample.verified {
            self.tally.verified(sample.number, verified.clone());
        }
    }

    fn record_parts(&mut self, sample: &Sample) {
        self.by_group.entry(sample.group).or_default().record(sample);
        self.by_channel.entry(sample.channel).or_default().record(sample);
        if let Some(cache) = sample.cache {
            self.by_cache.entry(cache).or_default().record(sample);
        }
        let Some(verified) = sample.verified.as_ref().filter(|_| sample.is_bundle()) else {
            return;
        };
        self.by_completeness.entry(verified.complete).or_default().record(sample);
        for (index, gap) in verified.gaps.iter().enumerate() {
            if !verified.gaps[..index].contains(gap) {
                self.by_gap.entry(*gap).or_default().record(sample);
            }
        }
    }

    /// Adds another thread's or process's results of the same groups.
    pub fn merge(&mut self, other: Self) {
        if self.groups.is_empty() {
            self.groups = other.groups;
        }
        self.compared += other.compared;
        self.lag.add(&other.lag).expect("all lags have the same bounds");
        self.tally.merge(other.tally);
        add(&mut self.by_group, other.by_group);
        add(&mut self.by_channel, other.by_channel);
        add(&mut self.by_completeness, other.by_completeness);
        add(&mut self.by_gap, other.by_gap);
        add(&mut self.by_cache, other.by_cache);
        self.series.merge(&other.series).expect("all series have the same bounds");
    }
}

fn add<K: Ord>(parts: &mut BTreeMap<K, Part>, others: BTreeMap<K, Part>) {
    for (key, other) in others {
        parts.entry(key).or_default().merge(&other).expect("all parts have the same bounds");
    }
}

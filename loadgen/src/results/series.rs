//! A run over time: intervals that become coarser when there are too many, so
//! that a run of days takes no more memory than one of minutes.

use hdrhistogram::{AdditionError, Histogram};
use serde::{Deserialize, Serialize};

use super::part::{lags, times};
use super::{Ending, Sample, counts};

/// Beyond it, two neighbours become one.
const INTERVALS_MAX: usize = 256;
const STEP_MS: u64 = 1_000;

/// One interval; a request belongs where it was intended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interval {
    /// Requests that ended, answered or not.
    pub sent: u64,
    /// Requests without an answer, with a wrong one or an unexpected status.
    pub faults: u64,
    /// From the intended start, in microseconds, with two digits.
    #[serde(with = "counts")]
    pub latency: Histogram<u64>,
    /// From the moment of sending, in microseconds, with two digits.
    #[serde(with = "counts")]
    pub service: Histogram<u64>,
    /// How late the generator was, in nanoseconds, with two digits.
    #[serde(with = "counts")]
    pub lag: Histogram<u64>,
}

impl Default for Interval {
    fn default() -> Self {
        Self { sent: 0, faults: 0, latency: times(2), service: times(2), lag: lags(2) }
    }
}

impl Interval {
    fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.latency.add(&other.latency)?;
        self.service.add(&other.service)?;
        self.lag.add(&other.lag)?;
        self.sent += other.sent;
        self.faults += other.faults;
        Ok(())
    }
}

/// All intervals, from the start of the run.
///
/// Invariant: a step is `STEP_MS` times a power of two, so that of two series
/// the finer one can be made as coarse as the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Series {
    /// How long an interval is, in milliseconds.
    pub step_ms: u64,
    /// The intervals.
    pub intervals: Vec<Interval>,
}

impl Default for Series {
    fn default() -> Self {
        Self { step_ms: STEP_MS, intervals: Vec::new() }
    }
}

impl Series {
    /// Counts one request.
    pub fn record(&mut self, sample: &Sample) {
        let at = sample.intended.as_millis() as u64;
        while at / self.step_ms >= INTERVALS_MAX as u64 {
            self.coarsen();
        }
        let index = (at / self.step_ms) as usize;
        if self.intervals.len() <= index {
            self.intervals.resize_with(index + 1, Interval::default);
        }
        let interval = &mut self.intervals[index];
        interval.sent += 1;
        interval.faults += u64::from(sample.is_fault());
        if matches!(sample.ending, Ending::Answered(_) | Ending::Unexpected(_)) {
            interval.latency.saturating_record(sample.latency_us());
            interval.service.saturating_record(sample.service_us());
        }
        if let Some(lag) = sample.lag_ns() {
            interval.lag.saturating_record(lag);
        }
    }

    /// Whether it keeps its invariant: one that was read from a file may not.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let doubled = self.step_ms.is_multiple_of(STEP_MS) && self.step_ms > 0;
        doubled
            && (self.step_ms / STEP_MS).is_power_of_two()
            && self.intervals.len() <= INTERVALS_MAX
    }

    /// Adds another's.
    ///
    /// # Errors
    /// Where its times do not fit into this one's bounds.
    pub fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        let mut other = other.clone();
        while self.step_ms < other.step_ms {
            self.coarsen();
        }
        while other.step_ms < self.step_ms {
            other.coarsen();
        }
        let len = self.intervals.len().max(other.intervals.len());
        self.intervals.resize_with(len, Interval::default);
        for (mine, theirs) in self.intervals.iter_mut().zip(&other.intervals) {
            mine.merge(theirs)?;
        }
        Ok(())
    }

    fn coarsen(&mut self) {
        let pairs = self.intervals.chunks(2).map(|pair| {
            let mut first = pair[0].clone();
            if let Some(second) = pair.get(1) {
                first.merge(second).expect("intervals of one series have the same bounds");
            }
            first
        });
        self.intervals = pairs.collect();
        self.step_ms *= 2;
    }
}

//! What is known of some of the requests: those of one procedure, of one
//! channel, and so on.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Ending, Sample, counts};

/// An hour: a target that is far too slow for its schedule is that far behind,
/// and more shows nothing more.
pub(crate) const TIME_MAX: Duration = Duration::from_hours(1);

/// Counts and times of some requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Requests that ended, answered or not.
    pub sent: u64,
    /// Requests that no answer came to.
    pub unanswered: u64,
    /// Answers with a status that the request should not get.
    pub unexpected: u64,
    /// Answers with something wrong in them.
    pub wrong: u64,
    /// Requests that any of these three holds for.
    pub faults: u64,
    /// Answers that are bundles.
    pub bundles: u64,
    /// Bundles that call themselves complete.
    pub complete: u64,
    /// From the intended start to the end of the answer, in microseconds.
    #[serde(with = "counts")]
    pub latency: Histogram<u64>,
    /// From the moment of sending to the end of the answer, in microseconds.
    #[serde(with = "counts")]
    pub service: Histogram<u64>,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            sent: 0,
            unanswered: 0,
            unexpected: 0,
            wrong: 0,
            faults: 0,
            bundles: 0,
            complete: 0,
            latency: times(3),
            service: times(3),
        }
    }
}

/// For times from a microsecond on.
pub(crate) fn times(digits: u8) -> Histogram<u64> {
    bounded(TIME_MAX.as_micros() as u64, digits)
}

/// For lags from a nanosecond on.
pub(crate) fn lags(digits: u8) -> Histogram<u64> {
    bounded(TIME_MAX.as_nanos() as u64, digits)
}

fn bounded(max: u64, digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, max, digits)
        .expect("one to an hour with few digits is a histogram")
}

impl Part {
    /// Answers, right or wrong.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.sent - self.unanswered
    }

    /// Counts one request.
    pub fn record(&mut self, sample: &Sample) {
        let is_unexpected = match sample.ending {
            Ending::Aborted => return,
            Ending::Failed(_) => {
                self.sent += 1;
                self.unanswered += 1;
                self.faults += 1;
                return;
            }
            Ending::Answered(_) => false,
            Ending::Unexpected(_) => true,
        };
        let verified = sample.verified.as_ref();
        let is_wrong = verified.is_some_and(|it| !it.findings.is_empty());
        self.sent += 1;
        self.unexpected += u64::from(is_unexpected);
        self.wrong += u64::from(is_wrong);
        self.faults += u64::from(is_unexpected || is_wrong);
        self.bundles += u64::from(sample.is_bundle());
        self.complete += u64::from(verified.is_some_and(|it| it.complete));
        self.latency.saturating_record(sample.latency_us());
        self.service.saturating_record(sample.service_us());
    }

    /// Adds another's.
    ///
    /// # Errors
    /// Where its times do not fit into this one's bounds.
    pub fn merge(&mut self, other: &Self) -> Result<(), hdrhistogram::AdditionError> {
        self.latency.add(&other.latency)?;
        self.service.add(&other.service)?;
        self.sent += other.sent;
        self.unanswered += other.unanswered;
        self.unexpected += other.unexpected;
        self.wrong += other.wrong;
        self.faults += other.faults;
        self.bundles += other.bundles;
        self.complete += other.complete;
        Ok(())
    }
}

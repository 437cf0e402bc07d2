//! Whether the generator kept its own promises: what a run needs to know of
//! itself before anybody believes what it says of its target.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::results::{counts, lags};

#[cfg(test)]
mod tests;

/// A lag that no latency level is disturbed by.
const LAG_FLOOR: Duration = Duration::from_millis(1);
/// How far Little's law may be off.
const LITTLE_MAX: f64 = 0.05;
/// How far the target's calendar may be off.
const SCALE_OFF_MAX: f64 = 0.01;
/// The share of the wanted rate that must be reached.
const RATE_MIN: f64 = 0.99;

/// What the generator saw of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Honesty {
    /// From the moment a request could have been sent to the moment that it
    /// was, in nanoseconds: the generator's own delay, without the wait for a
    /// free connection, which is the target's. Empty in a closed loop.
    #[serde(with = "counts")]
    pub lag: Histogram<u64>,
    /// From the intended start to the moment of sending, in nanoseconds, the
    /// wait for a free connection included.
    #[serde(with = "counts")]
    pub delay: Histogram<u64>,
    /// The integral over time of the number of requests on their way, counted
    /// at each change of that number: request-seconds.
    pub in_flight: f64,
    /// The sum of the service times of the requests that ended, from their own
    /// clock readings. Little's law says that both are equal.
    pub in_service: f64,
    /// Requests that the schedule came to; in a closed loop those that were
    /// sent.
    pub due: u64,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that were due or on their way when the run was ended.
    pub aborted: u64,
    /// When the last of them was due, from the start of the run.
    pub due_last: Duration,
    /// How late the last one of them was sent.
    pub delay_last: Duration,
    /// The longest wait for a free connection: of one request, its delay less its
    /// lag.
    pub waited_max: Duration,
    /// How many times as fast as real time calendars run in the target, where
    /// it says so.
    pub time_scale: Option<f64>,
    /// How many times as fast as it happened what was sent was sent, where it
    /// has times of its own.
    pub speed: Option<f64>,
}

/// Why a run shows nothing about its target.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Void {
    /// Requests were sent late.
    #[error(
        "the generator was late: the p99 of its send lag is {lag:.1?}, and may be {allowed:.1?}"
    )]
    Lag {
        /// The 99th percentile.
        lag: Duration,
        /// What it may be.
        allowed: Duration,
    },
    /// Requests in flight and service times contradict each other.
    #[error(
        "requests on their way ({in_flight:.3} request-seconds) and service times \
         ({in_service:.3}) contradict each other (Little's law)"
    )]
    Little {
        /// The integral of their number.
        in_flight: f64,
        /// The sum of their times.
        in_service: f64,
    },
    /// The schedule was not kept, and of the delay more than half was lag.
    #[error("the generator reached {reached:.1}/s of {wanted:.1}/s")]
    Rate {
        /// Requests a second that were sent.
        reached: f64,
        /// Requests a second that were due.
        wanted: f64,
    },
}

impl Default for Honesty {
    fn default() -> Self {
        Self {
            lag: lags(3),
            delay: lags(3),
            in_flight: 0.0,
            in_service: 0.0,
            due: 0,
            sent: 0,
            aborted: 0,
            due_last: Duration::ZERO,
            delay_last: Duration::ZERO,
            waited_max: Duration::ZERO,
            time_scale: None,
            speed: None,
        }
    }
}

impl Honesty {
    /// The schedule came to a request that is due at this moment of the run.
    pub fn due(&mut self, at: Duration) {
        self.due += 1;
        self.due_last = at;
    }

    /// One request was sent, so long after it could have been and after it was
    /// wanted.
    pub fn sent(&mut self, lag: Duration, delay: Duration) {
        self.sent += 1;
        self.delay_last = delay;
        self.waited_max = self.waited_max.max(delay.saturating_sub(lag));
        self.lag.saturating_record(lag.as_nanos().max(1) as u64);
        self.delay.saturating_record(delay.as_nanos().max(1) as u64);
    }

    /// One request of a closed loop was sent, which is never late.
    pub fn sent_in_turn(&mut self) {
        self.due += 1;
        self.sent += 1;
    }

    /// Adds another thread's.
    pub fn merge(&mut self, other: &Self) {
        self.lag.add(&other.lag).expect("all lags have the same bounds");
        self.delay.add(&other.delay).expect("all delays have the same bounds");
        self.merge_counts(other);
    }

    /// Adds another's numbers, without its times.
    pub(crate) fn merge_counts(&mut self, other: &Self) {
        self.in_flight += other.in_flight;
        self.in_service += other.in_service;
        self.due += other.due;
        self.sent += other.sent;
        self.aborted += other.aborted;
        self.due_last = self.due_last.max(other.due_last);
        self.delay_last = self.delay_last.max(other.delay_last);
        self.waited_max = self.waited_max.max(other.waited_max);
        self.time_scale = self.time_scale.or(other.time_scale);
        self.speed = self.speed.or(other.speed);
    }

    /// Why the run is void; nothing where it may be believed. `tightest` is the
    /// tightest level that a latency is held against.
    #[must_use]
    pub fn void(&self, tightest: Option<Duration>) -> Vec<Void> {
        let allowed = tightest.map_or(LAG_FLOOR, |level| (level / 10).max(LAG_FLOOR));
        let lag = Duration::from_nanos(self.lag.value_at_quantile(0.99));
        let late = (!self.lag.is_empty() && lag > allowed).then_some(Void::Lag { lag, allowed });
        [late, self.little(), self.rate()].into_iter().flatten().collect()
    }

    /// What to say of the target's calendar: one that runs otherwise than what
    /// was sent shows nothing about what is kept there for a while.
    #[must_use]
    pub fn calendar(&self) -> Option<String> {
        let (lived, sent) = (self.time_scale?, self.speed.unwrap_or(1.0));
        match (lived / sent - 1.0).abs() > SCALE_OFF_MAX {
            true => Some(format!(
                "calendars run {} times as fast as real time at the target, and requests are sent \
                 {} times as fast: what is kept there grows old otherwise than it would",
                times(lived),
                times(sent)
            )),
            false => None,
        }
    }

    fn little(&self) -> Option<Void> {
        let Self { in_flight, in_service, .. } = *self;
        let off = (in_flight - in_service).abs() > LITTLE_MAX * in_service.max(f64::MIN_POSITIVE);
        // Counting itself costs the two clock readings of each request.
        let counted = (in_flight - in_service).abs() > self.sent as f64 * 1e-6;
        (off && counted).then_some(Void::Little { in_flight, in_service })
    }

    /// The share of the requests that the schedule wanted in a time that were
    /// sent in it; nothing where no schedule wanted any.
    #[must_use]
    pub fn rate_reached(&self) -> Option<f64> {
        if self.lag.is_empty() || self.due_last.is_zero() {
            return None;
        }
        let due_last = self.due_last.as_secs_f64();
        let longer = due_last / (due_last + self.delay_last.as_secs_f64());
        Some(self.sent as f64 / self.due as f64 * longer)
    }

    /// What waited for the target's connections is the target's: a rate that was
    /// missed is the generator's where more than half of the delay was its lag.
    fn rate(&self) -> Option<Void> {
        if self.lag.is_empty() || self.due_last.is_zero() {
            return None;
        }
        let due_last = self.due_last.as_secs_f64();
        let wanted = self.due as f64 / due_last;
        let reached = self.sent as f64 / (due_last + self.delay_last.as_secs_f64());
        let own = 2.0 * self.lag.mean() > self.delay.mean();
        (own && reached < RATE_MIN * wanted).then_some(Void::Rate { reached, wanted })
    }
}

/// How many times as fast, with as many digits as tell it apart.
pub(crate) fn times(speed: f64) -> String {
    if speed >= 10.0 {
        return format!("{speed:.0}");
    }
    let digits = match speed > 0.0 && speed < 0.1 {
        // The first one that is not 0, and one more.
        true => 1 + (-speed.log10()).ceil() as usize,
        false => 2,
    };
    format!("{speed:.digits$}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

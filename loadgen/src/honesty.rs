//! Whether the generator kept its own promises: what a run needs to know of
//! itself before anybody believes what it says of its target.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A minute, in the histogram's nanoseconds.
const LAG_NS_MAX: u64 = 60_000_000_000;

/// What the generator saw of itself.
#[derive(Clone, Debug)]
pub struct Honesty {
    /// From the moment a request could have been sent to the moment that it
    /// was, in nanoseconds: the generator's own delay, without the wait for a
    /// free connection, which is the target's.
    pub lag: Histogram<u64>,
    /// From the intended start to the moment of sending, in nanoseconds, the
    /// wait for a free connection included.
    pub delay: Histogram<u64>,
    /// The integral over time of the number of requests on their way, counted
    /// at each change of that number: request-seconds.
    pub in_flight: f64,
    /// The sum of the service times of the same requests, from their own two
    /// clock readings. Little's law says that both are equal.
    pub in_service: f64,
    /// Requests that the schedule wanted sent while the run lasted; in a closed
    /// loop those that were.
    pub due: u64,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests a second that the schedule wanted; none in a closed loop.
    pub rate: Option<f64>,
    /// How fast civil time runs in the target, where it says so.
    pub time_scale: Option<f64>,
}

impl Default for Honesty {
    fn default() -> Self {
        Self {
            lag: lags(),
            delay: lags(),
            in_flight: 0.0,
            in_service: 0.0,
            due: 0,
            sent: 0,
            rate: None,
            time_scale: None,
        }
    }
}

fn lags() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LAG_NS_MAX, 3)
        .expect("a nanosecond to a minute with three digits is a histogram")
}

impl Honesty {
    /// One request was sent, so long after it could have been and after it was
    /// wanted.
    pub fn sent(&mut self, lag: Duration, delay: Duration) {
        self.sent += 1;
        self.lag.saturating_record(lag.as_nanos().max(1) as u64);
        self.delay.saturating_record(delay.as_nanos().max(1) as u64);
    }

    /// Adds another thread's.
    pub fn merge(&mut self, other: &Self) {
        self.lag.add(&other.lag).expect("all lags have the same bounds");
        self.delay.add(&other.delay).expect("all delays have the same bounds");
        self.in_flight += other.in_flight;
        self.in_service += other.in_service;
        self.due += other.due;
        self.sent += other.sent;
        self.rate = self.rate.or(other.rate);
        self.time_scale = self.time_scale.or(other.time_scale);
    }
}

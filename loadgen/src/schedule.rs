//! When to send. How to send is `target`'s, and neither knows of the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{self, Instant};

/// Leave to send one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Counts the requests of a run, from zero.
    pub number: u64,
    /// When it was due: latency counts from here.
    pub due: Instant,
}

/// Each connection sends its next request when the answer to its last has come.
///
/// A slow target is therefore asked less often, and the latencies leave out
/// what would have waited meanwhile.
#[derive(Debug)]
pub struct ClosedLoop {
    next: AtomicU64,
    requests_max: u64,
    until: Instant,
}

impl ClosedLoop {
    /// Ends after `duration`, or after `requests`, whichever comes first.
    #[must_use]
    pub fn new(duration: Duration, requests: Option<u64>) -> Self {
        Self {
            next: AtomicU64::new(0),
            requests_max: requests.unwrap_or(u64::MAX),
            until: clock::now() + duration,
        }
    }

    /// The next turn, or none once the run is over. Asynchronous because a
    /// schedule with a fixed rate waits here.
    pub async fn next(&self) -> Option<Turn> {
        let due = clock::now();
        if due >= self.until {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.requests_max).then_some(Turn { number, due })
    }
}

//! The two clocks, and the only place that reads them.
//!
//! *Civil* time is what a calendar shows: expiry, retention, ledger stamps. It
//! may run faster than real time, for a replay. *Monotonic* time measures
//! deadlines, timeouts and latencies; it is never scaled. Both follow tokio's
//! clock where a simulation has paused it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::Offset;

use crate::model::CivilMs;

/// A point of monotonic time.
pub type Instant = tokio::time::Instant;

const NANOS_IN_MS: u128 = 1_000_000;

/// Now, on the monotonic clock.
#[must_use]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// A source of civil time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Civil(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Running { origin: CivilMs, since: Instant, scale: u32 },
    Manual(Arc<AtomicI64>),
}

impl Civil {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that shows the machine's time now and runs `scale` times as fast:
    /// for replays.
    #[must_use]
    pub fn scaled(scale: u32) -> Self {
        Self::running(wall(), scale)
    }

    /// A clock that shows `origin` now and runs `scale` times as fast as
    /// monotonic time.
    #[must_use]
    pub fn running(origin: CivilMs, scale: u32) -> Self {
        Self(Source::Running { origin, since: monotonic(), scale })
    }

    /// A clock that shows what its owner sets, however wrong: for tests.
    #[must_use]
    pub fn manual(shown: Arc<AtomicI64>) -> Self {
        Self(Source::Manual(shown))
    }

    /// The same clock, which goes on from `last` where it is scaled and behind: an
    /// earlier run of it was ahead of every calendar.
    #[must_use]
    pub fn going_on_from(self, last: CivilMs) -> Self {
        match self.0 {
            Source::Running { scale, .. } if scale > 1 && self.now() < last => {
                Self::running(last, scale)
            }
            source => Self(source),
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> CivilMs {
        match &self.0 {
            Source::System => wall(),
            Source::Manual(shown) => shown.load(Ordering::Relaxed),
            Source::Running { origin, since, scale } => {
                origin + in_scale(monotonic() - *since, *scale)
            }
        }
    }

    /// How many times as fast as real time it runs.
    #[must_use]
    pub fn scale(&self) -> u32 {
        match self.0 {
            Source::System | Source::Manual(_) => 1,
            Source::Running { scale, .. } => scale,
        }
    }

    /// How many milliseconds this clock moves on in `monotonic` time.
    #[must_use]
    pub fn to_civil(&self, monotonic: Duration) -> CivilMs {
        in_scale(monotonic, self.scale())
    }

    /// How long `civil` takes on the monotonic clock.
    #[must_use]
    pub fn to_monotonic(&self, civil: Duration) -> Duration {
        civil / self.scale()
    }
}

/// Milliseconds at `scale`, of which one of real time may be minutes.
fn in_scale(monotonic: Duration, scale: u32) -> CivilMs {
    (monotonic.as_nanos() * u128::from(scale) / NANOS_IN_MS) as CivilMs
}

/// The day that a civil time falls on, in UTC.
#[must_use]
pub fn date(at: CivilMs) -> jiff::civil::Date {
    Offset::UTC.to_datetime(timestamp(at)).date()
}

/// A civil time as RFC 3339 writes it, to the millisecond.
#[must_use]
pub fn rfc3339(at: CivilMs) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The start of a day, in UTC.
#[must_use]
pub fn start_of(day: jiff::civil::Date) -> CivilMs {
    Offset::UTC
        .to_timestamp(day.at(0, 0, 0, 0))
        .map_or(CivilMs::MAX, jiff::Timestamp::as_millisecond)
}

fn timestamp(at: CivilMs) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall() -> CivilMs {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as CivilMs)
}

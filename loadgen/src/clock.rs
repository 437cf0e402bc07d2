//! The clocks, and the only place that reads them; and the calendar of a target,
//! which may run faster than they do.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

pub use std::time::Instant;

#[cfg(test)]
mod tests;

/// Now.
#[cfg(not(test))]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Now: where a test owns the time of its runtime, it owns this clock, too.
#[cfg(test)]
#[must_use]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Since 1970.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall() -> Duration {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// Milliseconds since 1970.
#[must_use]
pub fn wall_ms() -> u64 {
    wall().as_millis() as u64
}

/// A target's calendar: what it showed at one moment, and how fast it runs.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    shown: Timestamp,
    at: Instant,
    scale: f64,
}

impl Calendar {
    /// The calendar that showed this then, or soon after, and runs so many times
    /// as fast as real time.
    #[must_use]
    pub fn new(shown: Timestamp, at: Instant, scale: f64) -> Self {
        Self { shown, at, scale }
    }

    /// This machine's, for a target that tells nothing of its own but its speed.
    #[must_use]
    pub fn of_wall(scale: f64) -> Self {
        let shown = Timestamp::from_millisecond(wall_ms() as i64).unwrap_or(Timestamp::MAX);
        Self::new(shown, now(), scale)
    }

    /// How many times as fast as real time it runs.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The day that it shows now, in UTC.
    #[must_use]
    pub fn today(&self) -> Date {
        let since = (now() - self.at).as_secs_f64() * self.scale;
        let since = SignedDuration::try_from_secs_f64(since).unwrap_or(SignedDuration::MAX);
        let shown = self.shown.saturating_add(since).unwrap_or(Timestamp::MAX);
        Offset::UTC.to_datetime(shown).date()
    }

    /// When this day begins there; nothing where nobody will live to see it.
    #[must_use]
    pub fn reaches(&self, day: Date) -> Option<Instant> {
        let begins = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
        let left = begins.duration_since(self.shown).as_secs_f64() / self.scale;
        self.at.checked_add(Duration::try_from_secs_f64(left.max(0.0)).ok()?)
    }
}

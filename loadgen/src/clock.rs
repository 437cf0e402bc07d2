//! The clocks, and the only place that reads them.

pub use std::time::Instant;

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
fn wall() -> std::time::Duration {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// Milliseconds since 1970.
#[must_use]
pub fn wall_ms() -> u64 {
    wall().as_millis() as u64
}

/// Today, in the calendar of UTC.
#[must_use]
pub fn today() -> jiff::civil::Date {
    let day = jiff::civil::Date::constant(1970, 1, 1);
    day.saturating_add(wall())
}

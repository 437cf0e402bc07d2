//! The clocks, and the only place that reads them.

pub use std::time::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Today, in the calendar of UTC.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
#[must_use]
pub fn today() -> jiff::civil::Date {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let day = jiff::civil::Date::constant(1970, 1, 1);
    day.saturating_add(since)
}

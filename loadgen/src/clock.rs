//! The monotonic clock, and the only place that reads it.

pub use std::time::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

//! How long the benchmarks measure: all of them take about two minutes.

use std::time::Duration;

use criterion::Criterion;

/// For stages of nanoseconds and microseconds: they settle quickly.
#[must_use]
pub fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args()
}

/// For what waits for a disk or for other threads.
#[must_use]
pub fn slow() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .sample_size(30)
        .configure_from_args()
}

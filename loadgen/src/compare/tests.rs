//! What chance makes of two equal runs is no difference.

use super::*;

fn times(from_us: u64, count: u64) -> Histogram<u64> {
    let mut times = Part::default().latency;
    (0..count).for_each(|index| times.saturating_record(from_us + index % 1_000));
    times
}

fn row(first: Option<Estimate>, second: Option<Estimate>) -> Row {
    Row { name: "p50 ms", first: first.expect("measured"), second: second.expect("measured") }
}

#[test]
fn a_difference_counts_when_there_is_enough_behind_it() {
    let at = |from_us, count| percentile(&times(from_us, count), 0.5);
    assert!(!row(at(1_000, 10_000), at(1_000, 10_000)).is_beyond_noise());
    assert!(!row(at(1_000, 1_000), at(1_020, 1_000)).is_beyond_noise());
    assert!(row(at(1_000, 1_000_000), at(1_020, 1_000_000)).is_beyond_noise());
    assert!(row(at(1_000, 1_000), at(2_500, 1_000)).is_beyond_noise());
}

#[test]
fn a_share_of_none_has_bounds_too() {
    assert!(!row(share(0, 1_000), share(2, 1_000)).is_beyond_noise());
    assert!(row(share(0, 1_000), share(100, 1_000)).is_beyond_noise());
    assert_eq!(share(0, 0), None);
}

#[test]
fn nothing_measured_is_no_row() {
    assert_eq!(percentile(&Part::default().latency, 0.99), None);
}

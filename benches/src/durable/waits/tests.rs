//! How bare commits count.

use std::time::Duration;

use super::by_time;

#[test]
fn a_commit_counts_for_as_long_as_it_takes() {
    // Ninety of 1 ms, and one of 110 ms, which is more than half of the time.
    let mut took = vec![Duration::from_millis(1); 90];
    took.push(Duration::from_millis(110));
    for (share, expected) in [(0.0, 1), (0.44, 1), (0.46, 110), (0.5, 110), (0.99, 110)] {
        assert_eq!(by_time(&took, share), Duration::from_millis(expected), "{share}");
    }
    assert_eq!(by_time(&[], 0.5), Duration::ZERO);
}

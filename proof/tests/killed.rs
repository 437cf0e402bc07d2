//! The real process is killed ten times under load, while it cuts what is beyond
//! retention, and people are erased.

use std::path::Path;

use proof::killed::kill;

#[test]
fn ten_kills_under_load_lose_nothing_that_was_told() {
    let killed = kill(Path::new(env!("CARGO_BIN_EXE_proof")), 10, 1);
    let killed = killed.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{killed:?}");
    assert_eq!(killed.times, 10);
    assert!(killed.bundles > 100 && killed.changes > 30, "{killed:?}");
    assert!(killed.cuts >= 3 && killed.erased >= 2, "{killed:?}");
}

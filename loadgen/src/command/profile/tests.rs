//! Counts as profiles.

use super::*;

#[test]
fn shapes_and_shares_are_those_of_the_counts() {
    let text = "hour,procedure,opens\n2026-03-02T08,moving,30\n2026-03-03T09:00,moving,50\n\
                2026-03-03T09,housing-aid,20\n";
    let profile = counted(text, Path::new("/tmp/ours.csv")).unwrap();
    assert_eq!(profile.name, "ours");
    assert_eq!((profile.shape.hour[8], profile.shape.hour[9]), (30.0, 70.0));
    assert_eq!((profile.shape.weekday[0], profile.shape.weekday[1]), (30.0, 70.0));
    assert_eq!(profile.shape.month[2], 100.0);
    assert_eq!((profile.procedures["moving"], profile.procedures["housing-aid"]), (80.0, 20.0));
    // A hundred in two days, 1.6 for each submission.
    assert_eq!(profile.submissions, 11_406);
    assert!(profile.peaks.is_empty());
}

#[test]
fn a_line_that_counts_nothing_is_named() {
    for (text, says) in [
        ("", ", line 1: must be `hour,procedure,opens`"),
        ("hour,procedure,opens\n", ": it has no counts"),
        ("hour,procedure,opens\n2026-03-02T08,moving\n", ", line 2: 2 fields"),
        ("hour,procedure,opens\n\nnoon,moving,1\n", ", line 3: `noon` is no hour"),
        ("hour,procedure,opens\n2026-03-02T08,moving,many\n", ", line 2: `many` is no whole"),
        ("hour,procedure,opens\n2026-03-02T08,,1\n", ", line 2: no procedure"),
        ("hour,procedure,opens\n2026-03-02T08,moving,0\n", "not all 0"),
    ] {
        let said = counted(text, Path::new("c.csv")).expect_err(text);
        assert!(said.contains(says), "{text}: {said}");
    }
}

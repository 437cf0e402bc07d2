//! What is said of a year is what tells it from another.

use clap::Parser as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Only {
    #[command(flatten)]
    calendar: Calendar,
}

#[test]
fn a_year_says_what_it_does_otherwise_than_its_profile() {
    for (arguments, says) in [
        (&["year"][..], ""),
        (&["year", "--set", "submissions=40000"], " with submissions=40000"),
        (
            &["year", "--set", "submissions=4", "--set", "procedures.moving=5"],
            " with submissions=4, procedures.moving=5",
        ),
        (&["year", "--subjects", "zipf"], " about people drawn by Zipf's law"),
    ] {
        let only = Only::try_parse_from(arguments).expect("arguments");
        assert_eq!(only.calendar.otherwise(), says);
    }
}

//! Days of a calendar that runs faster.

use super::*;

/// A year in two minutes.
const SCALE: f64 = 262_800.0;

#[tokio::test(start_paused = true)]
async fn a_calendar_runs_on_from_what_was_shown_as_fast_as_was_told() {
    let shown: Timestamp = "2031-03-01T12:00:00Z".parse().expect("a moment");
    let calendar = Calendar::new(shown, now(), SCALE);
    let day = |text: &str| text.parse::<Date>().expect("a day");
    assert_eq!(calendar.today(), day("2031-03-01"));
    let reached = calendar.reaches(day("2031-04-01")).expect("a moment");
    let wait = Duration::from_secs_f64(30.5 * 86_400.0 / SCALE);
    assert!((reached - now()).abs_diff(wait) < Duration::from_micros(1));
    tokio::time::advance(wait - Duration::from_millis(2)).await;
    assert_eq!(calendar.today(), day("2031-03-31"));
    tokio::time::advance(Duration::from_millis(4)).await;
    assert_eq!(calendar.today(), day("2031-04-01"));
    // What is over was reached when the calendar was read.
    assert_eq!(calendar.reaches(day("2026-01-01")), Some(calendar.at));
}

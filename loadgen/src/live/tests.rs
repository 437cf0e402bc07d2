//! What is shown while a run goes on.

use super::*;

fn look(at: u64, due: u64, millis: &[u64]) -> Look {
    let mut look = Look { at: Duration::from_secs(at), due, ..Look::none() };
    for time in millis {
        look.ended += 1;
        look.latency.saturating_record(time * 1_000);
        if due > 0 {
            look.lag.saturating_record(time * 10_000);
        }
    }
    look
}

fn goal(length: u64, requests: Option<u64>) -> Goal {
    Goal { length: Duration::from_secs(length), requests }
}

#[test]
fn a_line_tells_what_came_since_the_last_one_apart_from_the_whole() {
    let before = look(5, 10, &[2; 10]);
    let mut now = look(10, 30, &[[2; 10], [8; 10]].concat());
    now.errors = vec![("503 overloaded".into(), 3), ("connection reset".into(), 1)];
    assert_eq!(
        line(&goal(40, None), &now, &before),
        "10 s of 40 s, 25 %, 20 requests; 2/s of 4/s; p50 8.00 ms, p99 8.00 ms \
         (p50 2.00 ms, p99 8.00 ms so far); lag p99 80 us; \
         errors 503 overloaded 3, connection reset 1"
    );
}

#[test]
fn a_closed_loop_has_no_wanted_rate_and_no_lag() {
    let now = look(2, 0, &[3, 3, 3, 3]);
    let text = screen(&goal(10, Some(8)), &now, &Look::none());
    assert_eq!(
        text,
        "2 s of 10 s, 50 %, 4 requests\nrate       2/s\n\
         latency    p50 3.00 ms, p99 3.00 ms so far; p50 3.00 ms, p99 3.00 ms in the last second\n\
         errors     none"
    );
}

#[test]
fn a_run_that_is_behind_and_one_that_has_nothing_yet_say_so() {
    let late = look(12, 40, &[1; 20]);
    assert!(goal(10, None).progress(&late).starts_with("12 s of 10 s, behind its schedule, 100 %"));
    let text = screen(&goal(10, None), &look(1, 5, &[]), &Look::none());
    assert!(text.contains("latency    none so far; none in the last second\n"), "{text}");
}

#[test]
fn more_kinds_of_errors_than_fit_are_counted() {
    let mut many = look(1, 0, &[]);
    many.errors = (0..9).map(|kind| (format!("kind-{kind}"), 1)).collect();
    assert!(many.errors().ends_with("kind-5 1, 3 more kinds"), "{}", many.errors());
}

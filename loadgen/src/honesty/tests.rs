//! When a run may be believed.

use super::*;

const US: Duration = Duration::from_micros(1);

/// A run of 1,000 requests a second over ten seconds, of which every 50th was
/// sent so late.
fn late(lag: Duration, delay: Duration) -> Honesty {
    let mut honesty = Honesty { in_flight: 50.0, in_service: 50.0, ..Honesty::default() };
    for number in 0..10_000 {
        honesty.due(Duration::from_millis(number));
        match number % 50 {
            0 => honesty.sent(lag, delay),
            _ => honesty.sent(US * 20, US * 20),
        }
    }
    honesty
}

#[test]
fn a_run_that_was_sent_in_time_may_be_believed() {
    assert_eq!(late(US * 900, US * 900).void(None), []);
}

#[test]
fn a_generator_that_is_late_voids_its_run_and_a_looser_level_allows_more() {
    let honesty = late(US * 1_500, US * 1_500);
    assert!(matches!(honesty.void(None)[..], [Void::Lag { .. }]));
    assert!(matches!(honesty.void(Some(US * 10_000))[..], [Void::Lag { .. }]));
    assert_eq!(honesty.void(Some(US * 20_000)), []);
    let said = honesty.void(None)[0].to_string();
    assert_eq!(said, "the generator was late: the p99 of its send lag is 1.5ms, and may be 1.0ms");
}

#[test]
fn waiting_for_the_target_is_not_the_generators_lag() {
    assert_eq!(late(US * 100, Duration::from_secs(2)).void(None), []);
}

#[test]
fn times_that_contradict_each_other_void_a_run() {
    let honesty = |in_flight| Honesty { in_flight, ..late(US, US) };
    assert_eq!(honesty(52.0).void(None), []);
    for in_flight in [47.0, 53.0] {
        let void = honesty(in_flight).void(None);
        assert_eq!(void, [Void::Little { in_flight, in_service: 50.0 }]);
    }
}

#[test]
fn a_rate_that_the_generator_missed_voids_its_run() {
    let mut own = late(US, US);
    own.sent -= 200;
    assert!(matches!(own.void(None)[..], [Void::Rate { .. }]), "{:?}", own.void(None));
    let mut behind = late(Duration::from_secs(1), Duration::from_secs(1));
    behind.delay_last = Duration::from_secs(1);
    let levels = Some(Duration::from_secs(60));
    assert!(matches!(behind.void(levels)[..], [Void::Rate { .. }]));
}

#[test]
fn merged_threads_are_worth_one() {
    let (mut one, other) = (late(US, US), late(US * 3, US * 5));
    one.merge(&other);
    assert_eq!((one.due, one.sent, one.lag.len()), (20_000, 20_000, 20_000));
    assert!((one.in_flight - 100.0).abs() < 1e-9);
}

#[test]
fn a_calendar_that_runs_otherwise_than_what_was_sent_is_said_aloud() {
    let calendar = |time_scale, speed| Honesty { time_scale, speed, ..late(US, US) }.calendar();
    let said = calendar(Some(1.0), Some(262_800.0)).expect("a warning");
    assert!(said.starts_with("calendars run 1 times as fast"), "{said}");
    assert!(said.contains("sent 262800 times as fast"), "{said}");
    assert!(calendar(Some(1_000.0), None).is_some());
    for (time_scale, speed) in
        [(Some(1.0), None), (Some(262_800.0), Some(262_801.0)), (None, Some(9.0)), (None, None)]
    {
        assert_eq!(calendar(time_scale, speed), None);
    }
}

#[test]
fn a_speed_is_told_with_the_digits_that_it_needs() {
    for (speed, told) in
        [(0.25, "0.25"), (1.0, "1"), (2.5, "2.5"), (9.999, "10"), (262_800.0, "262800")]
            .into_iter()
            .chain([(0.0025, "0.0025"), (0.01, "0.01"), (0.099, "0.099"), (0.0, "0")])
    {
        assert_eq!(times(speed), told);
    }
}

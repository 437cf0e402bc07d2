//! What metrics promise.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::cells::{Bounds, Counter, Gauge, Histogram};
use super::few::Few;
use super::{Format, Metrics, State};

const BOUNDS: Bounds = Bounds { upper: &[10, 20], per: 10.0 };

#[test]
fn what_many_threads_count_is_counted_once_each() {
    let (counter, histogram) = (Counter::default(), Histogram::new(BOUNDS));
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                for value in [1, 10, 11, 21] {
                    counter.count();
                    histogram.observe(value);
                }
            });
        }
    });
    assert_eq!(counter.total(), 400);
    assert_eq!(histogram.buckets(), [(1.0, 200), (2.0, 100), (f64::INFINITY, 100)]);
    assert!((histogram.sum() - 430.0).abs() < 1e-9);
}

#[test]
fn a_gauge_counts_what_is_held() {
    let gauge = Gauge::default();
    let held = [(); 3].map(|()| gauge.hold());
    assert_eq!(gauge.now(), 3);
    drop(held);
    assert_eq!(gauge.now(), 0);
}

#[test]
fn a_family_has_each_member_once_whoever_comes_first() {
    let few: Few<usize, Counter, 8> = Few::default();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..8).for_each(|key| few.get(key, Counter::default).unwrap().count()));
        }
    });
    let mut members: Vec<_> = few.iter().map(|(key, it)| (*key, it.total())).collect();
    members.sort_unstable();
    assert_eq!(members, (0..8).map(|key| (key, 16)).collect::<Vec<_>>());
    assert!(few.get(8, Counter::default).is_none(), "it is full");
}

#[test]
fn both_formats_tell_the_same() {
    let metrics = Arc::new(Metrics::default());
    metrics.bundle("person", "complete", Duration::from_micros(30));
    metrics.answer("prefill", 200, Duration::from_micros(30));
    metrics.register("rnpp").call("answered", 3, Duration::from_millis(2));
    let open = metrics.text(State::default(), Format::OpenMetrics);
    let older = metrics.text(State::default(), Format::Text);
    assert!(open.ends_with("# EOF\n") && !older.contains("EOF"), "{older}");
    assert!(open.contains("# TYPE prefill_http_requests counter\n"), "{open}");
    assert!(older.contains("# TYPE prefill_http_requests_total counter\n"), "{older}");
    // The process goes on between two scrapes.
    let samples = |text: &str| {
        let lines =
            text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("process_"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(&open), samples(&older));
    let bucket = "prefill_request_duration_seconds_bucket{le=\"0.00005\",group=\"person\",outcome=\"complete\"} 1";
    assert!(open.contains(bucket), "{open}");
    assert!(open.contains("prefill_register_batch_keys_sum{register=\"rnpp\"} 3.0"), "{open}");
}

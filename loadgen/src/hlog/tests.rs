//! What is written is read again by the library that others read it with.

use base64::Engine as _;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::*;
use crate::results::{Channel, Ending, Sample};
use crate::tally::Answered;

const MS: Duration = Duration::from_millis(1);

/// Two answers in the first second and one in the third.
fn document() -> Document {
    let sample = |at: u32, lag: u32, service: u32| Sample {
        number: 0,
        intended: MS * at,
        sent: MS * (at + lag),
        ended: MS * (at + lag + service),
        lag: Some(MS * lag),
        group: 0,
        channel: Channel::Other,
        ending: Ending::Answered(Answered { status: 200, problem: None }),
        cache: None,
        verified: None,
        compared: false,
    };
    let samples = [sample(0, 1, 10), sample(999, 2, 20), sample(2_000, 3, 30)];
    let mut document = crate::document::tests::document(&samples);
    document.began_ms = 1_750_000_000_500;
    document
}

/// An interval of the log: its start and length in seconds, its tag, and what
/// its histogram has counted, in milliseconds.
type Seen = (f64, f64, String, Vec<u64>);

fn read(text: &str) -> (Vec<f64>, Vec<Seen>) {
    let (mut starts, mut seen) = (Vec::new(), Vec::new());
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        match entry.expect("a log") {
            LogEntry::StartTime(at) | LogEntry::BaseTime(at) => starts.push(at.as_secs_f64()),
            LogEntry::Interval(interval) => {
                let bytes = base64::engine::general_purpose::STANDARD;
                let bytes = bytes.decode(interval.encoded_histogram()).expect("base64");
                let times: Histogram<u64> =
                    Deserializer::new().deserialize(&mut &bytes[..]).expect("a histogram");
                let counted = times.iter_recorded().flat_map(|it| {
                    let ms = (it.value_iterated_to() as f64 / NS_PER_MS).round() as u64;
                    (0..it.count_at_value()).map(move |_| ms)
                });
                let tag = interval.tag().expect("a tag").as_str().to_owned();
                let (from, long) = (interval.start_timestamp(), interval.duration());
                seen.push((from.as_secs_f64(), long.as_secs_f64(), tag, counted.collect()));
            }
        }
    }
    (starts, seen)
}

#[test]
fn an_interval_log_is_read_again_as_it_was() {
    let (starts, seen) = read(&text(&document()));
    assert_eq!(starts, [1_750_000_000.5; 2]);
    let of = |from, tag: &str, times: &[u64]| (from, 1.0, tag.to_owned(), times.to_vec());
    let expected = [
        of(0.0, "latency", &[11, 22]),
        of(0.0, "service", &[10, 20]),
        of(0.0, "lag", &[1, 2]),
        of(2.0, "latency", &[33]),
        of(2.0, "service", &[30]),
        of(2.0, "lag", &[3]),
    ];
    assert_eq!(seen, expected);
}

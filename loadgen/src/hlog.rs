//! A run over time as an interval log of HdrHistogram, version 2, which its
//! tools read: an interval has one histogram for each of the tags `latency`,
//! `service` and `lag`, in nanoseconds. Maxima stand there in milliseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::document::Document;
use crate::results::lags;

#[cfg(test)]
mod tests;

const NS_PER_MS: f64 = 1e6;

/// The log of a run, or of several that were merged.
#[must_use]
pub fn text(document: &Document) -> String {
    let mut bytes = Vec::new();
    write(document, &mut bytes).expect("memory takes every histogram of these bounds");
    String::from_utf8(bytes).expect("an interval log is text")
}

fn write(document: &Document, bytes: &mut Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
    let began: SystemTime = UNIX_EPOCH + Duration::from_millis(document.began_ms);
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[of loadgen: times in nanoseconds, a request where it was intended]")
        .with_start_time(began)
        .with_base_time(began)
        .with_max_value_divisor(NS_PER_MS);
    let mut log = builder.begin_log_with(bytes, &mut serializer)?;
    let step = Duration::from_millis(document.series.step_ms);
    for (interval, number) in document.series.intervals.iter().zip(0_u32..) {
        for (tag, times) in [
            ("latency", nanoseconds(&interval.latency, 1_000)),
            ("service", nanoseconds(&interval.service, 1_000)),
            ("lag", nanoseconds(&interval.lag, 1)),
        ] {
            if times.is_empty() {
                continue;
            }
            let tag = Tag::new(tag).expect("it has no blank and no comma");
            log.write_histogram(&times, step * number, step, Some(tag))
                .map_err(|error| format!("{error:?}"))?;
        }
    }
    Ok(())
}

fn nanoseconds(times: &Histogram<u64>, unit: u64) -> Histogram<u64> {
    let mut scaled = lags(3);
    for it in times.iter_recorded() {
        scaled
            .saturating_record_n(it.value_iterated_to().saturating_mul(unit), it.count_at_value());
    }
    scaled
}

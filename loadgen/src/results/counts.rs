//! A histogram in JSON: its bounds, and each value that was counted with its
//! count. Read again, it is the same histogram.

use hdrhistogram::Histogram;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a file may ask for: a histogram of five digits takes fifty megabytes.
const DIGITS_MAX: u8 = 3;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    max: u64,
    digits: u8,
    counts: Vec<(u64, u64)>,
}

/// Writes it.
///
/// # Errors
/// Where the writer cannot be written to.
pub fn serialize<S: Serializer>(times: &Histogram<u64>, to: S) -> Result<S::Ok, S::Error> {
    let counted = times.iter_recorded();
    let counts = counted.map(|it| (it.value_iterated_to(), it.count_at_value())).collect();
    Counts { max: times.high(), digits: times.sigfig(), counts }.serialize(to)
}

/// Reads it.
///
/// # Errors
/// Where it is none, or has bounds that no report has.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Histogram<u64>, D::Error> {
    let Counts { max, digits, counts } = Counts::deserialize(from)?;
    if digits > DIGITS_MAX {
        return Err(D::Error::custom("a histogram has at most three digits"));
    }
    let mut times = Histogram::new_with_bounds(1, max, digits).map_err(D::Error::custom)?;
    for (value, count) in counts {
        times.saturating_record_n(value, count);
    }
    Ok(times)
}

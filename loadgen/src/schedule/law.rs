//! Laws of arrival, as text and as moments.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::arrivals::{Arrivals, Segment, Spacing};
use super::random::Random;

/// How requests arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// No arrivals of their own: each connection sends its next request when
    /// the answer to its last has come. A slow target is therefore asked less
    /// often, and latencies leave out what would have waited meanwhile.
    Closed,
    /// Evenly, so many a second.
    Constant(f64),
    /// As independent people come, so many a second on average.
    Poisson(f64),
    /// Each rate for an equal part of the run.
    Steps(Vec<f64>),
    /// From one rate to another.
    Ramp(f64, f64),
    /// So many at once, again and again.
    Burst(u64, Duration),
}

/// Why a text is no law.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongLaw {
    /// It sends nothing.
    #[error("a rate of zero sends nothing")]
    Zero,
    /// Not one of ours.
    #[error(
        "must be `closed`, a rate such as 100/s, `poisson 100/s`, `steps 100/s,200/s`, \
         `ramp 10/s..500/s` or `burst 500/10s`"
    )]
    Unknown,
    /// A number with a unit was expected.
    #[error("`{0}` is no rate; one is a number with /s, /m or /h, such as 100/s")]
    Rate(String),
    /// A number of requests and a period were expected.
    #[error("`{0}` is no burst; one is a number and a period, such as 500/10s")]
    Burst(String),
}

impl FromStr for Law {
    type Err = WrongLaw;

    fn from_str(text: &str) -> Result<Self, WrongLaw> {
        let text = text.trim();
        let (name, rest) = text.split_once([' ', ':']).unwrap_or((text, ""));
        let rest = rest.trim();
        match name {
            "closed" if rest.is_empty() => Ok(Self::Closed),
            "constant" => some(rate(rest)?).map(Self::Constant),
            "poisson" => some(rate(rest)?).map(Self::Poisson),
            "steps" => {
                let rates: Vec<_> = rest.split(',').map(rate).collect::<Result<_, _>>()?;
                some(rates.iter().sum()).map(|_| Self::Steps(rates))
            }
            "ramp" => {
                let (from, to) = rest.split_once("..").ok_or(WrongLaw::Unknown)?;
                let (from, to) = (rate(from)?, rate(to)?);
                some(from + to).map(|_| Self::Ramp(from, to))
            }
            "burst" => burst(rest),
            _ if rest.is_empty()
                && name.starts_with(|it: char| it == '-' || it.is_ascii_digit()) =>
            {
                some(rate(name)?).map(Self::Constant)
            }
            _ => Err(WrongLaw::Unknown),
        }
    }
}

fn rate(text: &str) -> Result<f64, WrongLaw> {
    let text = text.trim();
    let wrong = || WrongLaw::Rate(text.to_owned());
    let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    match number.is_finite() && number >= 0.0 {
        true => Ok(number / seconds),
        false => Err(wrong()),
    }
}

fn burst(text: &str) -> Result<Law, WrongLaw> {
    let wrong = || WrongLaw::Burst(text.to_owned());
    let (count, period) = text.split_once('/').ok_or_else(wrong)?;
    let count: u64 = count.trim().parse().map_err(|_| wrong())?;
    let digits = period.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = period.split_at(digits);
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(wrong()),
    };
    // `burst 500/s` is every second.
    let number = if number.is_empty() { 1 } else { number.parse::<u32>().map_err(|_| wrong())? };
    if count == 0 || number == 0 {
        return Err(WrongLaw::Zero);
    }
    Ok(Law::Burst(count, Duration::from_millis(u64::from(number) * scale)))
}

fn some(rate: f64) -> Result<f64, WrongLaw> {
    if rate > 0.0 { Ok(rate) } else { Err(WrongLaw::Zero) }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Constant(rate) => write!(f, "constant {rate}/s"),
            Self::Poisson(rate) => write!(f, "poisson {rate}/s"),
            Self::Steps(rates) => {
                let rates: Vec<_> = rates.iter().map(|rate| format!("{rate}/s")).collect();
                write!(f, "steps {}", rates.join(","))
            }
            Self::Ramp(from, to) => write!(f, "ramp {from}/s..{to}/s"),
            Self::Burst(count, period) => write!(f, "burst {count}/{}ms", period.as_millis()),
        }
    }
}

impl Law {
    /// When requests are due, for at least so long; never for a closed loop.
    pub(super) fn moments(
        &self,
        duration: Duration,
        seed: u64,
    ) -> Box<dyn Iterator<Item = Duration> + Send> {
        if let Self::Burst(count, period) = *self {
            let starts = (0..).map(move |burst: u32| period * burst);
            return Box::new(starts.flat_map(move |at| (0..count).map(move |_| at)));
        }
        let spacing = match self {
            Self::Poisson(_) => Spacing::Poisson(Random::new(seed, "arrivals")),
            _ => Spacing::Even,
        };
        Box::new(Arrivals::new(self.segments(duration).into_iter(), spacing))
    }

    fn segments(&self, duration: Duration) -> Vec<Segment> {
        let seconds = duration.as_secs_f64();
        match self {
            Self::Closed | Self::Burst(..) => vec![],
            Self::Constant(rate) | Self::Poisson(rate) => vec![Segment::flat(seconds, *rate)],
            Self::Steps(rates) => {
                let part = seconds / rates.len() as f64;
                rates.iter().map(|rate| Segment::flat(part, *rate)).collect()
            }
            Self::Ramp(from, to) => vec![Segment { seconds, from: *from, to: *to }],
        }
    }

    /// Requests a second on average over a run; none in a closed loop.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        match self {
            Self::Closed => None,
            Self::Constant(rate) | Self::Poisson(rate) => Some(*rate),
            Self::Steps(rates) => Some(rates.iter().sum::<f64>() / rates.len() as f64),
            Self::Ramp(from, to) => Some((from + to) / 2.0),
            Self::Burst(count, period) => Some(*count as f64 / period.as_secs_f64()),
        }
    }
}

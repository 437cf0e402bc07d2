//! Moments out of a rate that changes: the integral of the rate is inverted, so
//! that nothing is drawn in vain and a quiet night costs one step.

use std::time::Duration;

use super::random::Random;

/// A stretch of time whose rate changes evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// In seconds.
    pub seconds: f64,
    /// Requests a second at its start.
    pub from: f64,
    /// Requests a second at its end.
    pub to: f64,
}

impl Segment {
    /// A stretch with one rate.
    #[must_use]
    pub fn flat(seconds: f64, rate: f64) -> Self {
        Self { seconds, from: rate, to: rate }
    }

    fn slope(&self) -> f64 {
        (self.to - self.from) / self.seconds
    }

    /// How many requests it is worth.
    fn worth(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.seconds
    }

    /// After how many seconds so many requests have come.
    fn after(&self, requests: f64) -> f64 {
        if requests == 0.0 {
            return 0.0;
        }
        let root = (self.from * self.from + 2.0 * self.slope() * requests).max(0.0).sqrt();
        2.0 * requests / (self.from + root)
    }
}

/// How requests stand within their rate.
#[derive(Clone, Debug)]
pub enum Spacing {
    /// As far from each other as the rate says.
    Even,
    /// As independent people come: a Poisson process.
    Poisson(Random),
}

/// The moments, in order, lazily.
#[derive(Clone, Debug)]
pub struct Arrivals<I> {
    segments: I,
    spacing: Spacing,
    current: Segment,
    /// When the current segment began, in seconds.
    began: f64,
    /// What of the current segment's worth lies behind. Kept as requests, which
    /// are whole numbers where they are even, and not as seconds, whose
    /// roundings would add up.
    behind: f64,
    is_first: bool,
}

impl<I: Iterator<Item = Segment>> Arrivals<I> {
    /// Segments follow each other without a gap.
    pub fn new(segments: I, spacing: Spacing) -> Self {
        let current = Segment::flat(0.0, 0.0);
        Self { segments, spacing, current, began: 0.0, behind: 0.0, is_first: true }
    }

    /// How many requests' worth of rate lies before the next one.
    fn distance(&mut self) -> f64 {
        match &mut self.spacing {
            Spacing::Poisson(random) => random.exponential(),
            Spacing::Even if self.is_first => 0.0,
            Spacing::Even => 1.0,
        }
    }

    /// In seconds.
    fn advance(&mut self) -> Option<f64> {
        self.behind += self.distance();
        self.is_first = false;
        while self.behind >= self.current.worth() {
            self.behind -= self.current.worth();
            self.began += self.current.seconds;
            self.current = self.segments.next()?;
        }
        Some(self.began + self.current.after(self.behind))
    }
}

impl<I: Iterator<Item = Segment>> Iterator for Arrivals<I> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.advance().map(Duration::from_secs_f64)
    }
}

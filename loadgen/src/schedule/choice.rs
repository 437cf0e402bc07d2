//! Who asks for which form, where a run has no calendar: a pure function of the
//! request's number, so that threads and processes need not agree on anything.

use std::str::FromStr;

use super::random::Random;

#[cfg(test)]
mod tests;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody for everything, one after the other; then again.
    Sweep,
    /// Anybody, all as likely.
    Uniform,
    /// The n-th of them an n-th as likely as the first.
    Zipf,
    /// People who come back: see [`Choice::of`].
    Sessions,
}

impl FromStr for Who {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sweep" => Ok(Self::Sweep),
            "uniform" => Ok(Self::Uniform),
            "zipf" => Ok(Self::Zipf),
            "sessions" => Ok(Self::Sessions),
            _ => Err("must be `sweep`, `uniform`, `zipf` or `sessions`"),
        }
    }
}

/// What somebody does in a session: open a form, look at it again, open another
/// one, and resume the first; and so many pauses after the start of it.
const PAUSES: [u64; 4] = [0, 1, 2, 8];
const STEPS: u64 = PAUSES.len() as u64;
/// The place of the step that is for another form.
const OTHER: usize = 2;

/// Who asks for which form.
#[derive(Clone, Debug)]
pub struct Choice {
    who: Who,
    subjects: u64,
    /// The forms' weights, added up; none where all weigh the same.
    weights: Option<Vec<f64>>,
    forms: u64,
    /// A pause of a session, as a number of sessions that begin in it.
    pause: u64,
    seed: u64,
}

impl Choice {
    /// Everybody for each of so many forms, in turn.
    #[must_use]
    pub fn sweep(subjects: u64, forms: usize) -> Self {
        let (who, weights, pause, seed) = (Who::Sweep, None, 1, 0);
        Self { who, subjects, weights, forms: forms as u64, pause, seed }
    }

    /// Such people for forms of such weights; a session's pause is as long as
    /// so many requests take.
    #[must_use]
    pub fn new(who: Who, subjects: u64, weights: &[f64], pause: f64, seed: u64) -> Self {
        let same = weights.iter().all(|weight| *weight == weights[0]);
        let mut sum = 0.0;
        let sums = weights.iter().map(|weight| {
            sum += weight;
            sum
        });
        Self {
            who,
            subjects,
            weights: (!same).then(|| sums.collect()),
            forms: weights.len() as u64,
            pause: ((pause / STEPS as f64).round() as u64).max(1),
            seed,
        }
    }

    /// The subject and the form of the request of this number.
    ///
    /// Of each four numbers in a row, each one is another step of another
    /// session. A session's steps stand as many groups of four apart as its
    /// pauses take, so that they come in time whatever the law of arrivals is.
    /// Sessions of the first numbers began before the run.
    #[must_use]
    pub fn of(&self, number: u64) -> (u64, usize) {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(SPREAD), "choice");
        match self.who {
            // All forms of one person first, so that a short run sees every form.
            Who::Sweep if self.weights.is_none() => {
                let item = number % (self.subjects * self.forms);
                (item / self.forms, (item % self.forms) as usize)
            }
            Who::Sweep => (number % self.subjects, self.form(&mut random)),
            Who::Uniform => (random.below(self.subjects), self.form(&mut random)),
            Who::Zipf => (random.zipf(self.subjects), self.form(&mut random)),
            Who::Sessions => {
                let step = (number % STEPS) as usize;
                let session = (number / STEPS).wrapping_sub(PAUSES[step] * self.pause);
                let mut random = Random::new(self.seed ^ session.wrapping_mul(SPREAD), "session");
                let subject = random.below(self.subjects);
                let (first, other) = (self.form(&mut random), self.form(&mut random));
                (subject, if step == OTHER { other } else { first })
            }
        }
    }

    fn form(&self, random: &mut Random) -> usize {
        match &self.weights {
            None => random.below(self.forms) as usize,
            Some(sums) => {
                let drawn = random.unit() * sums.last().copied().unwrap_or_default();
                sums.partition_point(|sum| *sum <= drawn).min(sums.len() - 1)
            }
        }
    }
}

/// An odd number without a pattern: neighbours get unlike seeds.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

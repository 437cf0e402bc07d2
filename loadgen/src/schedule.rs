//! When to send. How to send is `target`'s, and neither knows of the other.
//!
//! Laws are pure: a seed and a law give the same lazy row of moments, always,
//! however long it is.

mod arrivals;
mod choice;
mod law;
mod profile;
mod random;
mod visit;
mod year;

use std::time::Duration;

pub use arrivals::{Arrivals, Segment, Spacing};
pub use choice::{Choice, Who};
pub use law::{Law, WrongLaw};
pub use profile::{Profile, WrongProfile};
pub use random::Random;
pub use visit::{Kind, Visit};
pub use year::{People, Plan as Year, Visits};

#[cfg(test)]
mod tests;

/// One request of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counts the requests of a run, from zero.
    pub number: u64,
    /// When it is due, from the start of the run: latency counts from here.
    pub at: Duration,
    /// What somebody does; none where requests follow from their numbers.
    pub visit: Option<Visit>,
}

/// The moments of a law, numbered, until `duration` or `requests` is over.
pub fn events(
    law: &Law,
    duration: Duration,
    requests: Option<u64>,
    seed: u64,
) -> impl Iterator<Item = Event> + use<> {
    let moments = law.moments(duration, seed).take_while(move |at| *at < duration);
    let numbered = (0..requests.unwrap_or(u64::MAX)).zip(moments);
    numbered.map(|(number, at)| Event { number, at, visit: None })
}

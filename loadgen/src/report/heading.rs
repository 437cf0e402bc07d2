//! What was asked of a run, and whether two were asked the same.

use serde::{Deserialize, Serialize};

/// What was asked of the run, for its first lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Heading {
    /// Where.
    pub target: String,
    /// When requests were sent.
    pub law: String,
    /// Connections over how many threads.
    pub connections: usize,
    /// Threads of the generator.
    pub threads: usize,
    /// What was asked: procedures and people.
    pub asked: String,
    /// How many procedures nothing prefills.
    pub by_hand: usize,
    /// The prefilled procedures that were not asked for, and why.
    pub not_asked: Vec<(String, String)>,
    /// The country that the target must run with.
    pub country: String,
}

/// Between what differs in runs that were merged all the same.
const AND: &str = " + ";

impl Heading {
    /// What was asked for; over how many connections is no part of it.
    fn load(&self) -> [(&'static str, String); 5] {
        let names: Vec<_> = self.not_asked.iter().map(|(name, _)| name.as_str()).collect();
        let not_asked = format!("{} procedures, {}", self.by_hand, names.join(", "));
        [
            ("target", self.target.clone()),
            ("loop", self.law.clone()),
            ("asked", self.asked.clone()),
            ("country", self.country.clone()),
            ("not asked", not_asked),
        ]
    }

    /// In what another load differs from this one.
    #[must_use]
    pub fn unlike(&self, other: &Self) -> Vec<String> {
        let both = self.load().into_iter().zip(other.load());
        let unlike = both.filter(|((_, first), (_, second))| first != second);
        unlike.map(|((name, a), (_, b))| format!("{name} `{a}` and `{b}`")).collect()
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: Self) {
        self.connections += other.connections;
        self.threads += other.threads;
        for (text, other) in [
            (&mut self.target, other.target),
            (&mut self.law, other.law),
            (&mut self.asked, other.asked),
            (&mut self.country, other.country),
        ] {
            if !text.split(AND).any(|known| known == other) {
                text.push_str(AND);
                text.push_str(&other);
            }
        }
    }
}

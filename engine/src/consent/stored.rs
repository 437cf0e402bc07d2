//! How a consent state is stored: a format, then postcard.

use serde::Deserialize;

use super::mandate::Mandates;
use super::reuse::Reuse;
use super::state::{Consent, Preference};

/// What the first format cannot begin with: there it was the version, which
/// counts from one.
const MARK: u8 = 0;
const WITHOUT_MANDATES: u8 = 2;
const FORMAT: u8 = 3;

/// The first format: preferences alone.
#[derive(Deserialize)]
struct Preferences {
    version: u64,
    preferences: Vec<Preference>,
}

/// The second.
#[derive(Deserialize)]
struct WithReuse {
    version: u64,
    preferences: Vec<Preference>,
    reuse: Vec<Reuse>,
}

impl Consent {
    /// The state as it is stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let stored = vec![MARK, FORMAT];
        postcard::to_extend(self, stored).expect("a vector takes every byte")
    }

    /// Reads a stored state of any format back; `None` where it is none.
    #[must_use]
    pub fn decode(stored: &[u8]) -> Option<Self> {
        match stored {
            [MARK, FORMAT, rest @ ..] => postcard::from_bytes(rest).ok(),
            [MARK, WITHOUT_MANDATES, rest @ ..] => {
                let WithReuse { version, preferences, reuse } = postcard::from_bytes(rest).ok()?;
                Some(Self { version, preferences, reuse, mandates: Mandates::default() })
            }
            [MARK, ..] => None,
            first => {
                let Preferences { version, preferences } = postcard::from_bytes(first).ok()?;
                Some(Self { version, preferences, ..Self::default() })
            }
        }
    }
}

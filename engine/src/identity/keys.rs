//! Operators by API key. A key is 256 random bits, written as text; what is kept
//! is its SHA-256 alone.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::Operator;

/// SHA-256 of a key's text.
pub type KeyDigest = [u8; 32];

/// Which operator has which key.
#[derive(Clone, Debug, Default)]
pub struct Keys(HashMap<KeyDigest, Operator>);

impl Keys {
    /// The operator whose key this is. What is compared are digests, so that the
    /// time it takes tells nothing of any key.
    #[must_use]
    pub fn operator(&self, token: &str) -> Option<Operator> {
        self.0.get(&KeyDigest::from(Sha256::digest(token))).cloned()
    }
}

impl FromIterator<(KeyDigest, Operator)> for Keys {
    fn from_iter<I: IntoIterator<Item = (KeyDigest, Operator)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

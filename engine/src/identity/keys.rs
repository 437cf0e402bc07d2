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
    /// A new key, and its digest.
    #[must_use]
    pub fn generate(entropy: &crate::entropy::Entropy) -> (String, KeyDigest) {
        use base64::Engine as _;

        let mut bits = [0; 32];
        entropy.fill(&mut bits);
        let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits);
        let digest = Sha256::digest(&key).into();
        (key, digest)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each operator's keys, by the beginnings of their digests.
    pub(super) fn named(&self) -> impl Iterator<Item = (String, &Operator)> {
        self.0.iter().map(|(digest, operator)| {
            let begins = digest.iter().take(4).map(|byte| format!("{byte:02x}"));
            (format!("{} {}", operator.organisation, begins.collect::<String>()), operator)
        })
    }

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

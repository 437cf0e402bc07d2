//! The hash chain, over salted commitments.
//!
//! `commitment = SHA-256(salt || body)` and `hash = SHA-256(previous ||
//! commitment)`. Whoever erases a body keeps its commitment, and the chain
//! still verifies, while the salt keeps the body from being guessed.

use sha2::{Digest as _, Sha256};

use crate::store::{Digest, Row};

/// The hash before the first entry of a stream.
#[must_use]
pub(super) fn genesis(stream: &[u8; 16]) -> Digest {
    Sha256::new().chain_update(b"prefill ledger 1").chain_update(stream).finalize().into()
}

/// The chain's hash after `row`.
#[must_use]
pub fn next(previous: &Digest, row: &Row) -> Digest {
    let commitment = Sha256::new().chain_update(row.salt).chain_update(&row.body).finalize();
    Sha256::new().chain_update(previous).chain_update(commitment).finalize().into()
}

//! The hash chain, over salted commitments.
//!
//! `commitment = SHA-256(salt || body)` and `hash = SHA-256(previous ||
//! commitment)`. Whoever erases a body keeps its commitment, and the chain
//! still verifies, while the salt keeps the body from being guessed.

use sha2::{Digest as _, Sha256};

use crate::store::{Digest, Row, RowRef};

/// The hash before the first entry of a stream.
#[must_use]
pub(super) fn genesis(stream: &[u8; 16]) -> Digest {
    Sha256::new().chain_update(b"prefill ledger 1").chain_update(stream).finalize().into()
}

/// What the chain holds of a row.
#[must_use]
pub(super) fn commitment(row: RowRef<'_>) -> Digest {
    Sha256::new().chain_update(row.salt).chain_update(row.body).finalize().into()
}

/// The chain's hash after a row with this commitment.
#[must_use]
pub(super) fn link(previous: &Digest, commitment: &Digest) -> Digest {
    Sha256::new().chain_update(previous).chain_update(commitment).finalize().into()
}

/// The chain's hash after `row`.
#[must_use]
pub fn next(previous: &Digest, row: &Row) -> Digest {
    link(previous, &commitment(row.borrowed()))
}

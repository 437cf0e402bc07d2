//! Randomness, as a seam: from the machine, or from a seed in a simulation.

use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use uuid::Uuid;

use crate::model::CivilMs;

/// A cryptographic generator. Each core owns one, so its lock is never contended.
#[derive(Debug)]
pub struct Entropy(Mutex<StdRng>);

impl Entropy {
    /// Seeded by the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Mutex::new(rand::make_rng()))
    }

    /// The same numbers for the same seed: for simulations only.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// 16 bytes that nobody can guess.
    #[must_use]
    pub fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    /// Fills `bytes` with what nobody can guess.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.with(|rng| rng.fill_bytes(bytes));
    }

    /// An id that sorts by its time (RFC 9562, version 7).
    #[must_use]
    pub fn uuid(&self, now: CivilMs) -> Uuid {
        let bytes = self.bytes();
        let tail: &[u8; 10] = bytes.first_chunk().expect("ten of sixteen");
        uuid::Builder::from_unix_timestamp_millis(now.max(0) as u64, tail).into_uuid()
    }

    /// A duration between half and the whole of `most`, so that those who wait
    /// do not come back all at once.
    #[must_use]
    pub fn jittered(&self, most: std::time::Duration) -> std::time::Duration {
        most.mul_f64(self.with(|rng| rng.random_range(0.5..=1.0)))
    }

    fn with<T>(&self, f: impl FnOnce(&mut StdRng) -> T) -> T {
        f(&mut self.0.lock().expect("no panic while drawing"))
    }
}

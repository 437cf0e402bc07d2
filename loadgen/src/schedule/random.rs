//! Numbers from a seed that stay the same in every version: a trace of the same
//! seed has the same bytes for years.

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The row of numbers of this seed and this use of it.
    #[must_use]
    pub fn new(seed: u64, used_for: &str) -> Self {
        // FNV-1a: uses of one seed must not share their numbers.
        let apart = used_for.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut random = Self(seed);
        random.0 = random.bits() ^ apart;
        random
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    /// Evenly from 0 up to, and without, 1.
    pub fn unit(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly from 0 up to, and without, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// One of so many, the n-th an n-th as often as the first; who has which
    /// rank is scattered over all of them.
    pub fn zipf(&mut self, many: u64) -> u64 {
        // The density of ranks is one over the rank.
        let rank = (many as f64).powf(self.unit()) as u64;
        (rank.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1) % many
    }

    /// Exponentially distributed with mean 1.
    pub fn exponential(&mut self) -> f64 {
        // From 1 down to, and without, 0: its logarithm is finite.
        -(1.0 - self.unit()).ln()
    }
}

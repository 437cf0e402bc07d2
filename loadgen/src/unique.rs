//! Whether an id comes twice, in memory that does not grow with their number.
//!
//! Of more ids than there is room for, a share is kept, a half, a quarter and so
//! on. The id itself decides whether it is of that share, so of two equal ids
//! either both are looked at or neither: what is found is certain, and how much
//! is looked at is known.

use std::collections::HashSet;

#[cfg(test)]
mod tests;

/// Seven eighths of a power of two, which is all that a table of that size
/// takes: with its ids 18 MB, for each thread.
const ROOM: usize = (7 << 20) / 8;

/// The ids that came.
#[derive(Clone, Debug)]
pub(crate) struct Unique {
    /// Invariant: all of them are of the share, and at most `room`.
    kept: HashSet<u128>,
    room: usize,
    /// How often the share was halved.
    halvings: u32,
    twice: u64,
}

impl Default for Unique {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Unique {
    fn with_room(room: usize) -> Self {
        Self { kept: HashSet::new(), room, halvings: 0, twice: 0 }
    }

    /// An id came.
    pub(crate) fn see(&mut self, id: u128) {
        if !is_of_share(id, self.halvings) {
            return;
        }
        if self.kept.capacity() == 0 {
            // All of it at once: a table that grows is copied in the meantime.
            self.kept.reserve(self.room);
        }
        if self.kept.contains(&id) {
            self.twice += 1;
            return;
        }
        while self.kept.len() >= self.room {
            self.halve(self.halvings + 1);
        }
        if is_of_share(id, self.halvings) {
            self.kept.insert(id);
        }
    }

    /// Adds what another thread saw.
    pub(crate) fn merge(&mut self, other: Self) {
        self.halve(self.halvings.max(other.halvings));
        self.twice += other.twice;
        other.kept.into_iter().for_each(|id| self.see(id));
    }

    /// Ids of the share that came once more.
    pub(crate) fn twice(&self) -> u64 {
        self.twice
    }

    /// Of how many ids one was looked at.
    pub(crate) fn one_in(&self) -> u64 {
        1 << self.halvings.min(63)
    }

    fn halve(&mut self, halvings: u32) {
        if halvings > self.halvings {
            self.halvings = halvings;
            // Not by `retain`: what it leaves behind fills the table, too, and
            // makes it grow.
            let rest = self.kept.iter().filter(|id| is_of_share(**id, halvings));
            let rest: Vec<_> = rest.copied().collect();
            self.kept.clear();
            self.kept.extend(rest);
        }
    }
}

/// Ids may count or begin with the time: whatever they are, a half of a share is
/// any half.
fn is_of_share(id: u128, halvings: u32) -> bool {
    mixed((id >> 64) as u64 ^ mixed(id as u64)).trailing_zeros() >= halvings
}

/// The finaliser of SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

//! Who is in the cache: a table in shards, each bounded in bytes.
//!
//! Where a shard is full, a hand goes round it: whom nobody asked about since it last
//! came by leaves. It costs a pointer and a byte for each subject, where lists of who
//! was asked about when would cost as much as the answers.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::{Held, Load};
use crate::model::{CivilMs, Subject};

/// Of what size shards are at least: some hundreds of subjects, so that to go through one takes
/// a few microseconds. More than that is not kept about one subject.
const SHARD_BYTES: u64 = 256 << 10;
const SHARDS_MAX: u64 = 1 << 16;

/// Beside whose it is, the number of what is held tells whether somebody asked.
const ASKED: u64 = 1 << 63;

pub(super) struct Table {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    bytes: u64,
    evicted: AtomicU64,
    expired: AtomicU64,
}

#[derive(Default)]
struct Shard {
    held: HashTable<Held>,
    /// Bytes of what is held, without the table's.
    bytes: usize,
    /// Where the hand is.
    hand: usize,
}

impl Table {
    pub(super) fn new(bytes: u64) -> Self {
        let shards = (bytes / SHARD_BYTES).clamp(1, SHARDS_MAX);
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            bytes,
            evicted: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, subject: Subject) -> Option<Held> {
        let owner = subject.dense();
        let hash = self.hasher.hash_one(owner);
        let shard = self.shard(hash);
        let held = shard.held.find(hash, |held| owner_of(held) == owner)?;
        if held.number() == owner {
            held.set_number(owner | ASKED);
        }
        Some(held.clone())
    }

    /// Exchanges what is held about a subject; nobody else does so meanwhile. What has no
    /// room in a shard of its own is not kept, and all others stay.
    pub(super) fn change(
        &self,
        subject: Subject,
        change: impl FnOnce(Option<&Held>, u64) -> Option<Held>,
    ) {
        let owner = subject.dense();
        let hash = self.hasher.hash_one(owner);
        let mut shard = self.shard(hash);
        let shard = &mut *shard;
        let hash_of = |held: &Held| self.hasher.hash_one(owner_of(held));
        // What the table itself takes is known before there is one more in it.
        shard.held.reserve(1, hash_of);
        let most = (self.bytes / self.shards.len() as u64) as usize;
        let room = most.saturating_sub(shard.held.allocation_size());
        let mut gone = 0;
        let change = |before: Option<&Held>, number| {
            let kept = change(before, number);
            gone += u64::from(kept.as_ref().is_some_and(|new| size(new) > room));
            kept.filter(|new| size(new) <= room)
        };
        match shard.held.entry(hash, |held| owner_of(held) == owner, hash_of) {
            Entry::Occupied(mut known) => {
                shard.bytes -= size(known.get());
                match change(Some(known.get()), known.get().number()) {
                    Some(new) => {
                        shard.bytes += size(&new);
                        *known.get_mut() = new;
                    }
                    None => drop(known.remove()),
                }
            }
            Entry::Vacant(place) => {
                if let Some(new) = change(None, owner) {
                    shard.bytes += size(&new);
                    place.insert(new);
                }
            }
        }
        gone += shard.make_room(most);
        self.evicted.fetch_add(gone, Ordering::Relaxed);
    }

    /// Drops whom nothing is held about whose time is not over.
    pub(super) fn sweep(&self, now: CivilMs) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { held, bytes, .. } = &mut *shard;
            let before = held.len();
            held.retain(|held| {
                let stays = held.is_alive(now);
                *bytes -= if stays { 0 } else { size(held) };
                stays
            });
            let gone = (before - held.len()) as u64;
            if held.is_empty() {
                *held = HashTable::new();
            }
            self.expired.fetch_add(gone, Ordering::Relaxed);
        }
    }

    pub(super) fn load(&self) -> Load {
        let shards = self.shards.iter().map(|shard| {
            let shard = lock(shard);
            (shard.held.len() as u64, shard.size() as u64)
        });
        let (subjects, weight) =
            shards.fold((0, 0), |(all, weighs), (count, bytes)| (all + count, weighs + bytes));
        Load {
            subjects,
            weight,
            capacity: self.bytes,
            evicted: self.evicted.load(Ordering::Relaxed),
            expired: self.expired.load(Ordering::Relaxed),
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // Bits that the tables themselves do not look at.
        lock(&self.shards[(hash >> 40) as usize % self.shards.len()])
    }
}

impl Shard {
    fn size(&self) -> usize {
        self.bytes + self.held.allocation_size()
    }

    /// Drops those about whom nobody asked since the hand last came by, until the rest
    /// has room; how many.
    fn make_room(&mut self, most: usize) -> u64 {
        let mut gone = 0;
        while self.size() > most && !self.held.is_empty() {
            self.hand = (self.hand + 1) % self.held.num_buckets();
            let Ok(place) = self.held.get_bucket_entry(self.hand) else { continue };
            let number = place.get().number();
            if number & ASKED == 0 {
                self.bytes -= size(place.get());
                place.remove();
                gone += 1;
            } else {
                place.get().set_number(number & !ASKED);
            }
        }
        gone
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn owner_of(held: &Held) -> u64 {
    held.number() & !ASKED
}

/// What an allocator takes for it: sizes are handed out in steps of a quarter of a
/// power of two.
fn size(held: &Held) -> usize {
    let size = held.size();
    let step = (size.next_power_of_two() / 8).max(16);
    size.next_multiple_of(step)
}

//! Counters and histograms that many cores count in without meeting.
//!
//! Each thread counts in a cell of its own, as long as there are as many cells
//! as threads; a scrape adds them up. So counting is one uncontended atomic
//! addition for a counter, and two for a histogram, however many cores there are.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Beyond this many cores, some share a cell.
const CELLS_MAX: usize = 64;

/// Which cell the next new thread counts in. It orders nothing, so that any
/// number of engines in one process can share it.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn cells<T>(make: impl Fn() -> T) -> Box<[T]> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (0..cores.next_power_of_two().min(CELLS_MAX)).map(|_| make()).collect()
}

/// This thread's cell.
fn mine<T>(cells: &[T]) -> &T {
    let place = MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        mine.get()
    });
    // Their number is a power of two.
    &cells[place & (cells.len() - 1)]
}

/// As far apart that no two share what a processor fetches at once.
#[repr(align(128))]
#[derive(Default)]
struct Apart<T>(T);

/// Something that only grows.
pub struct Counter(Box<[Apart<AtomicU64>]>);

impl Default for Counter {
    fn default() -> Self {
        Self(cells(Apart::default))
    }
}

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    /// Some more.
    pub fn add(&self, more: u64) {
        mine(&self.0).0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|cell| cell.0.load(Ordering::Relaxed)).sum()
    }
}

/// Something that comes and goes, too rarely to need cells.
#[derive(Default)]
pub struct Gauge(Arc<AtomicI64>);

/// One in a gauge, until it is dropped.
pub struct Held(Arc<AtomicI64>);

impl Gauge {
    /// One more, as long as what comes back is held.
    #[must_use]
    pub fn hold(&self) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self.0.clone())
    }

    pub(super) fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The upper bounds of a histogram's buckets, ascending.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) upper: &'static [u64],
    /// What a bound is divided by to be told.
    pub(super) per: f64,
}

/// How often something took, or counted, how much.
pub struct Histogram {
    bounds: Bounds,
    cells: Box<[Slots]>,
}

#[repr(align(128))]
struct Slots {
    sum: AtomicU64,
    /// One for each bound, and one for what is beyond.
    buckets: Box<[AtomicU64]>,
}

impl Histogram {
    pub(super) fn new(bounds: Bounds) -> Self {
        let zero = |_| AtomicU64::new(0);
        let slots = || Slots {
            sum: AtomicU64::new(0),
            buckets: (0..=bounds.upper.len()).map(zero).collect(),
        };
        Self { bounds, cells: cells(slots) }
    }

    /// Counts a time.
    pub fn time(&self, took: Duration) {
        self.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts a number.
    pub fn observe(&self, value: u64) {
        let slots = mine(&self.cells);
        let bucket = self.bounds.upper.partition_point(|upper| *upper < value);
        slots.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        slots.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> f64 {
        let cells = self.cells.iter();
        cells.map(|slots| slots.sum.load(Ordering::Relaxed) as f64).sum::<f64>() / self.bounds.per
    }

    /// Each bucket's upper bound and its own count.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let upper = self.bounds.upper.iter().map(|upper| *upper as f64 / self.bounds.per);
        let count = |index: usize| {
            let cells = self.cells.iter();
            cells.map(|slots| slots.buckets[index].load(Ordering::Relaxed)).sum()
        };
        upper.chain([f64::INFINITY]).enumerate().map(|(at, upper)| (upper, count(at))).collect()
    }
}

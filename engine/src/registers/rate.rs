//! Keeps to the rate of calls that a register's operator allows.
//!
//! All cores share one counter for each register (the generic cell rate
//! algorithm, ITU-T I.371): the moment at which the register would be owed
//! nothing more. A call moves it on by the time that one call is worth, and
//! goes out when its turn comes. There is no window that starts afresh, and so
//! no second half of one and first half of the next that together exceed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::clock::{self, Instant};

/// A hundredth of a second's calls may go out at once, since timers wake a
/// core a millisecond late and then several turns have come. It is taken off
/// the rate, so that no second ever sees more calls than allowed.
const BURST_SHARE: u32 = 100;

/// The rates of a catalogue's registers, shared by all cores.
pub struct Rates(Vec<Option<Arc<Rate>>>);

impl Rates {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(catalogue: &Catalogue) -> Self {
        let rate = |declared: u32| Arc::new(Rate::new(declared, clock::monotonic()));
        let registers = catalogue.registers().iter();
        Self(registers.map(|it| it.dialect.as_ref()?.limits.rate.map(rate)).collect())
    }

    pub(super) fn of(&self, register: usize) -> Option<Arc<Rate>> {
        self.0.get(register).cloned().flatten()
    }
}

/// One register's rate.
pub(super) struct Rate {
    began: Instant,
    /// Nanoseconds that one call is worth.
    gap: u64,
    /// Nanoseconds by which calls may go out before they are due.
    ahead: u64,
    /// When all calls so far will be due, in nanoseconds since `began`.
    /// Invariant: it only grows, so that turns come in the order they were taken.
    due: AtomicU64,
}

impl Rate {
    /// At most `declared` calls in any second, which is not zero.
    pub(super) fn new(declared: u32, began: Instant) -> Self {
        let extra = declared / BURST_SHARE;
        let gap = 1_000_000_000_u64.div_ceil(u64::from(declared - extra));
        Self { began, gap, ahead: gap * u64::from(extra), due: AtomicU64::new(0) }
    }

    /// When the next call may go out; it must go then or never. `None`, and no
    /// turn is taken, where that is later than `patience` from now.
    pub(super) fn take(&self, now: Instant, patience: Duration) -> Option<Instant> {
        let since = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let now = since(now.saturating_duration_since(self.began));
        let latest = now.saturating_add(since(patience));
        let turn = |due: u64| due.saturating_sub(self.ahead).max(now);
        // One counter and nothing beside it: no order with other memory is needed.
        let taken = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            (turn(due) <= latest).then(|| due.max(now).saturating_add(self.gap))
        });
        taken.ok().map(|due| self.began + Duration::from_nanos(turn(due)))
    }
}

//! Keeps to the rate of calls that a register's operator allows.
//!
//! All cores share one counter for each register (the generic cell rate
//! algorithm, ITU-T I.371): the moment at which the register would be owed
//! nothing more. A call moves it on by the time that one call is worth, and
//! goes out when its turn comes. There is no window that starts afresh, and so
//! no second half of one and first half of the next that together exceed it.
//!
//! Timers are late, and then turns that lay apart come together. So a call whose
//! turn has come looks once more before it leaves: at when calls really left.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::clock::{self, Instant};

/// A hundredth of a second's calls may go out at once, since timers wake a
/// core a millisecond late and then several turns have come. It is taken off
/// the rate, so that no second ever sees more calls than allowed.
const BURST_SHARE: u32 = 100;

/// What a rate counts within, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

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

    /// Those of another catalogue. Where it declares the same rate for a register of
    /// the same name, what was asked before counts on.
    #[must_use]
    pub fn carried_over(&self, from: &Catalogue, to: &Catalogue) -> Self {
        let mut rates = Self::new(to);
        for (register, rate) in to.registers().iter().zip(&mut rates.0) {
            let before = from.find_register(&register.name).and_then(|id| self.of(id.index()));
            if let (Some(rate), Some(before)) = (rate, before)
                && rate.declared == before.declared
            {
                *rate = before;
            }
        }
        rates
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
    declared: usize,
    /// When the calls of the last second left, in nanoseconds since `began`.
    /// Invariant: it ascends, and is never longer than `declared`.
    left: Mutex<VecDeque<u64>>,
}

impl Rate {
    /// At most `declared` calls in any second, which is not zero.
    pub(super) fn new(declared: u32, began: Instant) -> Self {
        let extra = declared / BURST_SHARE;
        let gap = SECOND.div_ceil(u64::from(declared - extra));
        Self {
            began,
            gap,
            ahead: gap * u64::from(extra),
            due: AtomicU64::new(0),
            declared: declared as usize,
            left: Mutex::default(),
        }
    }

    /// When the next call may go out; it must [`leave`](Self::leave) then or
    /// never. `None`, and no turn is taken, where that is later than `latest`.
    pub(super) fn take(&self, now: Instant, latest: Instant) -> Option<Instant> {
        let (now, latest) = (self.since(now), self.since(latest));
        let turn = |due: u64| due.saturating_sub(self.ahead).max(now);
        // One counter and nothing beside it: no order with other memory is needed.
        let taken = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            (turn(due) <= latest).then(|| due.max(now).saturating_add(self.gap))
        });
        taken.ok().map(|due| self.began + Duration::from_nanos(turn(due)))
    }

    /// Lets a call out whose turn has come, or says when to ask again: where
    /// calls before it left late, so that this second would see too many.
    pub(super) fn leave(&self, now: Instant) -> Result<(), Instant> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        // Another core may have looked at its clock later, and come first.
        let now = self.since(now).max(left.back().copied().unwrap_or(0));
        while left.front().is_some_and(|first| first + SECOND <= now) {
            left.pop_front();
        }
        if let Some(first) = left.front().filter(|_| left.len() >= self.declared) {
            return Err(self.began + Duration::from_nanos(first + SECOND));
        }
        left.push_back(now);
        Ok(())
    }

    fn since(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

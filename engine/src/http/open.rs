//! The connections that are open on one core: who of them is idle, who has been
//! told to end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;

use super::limits::ABANDONED_MAX;
use crate::drain::Phase;

/// All of one core. Only that core's thread looks at it, but for the simulation;
/// so nothing here is ever contended.
#[derive(Default)]
pub(super) struct Open {
    lines: Mutex<BTreeMap<u64, Arc<Line>>>,
    phase: AtomicU8,
    /// Counts connections and requests, in their order.
    turn: AtomicU64,
}

/// What is known of one connection beside its bytes.
#[derive(Default)]
pub(super) struct Line {
    open: Arc<Open>,
    key: u64,
    /// Answers that we owe: being made, or a body that waits for us.
    owed: AtomicU32,
    /// Whether a request has been read to the end of its head.
    used: AtomicBool,
    /// Whether bytes have come that belong to no request yet.
    begun: AtomicBool,
    /// The turn at which something last happened.
    last: AtomicU64,
    /// Requests given up by the client, less those that it waited for.
    abandoned: AtomicU32,
    /// Whether it makes place for others.
    evicted: AtomicBool,
    waker: AtomicWaker,
}

/// How a connection stands when its task looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It goes on.
    Stay,
    /// It ends when what has begun is answered.
    WindDown,
    /// It ends now.
    Cut,
}

impl Open {
    /// One more connection, until the guard is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        let key = self.next_turn();
        let line = Arc::new(Line {
            open: self.clone(),
            key,
            last: AtomicU64::new(key),
            ..Line::default()
        });
        self.lines().insert(key, line.clone());
        Entered(line)
    }

    /// Tells all connections how far the engine is on its way out.
    pub(super) fn tell(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.lines().values().for_each(|line| line.waker.wake());
    }

    /// Asks the connection that has been idle for the longest time to make place.
    pub(super) fn evict(&self) {
        let lines = self.lines();
        let idle = lines.values().filter(|line| line.is_idle() && !line.evicted.load(Relaxed));
        if let Some(line) = idle.min_by_key(|line| line.last.load(Relaxed)) {
            line.evicted.store(true, Relaxed);
            line.waker.wake();
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self, phase: Phase) -> bool {
        self.phase.load(Relaxed) >= phase as u8
    }

    fn next_turn(&self) -> u64 {
        self.turn.fetch_add(1, Relaxed)
    }
}

impl Line {
    /// A request begins; its answer is owed until the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> Owed {
        self.used.store(true, Relaxed);
        self.begun.store(false, Relaxed);
        Owed::new(self.clone())
    }

    /// Bytes have come. Those that come while an answer is owed are its body.
    pub(super) fn has_read(&self) {
        if self.is_idle() {
            self.begun.store(true, Relaxed);
        }
    }

    /// Something has moved.
    pub(super) fn moved(&self) {
        self.last.store(self.open.next_turn(), Relaxed);
    }

    /// When something last moved, in turns of the core.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Relaxed)
    }

    /// Whether nothing is owed.
    pub(super) fn is_idle(&self) -> bool {
        self.owed.load(Relaxed) == 0
    }

    /// Whether answers ask the client to come back over another connection.
    pub(super) fn leaves(&self) -> bool {
        self.open.reached(Phase::Leaving)
    }

    /// Whether it makes place for another.
    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.load(Relaxed)
    }

    /// A client has waited for its answer, or has given it up.
    pub(super) fn was_awaited(&self, answered: bool) {
        let abandoned = self.abandoned.load(Relaxed);
        let abandoned = if answered { abandoned.saturating_sub(1) } else { abandoned + 1 };
        self.abandoned.store(abandoned, Relaxed);
    }

    /// Has `cx` woken when the verdict may have changed.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// What is to become of a connection over which one request at a time goes.
    pub(super) fn verdict(&self) -> Verdict {
        // An answer under way says itself that it is the last one.
        if !self.is_idle() {
            Verdict::Stay
        } else if self.is_evicted() {
            if self.begun.load(Relaxed) { Verdict::Cut } else { Verdict::WindDown }
        } else if self.begun.load(Relaxed) {
            Verdict::Stay
        } else if self.open.reached(Phase::Last)
            || self.open.reached(Phase::Closing) && self.used.load(Relaxed)
        {
            Verdict::WindDown
        } else {
            Verdict::Stay
        }
    }

    /// What is to become of a connection over which many go, whose protocol has a
    /// word for going: nothing is lost that the client then still sends.
    pub(super) fn verdict_of_many(&self) -> Verdict {
        if self.abandoned.load(Relaxed) > ABANDONED_MAX {
            Verdict::Cut
        } else if self.leaves() || self.is_evicted() {
            Verdict::WindDown
        } else {
            Verdict::Stay
        }
    }
}

/// A connection's place among those that are open.
pub(super) struct Entered(pub(super) Arc<Line>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.open.lines().remove(&self.0.key);
    }
}

/// Something that is owed to a client.
pub(super) struct Owed(Arc<Line>);

impl Owed {
    /// To this one.
    pub(super) fn new(line: Arc<Line>) -> Self {
        line.owed.fetch_add(1, Relaxed);
        line.moved();
        Self(line)
    }

    /// To whom.
    pub(super) fn line(&self) -> &Arc<Line> {
        &self.0
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.0.moved();
        self.0.owed.fetch_sub(1, Relaxed);
    }
}

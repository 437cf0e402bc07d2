//! How far an engine is on its way out.
//!
//! A restart must lose no request: first the engine says that it leaves, and
//! goes on; then it takes no further connection, and goes on; then it waits for
//! what it has begun.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Each follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It serves, but `readyz` is red, and each answer asks to come back over
    /// another connection.
    Leaving,
    /// It accepts no connection. Those that are used end with their answer, those
    /// that wait for a next request end now.
    Closing,
    /// Those that have not brought a request yet end, too.
    Last,
}

/// How long the steps take.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// How long it serves on while `readyz` is red: as long as a load balancer
    /// needs to see it.
    pub leaving: Duration,
    /// How long a connection that has just been accepted may take to bring its
    /// request.
    pub closing: Duration,
    /// How long what has begun may take altogether, from the first step on.
    pub limit: Duration,
}

impl Default for Pauses {
    /// A balancer that asks every two seconds sees it; the longest deadline, and the
    /// ledger's grace beyond it, end before the limit.
    fn default() -> Self {
        Self {
            leaving: Duration::from_secs(5),
            closing: Duration::from_secs(1),
            limit: Duration::from_secs(40),
        }
    }
}

/// Of one engine; everybody who serves looks here.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    under_way: AtomicUsize,
}

impl Default for Drain {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), under_way: AtomicUsize::new(0) }
    }
}

impl Drain {
    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Tells of each step. A drain ends when nobody listens any more.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Connections that are open, and requests of the library that are not answered.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// One more, until the guard is dropped.
    pub(crate) fn begin(self: &std::sync::Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// Goes through the steps, until nothing is under way or the time is over.
    /// Tells how many were not done by then.
    pub(crate) async fn run(&self, pauses: Pauses) -> usize {
        let steps = async {
            self.enter(Phase::Leaving);
            tokio::time::sleep(pauses.leaving).await;
            self.enter(Phase::Closing);
            if tokio::time::timeout(pauses.closing, self.phase.closed()).await.is_err() {
                self.enter(Phase::Last);
                self.phase.closed().await;
            }
        };
        match tokio::time::timeout(pauses.limit, steps).await {
            Ok(()) => 0,
            Err(_) => self.under_way(),
        }
    }

    /// Steps are never taken back, whoever asks twice.
    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|at| {
            let further = *at < phase;
            *at = phase.max(*at);
            further
        });
    }
}

/// Something that a drain waits for.
#[derive(Debug)]
pub(crate) struct UnderWay(std::sync::Arc<Drain>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

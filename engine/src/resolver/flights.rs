//! Joins concurrent fetches of one key, so that a register sees at most one.
//!
//! A flight is a task of its own on the core that started it. Requests only
//! wait for it: one that gives up takes nobody down.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use tokio::sync::oneshot;

use crate::cache::Slot;
use crate::clock::{self, Instant};
use crate::model::{Answer, AttributeMask, Subject, Unavailable};
use crate::registers::Failure;

/// What a flight fetches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flight {
    /// About whom.
    pub subject: Subject,
    /// Whom its answer may serve.
    pub slot: Slot,
    /// What is asked for.
    pub attributes: AttributeMask,
}

/// How a flight ends.
pub type Landed = Result<Answer, Failure>;

/// Waits for a flight.
#[derive(Clone)]
pub struct Landing(Shared<oneshot::Receiver<Landed>>);

impl Landing {
    fn of(landed: oneshot::Receiver<Landed>) -> Self {
        Self(landed.shared())
    }

    /// Until it has landed.
    pub async fn wait(self) -> Landed {
        // Where the flight's task is gone without landing, it panicked, or the engine
        // stops.
        self.0.await.unwrap_or(Err(Unavailable::Error.into()))
    }
}

struct Airborne {
    began: Instant,
    landing: Landing,
}

/// The flights under way, over all cores. Each lasts at most its register's
/// timeout, and there are at most as many as calls wait or run.
#[derive(Default)]
pub struct Flights {
    airborne: DashMap<Flight, Airborne>,
}

impl Flights {
    /// Joins the flight that is under way, unless it began before `not_before`;
    /// otherwise starts one. Tells whether it joined.
    pub fn join<F>(
        self: &Arc<Self>,
        flight: Flight,
        not_before: Option<Instant>,
        fetch: impl FnOnce() -> F,
    ) -> (Landing, bool)
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let entry = self.airborne.entry(flight.clone());
        if let Entry::Occupied(known) = &entry
            && not_before.is_none_or(|earliest| known.get().began >= earliest)
        {
            return (known.get().landing.clone(), true);
        }
        // Where one is under way that is too old to join, this one takes its
        // place for those to come.
        let (sender, landed) = oneshot::channel();
        let landing = Landing::of(landed);
        drop(entry.insert(Airborne { began: clock::monotonic(), landing: landing.clone() }));
        let away = Away { flights: self.clone(), flight, landing: landing.clone() };
        let fetch = fetch();
        tokio::spawn(async move {
            let landed = fetch.await;
            // Removed before the value is published: a later request must
            // start its own flight instead of joining one whose answer may
            // already be stale.
            drop(away);
            // Nobody may wait any more.
            let _ = sender.send(landed);
        });
        (landing, false)
    }

    /// How many are under way that others may join.
    #[must_use]
    pub fn airborne(&self) -> usize {
        self.airborne.len()
    }

    /// A flight that nobody may join.
    pub(super) fn alone<F>(&self, fetch: F) -> Landing
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let (sender, landed) = oneshot::channel();
        tokio::spawn(async move { drop(sender.send(fetch.await)) });
        Landing::of(landed)
    }
}

/// Takes a flight off the list when it lands, and also when it panics.
struct Away {
    flights: Arc<Flights>,
    flight: Flight,
    landing: Landing,
}

impl Drop for Away {
    fn drop(&mut self) {
        // A newer flight may have taken the place.
        self.flights
            .airborne
            .remove_if(&self.flight, |_, known| known.landing.0.ptr_eq(&self.landing.0));
    }
}

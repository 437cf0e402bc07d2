//! What one core works with, and what all cores share.

use std::sync::Arc;

use super::{Bulk, Denials, Repeats};
use crate::cache::Cache;
use crate::catalogue::Catalogue;
use crate::clock::Civil;
use crate::drain::{Drain, Phase};
use crate::entropy::Entropy;
use crate::identity::Directory;
use crate::ledger::{self, Accesses, Ledger, Port};
use crate::metrics::{self, Metrics};
use crate::model::CivilMs;
use crate::net::Connect;
use crate::registers::{Clients, Endpoints, Rates};
use crate::resolver::{Flights, Resolver};
use crate::space::Space;
use crate::store::Room;

/// What all cores of one engine share.
pub struct Shared {
    /// The catalogue in force.
    pub catalogue: Arc<Catalogue>,
    /// Who has which token.
    pub directory: Arc<dyn Directory>,
    /// The ledger.
    pub ledger: Ledger,
    /// The room that is left for it.
    pub room: Arc<Room>,
    /// What citizens added themselves.
    pub space: Space,
    /// Citizens' own lists.
    pub accesses: Accesses,
    /// Answers kept in memory.
    pub cache: Arc<Cache>,
    /// Calls under way.
    pub flights: Arc<Flights>,
    /// Denials counted.
    pub denials: Denials,
    /// Whether metrics, and readiness in detail, have a listener of their own.
    pub has_admin: bool,
    /// Whether bundles tell where their answers came from.
    pub tells_how: bool,
    /// What bulk jobs share.
    pub bulk: Bulk,
    /// What was disclosed under keys of late.
    pub repeats: Repeats,
    /// Civil time.
    pub civil: Civil,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How far the engine is on its way out.
    pub drain: Arc<Drain>,
    /// Where the registers are.
    pub endpoints: Endpoints,
    /// The way to them.
    pub connect: Arc<dyn Connect>,
    /// When the engine started.
    pub started: CivilMs,
    /// How often each register may be asked, by all cores together.
    pub rates: Rates,
}

impl Shared {
    /// Every metric, as Prometheus reads it.
    #[must_use]
    pub fn exposition(&self, format: metrics::Format) -> String {
        let (cache, (changes, others)) = (self.cache.load(), self.ledger.waiting());
        let published = self.ledger.published();
        let state = metrics::State {
            catalogue: ledger::hex(self.catalogue.digest()),
            started: self.started as f64 / 1e3,
            cached: cache.subjects,
            weight: cache.weight,
            capacity: cache.capacity,
            evicted: cache.evicted,
            expired: cache.expired,
            flights: self.flights.airborne(),
            changes,
            others,
            sequence: published.head().sequence,
            closed: published.latch().is_some(),
            draining: self.drain.phase() != Phase::Serving,
        };
        self.metrics.text(state, format)
    }
}

/// One core: it has its own connections and its own way into the ledger.
pub struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) resolver: Resolver,
    pub(crate) port: Port,
    pub(crate) entropy: Entropy,
}

impl Core {
    /// A core, and the task that it must run to learn of commits.
    pub fn new(
        shared: Arc<Shared>,
        entropy: Entropy,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + use<>) {
        let (port, deliver) = shared.ledger.port();
        let clients = Clients::new(
            &shared.catalogue,
            &shared.endpoints,
            &shared.connect,
            &shared.rates,
            &shared.civil,
            &shared.metrics,
        );
        let resolver = Resolver::new(
            Arc::new(clients),
            shared.cache.clone(),
            shared.flights.clone(),
            shared.civil.clone(),
        );
        (Arc::new(Self { shared, resolver, port, entropy }), deliver)
    }

    /// What all cores share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

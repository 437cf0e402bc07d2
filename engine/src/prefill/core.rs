//! What one core works with, and what all cores share.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::{Bulk, Repeats, Terms};
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
use crate::registers::Clients;
use crate::resolver::{Flights, Resolver};
use crate::space::Space;
use crate::store::Room;
use crate::trace::Spans;

/// What all cores of one engine share.
pub struct Shared {
    /// What holds for requests that begin now.
    pub terms: ArcSwap<Terms>,
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
    /// Whether metrics, and readiness in detail, have a listener of their own.
    pub has_admin: bool,
    /// Whether bundles tell where their answers came from.
    pub tells_how: bool,
    /// Where spans go, where anybody collects them.
    pub spans: Option<Arc<dyn Spans>>,
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
    /// The way to them.
    pub connect: Arc<dyn Connect>,
    /// How many cores share what registers allow.
    pub cores: usize,
    /// When the engine started.
    pub started: CivilMs,
}

impl Shared {
    /// Every metric, as Prometheus reads it.
    #[must_use]
    pub fn exposition(&self, format: metrics::Format) -> String {
        let (cache, (changes, others)) = (self.cache.load(), self.ledger.waiting());
        let published = self.ledger.published();
        let state = metrics::State {
            catalogue: ledger::hex(self.terms.load().catalogue.digest()),
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
            gives_way: self.bulk.gives_way(),
        };
        self.metrics.text(state, format)
    }
}

/// One core's place. Whoever begins a request takes the core of the moment here.
pub struct Seat(ArcSwap<Core>);

impl Seat {
    /// A place under the terms of the moment, and the task that it must run to learn
    /// of commits.
    pub fn new(
        shared: Arc<Shared>,
        entropy: Entropy,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + use<>) {
        let (port, deliver) = shared.ledger.port();
        let entropy = Arc::new(entropy);
        let seat = Arc::new_cyclic(|seat| {
            let terms = shared.terms.load_full();
            let resolver = resolver(&shared, &terms);
            let seat = seat.clone();
            Self(ArcSwap::from_pointee(Core { shared, terms, resolver, port, entropy, seat }))
        });
        (seat, deliver)
    }

    /// The core, under the newest terms.
    #[must_use]
    pub fn core(&self) -> Arc<Core> {
        let core = self.0.load();
        let terms = core.shared.terms.load();
        if Arc::ptr_eq(&core.terms, &terms) {
            return Arc::clone(&core);
        }
        let renewed = Arc::new(core.under(Arc::clone(&terms)));
        self.0.store(renewed.clone());
        renewed
    }
}

/// One core under one request's terms: it has its own connections and its own way
/// into the ledger.
pub struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) terms: Arc<Terms>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) port: Port,
    pub(crate) entropy: Arc<Entropy>,
    seat: Weak<Seat>,
}

impl Core {
    /// What all cores share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The catalogue of its terms.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.terms.catalogue
    }

    /// Who has which token by its terms.
    #[must_use]
    pub fn directory(&self) -> &dyn Directory {
        &*self.terms.directory
    }

    /// The core of the moment, for whoever has held this one for a while.
    #[must_use]
    pub fn renewed(self: &Arc<Self>) -> Arc<Self> {
        if Arc::ptr_eq(&self.terms, &self.shared.terms.load()) {
            return self.clone();
        }
        self.seat.upgrade().map_or_else(|| self.clone(), |seat| seat.core())
    }

    /// The same core under other terms. Calls under way keep their connections.
    fn under(&self, terms: Arc<Terms>) -> Self {
        let resolver = match terms.number == self.terms.number {
            true => self.resolver.clone(),
            false => resolver(&self.shared, &terms),
        };
        Self {
            shared: self.shared.clone(),
            terms,
            resolver,
            port: self.port.clone(),
            entropy: self.entropy.clone(),
            seat: self.seat.clone(),
        }
    }
}

fn resolver(shared: &Shared, terms: &Terms) -> Arc<Resolver> {
    let clients = Clients::new(
        &terms.catalogue,
        &terms.endpoints,
        &shared.connect,
        &terms.rates,
        &shared.civil,
        &shared.metrics,
        shared.cores,
    );
    let (cache, flights) = (shared.cache.clone(), shared.flights.clone());
    Arc::new(Resolver::new(Arc::new(clients), cache, flights, terms.number))
}

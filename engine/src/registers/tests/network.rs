//! Registers in memory: simulated ones, and peers that say what a test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fixtures::registers::{Control, Mode};
use fixtures::{Authority, Country, Profile};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::super::{Clients, Endpoints, Failure, Group, Query, Rates};
use crate::catalogue::Catalogue;
use crate::clock::Civil;
use crate::metrics::Metrics;
use crate::model::{Answer, CivilMs, RegisterId};
use crate::net::{Connect, Connecting, Stream};

pub(super) const NOW: CivilMs = 1_750_000_000_000;

/// What is at the other end of a connection.
pub(super) enum Peer {
    /// A simulated register.
    Simulated(Arc<fixtures::Register>),
    /// Says this to whatever it hears first, and closes.
    Says(String),
}

/// Connections in memory, all to one peer.
pub(super) struct Network {
    peer: Peer,
    opened: AtomicUsize,
    panics: AtomicBool,
    served: Mutex<Vec<JoinHandle<()>>>,
}

impl Network {
    /// To this peer, with no connection yet.
    pub(super) fn to(peer: Peer) -> Self {
        Self {
            peer,
            opened: AtomicUsize::default(),
            panics: AtomicBool::default(),
            served: Mutex::default(),
        }
    }

    /// How many connections were opened.
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Opening the next connection panics, once whoever asked has waited for it.
    pub(super) fn panic(&self) {
        self.panics.store(true, Ordering::Relaxed);
    }

    /// The peer closes every connection.
    pub(super) fn hang_up(&self) {
        self.served.lock().unwrap().drain(..).for_each(|served| served.abort());
    }

    fn register(&self) -> &fixtures::Register {
        match &self.peer {
            Peer::Simulated(register) => register,
            Peer::Says(_) => panic!("this peer is no register"),
        }
    }

    /// For each call so far, the keys that it named.
    pub(super) fn calls(&self) -> Vec<Vec<String>> {
        self.register().log().into_iter().map(|call| call.keys).collect()
    }

    /// For each call so far, the disclosures that it was for.
    pub(super) fn disclosures(&self) -> Vec<String> {
        self.register().log().into_iter().filter_map(|call| call.disclosure).collect()
    }

    pub(super) fn behave(&self, mode: Mode, latency_ms: u64) {
        let latency_ms = Some(latency_ms);
        let control = self.register().control();
        self.register().set_control(Control { mode, latency_ms, error_share: 0.0, ..control });
    }
}

impl Connect for Network {
    fn connect(&self, _: SocketAddr) -> Connecting {
        self.opened.fetch_add(1, Ordering::Relaxed);
        if self.panics.swap(false, Ordering::Relaxed) {
            return Box::pin(async {
                tokio::task::yield_now().await;
                panic!("a test wants it")
            });
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        let served = match &self.peer {
            Peer::Simulated(register) => {
                tokio::spawn(fixtures::registers::serve(register.clone(), far))
            }
            Peer::Says(text) => tokio::spawn(say(far, text.clone())),
        };
        self.served.lock().unwrap().push(served);
        Box::pin(async move { Ok(Box::new(near) as Box<dyn Stream>) })
    }
}

async fn say(mut stream: DuplexStream, text: String) {
    let mut heard = [0; 4096];
    // Whoever hung up hears nothing.
    let _ = stream.read(&mut heard).await;
    let _ = stream.write_all(text.as_bytes()).await;
}

/// One core's clients, of one register that is there.
pub(super) struct Line {
    pub(super) clients: Arc<Clients>,
    pub(super) network: Arc<Network>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) metrics: Arc<Metrics>,
    id: RegisterId,
}

pub(super) fn country() -> Country {
    Country::new(1, 20_000).unwrap()
}

/// The identifiers of some adults with a vehicle.
pub(super) fn holders(count: usize) -> Vec<String> {
    let country = country();
    let holders = country.people().filter(|person| person.vehicle().is_some());
    holders.map(|person| person.matricule().to_string()).take(count).collect()
}

/// A simulated register of the demonstration. `settings` stand above its
/// description.
pub(super) fn line(register: &str, settings: &str) -> Line {
    let authority = Authority::named(register).unwrap();
    let simulated = fixtures::Register::new(authority, country(), Profile::Instant);
    line_to(register, settings, Peer::Simulated(Arc::new(simulated)))
}

pub(super) fn line_to(register: &str, settings: &str, peer: Peer) -> Line {
    let catalogue = match settings {
        "" => super::country(),
        _ => super::compiled(register, settings),
    };
    let network = Arc::new(Network::to(peer));
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let endpoints: Endpoints = [(register.into(), address.into())].into();
    let metrics = Arc::new(Metrics::default());
    let civil = Civil::running(NOW, 1);
    let connect: Arc<dyn Connect> = network.clone();
    let rates = Rates::new(&catalogue);
    let clients = Clients::new(&catalogue, &endpoints, &connect, &rates, &civil, &metrics, 1);
    let clients = Arc::new(clients);
    let id = catalogue.find_register(register).unwrap();
    Line { clients, network, catalogue, metrics, id }
}

impl Line {
    pub(super) async fn ask(&self, key: &str) -> Result<Answer, Failure> {
        self.clients.ask(self.id, self.query(key, "justice")).await
    }

    /// Asks in a task of its own.
    pub(super) fn asking(&self, key: &str) -> JoinHandle<Result<Answer, Failure>> {
        self.asking_for(key, "justice")
    }

    /// Asks for an organisation, in a task of its own.
    pub(super) fn asking_for(
        &self,
        key: &str,
        organisation: &str,
    ) -> JoinHandle<Result<Answer, Failure>> {
        let (clients, id, query) = (self.clients.clone(), self.id, self.query(key, organisation));
        tokio::spawn(async move { clients.ask(id, query).await })
    }

    pub(super) fn query(&self, key: &str, organisation: &str) -> Query {
        let group = Group {
            attributes: self.catalogue.register(self.id).all(),
            organisation: organisation.into(),
            procedure: "a-procedure".into(),
        };
        Query { key: key.into(), disclosure: Uuid::from_u128(7), group, trace: None }
    }

    /// Lets every task run until all wait. No time passes.
    pub(super) async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
}
